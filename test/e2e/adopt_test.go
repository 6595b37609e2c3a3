package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/internal/scripttest"
)

// step is a command of docs/adopt.md with what it prints, or a file that it says to write.
type step struct {
	line    int
	command string
	prints  []string // of stdout; "..." stands for any lines
	file    string
	text    string
}

// steps are the document's, in its order: the lines behind "$ " of a console block, and
// each block that begins with a comment that is a path.
func steps(t *testing.T, document string) []step {
	t.Helper()
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var out []step
	language, begin := "", 0
	var block []string
	for i, line := range strings.Split(string(data), "\n") {
		mark, fenced := strings.CutPrefix(line, "```")
		switch {
		case fenced && language == "":
			language, begin, block = mark, i+1, nil
		case fenced:
			out, language = append(out, blockSteps(language, begin, block)...), ""
		default:
			block = append(block, line)
		}
	}
	return out
}

func blockSteps(language string, begin int, block []string) (out []step) {
	if language != "console" {
		path := strings.TrimPrefix(strings.TrimPrefix(block[0], "# "), "// ")
		if path == block[0] || strings.Contains(path, " ") {
			return nil // an example
		}
		return []step{{line: begin, file: path, text: strings.Join(block[1:], "\n") + "\n"}}
	}
	for i, line := range block {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			out = append(out, step{line: begin + 1 + i, command: command})
		} else {
			out[len(out)-1].prints = append(out[len(out)-1].prints, line)
		}
	}
	return out
}

// matches holds what was printed against what the document says.
func (s step) matches(stdout string) string {
	if len(s.prints) == 0 {
		return ""
	}
	got := strings.Split(strings.TrimRight(stdout, "\n"), "\n")
	want := s.prints
	if want[0] == "..." {
		want = want[1:]
		got = got[max(0, len(got)-len(want)):]
	}
	return cmp.Diff(want, got)
}

// handbook is a repository as it is before: a Taskfile of kubeseal, kubectl and argocd
// lines, three applications, one of which has its plaintext and its sealed file under
// other names.
type handbook struct {
	*world
	bin string // programs of its own: mage
}

func newHandbook(t *testing.T) *handbook {
	t.Helper()
	h := &handbook{world: &world{t: t, dir: t.TempDir()}, bin: t.TempDir()}
	if err := os.CopyFS(h.dir, os.DirFS("testdata/handbook")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(h.dir, "gitignore"), filepath.Join(h.dir, ".gitignore")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(h.dir, ".bin/sealway"), filepath.Join(h.bin, "mage")); err != nil {
		t.Fatal(err)
	}
	secret := func(path, namespace, name, kind string, values ...string) {
		text := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\ntype: %s\nstringData:\n", name, namespace, kind)
		for i := 0; i < len(values); i += 2 {
			text += fmt.Sprintf("  %s: %s\n", values[i], values[i+1])
		}
		h.write(path, text)
	}
	const opaque = "Opaque"
	secret("applications/litellm/local-secrets/litellm-secrets.yaml", "litellm", "litellm-secrets", opaque, "CA_VLLM_LOCAL_API_KEY", canary+"-vllm", "PROXY_MASTER_KEY", "sk-"+canary+"-master")
	secret("applications/litellm/local-secrets/cloudnative-pg-cluster-litellm.yaml", "litellm", "cloudnative-pg-cluster-litellm", "kubernetes.io/basic-auth", "username", "litellm", "password", canary+"-database")
	secret("applications/openwebui/local-secrets/openwebui-secrets.yaml", "openwebui", "openwebui-secrets", opaque, "WEBUI_SECRET_KEY", canary+"-webui")
	secret("private/authentik.yaml", "authentik", "authentik", opaque, "AUTHENTIK_SECRET_KEY", canary+"-authentik")
	h.git("init", "-q", "-b", "main")
	h.git("config", "user.name", "Test")
	h.git("config", "user.email", "test@example.com")
	return h
}

