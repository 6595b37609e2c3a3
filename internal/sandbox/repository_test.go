package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// repository is somebody's, with a work tree.
type repository struct {
	*testing.T

	dir string
}

func newRepository(t *testing.T, dir string) *repository {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &repository{t, dir}
	r.git("init", "--quiet", "--initial-branch=trunk")
	return r
}

func (r *repository) git(args ...string) string {
	r.Helper()
	cmd := exec.CommandContext(r.Context(), "git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	cmd.Dir = r.dir
	out, err := cmd.Output()
	if err != nil {
		r.Fatalf("git %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, data string) {
	r.Helper()
	if err := writeFile(filepath.Join(r.dir, name), []byte(data), 0o644); err != nil {
		r.Fatal(err)
	}
}

func (r *repository) commit() {
	r.Helper()
	r.git("add", "--all")
	r.git("commit", "--quiet", "--allow-empty", "--message=x")
}

func (r *repository) head() string { return r.git("rev-parse", "HEAD") }

const anApplication = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: demo}
spec:
  source: {repoURL: https://example.com/demo.git, path: applications/demo}
`

// pusher is a sandbox of which only the repository exists.
func pusher(t *testing.T) *Sandbox {
	t.Helper()
	git, err := findGit()
	if err != nil {
		t.Fatal(err)
	}
	l := layout{t.TempDir()}
	if err := errors.Join(l.make(), l.makeRepository(t.Context(), git)); err != nil {
		t.Fatal(err)
	}
	return &Sandbox{Repository: l.repositoryURL(), layout: l, state: sandboxState{Git: git}}
}

func TestPush(t *testing.T) {
	s, r := pusher(t), newRepository(t, t.TempDir())
	main := func() string {
		out, err := s.layout.git(t.Context(), s.state.Git, "rev-parse", "main", "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(strings.TrimSpace(out), "\n", " ")
	}
	push := func() ([]string, error) {
		all, err := s.push(t.Context(), r.dir)
		var names []string
		for _, a := range all {
			names = append(names, a.GetNamespace()+"/"+a.GetName())
		}
		return names, err
	}
	if _, err := push(); !errors.Is(err, errNoCommit) {
		t.Errorf("without a commit: %v", err)
	}
	r.commit()
	if _, err := push(); !errors.Is(err, errNoApplication) {
		t.Errorf("without an application: %v", err)
	}
	r.write("applications/demo/application.yaml", anApplication)
	r.write("applications/demo/more/application.yaml", "not one\n")
	r.commit()
	base := r.head()
	for range 2 {
		if names, err := push(); err != nil || !slices.Equal(names, []string{"argocd/demo"}) {
			t.Errorf("got %v, %v", names, err)
		}
		if got, want := main(), base+" "+base; got != want {
			t.Errorf("main and HEAD are %s, want %s", got, want)
		}
	}
	// The new commit is not pushed, nor is it where the check-out is.
	r.write("applications/other/application.yaml", anApplication)
	if names, err := push(); err != nil || len(names) != 1 {
		t.Errorf("with a file that is not committed: %v, %v", names, err)
	}
	r.commit()
	newest := r.head()
	if names, err := push(); err != nil || len(names) != 2 {
		t.Errorf("with another application: %v, %v", names, err)
	}
	// Neither an older commit nor another one replaces it.
	r.git("reset", "--quiet", "--hard", base)
	if _, err := push(); !errors.Is(err, errNotAncestor) {
		t.Errorf("an older commit: %v", err)
	}
	r.commit()
	if _, err := push(); !errors.Is(err, errNotAncestor) || registerAdvice(err) == "" {
		t.Errorf("another commit: %v", err)
	}
	if got, want := main(), newest+" "+newest; got != want {
		t.Errorf("main and HEAD are %s, want %s", got, want)
	}
}

func TestPushOfSpecialRepositories(t *testing.T) {
	origin := newRepository(t, t.TempDir())
	origin.commit()
	origin.write("applications/demo/application.yaml", anApplication)
	origin.write(".git/hooks/pre-push", "#!/bin/sh\nexit 1\n")
	if err := os.Chmod(filepath.Join(origin.dir, ".git/hooks/pre-push"), 0o755); err != nil {
		t.Fatal(err)
	}
	origin.commit()
	shallow := filepath.Join(t.TempDir(), "shallow clone")
	origin.git("clone", "--quiet", "--depth=1", "file://"+origin.dir, shallow)
	worktree := filepath.Join(t.TempDir(), "worktree")
	origin.git("worktree", "add", "--quiet", "--detach", worktree)
	for name, dir := range map[string]string{"with a hook": origin.dir, "shallow": shallow, "worktree": worktree, "folder in it": filepath.Join(worktree, "applications")} {
		t.Run(name, func(t *testing.T) {
			all, err := pusher(t).push(t.Context(), dir)
			if name == "folder in it" {
				if err == nil {
					t.Error("a folder is not a repository")
				}
				return
			}
			if err != nil || len(all) != 1 {
				t.Errorf("got %v, %v", all, err)
			}
		})
	}
	if _, err := pusher(t).push(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "does not appear to be a git repository") {
		t.Errorf("of no repository: %v", err)
	}
}

// In a hook Git's environment names the repository that it belongs to.
func TestPushIgnoresTheEnvironment(t *testing.T) {
	r := newRepository(t, t.TempDir())
	r.write("applications/demo/application.yaml", anApplication)
	r.commit()
	s := pusher(t)
	t.Setenv("GIT_DIR", "/nowhere")
	t.Setenv("GIT_CONFIG_GLOBAL", "/nowhere")
	if _, err := s.push(t.Context(), r.dir); err != nil {
		t.Error(err)
	}
}

func TestApplication(t *testing.T) {
	a, err := application(anApplication, "file:///here")
	if err != nil {
		t.Fatal(err)
	}
	source := a.Object["spec"].(map[string]any)["source"].(map[string]any)
	if source["repoURL"] != "file:///here" || source["path"] != "applications/demo" || a.GetNamespace() != ArgoCDNamespace {
		t.Errorf("got %v", a.Object)
	}
	for reason, data := range map[string]string{
		"another kind":     "apiVersion: v1\nkind: Secret\n",
		"another group":    strings.Replace(anApplication, "argoproj.io", "app.k8s.io", 1),
		"nothing in it":    "",
		"not YAML":         "{",
		"several in one":   anApplication + "---\n" + anApplication,
		"spec is no map":   "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: 1\n",
		"source is a list": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {source: []}\n",
	} {
		if got, err := application(data, "x"); err == nil {
			t.Errorf("%s: taken for %v", reason, got)
		}
	}
}

func TestRegisterNeedsArgoCD(t *testing.T) {
	s := &Sandbox{state: sandboxState{ArgoCD: NoArgoCD}, options: Options{Progress: func(Event) {}}}
	if _, err := s.Register(t.Context(), "/repository"); !errors.Is(err, errNoArgoCD) || !strings.HasPrefix(err.Error(), "/repository: register ") {
		t.Errorf("got %v", err)
	}
}
