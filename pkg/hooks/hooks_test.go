package hooks_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/hooks"
)

// program stands for the compiled targets: it writes its arguments and its stdin to
// a file of the work tree, and refuses when a file `refuse` is there.
const program = `#!/bin/sh
echo "$@" >>"$LOG"
case "$*" in *-push=*) cat >>"$LOG" ;; esac
[ ! -e refuse ]
`

// repository has a commit, the program, and a place for what the hooks do.
func repository(t *testing.T, options ...string) (r *gittest.Repo, log func() string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs are shell scripts")
	}
	r = gittest.New(t, options...)
	r.Write(".gitignore", ".bin/\nrefuse\n")
	r.Git("add", ".")
	r.Git("commit", "--quiet", "-m", "start")
	r.Write(".bin/sealway", program)
	if err := os.Chmod(r.Path(".bin/sealway"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "log")
	t.Setenv("LOG", file)
	return r, func() string {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		_ = os.Remove(file)
		return string(text)
	}
}

func find(t *testing.T, dir string, o hooks.Options) *hooks.Dir {
	t.Helper()
	tree, err := git.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	d, err := hooks.Find(t.Context(), tree, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func install(t *testing.T, dir string) *hooks.Dir {
	t.Helper()
	d := find(t, dir, hooks.Options{})
	if _, err := d.Install(); err != nil {
		t.Fatal(err)
	}
	return d
}

func states(t *testing.T, d *hooks.Dir) string {
	t.Helper()
	all, err := d.Hooks()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, h := range all {
		s := string(h.State)
		if h.Kept != "" {
			s += "+kept"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// try runs git and says whether it did what it was told.
func try(t *testing.T, r *gittest.Repo, args ...string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = r.Dir
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return err == nil
}

// files are the hooks with mode and content, and where links lead.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), ".sample") {
			continue
		}
		link, _ := os.Readlink(path) // none: a file
		text, _ := os.ReadFile(path) // none: a link to nowhere
		out[e.Name()] = info.Mode().String() + " " + link + " " + string(text)
	}
	return out
}

// Whatever was there before is there again afterwards, byte for byte.
func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(r *gittest.Repo, dir string) error
		while  string
	}{
		{"no hooks", func(*gittest.Repo, string) error { return nil }, "installed installed"},
		{"no folder", func(_ *gittest.Repo, dir string) error { return os.RemoveAll(dir) }, "installed installed"},
		{"a script", func(r *gittest.Repo, _ string) error { r.Hook("pre-commit", "exit 0\n"); return nil }, "installed+kept installed"},
		{"both, with CRLF, no line end, and another mode", func(r *gittest.Repo, dir string) error {
			r.Hook("pre-push", "exit 0\r\n# end")
			return os.WriteFile(filepath.Join(dir, "pre-commit"), []byte{0, 1, 255}, 0o640)
		}, "installed+kept installed+kept"},
		{"a link", func(_ *gittest.Repo, dir string) error {
			return os.Symlink("../../hook.sh", filepath.Join(dir, "pre-push"))
		}, "installed installed+kept"},
		{"a link to nowhere", func(_ *gittest.Repo, dir string) error { return os.Symlink("gone", filepath.Join(dir, "pre-commit")) }, "installed+kept installed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := repository(t)
			r.Write("hook.sh", "#!/bin/sh\n")
			dir := r.Path(".git/hooks")
			if err := c.before(r, dir); err != nil {
				t.Fatal(err)
			}
			before := files(t, dir)
			d := install(t, r.Dir)
			if got := states(t, d); got != c.while {
				t.Errorf("installed: %s, want %s", got, c.while)
			}
			with := files(t, dir)
			install(t, r.Dir)
			if diff := cmp.Diff(with, files(t, dir)); diff != "" {
				t.Errorf("the second time (-before +now):\n%s", diff)
			}
			if _, err := d.Uninstall(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, files(t, dir)); diff != "" {
				t.Errorf("taken out (-before +now):\n%s", diff)
			}
		})
	}
}

