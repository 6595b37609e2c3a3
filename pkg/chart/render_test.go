package chart_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/chart"
)

// render renders a txtar archive as release web in namespace shop.
func render(t testing.TB, text string) *chart.Rendered {
	t.Helper()
	r, err := chart.Render(archive(t, text), chart.Options{Release: "web", Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// described are the objects as lines: place, name, phase.
func described(r *chart.Rendered) []string {
	var out []string
	for _, o := range r.Objects {
		out = append(out, fmt.Sprintf("%s:%d %s", o.Path, o.Line, o))
	}
	return out
}

func TestObjects(t *testing.T) {
	tests := []struct {
		name, reason, files string
		want                []string
	}{
		{
			name: "documents", reason: "empty ones and comments are no objects; a namespace of its own stays",
			files: `
-- templates/a.yaml --
# first
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
---

--- # comment
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: other
  name: two
---
{{- if false }}
kind: Nothing
{{- end }}
---
`,
			want: []string{"templates/a.yaml:6 ConfigMap shop/one", "templates/a.yaml:14 ConfigMap other/two"},
		},
		{
			name: "a list", reason: "Argo CD applies its items",
			files: `
-- templates/a.yaml --
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: one}
  - apiVersion: v1
    kind: ConfigMapList
    items:
      - kind: ConfigMap
        apiVersion: v1
        metadata:
          name: two
`,
			want: []string{"templates/a.yaml:6 ConfigMap shop/one", "templates/a.yaml:13 ConfigMap shop/two"},
		},
		{
			name: "a loop", reason: "each object has the line of the one text that makes them all",
			files: `
-- templates/a.yaml --
{{- /* a comment
     of two lines */}}
{{- range list "one" "two" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  # a line that is rendered, and one that is not
  {{- /* not */}}
  name: {{ . }}
{{- end }}
`,
			want: []string{"templates/a.yaml:10 ConfigMap shop/one", "templates/a.yaml:10 ConfigMap shop/two"},
		},
		{
			name: "behind more lines than are written", reason: "values and helpers render lines of their own",
			files: `
-- values.yaml --
labels: {a: b, c: d, e: f}
-- templates/_h.tpl --
{{ define "labels" }}
g: h
i: j
{{- end }}
-- templates/a.yaml --
{{- if .Values.labels }}
apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    {{- toYaml .Values.labels | nindent 4 }}
    {{- include "labels" . | nindent 4 }}
  annotations:
    sum: {{ include (print $.Template.BasePath "/b.yaml") . | sha256sum }}
    random: {{ randAlphaNum 5 }}
  name: one
{{- end }}
-- templates/b.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: two
`,
			want: []string{"templates/a.yaml:11 ConfigMap shop/one", "templates/b.yaml:4 ConfigMap shop/two"},
		},
		{
			name: "an object out of a helper", reason: "the line that includes it is all there is",
			files: `
-- templates/_h.tpl --
{{- define "map" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
{{- end -}}
-- templates/a.yaml --
# one
---
{{ include "map" (dict "name" "one") }}
---
# two
{{ include "map" (dict "name" "two") }}
`,
			want: []string{"templates/a.yaml:2 ConfigMap shop/one", "templates/a.yaml:5 ConfigMap shop/two"},
		},
		{
			name: "a helper that its characters matter to", reason: "marks must not spoil what is rendered, nor the lines",
			files: `
-- templates/_h.tpl --
{{- define "settings" -}}
enabled: "yes"
{{- end -}}
{{- define "name" -}}
a-name-of-twenty-one-
{{- end -}}
-- templates/a.yaml --
{{- if eq (get (include "settings" . | fromYaml) "enabled") "yes" }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "name" . | trunc 21 | trimSuffix "-" }}
{{- end }}
`,
			want: []string{"templates/a.yaml:5 ConfigMap shop/a-name-of-twenty-one"},
		},
		{
			name: "a chart that counts its own characters", reason: "no mark gets through; what looks like the name is taken",
			files: `
-- templates/a.yaml --
{{- if contains "\u27e6" (include (print .Template.BasePath "/a.tpl") .) }}{{ fail "marked" }}{{ end }}
# named below
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
-- templates/a.tpl --
# x
`,
			want: []string{"templates/a.yaml:6 ConfigMap shop/one"},
		},
		{
			name: "kinds without a namespace", reason: "they live in none, whatever they say",
			files: `
-- templates/a.yaml --
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a, namespace: x}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: b}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: c}}
---
{apiVersion: v1, kind: Pod, metadata: {generateName: d-}}
`,
			want: []string{
				"templates/a.yaml:1 ClusterRole a", "templates/a.yaml:3 Namespace b", "templates/a.yaml:5 Role shop/c", "templates/a.yaml:7 Pod shop/",
			},
		},
		{
			name: "definitions and subcharts", reason: "crds/ is applied as it is; a subchart's paths are below charts/",
			files: `
-- crds/a.yaml --
# {{ not a template }}
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: a
-- charts/sub/Chart.yaml --
apiVersion: v2
name: sub
version: 0.1.0
-- charts/sub/templates/x.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: sub
-- templates/NOTES.txt --
kind: Thanks {{ .Release.Name }}
`,
			want: []string{"crds/a.yaml:5 CustomResourceDefinition a", "charts/sub/templates/x.yaml:4 ConfigMap shop/sub"},
		},
		{
			name: "Windows line ends", reason: "a carriage return is a part of no line",
			files: "-- templates/a.yaml --\napiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  {{- if true }}\r\n  name: one\r\n  {{- end }}\r\n---\r\napiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: two\r\n",
			want:  []string{"templates/a.yaml:5 ConfigMap shop/one", "templates/a.yaml:11 ConfigMap shop/two"},
		},
		{
			name: "ignored by Helm", reason: "as Helm's own loader does it",
			files: `
-- .helmignore --
# comment
*.off.yaml
/templates/drafts/
-- templates/a.off.yaml --
kind: {{ broken
-- templates/drafts/b.yaml --
kind: {{ broken
-- templates/c.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: "{{ len (.Files.Glob "**") }}"}}
`,
			want: []string{"templates/c.yaml:1 ConfigMap shop/1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, described(render(t, minimal+tt.files))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// Annotations mean to us what they mean to Argo CD 2.14.
func TestPhases(t *testing.T) {
	tests := []struct {
		reason, annotations string
		want                chart.Object // the fields about phases
		phase               string
	}{
		{"an ordinary object belongs to Sync", ``, chart.Object{}, chart.Sync},
		{"a wave is a number in quotes", `argocd.argoproj.io/sync-wave: "-3"`, chart.Object{Wave: -3}, chart.Sync},
		{"what is no number is no wave", `argocd.argoproj.io/sync-wave: "x"`, chart.Object{}, chart.Sync},
		{"Helm's weight is a wave", `helm.sh/hook-weight: "4"`, chart.Object{Wave: 4}, chart.Sync},
		{"Argo CD's wave wins", `{argocd.argoproj.io/sync-wave: "1", helm.sh/hook-weight: "4"}`, chart.Object{Wave: 1}, chart.Sync},
		{"a hook", `argocd.argoproj.io/hook: PreSync`, hook("PreSync"), "PreSync"},
		{"a Sync hook is a hook", `argocd.argoproj.io/hook: Sync`, hook("Sync"), "Sync"},
		{"several, in the order of the sync", `argocd.argoproj.io/hook: "PostSync, PreSync"`, hook("PreSync", "PostSync"), "PreSync"},
		{"a hook for failures", `argocd.argoproj.io/hook: SyncFail`, hook("SyncFail"), "SyncFail"},
		{"not applied", `argocd.argoproj.io/hook: Skip`, chart.Object{Hook: "Skip"}, "Skip"},
		{"unknown to Argo CD: never applied", `argocd.argoproj.io/hook: presync`, chart.Object{Hook: "Skip"}, "Skip"},
		{"Helm's hooks before", `helm.sh/hook: pre-install,pre-upgrade`, hook("PreSync"), "PreSync"},
		{"Helm's hooks after", `helm.sh/hook: post-upgrade`, hook("PostSync"), "PostSync"},
		{"Helm's hooks of both kinds", `helm.sh/hook: post-install,pre-upgrade`, hook("PreSync", "PostSync"), "PreSync"},
		{"a test is not applied", `helm.sh/hook: test`, chart.Object{Hook: "Skip"}, "Skip"},
		{"nor is what Helm does at the end", `helm.sh/hook: pre-delete,post-rollback`, chart.Object{Hook: "Skip"}, "Skip"},
		{"crd-install is no hook", `helm.sh/hook: crd-install`, chart.Object{}, chart.Sync},
		{"Argo CD's hook wins", `{argocd.argoproj.io/hook: Sync, helm.sh/hook: pre-install}`, hook("Sync"), "Sync"},
		{
			"when a hook is deleted", `{argocd.argoproj.io/hook: Sync, argocd.argoproj.io/hook-delete-policy: "HookSucceeded,HookFailed"}`,
			chart.Object{Hook: "Sync", Hooks: []string{"Sync"}, DeletePolicies: []string{"HookFailed", "HookSucceeded"}}, "Sync",
		},
		{
			"Helm's way to say it", `{helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-succeeded}`,
			chart.Object{Hook: "PreSync", Hooks: []string{"PreSync"}, DeletePolicies: []string{"HookSucceeded"}}, "PreSync",
		},
		{"options", `argocd.argoproj.io/sync-options: Prune=false, Replace=true`, chart.Object{SyncOptions: []string{"Prune=false", "Replace=true"}}, chart.Sync},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			annotations := tt.annotations
			if annotations != "" && annotations[0] != '{' {
				key, value, _ := strings.Cut(annotations, ": ")
				annotations = fmt.Sprintf("{%s: %q}", key, strings.Trim(value, `"`))
			}
			if annotations == "" {
				annotations = "{}"
			}
			r := render(t, minimal+"-- templates/a.yaml --\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: a\n  annotations: "+annotations+"\n")
			o := r.Objects[0]
			got := chart.Object{Wave: o.Wave, Hook: o.Hook, Hooks: o.Hooks, DeletePolicies: o.DeletePolicies, SyncOptions: o.SyncOptions}
			if diff := cmp.Diff(tt.want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".made" }, cmp.Ignore())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if o.Phase() != tt.phase {
				t.Errorf("phase %s, want %s", o.Phase(), tt.phase)
			}
		})
	}
}

func hook(phases ...string) chart.Object {
	return chart.Object{Hook: phases[0], Hooks: phases, DeletePolicies: []string{"BeforeHookCreation"}}
}

func TestErrors(t *testing.T) {
	const secret = "canary-4711-canary-4711-canary-4711-canary-4711-canary-4711-canary-4711"
	tests := []struct {
		name, reason, files, want string
		options                   chart.Options
	}{
		{
			name: "fail", reason: "the chart's own words, without Helm's chain",
			files: minimal + "-- templates/a.yaml --\na: b\nc: {{ fail \"set a password\" }}\n",
			want:  "templates/a.yaml:2: render: set a password",
		},
		{
			name: "required", reason: "likewise",
			files: minimal + "-- templates/a.yaml --\n{{ required \"config.url is needed\" .Values.url }}\n",
			want:  "templates/a.yaml:1: render: config.url is needed",
		},
		{
			name: "in a helper", reason: "the helper is the place to look at, not what includes it",
			files: minimal + "-- templates/_h.tpl --\n{{ define \"x\" }}\n\n{{ .Values.a.b }}{{ end }}\n-- templates/a.yaml --\n{{ include \"x\" . }}\n",
			want:  "templates/_h.tpl:3: render: nil pointer evaluating interface {}.b",
		},
		{
			name: "no such function", reason: "the template cannot be parsed",
			files: minimal + "-- templates/a.yaml --\n\n\n{{ nofunction }}\n",
			want:  "templates/a.yaml:3: render: function \"nofunction\" not defined",
		},
		{
			name: "not closed", reason: "the template cannot be parsed",
			files: minimal + "-- templates/a.yaml --\n{{ if true }}\n",
			want:  "templates/a.yaml:2: render: unexpected EOF",
		},
		{
			name: "not YAML", reason: "the line is that of the template, whatever the helpers before it render",
			files: minimal + "-- templates/_h.tpl --\n{{ define \"x\" }}a: b\nc: d\ne: f{{ end }}\n-- templates/a.yaml --\n{{ include \"x\" . }}\ng: h\n  i: j\n",
			want:  "templates/a.yaml:3: render: what it renders is not YAML: mapping values are not allowed in this context",
		},
		{
			name: "no object", reason: "text alone, for instance of a file that is no manifest",
			files: minimal + "-- templates/a.yaml --\n# a\nhello, world\n",
			want:  "templates/a.yaml:2: render: a document is no object",
		},
		{
			name: "no kind", reason: "nobody can apply it",
			files: minimal + "-- templates/a.yaml --\napiVersion: v1\nmetadata: {name: a}\n",
			want:  "templates/a.yaml:1: render: a document has no kind",
		},
		{
			name: "a wave that is a number", reason: "Helm and the API server refuse it, and it is easily overlooked",
			files: minimal + "-- templates/a.yaml --\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n  annotations:\n    argocd.argoproj.io/sync-wave: -2\n",
			want:  "templates/a.yaml:6: render: annotation argocd.argoproj.io/sync-wave: it has to be a string, in quotes",
		},
		{
			name: "no Chart.yaml", reason: "it is no chart",
			files: "-- values.yaml --\na: b\n",
			want:  "Chart.yaml: render: Chart.yaml file is missing",
		},
		{
			name: "Chart.yaml", reason: "the line is told",
			files: "-- Chart.yaml --\napiVersion: v2\nname: web\n  bad: x\n",
			want:  "Chart.yaml:3: render: cannot load Chart.yaml: mapping values are not allowed in this context",
		},
		{
			name: "an incomplete Chart.yaml", reason: "Helm asks for a version",
			files: "-- Chart.yaml --\napiVersion: v2\nname: web\n",
			want:  "Chart.yaml: render: validation: chart.metadata.version is required",
		},
		{
			name: "values.yaml", reason: "the line is told",
			files: minimal + "-- values.yaml --\na: b\n  c: d\n",
			want:  "values.yaml:2: render: cannot load values.yaml: mapping values are not allowed in this context",
		},
		{
			name: "a value file", reason: "Argo CD stops as well",
			files: minimal, options: chart.Options{ValueFiles: []string{"prod.yaml"}},
			want: "prod.yaml: render: the value file is not there",
		},
		{
			name: "a dependency", reason: "nothing is fetched",
			files: "-- Chart.yaml --\napiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n  - {name: db, version: 1.0.0, repository: https://example.com}\n  - {name: cache, version: 1.0.0}\n",
			want:  "Chart.yaml: render: dependencies that are not in charts/: db, cache",
		},
		{
			name: "the wrong Kubernetes", reason: "of a version that was given",
			files: "-- Chart.yaml --\napiVersion: v2\nname: web\nversion: 0.1.0\nkubeVersion: '>=1.99.0'\n", options: chart.Options{KubeVersion: "1.31.0"},
			want: "Chart.yaml: render: the chart wants Kubernetes >=1.99.0, and it is v1.31.0",
		},
		{
			name: "a value in an error", reason: "what tpl cannot parse is quoted by Helm, and may be a secret",
			files: minimal + "-- values.yaml --\nx: \"{{ " + secret + "\"\n-- templates/a.yaml --\n{{ tpl .Values.x . }}\n",
			want:  "templates/a.yaml:1: render: ",
		},
		{
			name: "a schema", reason: "values.schema.json is the chart's contract",
			files: minimal + "-- values.yaml --\nport: x\n-- values.schema.json --\n{\"properties\": {\"port\": {\"type\": \"integer\"}}}\n",
			want:  "values.yaml: render: values don't meet the specifications of the schema(s) in the following chart(s): web: - port: Invalid type. Expected: integer, given: string",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := chart.Render(archive(t, tt.files), tt.options)
			if err == nil {
				t.Fatalf("%s: no error", tt.reason)
			}
			got := err.Error()
			if strings.Contains(got, "canary") {
				t.Errorf("the error has the value: %s", got)
			}
			if strings.HasSuffix(tt.want, "render: ") && strings.HasPrefix(got, tt.want) {
				got = tt.want
			}
			if got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.reason, got, tt.want)
			}
			var hinted interface{ Hint() string }
			if !errors.As(err, &hinted) || hinted.Hint() == "" {
				t.Error("no hint")
			}
		})
	}
}

// Plaintext does not come out of a chart that forgot it in .helmignore.
func TestPlaintextIsNotRead(t *testing.T) {
	const text = minimal + `
-- local-secrets/db.yaml --
password: canary-4711
-- templates/local-secrets/x.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: not-the-folder}}
-- templates/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
data:
  one: {{ .Files.Get "local-secrets/db.yaml" | quote }}
  all: {{ range $name, $data := .Files.Glob "**" }}{{ $name }} {{ $data | toString | quote }}{{ end }}
`
	for _, folder := range []string{"", "local-secrets", "./local-secrets/"} {
		r, err := chart.Render(archive(t, text), chart.Options{Plaintext: folder})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(r.Objects); strings.Contains(got, "canary") {
			t.Errorf("%q: %s", folder, got)
		}
		if len(r.Objects) != 2 {
			t.Errorf("%q: %d objects, want 2", folder, len(r.Objects))
		}
		if p, ok := r.Locate("templates/a.yaml", "canary-4711"); ok {
			t.Errorf("found at %+v", p)
		}
	}
	_, err := chart.Render(archive(t, text), chart.Options{ValueFiles: []string{"local-secrets/db.yaml"}})
	if err == nil {
		t.Error("a value file in the folder was read")
	}
}

// Options come to the chart as Argo CD gives them to Helm.
func TestValues(t *testing.T) {
	text := minimal + `
-- values.yaml --
v: chart
list: [a, b]
-- one.yaml --
v: one
-- two.yaml --
v: two
-- ../shared.yaml --
v: shared
-- templates/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Values.v | toJson | quote }}
`
	tests := []struct {
		reason  string
		options chart.Options
		want    string
	}{
		{"nothing is given", chart.Options{}, `"chart"`},
		{"a later file wins", chart.Options{ValueFiles: []string{"one.yaml", "two.yaml"}}, `"two"`},
		{"a file beside the chart", chart.Options{ValueFiles: []string{"../shared.yaml"}}, `"shared"`},
		{"a roundabout name", chart.Options{ValueFiles: []string{"./x/../one.yaml"}}, `"one"`},
		{"values win over files", chart.Options{ValueFiles: []string{"one.yaml"}, Values: map[string]any{"v": "given"}}, `"given"`},
		{
			"parameters win over values", chart.Options{Values: map[string]any{"v": "given"}, Parameters: []chart.Parameter{{Name: "v", Value: "set"}}},
			`"set"`,
		},
		{"a number", chart.Options{Parameters: []chart.Parameter{{Name: "v", Value: "12"}}}, `12`},
		{"a string of digits", chart.Options{Parameters: []chart.Parameter{{Name: "v", Value: "12", ForceString: true}}}, `"12"`},
		{"a comma is no separator", chart.Options{Parameters: []chart.Parameter{{Name: "v", Value: "a,b"}}}, `"a,b"`},
		{"one that is escaped already", chart.Options{Parameters: []chart.Parameter{{Name: "v", Value: `a\,b`}}}, `"a,b"`},
		{"a list", chart.Options{Parameters: []chart.Parameter{{Name: "v", Value: "{a,b}"}}}, `["a","b"]`},
		{"nothing", chart.Options{Parameters: []chart.Parameter{{Name: "v", Value: ""}}}, `""`},
		{"a parameter's file", chart.Options{FileParameters: []chart.FileParameter{{Name: "v", File: "one.yaml"}}}, `"v: one\n"`},
		{"a file that need not be there", chart.Options{ValueFiles: []string{"three.yaml"}, IgnoreMissingFiles: true}, `"chart"`},
	}
	for _, tt := range tests {
		r, err := chart.Render(archive(t, text), tt.options)
		if err != nil {
			t.Fatalf("%s: %v", tt.reason, err)
		}
		if r.Objects[0].Name != tt.want {
			t.Errorf("%s: %s, want %s", tt.reason, r.Objects[0].Name, tt.want)
		}
	}
}

// The helm section of an application's source.
func TestWithSource(t *testing.T) {
	base := chart.Options{Release: "app", Namespace: "dest"}
	got, err := base.WithSource(map[string]any{
		"releaseName": "rel", "namespace": "tpl", "kubeVersion": "1.30.0", "apiVersions": []any{"a/v1/B"},
		"valueFiles": []any{"one.yaml"}, "ignoreMissingValueFiles": true, "skipCrds": true, "skipSchemaValidation": true,
		"values": "v: text", "valuesObject": map[string]any{"v": "object"},
		"parameters":     []any{map[string]any{"name": "p", "value": "1", "forceString": true}},
		"fileParameters": []any{map[string]any{"name": "f", "path": "f.txt"}},
	})
	want := chart.Options{
		Release: "rel", Namespace: "tpl", Destination: "dest", KubeVersion: "1.30.0", APIVersions: []string{"a/v1/B"},
		ValueFiles: []string{"one.yaml"}, IgnoreMissingFiles: true, SkipCRDs: true, SkipSchema: true,
		Values:     map[string]any{"v": "object"},
		Parameters: []chart.Parameter{{Name: "p", Value: "1", ForceString: true}},

		FileParameters: []chart.FileParameter{{Name: "f", File: "f.txt"}},
	}
	unexported := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".last" }, cmp.Ignore())
	if diff := cmp.Diff(want, got, unexported); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := base.WithSource(map[string]any{"values": "v: text"}); err != nil || got.Values["v"] != "text" || got.Release != "app" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := base.WithSource(nil); err != nil || got.Release != "app" || got.ObjectNamespace() != "dest" {
		t.Errorf("%+v %v", got, err)
	}
	for _, bad := range []map[string]any{{"values": "canary: [4711"}, {"valueFiles": "canary"}} {
		if _, err := base.WithSource(bad); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v: %v", bad, err)
		}
	}
	r, err := chart.Render(archive(t, minimal+"-- templates/a.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: {{ .Release.Name }}-{{ .Release.Namespace }}}}\n"), got)
	if err == nil {
		t.Errorf("the file of a parameter is not there, and %v was rendered", r.Objects)
	}
	got.FileParameters = nil
	if r, err = chart.Render(archive(t, minimal+"-- templates/a.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: {{ .Release.Name }}-{{ .Release.Namespace }}}}\n"), got); err != nil {
		t.Fatal(err)
	}
	if o := r.Objects[0]; o.Name != "rel-tpl" || o.Namespace != "dest" {
		t.Errorf("%s", o)
	}
}

