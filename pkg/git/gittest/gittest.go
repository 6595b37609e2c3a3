// Package gittest makes git repositories for tests, with nothing of the
// developer's own configuration and of a hook's environment that the tests may
// run in.
package gittest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Main isolates the process and runs the tests of a package. Use it as
//
//	func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }
func Main(m *testing.M) int {
	Isolate()
	return m.Run()
}

// Isolate keeps every git that this process starts away from the configuration
// of user and machine, and from the repository that a surrounding hook is for.
// The owner of a folder does not matter: in a CI container it is somebody else.
func Isolate() {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "GIT_") && name != "GIT_EXEC_PATH" {
			_ = os.Unsetenv(name)
		}
	}
	_ = os.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	_ = os.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	_ = os.Setenv("GIT_CONFIG_COUNT", "1")
	_ = os.Setenv("GIT_CONFIG_KEY_0", "safe.directory")
	_ = os.Setenv("GIT_CONFIG_VALUE_0", "*")
}

// Repo is a repository in a temporary folder, with an identity, on branch main.
type Repo struct {
	t   testing.TB
	Dir string
}

// New makes an empty repository. options go to `git init`.
func New(t testing.TB, options ...string) *Repo {
	t.Helper()
	return at(t, filepath.Join(t.TempDir(), "work"), append([]string{"init", "--quiet", "--initial-branch=main"}, options...)...)
}

// Bare makes an empty bare repository, to be a remote.
func Bare(t testing.TB, options ...string) *Repo {
	t.Helper()
	r := &Repo{t, filepath.Join(t.TempDir(), "remote.git")}
	r.run(".", append(append([]string{"init", "--quiet", "--bare", "--initial-branch=main"}, options...), r.Dir)...)
	return r
}

// Clone clones the repository.
func (r *Repo) Clone(options ...string) *Repo {
	r.t.Helper()
	return at(r.t, filepath.Join(r.t.TempDir(), "clone"), append(append([]string{"clone", "--quiet"}, options...), r.Dir)...)
}

func at(t testing.TB, dir string, git ...string) *Repo {
	t.Helper()
	r := &Repo{t, dir}
	r.run(".", append(git, dir)...)
	r.Git("config", "user.name", "Test")
	r.Git("config", "user.email", "test@example.com")
	return r
}

// Git runs git in the repository and returns its output without the last line end.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	return r.run(r.Dir, args...)
}

func (r *Repo) run(dir string, args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

// Path is the absolute path of a file of the repository.
func (r *Repo) Path(name string) string { return filepath.Join(r.Dir, filepath.FromSlash(name)) }

// Write writes a file.
func (r *Repo) Write(name, text string) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(r.Path(name)), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.Path(name), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// Commit writes a file and commits it alone.
func (r *Repo) Commit(name, text string) (hash string) {
	r.t.Helper()
	r.Write(name, text)
	r.Git("add", "--", name)
	r.Git("commit", "--quiet", "-m", "change "+name)
	return r.Git("rev-parse", "HEAD")
}

// Hook installs a shell script as a hook, in a bare repository or another one.
func (r *Repo) Hook(name, script string) {
	r.t.Helper()
	dir := r.Git("rev-parse", "--path-format=absolute", "--git-path", "hooks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// At is a repository that is there already, for instance a linked work tree.
func At(t testing.TB, dir string) *Repo { return &Repo{t, dir} }