// Each way to commit runs the guard, behind the hook that was there.
func TestCommit(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		r, log := repository(t, "--object-format="+format)
		r.Hook("pre-commit", "echo own >>\"$LOG\"; [ ! -e fail ]\n")
		install(t, r.Dir)
		for _, args := range [][]string{{"-a"}, {".gitignore"}, {"--amend", "-a"}, {}} {
			r.Write(".gitignore", strings.Join(args, " ")+"\n.bin/\nrefuse\nfail\n")
			if len(args) == 0 {
				r.Git("add", ".")
			}
			r.Write("refuse", "")
			commit := append([]string{"commit", "--quiet", "-m", "x"}, args...)
			head := r.Git("rev-parse", "HEAD")
			if try(t, r, commit...) || r.Git("rev-parse", "HEAD") != head {
				t.Errorf("%s: %q was not refused", format, args)
			}
			if got := log(); got != "own\nsecrets:guard\n" {
				t.Errorf("%s: %q: ran %q", format, args, got)
			}
			if err := os.Remove(r.Path("refuse")); err != nil {
				t.Fatal(err)
			}
			if !try(t, r, commit...) {
				t.Errorf("%s: %q was refused", format, args)
			}
			log()
		}
		r.Write("fail", "")
		if try(t, r, "commit", "--allow-empty", "-m", "x") || log() != "own\n" {
			t.Errorf("%s: the hook that was there does not count", format)
		}
	}
}

// The guard has what is pushed on stdin, and so has the hook that was there, later.
func TestPush(t *testing.T) {
	r, log := repository(t)
	remote := gittest.Bare(t)
	r.Git("remote", "add", "origin", remote.Dir)
	r.Hook("pre-push", "echo own \"$1\" >>\"$LOG\"; cat >>\"$LOG\"\n")
	install(t, r.Dir)
	head := r.Git("rev-parse", "HEAD")
	line := "refs/heads/main " + head + " refs/heads/main " + strings.Repeat("0", len(head)) + "\n"
	r.Write("refuse", "")
	if try(t, r, "push", "origin", "main") || log() != "secrets:guard -push=origin\n"+line {
		t.Error("the push was not refused, or more ran than the guard")
	}
	if err := os.Remove(r.Path("refuse")); err != nil {
		t.Fatal(err)
	}
	if !try(t, r, "push", "origin", "main") {
		t.Error("the push was refused")
	}
	if got, want := log(), "secrets:guard -push=origin\n"+line+"own origin\n"+line; got != want {
		t.Errorf("ran\n%s\nwant\n%s", got, want)
	}
	// A password in a URL does not come into the arguments of another program.
	if !try(t, r, "push", "file://someone:hunter2@"+remote.Dir, "main:other") {
		t.Fatal("git refuses a user in such a URL")
	}
	if got := log(); !strings.HasPrefix(got, "secrets:guard -push=-\n") {
		t.Errorf("ran %q", got)
	}
}

// A linked work tree runs the same hooks, with its own program or the main one's.
func TestWorktree(t *testing.T) {
	r, log := repository(t)
	linked := gittest.At(t, filepath.Join(t.TempDir(), "linked"))
	r.Git("worktree", "add", "--quiet", linked.Dir)
	d := install(t, linked.Dir)
	if d.Path != find(t, r.Dir, hooks.Options{}).Path || !d.Built || d.Outside {
		t.Errorf("%+v", d)
	}
	linked.Write("refuse", "")
	if try(t, linked, "commit", "--allow-empty", "-m", "x") || log() != "secrets:guard\n" {
		t.Error("the main work tree's program did not run")
	}
	linked.Write(".bin/sealway", "#!/bin/sh\necho linked >>\"$LOG\"\n")
	if err := os.Chmod(linked.Path(".bin/sealway"), 0o755); err != nil {
		t.Fatal(err)
	}
	if !try(t, linked, "commit", "--allow-empty", "-m", "x") || log() != "linked\n" {
		t.Error("its own program did not run")
	}
}

// Without a program everything is refused.
func TestNoProgram(t *testing.T) {
	for name, breakIt := range map[string]func(path string) error{
		"missing":        os.Remove,
		"not executable": func(path string) error { return os.Chmod(path, 0o644) },
		"a folder":       func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) },
	} {
		r, _ := repository(t)
		r.Git("remote", "add", "origin", gittest.Bare(t).Dir)
		install(t, r.Dir)
		if err := breakIt(r.Path(".bin/sealway")); err != nil {
			t.Fatal(err)
		}
		if try(t, r, "commit", "--allow-empty", "-m", "x") || try(t, r, "push", "origin", "main") {
			t.Errorf("%s: nothing was refused", name)
		}
		if find(t, r.Dir, hooks.Options{}).Built {
			t.Errorf("%s: it is said to be built", name)
		}
	}
}