// sh runs a line as a person types it.
func (h *handbook) sh(line string) (stdout, stderr string, err error) {
	h.t.Helper()
	path := []string{h.bin, filepath.Dir(platform.bin["kubeseal"]), filepath.Dir(platform.bin["kubectl"]), filepath.Dir(platform.bin["task"]), os.Getenv("PATH")}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(h.t.Context(), "sh", "-c", line)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "PATH="+strings.Join(path, string(os.PathListSeparator)), "KUBECONFIG="+platform.up.Kubeconfig,
		"NO_COLOR=1", "CI=", "MAGEFILE_CACHE="+h.bin, "GOPROXY=off", "GOFLAGS=", "GOWORK=off")
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	fmt.Fprintf(&h.all, "%s%s", out.String(), errs.String())
	return out.String(), errs.String(), err
}

// must runs a line that has to succeed.
func (h *handbook) must(line string) string {
	h.t.Helper()
	stdout, stderr, err := h.sh(line)
	if err != nil {
		h.t.Fatalf("%s: %v\n%s%s", line, err, stdout, stderr)
	}
	return stdout
}

// module does what `go get` does, from this work tree and the module cache.
func (h *handbook) module() {
	h.t.Helper()
	root := scripttest.Root(h.t)
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			h.t.Fatal(err)
		}
		h.write(name, string(data))
	}
	h.must("go mod edit -module=example.com/gitops -require=github.com/sealway/sealway@v0.0.0 -replace=github.com/sealway/sealway=" + root)
}

// before is the old way, all of it for real: fetch the certificate, seal, commit, apply.
func (h *handbook) before() {
	h.t.Helper()
	for _, app := range []string{"litellm", "openwebui", "authentik"} {
		if err := platform.cluster.EnsureNamespace(h.t.Context(), app); err != nil {
			h.t.Fatal(err)
		}
	}
	h.must("task secrets:cert secrets:seal && git add . && git commit -q -m before")
	sealed := strings.Fields(h.must("ls applications/*/templates/*sealed*"))
	if len(sealed) != 4 {
		h.t.Fatalf("sealed: %q", sealed)
	}
	h.must("kubectl apply --filename " + strings.Join(sealed, " --filename "))
	for _, s := range []string{"litellm/litellm-secrets", "litellm/cloudnative-pg-cluster-litellm", "openwebui/openwebui-secrets", "authentik/authentik"} {
		namespace, name, _ := strings.Cut(s, "/")
		h.must("kubectl --namespace " + namespace + " wait --for=create --timeout=60s secret/" + name)
	}
	if out := h.must("task gitops:look -- litellm"); !strings.Contains(out, "secret/cloudnative-pg-cluster-litellm") {
		h.t.Fatalf("the Secrets have not arrived:\n%s", out)
	}
	// What there is to be gained: each run changes every file.
	h.must("task secrets:seal")
	if out := h.must("git diff --name-only"); len(strings.Fields(out)) != len(sealed) {
		h.t.Errorf("kubeseal changed %q", out)
	}
	h.must("git checkout -q .")
	if err := os.Remove(h.path("applications/openwebui/local-secrets/openwebui-secrets.yaml")); err != nil { // somebody has lost it
		h.t.Fatal(err)
	}
}

func (h *handbook) path(name string) string { return filepath.Join(h.dir, name) }

// TestAdopt moves a repository of kubeseal lines over by what docs/adopt.md says, word for
// word: its commands are run, its files written, and what they print is what it shows.
func TestAdopt(t *testing.T) {
	h := newHandbook(t)
	h.before()
	values := h.values("openwebui", "openwebui-secrets")
	commands, files, begin := 0, 0, time.Now()
	for _, s := range steps(t, filepath.Join(scripttest.Root(t), "docs/adopt.md")) {
		switch {
		case s.file != "":
			if strings.HasSuffix(s.file, "/secrets.yaml") {
				h.contractsByTheirFix()
			}
			files++
			h.write(s.file, s.text)
		case strings.HasPrefix(s.command, "go mod init "):
			h.module()
		case strings.HasPrefix(s.command, "go get "): // there is no network
		default:
			commands++
			if diff := s.matches(h.must(s.command)); diff != "" {
				t.Errorf("docs/adopt.md:%d: %s prints (-document +now):\n%s", s.line, s.command, diff)
			}
		}
	}
	if commands < 15 || files < 6 {
		t.Fatalf("%d commands and %d files: does the document still write them this way?", commands, files)
	}
	t.Logf("%d commands and %d files in %v", commands, files, time.Since(begin).Round(time.Second))
	h.after(values)
	h.clean()
}

