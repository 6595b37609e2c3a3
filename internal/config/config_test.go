package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/internal/config"
)

func load(t *testing.T, file string, env map[string]string) (*config.Config, error) {
	t.Helper()
	root := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(root, config.File), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(root, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
}

func TestLoad(t *testing.T) {
	cases := []struct {
		name, reason, file string
		env                map[string]string
		want               config.Config
	}{
		{name: "nothing", reason: "every setting has a default elsewhere", want: config.Config{Colour: true}},
		{name: "empty file", reason: "comments are no settings", file: "# nothing\n", want: config.Config{Colour: true}},
		{
			name: "file", reason: "what it names is set",
			file: "applications: deploy\nnamespaces: {web: prod}\ncontroller: {name: ss}\nargocd: {namespace: cd, name: server}\n",
			want: config.Config{Applications: "deploy", Namespaces: map[string]string{"web": "prod"}, Controller: config.Controller{Name: "ss"}, ArgoCD: config.ArgoCD{Namespace: "cd", Name: "server"}, Colour: true},
		},
		{
			name: "environment over file", reason: "it is closer to the command",
			file: "controller: {name: ss, namespace: a}\ncontext: one\n",
			env:  map[string]string{"SEALED_SECRETS_CONTROLLER_NAME": "other", "SEALWAY_CONTEXT": "two", "SEALWAY_OUTPUT": "json", "SEALED_SECRETS_CERT": "c.pem", "NO_COLOR": "1", "CI": "true"},
			want: config.Config{Controller: config.Controller{Name: "other", Namespace: "a"}, Context: "two", Certificate: "c.pem", JSON: true, CI: true},
		},
		{
			name: "Argo CD", reason: "the CLI's own variables",
			file: "argocd: {namespace: gitops, name: argo-server}\n",
			env:  map[string]string{"ARGOCD_SERVER": "argo.example.com", "ARGOCD_AUTH_TOKEN": "t", "ARGOCD_OPTS": "--grpc-web --plaintext --insecure=false --server-crt ca.pem"},
			want: config.Config{ArgoCD: config.ArgoCD{Namespace: "gitops", Name: "argo-server", Server: "argo.example.com", Token: "t", Plaintext: true, ServerCert: "ca.pem"}, Colour: true},
		},
		{
			name: "Argo CD's flags", reason: "a path may have blanks, and what is not known is told",
			env:  map[string]string{"ARGOCD_OPTS": `--bogus --server-crt='/a b/c=d.pem' --loglevel debug --core`},
			want: config.Config{ArgoCD: config.ArgoCD{ServerCert: "/a b/c=d.pem", NotUnderstood: []string{"--bogus", "--core"}}, Colour: true},
		},
		{
			name: "silences", reason: "with their lines",
			file: "verify:\n  silence:\n    - {rule: a, path: b/*, reason: c}\n    - rule: d\n      object: Secret e/f\n      reason: g\n",
			want: config.Config{Verify: config.Verify{Silence: []config.Silence{
				{Rule: "a", Path: "b/*", Reason: "c", Where: ".sealway.yaml:3"}, {Rule: "d", Object: "Secret e/f", Reason: "g", Where: ".sealway.yaml:4"},
			}}, Colour: true},
		},
		{
			name: "guard", reason: "an entry is read with its line, and a date stays text",
			file: "guard:\n  allow:\n    - path: a.yaml\n      sha256: abc\n      reason: a fixture\n      expires: 2026-12-31\n    - {}\n",
			env:  map[string]string{"GIT_INDEX_FILE": ".git/index.lock"},
			want: config.Config{Guard: config.Guard{Allow: []config.Allow{{Path: "a.yaml", SHA256: "abc", Reason: "a fixture", Expires: "2026-12-31", Line: 3}, {Line: 7}}}, Index: ".git/index.lock", Colour: true},
		},
		{name: "GitHub Actions", reason: "the runner's own variables", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "s.md"}, want: config.Config{Annotate: true, StepSummary: "s.md", Colour: true}},
		{name: "no GitHub Actions", reason: "a file alone is none", env: map[string]string{"GITHUB_STEP_SUMMARY": "s.md"}, want: config.Config{Colour: true}},
		{name: "GitHub switched off", reason: "the environment says so", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "s.md", "SEALWAY_GITHUB": "false"}, want: config.Config{Colour: true}},
		{name: "GitHub switched off by file", reason: "the file says so", file: "github: false\n", env: map[string]string{"GITHUB_ACTIONS": "true"}, want: config.Config{GitHub: new(bool), Colour: true}},
		{name: "GitHub switched on again", reason: "the environment is closer", file: "github: false\n", env: map[string]string{"GITHUB_ACTIONS": "true", "SEALWAY_GITHUB": "1"}, want: config.Config{GitHub: new(bool), Annotate: true, Colour: true}},
		{name: "empty variable", reason: "it is as if not set", file: "context: one\n", env: map[string]string{"SEALWAY_CONTEXT": "", "CI": "false"}, want: config.Config{Context: "one", Colour: true}},
		{name: "dumb terminal", reason: "it knows no colours and no symbols", env: map[string]string{"TERM": "dumb", "LANG": "C.UTF-8"}},
		{name: "UTF-8", reason: "the locale says that symbols arrive", env: map[string]string{"TERM": "xterm", "LANG": "en_US.UTF-8"}, want: config.Config{Colour: true, Unicode: true}},
		{name: "another locale", reason: "LC_ALL comes before LANG", env: map[string]string{"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, want: config.Config{Colour: true}},
		{name: "console", reason: "the kernel's font lacks the symbols", env: map[string]string{"TERM": "linux", "LC_CTYPE": "C.utf8"}, want: config.Config{Colour: true}},
		{name: "CI's log", reason: "who knows what shows it", env: map[string]string{"CI": "true", "LANG": "C.UTF-8"}, want: config.Config{Colour: true, CI: true}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := load(t, c.file, c.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct {
		name, file string
		env        map[string]string
		want       string
	}{
		{"unknown setting", "applications: a\nplaintxt: b\n", nil, `.sealway.yaml:2: unknown setting "plaintxt"`},
		{"unknown in controller", "controller:\n  nam: b\n", nil, `.sealway.yaml:2: unknown setting "nam"`},
		{"unknown in verify", "verify:\n  silense: []\n", nil, `.sealway.yaml:2: unknown setting "silense"`},
		{"unknown in a silence", "verify:\n  silence:\n    - rule: a\n      reasn: b\n", nil, `.sealway.yaml:4: unknown setting "reasn"`},
		{"a silence that is no mapping", "verify:\n  silence:\n    - reference-missing\n", nil, ".sealway.yaml:3: an entry of verify.silence is not a mapping"},
		{"an empty reason", "verify:\n  silence:\n    - rule: a\n      reason:\n", nil, ".sealway.yaml:4: reason of verify.silence is empty"},
		{"unknown in guard", "guard:\n  allow:\n    - path: a\n      because: b\n", nil, `.sealway.yaml:4: unknown setting "because"`},
		{"entry of guard", "guard: {allow: [a]}\n", nil, `.sealway.yaml:1: `},
		{"not YAML", "a: [\n", nil, ".sealway.yaml"},
		{"output", "", map[string]string{"SEALWAY_OUTPUT": "xml"}, `SEALWAY_OUTPUT: "xml" is neither text nor json`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.file, c.env)
			var usage interface{ Usage() bool }
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
