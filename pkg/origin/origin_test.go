package origin_test

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/origin"
)

func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }

const dir = "applications/web"

// web is an application; its ConfigMap web-config is at configmap.yaml:4.
const web = `
-- Chart.yaml --
apiVersion: v2
name: web
version: 0.1.0
-- values.yaml --
config:
  create: true
-- templates/deployment.yaml --
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: web
          volumeMounts:
            - {name: web-config, mountPath: /etc/web}
          env:
            - name: TOKEN
              valueFrom:
                secretKeyRef:
                  name: web-token
                  key: token
      volumes:
        - name: web-config
          configMap:
            name: web-config
-- templates/configmap.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: web-config
  annotations:
    argocd.argoproj.io/sync-wave: "2"
data:
  a: b
-- templates/sealed.yaml --
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: web-token
  namespace: web
spec:
  encryptedData:
    token: AgB
`

type repository struct {
	*gittest.Repo
	t    *testing.T
	tree *git.Tree
}

func repo(t *testing.T, text string) *repository {
	t.Helper()
	r := gittest.New(t)
	for _, f := range txtar.Parse([]byte(text)).Files {
		r.Write(path.Join(dir, f.Name), string(f.Data))
	}
	r.Git("add", "--all")
	r.Git("commit", "--quiet", "-m", "begin")
	tree, err := git.Open(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return &repository{r, t, tree}
}

func (r *repository) head() string { return r.Git("rev-parse", "HEAD") }

func (r *repository) open(followed, deployed string) *origin.Origins {
	return origin.Open(r.t.Context(), r.tree, origin.Options{
		Dir: dir, Chart: chart.Options{Release: "web", Namespace: "web"}, Followed: followed, Deployed: deployed,
	})
}

func TestFind(t *testing.T) {
	r := repo(t, web)
	o := r.open(r.head(), r.head())
	got := o.Find("ConfigMap", "web-config")
	want := origin.Origin{
		Found: true, Path: dir + "/templates/configmap.yaml", Line: 4, Namespace: "web", Wave: 2, Keys: []string{"a"},
		InTree: true, Committed: true, Pushed: true, Deployed: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = o.Find("Secret", "web-token")
	want = origin.Origin{
		Found: true, By: "SealedSecret", Path: dir + "/templates/sealed.yaml", Line: 4, Namespace: "web", Keys: []string{"token"},
		InTree: true, Committed: true, Pushed: true, Deployed: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// How far an object has got.
func TestStages(t *testing.T) {
	r := repo(t, web)
	first := r.head()
	r.Write(dir+"/templates/extra.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: extra}}\n")
	type flags struct{ tree, committed, pushed, deployed bool }
	check := func(reason string, o *origin.Origins, want flags) {
		t.Helper()
		got := o.Find("ConfigMap", "extra")
		if is := (flags{got.InTree, got.Committed, got.Pushed, got.Deployed}); is != want {
			t.Errorf("%s: %+v, want %+v", reason, is, want)
		}
	}
	check("written", r.open(first, first), flags{tree: true})
	r.Git("add", "--all")
	check("staged", r.open(first, first), flags{tree: true})
	r.Git("commit", "--quiet", "-m", "extra")
	second := r.head()
	check("committed", r.open(first, first), flags{tree: true, committed: true})
	check("pushed", r.open(second, first), flags{tree: true, committed: true, pushed: true})
	check("deployed", r.open(second, second), flags{true, true, true, true})
	check("not known", r.open("", ""), flags{tree: true, committed: true})
	check("a commit that is not here", r.open(second, "0123456789012345678901234567890123456789"), flags{tree: true, committed: true, pushed: true})

	if err := os.Remove(r.Path(dir + "/templates/extra.yaml")); err != nil {
		t.Fatal(err)
	}
	o := r.open(second, second)
	check("removed", o, flags{committed: true, pushed: true, deployed: true})
	if got := o.Find("ConfigMap", "extra"); got.Found || got.Path != dir+"/templates/extra.yaml" || got.Line != 1 {
		t.Errorf("%+v", got)
	}
}

func TestExplained(t *testing.T) {
	tests := []struct {
		name, reason string
		change       func(r *repository)
		kind, object string
		want         origin.Origin
	}{
		{
			name: "misspelt by one letter", reason: "the name that was meant is told",
			change: func(*repository) {}, kind: "ConfigMap", object: "web-confg",
			want: origin.Origin{Near: []string{"web-config"}},
		},
		{
			name: "two letters swapped", reason: "one slip of the fingers",
			change: func(*repository) {}, kind: "Secret", object: "web-tokne",
			want: origin.Origin{Near: []string{"web-token"}},
		},
		{
			name: "without the prefix", reason: "the release's name is put before names by some charts",
			change: func(*repository) {}, kind: "ConfigMap", object: "config",
			want: origin.Origin{Near: []string{"web-config"}},
		},
		{
			name: "nothing like it", reason: "a wrong guess is worse than none",
			change: func(*repository) {}, kind: "ConfigMap", object: "settings",
		},
		{
			name: "a short name", reason: "two letters of three are another word",
			change: func(r *repository) { r.template("db") }, kind: "ConfigMap", object: "s3",
		},
		{
			name: "switched off", reason: "a value keeps it away",
			change: func(r *repository) {
				r.Write(dir+"/values.yaml", "# a comment\nconfig:\n  create: false\n")
				r.Write(dir+"/templates/extra.yaml", "{{- if .Values.config.create }}\n{apiVersion: v1, kind: ConfigMap, metadata: {name: extra}}\n{{- end }}\n")
			},
			kind: "ConfigMap", object: "extra",
			want: origin.Origin{Disabled: &chart.Switch{
				Path: dir + "/values.yaml", Line: 3, Key: "config.create", Old: "false", New: "true",
			}},
		},
		{
			name: "beside templates", reason: "the classic: a file that Helm does not look at",
			change: func(r *repository) { r.Write(dir+"/extra.yaml", template("extra")) },
			kind:   "ConfigMap", object: "extra",
			want: origin.Origin{Misplaced: dir + "/extra.yaml:4"},
		},
		{
			name: "second document of a file with templates", reason: "it cannot be parsed",
			change: func(r *repository) {
				r.Write(dir+"/files/all.yaml", "{{ if x }}\nkind: Secret\nmetadata:\n  name: extra\n---\n"+template(`"extra" # here`))
			},
			kind: "ConfigMap", object: "extra",
			want: origin.Origin{Misplaced: dir + "/files/all.yaml:9"},
		},
		{
			name: "a partial", reason: "an underscore before its name",
			change: func(r *repository) { r.Write(dir+"/templates/_extra.yaml", template("extra")) },
			kind:   "ConfigMap", object: "extra",
			want: origin.Origin{Misplaced: dir + "/templates/_extra.yaml:4"},
		},
		{
			name: "ignored by Helm", reason: "a pattern that takes more than it should",
			change: func(r *repository) {
				r.Write(dir+"/.helmignore", "*extra*\n")
				r.template("extra")
			},
			kind: "ConfigMap", object: "extra",
			want: origin.Origin{Misplaced: dir + "/templates/extra.yaml:4"},
		},
		{
			name: "named in another object", reason: "only metadata.name names an object",
			change: func(r *repository) { r.Write(dir+"/other.yaml", template("other")+"spec:\n  name: extra\n") },
			kind:   "ConfigMap", object: "extra",
		},
		{
			name: "a plaintext Secret", reason: "its folder is not entered",
			change: func(r *repository) {
				r.Write(dir+"/local-secrets/extra.yaml", "kind: Secret\nmetadata:\n  name: extra\n")
			},
			kind: "Secret", object: "extra",
		},
		{
			name: "another namespace", reason: "a Pod finds it only in its own",
			change: func(r *repository) {
				r.Write(dir+"/templates/extra.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: extra\n  namespace: default\n")
			},
			kind: "ConfigMap", object: "extra",
			want: origin.Origin{Elsewhere: "default", Namespace: "default", Path: dir + "/templates/extra.yaml", Line: 4},
		},
		{
			name: "ignored by Git", reason: "`git add` does not take it",
			change: func(r *repository) {
				r.Write(".gitignore", "# not\n*extra*\n")
				r.template("extra")
			},
			kind: "ConfigMap", object: "extra",
			want: origin.Origin{
				Found: true, InTree: true, Namespace: "web", Path: dir + "/templates/extra.yaml", Line: 4, Keys: []string{"a"},
				Ignored: ".gitignore:2: *extra*",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := repo(t, web)
			tt.change(r)
			got := r.open("", "").Find(tt.kind, tt.object)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func template(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\ndata: {a: b}\n"
}

func (r *repository) template(name string) {
	r.Write(dir+"/templates/"+name+".yaml", template(name))
}

func TestLocate(t *testing.T) {
	r := repo(t, web)
	r.Write(dir+"/values.yaml", "a: 1\nimage:\n  tag: v1.2\ndb:\n  limits: {cpu: 1}\n  requests:\n    memory: 2Gi\nresources:\n  requests:\n    memory: 2Gi\n  limits:\n    memory: 2Gi\n")
	r.Write(dir+"/templates/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}-pod\nspec:\n  containers:\n    - name: c\n      image: reg/web:{{ .Values.image.tag }}\n      resources:\n        {{- toYaml .Values.resources | nindent 8 }}\n      livenessProbe: {httpGet: {path: /healthz}}\n")
	r.Write(dir+"/templates/away.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: away\n  namespace: default\n")
	tests := []struct {
		reason, kind, name, text string
		path                     string
		line                     int
	}{
		{"the reference, not the volume of that name", "Deployment", "web", "web-config", "deployment.yaml", 21},
		{"a Secret's name", "Deployment", "web", "web-token", "deployment.yaml", 16},
		{"a Secret's key", "Deployment", "web", "token", "deployment.yaml", 17},
		{"the object's own name", "ConfigMap", "web-config", "web-config", "configmap.yaml", 4},
		{"a value", "Pod", "web-pod", "v1.2", "../values.yaml", 3},
		{"no line holds it as it is", "Pod", "web-pod", "reg/web:v1.2", "pod.yaml", 0},
		{"a name that is put together", "Pod", "web-pod", "web-pod", "pod.yaml", 0},
		{"a key of the chart", "Pod", "web-pod", "livenessProbe", "pod.yaml", 11},
		{"a key and its value", "ConfigMap", "web-config", `sync-wave: "2"`, "configmap.yaml", 6},
		{"a key and its value, out of values", "Pod", "web-pod", "memory: 2Gi", "../values.yaml", 12},
		{"a value with another key", "ConfigMap", "web-config", "hook-weight: 2", "configmap.yaml", 0},
		{"no such object", "Pod", "other", "x", "", 0},
		{"an object for another namespace", "ConfigMap", "away", "namespace: default", "away.yaml", 5},
	}
	o := r.open("", "")
	for _, tt := range tests {
		want := ""
		if tt.path != "" {
			want = path.Join(dir, "templates", tt.path)
		}
		if p, line := o.Locate(tt.kind, tt.name, tt.text); p != want || line != tt.line {
			t.Errorf("%s: %s of %s %s is at %s:%d, want %s:%d", tt.reason, tt.text, tt.kind, tt.name, p, line, want, tt.line)
		}
	}
}

func TestLocateField(t *testing.T) {
	r := repo(t, web)
	r.Write(dir+"/values.yaml", "db:\n  resources:\n    limits: {memory: 2Gi}\nresources:\n  requests:\n    memory: 2Gi\n  limits:\n    memory: 2Gi\n")
	r.Write(dir+"/templates/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: c\n      resources:\n        {{- toYaml .Values.resources | nindent 8 }}\n")
	o := r.open("", "")
	for field, want := range map[string]int{"limits.memory": 8, "requests.memory": 6, "memory": 8, "limits.cpu": 0} {
		if p, line := o.LocateField("Pod", "web", field, "memory: 2Gi"); line != want {
			t.Errorf("%s: %s:%d, want line %d", field, p, line, want)
		}
	}
}

// Value files in and beside the application's folder, as Argo CD reads them.
func TestValueFiles(t *testing.T) {
	r := repo(t, web+"-- templates/v.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: v-{{ .Values.v }}}}\n")
	r.Write(dir+"/prod.yaml", "v: one\n")
	r.Write("applications/shared.yaml", "v: two\n")
	r.Write("shared/all.yaml", "v: three\n")
	r.Git("add", "--all")
	r.Git("commit", "--quiet", "-m", "values")
	for file, want := range map[string]string{
		"prod.yaml": "v-one", "../shared.yaml": "v-two", "x/../../shared.yaml": "v-two", "/shared/all.yaml": "v-three",
		"/applications/web/prod.yaml": "v-one",
	} {
		o := origin.Open(t.Context(), r.tree, origin.Options{Dir: dir, Chart: chart.Options{Namespace: "web", ValueFiles: []string{file}}})
		if got := o.Find("ConfigMap", want); !got.InTree || !got.Committed {
			t.Errorf("%s: %s: %+v", file, want, got)
		}
	}
	r.Write(dir+"/local-secrets/v.yaml", "v: canary\n")
	for _, file := range []string{"local-secrets/v.yaml", "/applications/web/local-secrets/v.yaml", "../web/local-secrets/v.yaml"} {
		o := origin.Open(t.Context(), r.tree, origin.Options{Dir: dir, Chart: chart.Options{Namespace: "web", ValueFiles: []string{file}}})
		if rendered, err := o.Rendered(origin.Tree); err == nil {
			t.Errorf("%s was read: %v", file, rendered.Objects)
		}
	}
}

// A chart that does not render says so, and says nothing of its objects.
func TestBroken(t *testing.T) {
	r := repo(t, web)
	r.Write(dir+"/templates/bad.yaml", "a\n{{ fail \"no\" }}\n")
	o := r.open("", "")
	if _, err := o.Rendered(origin.Tree); err == nil || err.Error() != dir+": templates/bad.yaml:2: render: no" {
		t.Errorf("%v", err)
	}
	if rendered, err := o.Rendered(origin.Committed); err != nil || rendered == nil {
		t.Errorf("HEAD: %v %v", rendered, err)
	}
	if rendered, err := o.Rendered(origin.Deployed); err != nil || rendered != nil {
		t.Errorf("an unknown commit: %v %v", rendered, err)
	}
	got := o.Find("ConfigMap", "web-config")
	if got.Found || !got.Committed || len(got.Near) > 0 {
		t.Errorf("%+v", got)
	}
}

// To ask whether the chart renders an object takes no experiments, and there are only so
// many of them: what is made by hand in a namespace may be a lot.
func TestExperiments(t *testing.T) {
	r := repo(t, web)
	r.Write(dir+"/values.yaml", "config:\n  create: false\n")
	r.Write(dir+"/templates/extra.yaml", "{{- if .Values.config.create }}\n{apiVersion: v1, kind: ConfigMap, metadata: {name: extra}}\n{{- end }}\n")
	o, spent := r.open("", ""), r.open("", "")
	for i := range 50 {
		name := "by-hand-" + strconv.Itoa(i)
		if o.Has("Secret", name) || spent.Find("Secret", name).Found {
			t.Errorf("%s comes from the chart", name)
		}
	}
	if !o.Has("ConfigMap", "web-config") || o.Has("ConfigMap", "extra") {
		t.Error("Has is not Found")
	}
	if o.Find("ConfigMap", "extra").Disabled == nil {
		t.Error("Has has used up the experiments")
	}
	if spent.Find("ConfigMap", "extra").Disabled != nil {
		t.Error("there is no end to the experiments")
	}
}

// A file that is too large for a chart is not read.
func TestLargeFile(t *testing.T) {
	r := repo(t, web)
	r.Write(dir+"/templates/large.yaml", template("large")+strings.Repeat("# nothing\n", 2<<20))
	r.template("small")
	if o := r.open("", ""); o.Has("ConfigMap", "large") || !o.Has("ConfigMap", "small") {
		t.Error("a file of 20 MiB was read, or the others were not")
	}
}

// The same content is rendered once, whatever holds it.
func TestSameContentOnce(t *testing.T) {
	r := repo(t, web)
	first := r.head()
	r.Commit("README.md", "another commit, the same application\n")
	o := r.open(r.head(), first)
	var all []*chart.Rendered
	for _, s := range []origin.Stage{origin.Tree, origin.Committed, origin.Pushed, origin.Deployed} {
		rendered, err := o.Rendered(s)
		if err != nil || rendered == nil {
			t.Fatalf("stage %d: %v", s, err)
		}
		all = append(all, rendered)
	}
	if len(slices.Compact(all)) != 1 {
		t.Error("the same content was rendered more than once")
	}
}

// One application with nothing under way, from the first question to the answer.
func BenchmarkFind(b *testing.B) {
	r := gittest.New(b)
	for _, f := range txtar.Parse([]byte(web)).Files {
		r.Write(path.Join(dir, f.Name), string(f.Data))
	}
	r.Git("add", "--all")
	r.Git("commit", "--quiet", "-m", "begin")
	tree, err := git.Open(b.Context(), r.Dir)
	if err != nil {
		b.Fatal(err)
	}
	head := r.Git("rev-parse", "HEAD")
	for b.Loop() {
		o := origin.Open(b.Context(), tree, origin.Options{Dir: dir, Chart: chart.Options{Namespace: "web"}, Followed: head, Deployed: head})
		if !o.Find("ConfigMap", "web-config").Deployed {
			b.Fatal("not found")
		}
	}
}
