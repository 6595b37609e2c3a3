package git_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

func TestHead(t *testing.T) {
	r := gittest.New(t)
	tree := open(t, r)
	head := func() git.Head {
		t.Helper()
		h, err := tree.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if d := cmp.Diff(git.Head{Branch: "main"}, head()); d != "" {
		t.Errorf("before the first commit (-want +got):\n%s", d)
	}
	hash := r.Commit("a", "a")
	r.Git("switch", "--quiet", "-c", "topic/ä")
	if d := cmp.Diff(git.Head{Branch: "topic/ä", Commit: hash}, head()); d != "" {
		t.Errorf("on a branch (-want +got):\n%s", d)
	}
	r.Git("switch", "--quiet", "--detach")
	if d := cmp.Diff(git.Head{Commit: hash}, head()); d != "" {
		t.Errorf("detached (-want +got):\n%s", d)
	}
}

func TestOperation(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a", "a")
	r.Git("switch", "--quiet", "-c", "topic")
	r.Commit("a", "b")
	r.Git("switch", "--quiet", "main")
	r.Commit("a", "c")
	tree := open(t, r)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"merge", "topic"}, "merge"},
		{[]string{"rebase", "topic"}, "rebase"},
		{[]string{"rebase", "--apply", "topic"}, "rebase"},
		{[]string{"cherry-pick", "topic"}, "cherry-pick"},
		{[]string{"revert", "topic"}, "revert"},
	} {
		if o := tree.Operation(); o != (git.Operation{}) {
			t.Fatalf("before %v: %+v", c.args, o)
		}
		fails(t, r, c.args...)
		o := tree.Operation()
		if want := (git.Operation{Name: "a " + c.want, Continue: "git " + c.want + " --continue", Abort: "git " + c.want + " --abort"}); o != want {
			t.Errorf("%v: %+v, want %+v", c.args, o, want)
		}
		r.Git(c.want, "--abort")
	}
}

func TestHistory(t *testing.T) {
	r := gittest.New(t)
	first := r.Commit("dir/a", "a")
	second := r.Commit("b", "b")
	r.Git("switch", "--quiet", "--orphan", "other")
	r.Write("dir/a", "a")
	r.Git("add", "dir/a")
	other := r.Commit("c", "c")
	tree, ctx := open(t, r), t.Context()

	for _, c := range []struct {
		a, b          string
		ancestor      bool
		base          string
		ahead, behind int
	}{
		{first, second, true, first, 0, 1},
		{second, first, false, first, 1, 0},
		{second, second, true, second, 0, 0},
		{second, other, false, "", 2, 1},
	} {
		ancestor, err := tree.IsAncestor(ctx, c.a, c.b)
		if err != nil || ancestor != c.ancestor {
			t.Errorf("IsAncestor(%s, %s): %v, %v", c.a, c.b, ancestor, err)
		}
		base, err := tree.MergeBase(ctx, c.a, c.b)
		if err != nil || base != c.base {
			t.Errorf("MergeBase(%s, %s): %q, %v", c.a, c.b, base, err)
		}
		ahead, behind, err := tree.AheadBehind(ctx, c.a, c.b)
		if err != nil || ahead != c.ahead || behind != c.behind {
			t.Errorf("AheadBehind(%s, %s): %d, %d, %v", c.a, c.b, ahead, behind, err)
		}
	}
	if _, err := tree.IsAncestor(ctx, "1111111111111111111111111111111111111111", first); err == nil {
		t.Error("IsAncestor of a commit that is not here: no error")
	}

	at := func(commit, path string) string {
		t.Helper()
		hash, err := tree.PathAt(ctx, commit, path)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	if at(first, "dir") != at(other, "dir") || at(first, "dir") == "" {
		t.Error("the same folder in two commits is not the same")
	}
	if at(second, "b") == "" || at(first, "b") != "" || at("1111111111111111111111111111111111111111", "b") != "" {
		t.Error("a path is where it is not, or the reverse")
	}
	for rev, want := range map[string]string{"main": second, "HEAD": other, "nothing": "", "-x": "", "1111111111111111111111111111111111111111": "", other[:10]: other} {
		if got, err := tree.Resolve(ctx, rev); err != nil || got != want {
			t.Errorf("Resolve(%q): %q, %v", rev, got, err)
		}
	}

	commits, err := tree.Commits(ctx, second, first)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]git.Commit{{Hash: second, Subject: "change b"}}, commits); d != "" {
		t.Errorf("Commits (-want +got):\n%s", d)
	}
	objects, err := tree.NewObjects(ctx, second, first)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]git.Object{{Hash: at(second, "b"), Path: "b"}}, objects); d != "" {
		t.Errorf("NewObjects (-want +got):\n%s", d)
	}
}