var contractLine = regexp.MustCompile("add `(- .*)` below `secrets:` in ([^ ]+), or delete ")

// contractsByTheirFix writes what verify:repo says to, for every contract that is missing
// yet, and takes it away again.
func (h *handbook) contractsByTheirFix() {
	h.t.Helper()
	stdout, stderr, _ := h.sh("mage verify:repo")
	contracts := map[string]string{}
	for _, m := range contractLine.FindAllStringSubmatch(stdout, -1) {
		contracts[m[2]] += "  " + m[1] + "\n"
	}
	if len(contracts) == 0 {
		h.t.Errorf("verify:repo has no line for a contract:\n%s%s", stdout, stderr)
	}
	for path, lines := range contracts {
		h.write(path, "secrets:\n"+lines)
	}
	if out := h.must("mage verify:repo"); !strings.HasSuffix(out, ": 0 findings\n") {
		h.t.Errorf("with the lines of its fixes:\n%s", out)
	}
	h.must("mage seal:check")
	for path := range contracts {
		if err := os.Remove(h.path(path)); err != nil {
			h.t.Fatal(err)
		}
	}
}

// after is what has to be true in the end.
func (h *handbook) after(lost map[string]string) {
	h.t.Helper()
	if out := h.must("git status --short"); out != "" {
		h.t.Errorf("not committed:\n%s", out)
	}
	taskfile, err := os.ReadFile(h.path("Taskfile.yml"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, old := range []string{"kubeseal", "kubectl", "argocd app"} {
		if bytes.Contains(taskfile, []byte(old)) {
			h.t.Errorf("the Taskfile still has %s", old)
		}
	}
	// The controller takes what is committed, with the values that were there before.
	h.must("kubectl apply --filename " + strings.ReplaceAll(strings.TrimSpace(h.must("ls applications/*/templates/*sealed*")), "\n", " --filename "))
	h.must("kubectl --namespace openwebui wait --for=condition=Synced --timeout=60s sealedsecret/openwebui-secrets")
	if diff := cmp.Diff(lost, h.values("openwebui", "openwebui-secrets")); diff != "" {
		h.t.Error("the cluster has another value for what was imported")
	}
	// The new lines run what they say. Argo CD is not in this sandbox, and they say that.
	for _, line := range []string{"task gitops:sync -- litellm", "task gitops:ship -- litellm", "task gitops:port-forward"} {
		_, stderr, err := h.sh(line)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !strings.Contains(stderr, "argocd-server") {
			h.t.Errorf("%s: %v\n%s", line, err, stderr)
		}
	}
	// Plaintext does not get into a commit any more, and one key is one line.
	h.must("cp applications/litellm/local-secrets/litellm-secrets.yaml applications/litellm/templates/oops.yaml && git add .")
	if _, stderr, err := h.sh("git commit -q -m oops"); err == nil || !strings.Contains(stderr, "[plaintext-secret]") {
		h.t.Errorf("plaintext was committed: %v\n%s", err, stderr)
	}
	h.must("git rm -q -f applications/litellm/templates/oops.yaml")
	h.must("mage secrets:set litellm litellm-secrets PROXY_MASTER_KEY -generate")
	if out := h.must("task secrets:seal"); !strings.Contains(out, "sealed 1 of 4 Secrets, 3 unchanged") {
		h.t.Errorf("one key was changed:\n%s", out)
	}
	var keys []string
	for line := range strings.SplitSeq(h.must("git diff --unified=0"), "\n") {
		if strings.HasPrefix(line, "+ ") {
			key, _, _ := strings.Cut(strings.Trim(line, "+ "), ":")
			keys = append(keys, key)
		}
	}
	if diff := cmp.Diff([]string{"sealway.github.io/encrypted-data", "PROXY_MASTER_KEY"}, keys); diff != "" {
		h.t.Errorf("changed lines (-want +got):\n%s", diff)
	}
}