// A program with an odd path is called as it is.
func TestOddProgram(t *testing.T) {
	r, log := repository(t)
	const odd = "it's a $(place)/sealway"
	r.Write(odd, program)
	if err := os.Chmod(r.Path(odd), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{odd, r.Path(odd)} {
		d := find(t, r.Dir, hooks.Options{Program: name})
		if _, err := d.Install(); err != nil || !d.Built {
			t.Fatal(d.Built, err)
		}
		if !try(t, r, "commit", "--allow-empty", "-m", "x") || log() != "secrets:guard\n" {
			t.Errorf("%s did not run", name)
		}
		if got := states(t, find(t, r.Dir, hooks.Options{})); got != "outdated outdated" {
			t.Errorf("for the usual program they are %s", got)
		}
	}
}

// core.hooksPath counts, and leads nowhere else.
func TestHooksPath(t *testing.T) {
	for _, c := range []struct {
		path    string
		outside bool
	}{
		{".githooks", false},
		{"a/b c/ü", false},
		{".git/other", false},
		{"../shared", true},
		{os.DevNull, true},
	} {
		r, log := repository(t)
		r.Git("config", "core.hooksPath", c.path)
		d := find(t, r.Dir, hooks.Options{})
		_, err := d.Install()
		var outside *hooks.OutsideError
		if d.Outside != c.outside || errors.As(err, &outside) != c.outside || !c.outside && err != nil {
			t.Errorf("%s: outside %v, %v", c.path, d.Outside, err)
		}
		if ran := try(t, r, "commit", "--allow-empty", "-m", "x") && log() == "secrets:guard\n"; ran == c.outside {
			t.Errorf("%s: the guard ran: %v", c.path, ran)
		}
	}
}

// What another program manages is left to it.
func TestManager(t *testing.T) {
	for _, c := range []struct {
		name          string
		hooksPath     string
		hook          string
		config, text  string
		want          string
		active, guard bool
	}{
		{name: "lefthook", hook: "call_lefthook run pre-commit\n", config: "lefthook.yml", text: "a: b\n", want: "lefthook", active: true},
		{name: "lefthook that guards", hook: "call_lefthook run\n", config: "lefthook.yml", text: "run: .bin/sealway secrets:guard\n", want: "lefthook", active: true, guard: true},
		{name: "lefthook, not installed", config: "lefthook.yml", text: "a: b\n", want: "lefthook"},
		{name: "pre-commit", hook: "# File generated by pre-commit: https://pre-commit.com\n", config: ".pre-commit-config.yaml", text: "- id: sealway-guard\n", want: "pre-commit", active: true, guard: true},
		{name: "husky", hooksPath: ".husky/_", config: ".husky/pre-commit", text: "npm test\n", want: "husky", active: true},
		{name: "husky, the older way", hooksPath: ".husky", config: ".husky/pre-commit", text: "npm test\n", want: "husky", active: true},
		{name: "none", hook: "exit 0\n"},
	} {
		r, _ := repository(t)
		if c.hook != "" {
			r.Hook("pre-commit", c.hook)
		}
		if c.hooksPath != "" {
			r.Git("config", "core.hooksPath", c.hooksPath)
		}
		if c.config != "" {
			r.Write(c.config, c.text)
		}
		d := find(t, r.Dir, hooks.Options{})
		var got hooks.Manager
		if d.Manager != nil {
			got = *d.Manager
		}
		if want := (hooks.Manager{Name: c.want, Config: c.config, Active: c.active, Guards: c.guard}); got != want {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
		_, err := d.Install()
		var refused *hooks.ManagerError
		if errors.As(err, &refused) != c.active || !c.active && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && states(t, d) == "installed installed" {
			t.Errorf("%s: installed all the same", c.name)
		}
	}
}

// What somebody did to the hooks meanwhile is not lost.
func TestChangedMeanwhile(t *testing.T) {
	r, _ := repository(t)
	d := install(t, r.Dir)
	path := r.Path(".git/hooks/pre-push")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "echo mine\n"...), 0o755); err != nil {
		t.Fatal(err)
	}
	before := files(t, d.Path)
	var edited *hooks.EditedError
	if _, err := d.Install(); !errors.As(err, &edited) {
		t.Errorf("install: %v", err)
	}
	if _, err := d.Uninstall(); !errors.As(err, &edited) {
		t.Errorf("uninstall: %v", err)
	}
	r.Write(".git/hooks/pre-push.sealway-kept", "#!/bin/sh\n")
	r.Hook("pre-push", "echo another\n")
	before["pre-push"], before["pre-push.sealway-kept"] = files(t, d.Path)["pre-push"], files(t, d.Path)["pre-push.sealway-kept"]
	var twice *hooks.TwiceError
	if _, err := d.Install(); !errors.As(err, &twice) {
		t.Errorf("install: %v", err)
	}
	if diff := cmp.Diff(before, files(t, d.Path)); diff != "" {
		t.Errorf("(-before +now):\n%s", diff)
	}
}
