package git_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

// pushed is a repository with one commit on main, and its remote origin that has it.
func pushed(t *testing.T) (r, remote *gittest.Repo, commit string) {
	t.Helper()
	r, remote = gittest.New(t), gittest.Bare(t)
	commit = r.Commit("a", "a")
	r.Git("remote", "add", "origin", remote.Dir)
	r.Git("push", "--quiet", "--set-upstream", "origin", "main")
	return r, remote, commit
}

func TestRemotes(t *testing.T) {
	r := gittest.New(t)
	tree, ctx := open(t, r), t.Context()
	if got, err := tree.Remotes(ctx); err != nil || len(got) != 0 {
		t.Errorf("none: %v, %v", got, err)
	}
	r.Git("remote", "add", "origin", "https://user:token@example.com/a b.git")
	r.Git("remote", "add", "fork", "git@example.com:x.git")
	r.Git("remote", "set-url", "--push", "fork", "ssh://git@example.com/y.git")
	r.Git("remote", "set-url", "--push", "--add", "fork", "ssh://git@example.com/z.git")
	got, err := tree.Remotes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := []git.Remote{{Name: "fork", URL: "ssh://git@example.com/y.git"}, {Name: "origin", URL: "https://user:token@example.com/a b.git"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestTracking(t *testing.T) {
	r, _, _ := pushed(t)
	tree, ctx := open(t, r), t.Context()
	check := func(branch string, want git.Tracking) {
		t.Helper()
		got, err := tree.Tracking(ctx, branch)
		if err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	check("main", git.Tracking{Remote: "origin", Branch: "main"})
	check("other", git.Tracking{})
	r.Git("config", "remote.pushDefault", "fork")
	check("other", git.Tracking{PushRemote: "fork"})
	r.Git("config", "branch.Top.ic/ä.pushRemote", "mine")
	r.Git("config", "branch.Top.ic/ä.merge", "refs/heads/x/y")
	check("Top.ic/ä", git.Tracking{Branch: "x/y", PushRemote: "mine"})
}

func TestFetch(t *testing.T) {
	r, remote, _ := pushed(t)
	other := remote.Clone()
	second := other.Commit("b", "b")
	other.Git("push", "--quiet", "origin", "main")
	tree, ctx := open(t, r), t.Context()

	// By address nothing of the repository's refs changes.
	before := r.Git("for-each-ref")
	got, err := tree.Fetch(ctx, remote.Dir, "main")
	if err != nil || got != second {
		t.Errorf("%s, %v, want %s", got, err, second)
	}
	if d := cmp.Diff(before, r.Git("for-each-ref")); d != "" {
		t.Errorf("refs (-before +now):\n%s", d)
	}
	// By name neither: several runs at once would meet at the remote-tracking ref.
	got, err = tree.Fetch(ctx, "origin", "main")
	if err != nil || got != second {
		t.Errorf("%s, %v, want %s", got, err, second)
	}
	if d := cmp.Diff(before, r.Git("for-each-ref")); d != "" {
		t.Errorf("refs (-before +now):\n%s", d)
	}
	if got, err := tree.DefaultBranch(ctx, "origin"); err != nil || got != "main" {
		t.Errorf("DefaultBranch: %q, %v", got, err)
	}
	if exists(t, r.Path(".git/FETCH_HEAD")) || strings.Contains(r.Git("for-each-ref"), "sealway") {
		t.Error("a ref was left behind")
	}
	if got, err := tree.Fetch(ctx, "origin", "none"); err != nil || got != "" {
		t.Errorf("no such branch: %q, %v", got, err)
	}
	if got, err := tree.RemoteBranch(ctx, "origin", "main"); err != nil || got != second {
		t.Errorf("RemoteBranch: %q, %v", got, err)
	}
	if got, err := tree.RemoteBranch(ctx, remote.Dir, "ain"); err != nil || got != "" {
		t.Errorf("RemoteBranch of a part of the name: %q, %v", got, err)
	}
}

func TestPush(t *testing.T) {
	r, remote, _ := pushed(t)
	remote.Hook("post-receive", `echo; echo "Create a pull request by visiting:"; printf '   https://example.com/pull\033[31m\n'`)
	tree, ctx := open(t, r), t.Context()
	commit := r.Commit("b", "b")
	r.Git("tag", "-a", "-m", "t", "v1")
	r.Git("config", "push.followTags", "true")
	messages, err := tree.Push(ctx, git.PushOptions{Remote: "origin", Branch: "main", To: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"Create a pull request by visiting:", "https://example.com/pull[31m"}, messages); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
	if got := remote.Git("for-each-ref", "--format=%(refname) %(objectname)"); got != "refs/heads/main "+commit {
		t.Errorf("remote: %s", got)
	}
	r.Git("branch", "topic")
	if _, err := tree.Push(ctx, git.PushOptions{Remote: "origin", Branch: "topic", To: "other", SetUpstream: true}); err != nil {
		t.Fatal(err)
	}
	if got := r.Git("rev-parse", "--abbrev-ref", "topic@{upstream}"); got != "origin/other" {
		t.Errorf("upstream %q", got)
	}
}

func TestPushRejected(t *testing.T) {
	for _, c := range []struct {
		name     string
		prepare  func(t *testing.T, r, remote *gittest.Repo)
		declined bool
		reason   string
		messages []string
	}{
		{name: "moved on", reason: "fetch first", prepare: func(_ *testing.T, _, remote *gittest.Repo) {
			other := remote.Clone()
			other.Commit("c", "c")
			other.Git("push", "--quiet", "origin", "main")
		}},
		{name: "protected", reason: "pre-receive hook declined", declined: true, messages: []string{"main is protected"}, prepare: func(_ *testing.T, _, remote *gittest.Repo) {
			remote.Hook("pre-receive", "echo main is protected; exit 1\n")
		}},
		{name: "checked out there", reason: "branch is currently checked out", declined: true, prepare: func(t *testing.T, r, remote *gittest.Repo) {
			other := remote.Clone()
			r.Git("remote", "set-url", "origin", other.Dir)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, remote, _ := pushed(t)
			r.Commit("b", "b")
			c.prepare(t, r, remote)
			_, err := open(t, r).Push(t.Context(), git.PushOptions{Remote: "origin", Branch: "main", To: "main"})
			var e *git.RejectedError
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			if e.Reason != c.reason || e.Declined != c.declined || e.Unavailable() != c.declined {
				t.Errorf("%+v", e)
			}
			if c.messages != nil {
				if d := cmp.Diff(c.messages, e.Messages); d != "" {
					t.Errorf("messages (-want +got):\n%s", d)
				}
			}
		})
	}
}

func TestPrePushHookRefuses(t *testing.T) {
	r, _, _ := pushed(t)
	r.Commit("b", "b")
	r.Hook("pre-push", "echo tests fail >&2; exit 1\n")
	_, err := open(t, r).Push(t.Context(), git.PushOptions{Remote: "origin", Branch: "main", To: "main"})
	if !is[*git.HookError](err) || err.Error() != "git push: the pre-push hook refused:\n    tests fail" {
		t.Error(err)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://user:canary@" + l.Addr().String() + "/x.git"
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, _, _ := pushed(t)
	tree, ctx := open(t, r), t.Context()
	for name, remote := range map[string]string{"no repository": filepath.Join(t.TempDir(), "none"), "connection refused": closed} {
		_, fetch := tree.Fetch(ctx, remote, "main")
		_, list := tree.RemoteBranch(ctx, remote, "main")
		_, push := tree.Push(ctx, git.PushOptions{Remote: remote, Branch: "main", To: "main"})
		for _, err := range []error{fetch, list, push} {
			var e *git.UnreachableError
			if !errors.As(err, &e) || !e.Unavailable() || e.Hint() == "" || !strings.Contains(err.Error(), ": cannot be reached: ") || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// ssh must not ask; but whoever says how ssh is run knows better.
func TestSSHDoesNotAsk(t *testing.T) {
	r := gittest.New(t)
	bin := t.TempDir()
	script := "#!/bin/sh\necho \"$@\" > " + filepath.Join(bin, "args") + "\necho 'Host key verification failed.' >&2\nexit 255\n"
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	tree := open(t, r)
	args := func() string {
		t.Helper()
		_, err := tree.RemoteBranch(t.Context(), "ssh://git@host.invalid/x.git", "main")
		var e *git.UnreachableError
		if !errors.As(err, &e) || !strings.Contains(e.Hint(), "connect once by hand") {
			t.Error(err)
		}
		data, err := os.ReadFile(filepath.Join(bin, "args"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if got := args(); !strings.HasPrefix(got, "-oBatchMode=yes ") {
		t.Errorf("ssh %s", got)
	}
	r.Git("config", "core.sshCommand", "ssh -v")
	if got := args(); !strings.HasPrefix(got, "-v ") || strings.Contains(got, "Batch") {
		t.Errorf("with core.sshCommand: ssh %s", got)
	}
	t.Setenv("GIT_SSH_COMMAND", "ssh -4")
	if got := args(); !strings.HasPrefix(got, "-4 ") || strings.Contains(got, "Batch") {
		t.Errorf("with GIT_SSH_COMMAND: ssh %s", got)
	}
}

// A server that accepts and says nothing does not hold a cancelled command.
func TestCancelled(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			accepted <- conn
		}
		cancel()
	}()
	r := gittest.New(t)
	_, err = open(t, r).Fetch(ctx, "git://"+l.Addr().String()+"/x.git", "main")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	select {
	case conn := <-accepted:
		_ = conn.Close()
	default:
		t.Error("nobody connected")
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"https://user:token@example.com/x":             "https://example.com/x",
		"fatal: 'https://token@example.com/x': no":     "fatal: 'https://example.com/x': no",
		"ssh://git@example.com/x and ssh://a:b@host/y": "ssh://git@example.com/x and ssh://host/y",
		"git@example.com:x/y.git":                      "git@example.com:x/y.git",
		"https://example.com/a@b":                      "https://example.com/a@b",
	} {
		if got := git.Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}
