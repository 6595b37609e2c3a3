package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/worldtest"
	"github.com/sealway/sealway/pkg/git/gittest"
)

const (
	canary = "canary-5d10e7" // the Secret's value
	zeros  = "0000000000000000000000000000000000000000"
)

// repository is somebody's GitOps repository, with one application, on a server that
// pipelines clone from.
type repository struct {
	*testing.T
	remote, work *gittest.Repo
	app          string
	all          *worldtest.Buffer // that was printed
	stub         string            // a script in the place of the program
	broken       bool              // it does not compile
}

// sealed is the sealed file of each application, which takes a second to make.
var sealed sync.Map // name -> func() map[string]string

// newRepository has everything right and pushed.
func newRepository(t *testing.T, app string) *repository {
	t.Helper()
	r := &repository{T: t, remote: gittest.Bare(t), app: app, all: &worldtest.Buffer{}}
	r.remote.Git("config", "uploadpack.allowAnySHA1InWant", "true") // as the servers have it
	r.work = r.remote.Clone()
	r.work.Git("switch", "--quiet", "-C", "main")
	for name, text := range files {
		r.work.Write(strings.ReplaceAll(name, "APP", app), strings.NewReplacer("APP", app, "REMOTE", "file://"+r.remote.Dir).Replace(text))
	}
	once, _ := sealed.LoadOrStore(app, sync.OnceValue(r.seal))
	for name, text := range once.(func() map[string]string)() {
		r.work.Write(name, text)
	}
	r.push("everything")
	t.Cleanup(func() {
		if strings.Contains(r.all.String(), canary) {
			t.Errorf("a secret value was printed:\n%s", r.all.String())
		}
	})
	return r
}

// seal seals as a developer does, and returns what is committed of it.
func (r *repository) seal() map[string]string {
	r.Helper()
	env := worldtest.Environment(filepath.Dir(r.work.Dir), place.Up.Kubeconfig)
	plaintext := "applications/" + r.app + "/local-secrets/db.yaml"
	r.work.Write(plaintext, "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: "+r.app+"}\nstringData: {password: "+canary+"}\n")
	for _, args := range [][]string{{"seal:cert", "-accept"}, {"seal:app", r.app}} {
		worldtest.Start(r, r.work.Dir, env, r.all, append([]string{scripttest.Mage(r)}, args...)...).Ends(0)
	}
	if err := os.RemoveAll(filepath.Dir(r.work.Path(plaintext))); err != nil {
		r.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range strings.Split(r.work.Git("ls-files", "--others", "--", "*.pem", "*/sealed-*.yaml"), "\n") {
		data, err := os.ReadFile(r.work.Path(name))
		if err != nil {
			r.Fatal(err)
		}
		out[name] = string(data)
	}
	if len(out) != 2 {
		r.Fatalf("sealed %v", out)
	}
	return out
}

// commit commits everything and returns the commit.
func (r *repository) commit(message string) string {
	r.Helper()
	r.work.Git("add", "--all")
	r.work.Git("commit", "--quiet", "-m", message)
	return r.work.Git("rev-parse", "HEAD")
}

// push commits everything and pushes the branch.
func (r *repository) push(message string) string {
	r.Helper()
	hash := r.commit(message)
	r.work.Git("push", "--quiet", "origin", "HEAD")
	return hash
}

// edit replaces a text that stands in a file once.
func (r *repository) edit(name, from, to string) {
	r.Helper()
	name = strings.ReplaceAll(name, "APP", r.app)
	data, err := os.ReadFile(r.work.Path(name))
	if err != nil {
		r.Fatal(err)
	}
	if strings.Count(string(data), from) != 1 {
		r.Fatalf("%s: %q stands there %d times", name, from, strings.Count(string(data), from))
	}
	r.work.Write(name, strings.Replace(string(data), from, to, 1))
}

// clone is what a CI system checks out: the commit alone, or all branches and it.
func (r *repository) clone(commit string, shallow bool) string {
	r.Helper()
	dir := filepath.Join(r.TempDir(), "runner", "work")
	git := func(args ...string) {
		r.Helper()
		cmd := exec.CommandContext(r.Context(), "git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			r.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.Fatal(err)
	}
	git("init", "--quiet")
	git("remote", "add", "origin", "file://"+r.remote.Dir)
	if shallow {
		git("fetch", "--quiet", "--no-tags", "--depth=1", "origin", commit)
	} else {
		git("fetch", "--quiet", "--no-tags", "origin", "+refs/heads/*:refs/remotes/origin/*", commit)
	}
	git("checkout", "--quiet", "--detach", commit)
	return dir
}

// tools are the programs that a script finds before all others: a go that hands out the
// compiled targets, as compiling anew gives them, and sealway itself as an image has it.
func (r *repository) tools() string {
	r.Helper()
	dir := filepath.Join(r.TempDir(), "tools")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.Fatal(err)
	}
	program := scripttest.Mage(r)
	if r.stub != "" {
		program = filepath.Join(dir, "stub")
		if err := os.WriteFile(program, []byte(r.stub), 0o755); err != nil {
			r.Fatal(err)
		}
	}
	script := "#!/bin/sh\n[ \"$1 $2 $3\" = 'tool mage -compile' ] && [ $# = 4 ] || { echo \"go $*: not expected\" >&2; exit 97; }\n" +
		"mkdir -p \"$(dirname \"$4\")\" && ln -sf '" + program + "' \"$4\"\n"
	if r.broken {
		script = "#!/bin/sh\nexit 1\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(dir, "sealway")); err != nil {
		r.Fatal(err)
	}
	return dir
}

// files are those of the repository; APP is the application.
var files = map[string]string{
	".gitignore":                         "local-secrets/\n",
	"go.mod":                             "module example.com/gitops\n",
	"applications/APP/Chart.yaml":        "apiVersion: v2\nname: APP\nversion: 0.1.0\n",
	"applications/APP/.helmignore":       "local-secrets/\n",
	"applications/APP/values.yaml":       "color: blue\n",
	"applications/APP/secrets.yaml":      "secrets:\n  - name: db\n    keys:\n      password: {external: the provider's page}\n",
	"applications/APP/templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: {{ .Values.color }}}\n",
	"applications/APP/application.yaml": `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: APP, namespace: argocd}
spec:
  project: APP
  source: {repoURL: "REMOTE", targetRevision: main, path: applications/APP}
  destination: {server: https://kubernetes.default.svc, namespace: APP}
  syncPolicy: {syncOptions: [CreateNamespace=true]}
`,
	"applications/APP/templates/web.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.k8s.io/pause:3.10
          envFrom:
            - configMapRef: {name: settings}
            - secretRef: {name: db}
`,
}