// What is given stays as it is, and many may render the same at once.
func TestConcurrent(t *testing.T) {
	files := archive(t, minimal+`
-- values.yaml --
a: {b: c}
-- templates/a.yaml --
{{- $_ := set .Values.a "b" "changed" }}
{{- $_ := set .Values.given "x" "changed" }}
{apiVersion: v1, kind: ConfigMap, metadata: {name: {{ .Values.a.b }}}}
`)
	o := chart.Options{Values: map[string]any{"given": map[string]any{"x": "y"}}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r, err := chart.Render(files, o)
			if err != nil || r.Objects[0].Name != "changed" {
				t.Errorf("%v %v", r, err)
			}
			if _, err := chart.Disabled(files, o, "ConfigMap", "other"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := o.Values["given"].(map[string]any)["x"]; got != "y" {
		t.Errorf("a template changed the caller's value: %v", got)
	}
	if !slices.IsSortedFunc(files, func(a, b chart.File) int { return strings.Compare(path.Base(a.Name), path.Base(b.Name)) }) && files[0].Name != "Chart.yaml" {
		t.Error("the caller's files were moved")
	}
}

func TestLocate(t *testing.T) {
	r := render(t, minimal+`
-- values.yaml --
# web-config, in a comment
other: shop
config:
  name: web-config
sub:
  secret: sub-secret
-- templates/_h.tpl --
{{- define "env" }}
- name: TOKEN
  valueFrom:
    secretKeyRef:
      name: helper-secret
      key: helper-key
{{- end }}
-- templates/pod.yaml --
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  serviceAccountName: {{ .Release.Namespace }}
  containers:
    - name: one
      env:
        {{- include "env" . | nindent 8 }}
      volumeMounts:
        - {name: literal, mountPath: /a}
  volumes:
    - name: literal
      configMap:
        name: literal
        items: [{key: one, path: one}]
    - name: v
      configMap:
        name: {{ .Values.config.name }}
    - name: w
      secret:
        secretName: {{ .Release.Name }}-secret
-- templates/other.yaml --
apiVersion: v1
kind: Pod
metadata:
  name: first
spec:
  containers: [{name: a, envFrom: [{secretRef: {name: same}}]}]
---
apiVersion: v1
kind: Pod
metadata:
  name: second
spec:
  containers: [{name: a, envFrom: [{secretRef: {name: same}}]}]
-- charts/sub/Chart.yaml --
apiVersion: v2
name: sub
version: 0.1.0
-- charts/sub/values.yaml --
secret: own
map: sub-map
-- charts/sub/templates/pod.yaml --
apiVersion: v1
kind: Pod
metadata:
  name: sub
spec:
  containers:
    - name: a
      envFrom:
        - secretRef:
            name: {{ .Values.secret }}
        - configMapRef:
            name: {{ .Values.map | quote }}
`)
	want := map[string]string{
		"web serviceAccountName ":                            "templates/pod.yaml:6  false",
		"web volume literal one":                             "templates/pod.yaml:16  true",
		"web volume v ":                                      "values.yaml:4 config.name true",
		"web volume w ":                                      "templates/pod.yaml:23  false",
		"web env TOKEN of container one helper-key":          "templates/_h.tpl:5  true",
		"first envFrom of container a ":                      "templates/other.yaml:6  true",
		"second envFrom of container a ":                     "templates/other.yaml:13  true",
		"sub envFrom of container a ":                        "values.yaml:6 sub.secret true",
		"sub envFrom of container a  (configMap)":            "charts/sub/values.yaml:2 map true",
		"web volume literal one, its key":                    "templates/pod.yaml:17  true",
		"web env TOKEN of container one helper-key, its key": "templates/_h.tpl:6  true",
	}
	got := map[string]string{}
	for _, o := range r.Objects {
		spec, _ := chart.PodSpec(o)
		for _, ref := range chart.References(spec.Spec) {
			id := o.Name + " " + ref.Where + " " + ref.Key
			if _, double := got[id]; double {
				id += " (configMap)"
			}
			p, _ := r.LocateReference(o, ref)
			got[id] = fmt.Sprintf("%s:%d %s %v", p.Path, p.Line, p.Key, p.Literal)
			if ref.Key != "" {
				p, _ := r.LocateKey(o, ref)
				got[id+", its key"] = fmt.Sprintf("%s:%d %s %v", p.Path, p.Line, p.Key, p.Literal)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		"literal": "templates/pod.yaml:12", "web-config": "values.yaml:4", "helper-secret": "templates/_h.tpl:5", "iter": ":0", "": ":0",
	} {
		p, _ := r.Locate("templates/pod.yaml", text)
		if got := fmt.Sprintf("%s:%d", p.Path, p.Line); got != want {
			t.Errorf("Locate %q: %s, want %s", text, got, want)
		}
	}
}

// The path is that of a file which is there, whatever name the chart has in between.
func TestSubchartPaths(t *testing.T) {
	text := `
-- Chart.yaml --
apiVersion: v2
name: web
version: 0.1.0
dependencies:
  - {name: db, version: 0.1.0, alias: first}
  - {name: db, version: 0.1.0, alias: second}
  - {name: cache, version: 0.1.0}
-- values.yaml --
first: {name: one}
second:
  name: two
-- charts/database/Chart.yaml --
apiVersion: v2
name: db
version: 0.1.0
-- charts/database/templates/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Values.name }}
`
	files := append(archive(t, text), chart.File{Name: "charts/cache-0.1.0.tgz", Data: tgz(t, map[string]string{
		"cache/Chart.yaml":       "apiVersion: v2\nname: cache\nversion: 0.1.0\n",
		"cache/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: three\n",
	})})
	r, err := chart.Render(files, chart.Options{Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"charts/cache-0.1.0.tgz:0 ConfigMap shop/three",
		"charts/database/templates/a.yaml:4 ConfigMap shop/one", "charts/database/templates/a.yaml:4 ConfigMap shop/two",
	}
	if diff := cmp.Diff(want, described(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p, _ := r.LocateField(r.Objects[2], "metadata.name", "two")
	if want := (chart.Position{Path: "values.yaml", Line: 3, Key: "second.name", Literal: true}); p != want {
		t.Errorf("%+v, want %+v", p, want)
	}
}

func tgz(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
