package git_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

// change makes a Change of a text, which it writes into the work tree and the
// repository.
func change(t *testing.T, r *gittest.Repo, tree *git.Tree, path, text string) git.Change {
	t.Helper()
	r.Write(path, text)
	hashes, err := tree.WriteBlobs(t.Context(), [][]byte{[]byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return git.Change{Path: path, Entry: git.Entry{Mode: git.ModeFile, Hash: hashes[0]}}
}

// busy is a repository whose user has work under way: staged, partly staged, not
// staged, and not tracked. It returns what `git status` says about that.
func busy(t *testing.T, format string) (r *gittest.Repo, parent, status string) {
	t.Helper()
	r = gittest.New(t, "--object-format="+format)
	for _, f := range []string{odd, "gone", "staged", "partly", "unstaged"} {
		r.Write(f, "old\n")
		r.Git("add", "--", f)
	}
	r.Git("commit", "--quiet", "-m", "first")
	parent = r.Git("rev-parse", "HEAD")
	r.Write("staged", "new\n")
	r.Write("partly", "half\n")
	r.Write("new", "new\n")
	r.Git("add", "staged", "partly", "new")
	r.Write("partly", "new\n")
	r.Write("unstaged", "new\n")
	r.Write("untracked", "new\n")
	return r, parent, r.Git("status", "--porcelain")
}

func TestCommitTakesExactlyTheChanges(t *testing.T) {
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			r, parent, status := busy(t, format)
			tree := open(t, r)
			changes := []git.Change{change(t, r, tree, odd, "new\n"), change(t, r, tree, "dir/more", "more\n"), {Path: "gone"}}
			if err := os.Remove(r.Path("gone")); err != nil {
				t.Fatal(err)
			}
			hash, err := tree.Commit(t.Context(), git.CommitOptions{Parent: parent, Message: "subject\n\n#body\n", Changes: changes})
			if err != nil {
				t.Fatal(err)
			}
			if head := r.Git("rev-parse", "HEAD", "main"); head != hash+"\n"+hash {
				t.Errorf("HEAD is %s, the commit is %s", head, hash)
			}
			if d := cmp.Diff("M\t"+odd+"\x00A\tdir/more\x00D\tgone", names(r, parent, hash)); d != "" {
				t.Errorf("committed (-want +got):\n%s", d)
			}
			if d := cmp.Diff("subject\n\n#body", r.Git("log", "-1", "--format=%B")); d != "" {
				t.Errorf("message (-want +got):\n%s", d)
			}
			if d := cmp.Diff(status, r.Git("status", "--porcelain")); d != "" {
				t.Errorf("the user's work (-before +now):\n%s", d)
			}
			clean(t, r)
		})
	}
}

// names are the changed paths between two commits, NUL between letter and path
// written as a tab.
func names(r *gittest.Repo, from, to string) string {
	f := strings.Split(strings.TrimSuffix(r.Git("diff-tree", "-r", "-z", "--no-renames", "--name-status", from, to), "\x00"), "\x00")
	var pairs []string
	for i := 0; i+1 < len(f); i += 2 {
		pairs = append(pairs, f[i]+"\t"+f[i+1])
	}
	return strings.Join(pairs, "\x00")
}

// clean finds what a commit left behind in the git directory.
func clean(t *testing.T, r *gittest.Repo) {
	t.Helper()
	dir := r.Git("rev-parse", "--absolute-git-dir")
	for _, left := range []string{"sealway-commit-*", "worktrees/*", "*.lock"} {
		if exists(t, filepath.Join(dir, left)) {
			t.Errorf("left behind: %s", left)
		}
	}
}

func TestFirstCommit(t *testing.T) {
	r := gittest.New(t)
	tree := open(t, r)
	r.Write("staged", "x")
	r.Git("add", "staged")
	hash, err := tree.Commit(t.Context(), git.CommitOptions{Message: "first", Changes: []git.Change{change(t, r, tree, "a", "a")}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Git("ls-tree", "-r", "--name-only", hash); got != "a" {
		t.Errorf("committed %q, want a alone", got)
	}
	if got := r.Git("status", "--porcelain"); got != "A  staged" {
		t.Errorf("status %q", got)
	}
}

// A branch that nobody has checked out gets the commit, with hooks that see the
// work tree, and the user's branch, index and files stay.
func TestCommitAside(t *testing.T) {
	r, parent, _ := busy(t, "sha1")
	tree := open(t, r)
	c := change(t, r, tree, odd, "new\n")
	status := r.Git("status", "--porcelain")
	r.Hook("pre-commit", "git rev-parse --abbrev-ref HEAD > seen\ngit diff --cached --name-only -z >> seen\ncat untracked >> seen\n")
	hash, err := tree.Commit(t.Context(), git.CommitOptions{Parent: parent, Branch: "topic/x", Message: "aside", Changes: []git.Change{c}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Git("rev-parse", "HEAD", "topic/x", "topic/x^"); got != parent+"\n"+hash+"\n"+parent {
		t.Errorf("HEAD, branch, its parent: %s", got)
	}
	seen, err := os.ReadFile(r.Path("seen"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("topic/x\n"+odd+"\x00new\n", string(seen)); d != "" {
		t.Errorf("the hook saw (-want +got):\n%s", d)
	}
	if err := os.Remove(r.Path("seen")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(status, r.Git("status", "--porcelain")); d != "" {
		t.Errorf("status (-before +now):\n%s", d)
	}
	clean(t, r)

	// The next one goes on top.
	second, err := tree.Commit(t.Context(), git.CommitOptions{Parent: hash, Branch: "topic/x", Message: "again", Changes: []git.Change{{Path: "gone"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Git("log", "--format=%s", "topic/x", "^main"); got != "again\naside" || second == hash {
		t.Errorf("log %q", got)
	}
}

// Whatever stops a commit leaves everything as it was.
func TestCommitRefused(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		prepare      func(r *gittest.Repo)
		branch       string
		want         func(error) bool
		text         string
	}{
		{name: "pre-commit", reason: "users' guards must run", want: is[*git.HookError], text: "git commit: the pre-commit hook refused:\n    no\n    never",
			prepare: func(r *gittest.Repo) { r.Hook("pre-commit", "echo no; echo never >&2; exit 1\n") }},
		{name: "commit-msg", reason: "likewise", want: is[*git.HookError], text: "the commit-msg hook refused",
			prepare: func(r *gittest.Repo) { r.Hook("commit-msg", "exit 1\n") }},
		{name: "aside", reason: "the new branch goes again", branch: "topic", want: is[*git.HookError],
			prepare: func(r *gittest.Repo) { r.Hook("pre-commit", "exit 1\n") }},
		{name: "signature", reason: "commit.gpgSign is honoured", want: is[*git.SigningError], text: "git commit: the commit could not be signed: ",
			prepare: func(r *gittest.Repo) {
				r.Git("config", "commit.gpgSign", "true")
				r.Git("config", "gpg.program", "false")
			}},
		{name: "locked", reason: "an editor holds the index", want: is[*git.LockedError], text: "repository: another git process holds index.lock",
			prepare: func(r *gittest.Repo) { r.Write(".git/index.lock", "") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, parent, _ := busy(t, "sha1")
			tree := open(t, r)
			changes := []git.Change{change(t, r, tree, odd, "new\n"), {Path: "gone"}}
			status := r.Git("status", "--porcelain")
			c.prepare(r)
			_, err := tree.Commit(t.Context(), git.CommitOptions{Parent: parent, Branch: c.branch, Message: "no", Changes: changes})
			if err == nil || !c.want(err) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v", c.reason, err)
			}
			_ = os.Remove(r.Path(".git/index.lock"))
			if d := cmp.Diff(status, r.Git("status", "--porcelain")); d != "" {
				t.Errorf("status (-before +now):\n%s", d)
			}
			if got := r.Git("for-each-ref", "--format=%(refname) %(objectname)"); got != "refs/heads/main "+parent {
				t.Errorf("refs: %s", got)
			}
			clean(t, r)
		})
	}
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// A hook that adds to the commit is found out.
func TestCommitAltered(t *testing.T) {
	r, parent, _ := busy(t, "sha1")
	tree := open(t, r)
	r.Hook("pre-commit", "git add untracked\n")
	hash, err := tree.Commit(t.Context(), git.CommitOptions{Parent: parent, Message: "m", Changes: []git.Change{change(t, r, tree, odd, "new\n")}})
	var altered *git.AlteredError
	if !errors.As(err, &altered) || hash != altered.Commit || cmp.Diff([]string{"untracked"}, altered.Paths) != "" {
		t.Errorf("%s, %v", hash, err)
	}
}

func TestCommitMoved(t *testing.T) {
	r, parent, _ := busy(t, "sha1")
	tree := open(t, r)
	r.Git("commit", "--quiet", "-m", "somebody else")
	_, err := tree.Commit(t.Context(), git.CommitOptions{Parent: parent, Message: "m", Changes: []git.Change{{Path: "gone"}}})
	if !is[*git.MovedError](err) {
		t.Error(err)
	}
}

// Linked work trees, split and sparse indexes are not special to the user, nor
// to a commit.
func TestCommitInOddTrees(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(r *gittest.Repo) *gittest.Repo
	}{
		{"linked work tree", func(r *gittest.Repo) *gittest.Repo {
			r.Git("worktree", "add", "--quiet", "-b", "linked", "../linked")
			other := *r
			other.Dir = filepath.Join(filepath.Dir(r.Dir), "linked")
			return &other
		}},
		{"split index", func(r *gittest.Repo) *gittest.Repo {
			r.Git("config", "core.splitIndex", "true")
			r.Git("update-index", "--split-index")
			return r
		}},
		{"sparse index", func(r *gittest.Repo) *gittest.Repo {
			r.Git("sparse-checkout", "set", "--cone", "--sparse-index", "dir")
			return r
		}},
	} {
		for _, branch := range []string{"", "topic"} {
			t.Run(c.name+" "+branch, func(t *testing.T) {
				r := gittest.New(t)
				r.Commit("far/away/file", "a\n")
				r.Commit("dir/b", "b\n")
				parent := r.Git("rev-parse", "HEAD")
				r = c.prepare(r)
				tree := open(t, r)
				changes := []git.Change{change(t, r, tree, "dir/b", "c\n"), change(t, r, tree, "dir/new", "c\n")}
				hash, err := tree.Commit(t.Context(), git.CommitOptions{Parent: parent, Branch: branch, Message: "m", Changes: changes})
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff("M\tdir/b\x00A\tdir/new", names(r, parent, hash)); d != "" {
					t.Errorf("committed (-want +got):\n%s", d)
				}
				want := ""
				if branch != "" {
					want = " M dir/b\n?? dir/new"
				}
				if got := r.Git("status", "--porcelain"); got != want {
					t.Errorf("status %q, want %q", got, want)
				}
			})
		}
	}
}

// A commit is made where the tree is, whatever a surrounding hook's environment says.
func TestHookEnvironment(t *testing.T) {
	r, parent, _ := busy(t, "sha1")
	other := gittest.New(t)
	other.Commit("x", "x")
	for name, value := range map[string]string{
		"GIT_DIR": other.Path(".git"), "GIT_WORK_TREE": other.Dir, "GIT_INDEX_FILE": other.Path(".git/index"),
		"GIT_OBJECT_DIRECTORY": other.Path(".git/objects"), "GIT_PREFIX": "x/", "GIT_LITERAL_PATHSPECS": "1",
	} {
		t.Setenv(name, value)
	}
	tree := open(t, r)
	hash, err := tree.Commit(t.Context(), git.CommitOptions{Parent: parent, Message: "m", Changes: []git.Change{{Path: "gone"}}})
	if err != nil {
		t.Fatal(err)
	}
	gittest.Isolate()
	if got := r.Git("rev-parse", "main"); got != hash {
		t.Errorf("main is %s, want %s", got, hash)
	}
}

func TestIdentity(t *testing.T) {
	r := gittest.New(t)
	tree := open(t, r)
	if err := tree.Identity(t.Context()); err != nil {
		t.Error(err)
	}
	r.Git("config", "--unset", "user.name")
	r.Git("config", "--unset", "user.email")
	r.Git("config", "user.useConfigOnly", "true")
	if err := tree.Identity(t.Context()); !is[*git.IdentityError](err) {
		t.Error(err)
	}
}

func TestBranches(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a", "a")
	r.Git("worktree", "add", "--quiet", "-b", "linked", "../linked")
	tree, ctx := open(t, r), t.Context()
	for name, want := range map[string]string{"main": "work", "linked": "linked", "other": ""} {
		got, err := tree.CheckedOut(ctx, name)
		if err != nil || (want == "") != (got == "") || got != "" && filepath.Base(got) != want {
			t.Errorf("CheckedOut(%s): %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]bool{"seal/db": true, "ä": true, "-x": false, "a b": false, "a..b": false, "": false, "x.lock": false} {
		if got, err := tree.ValidBranch(ctx, name); err != nil || got != want {
			t.Errorf("ValidBranch(%q): %v, %v", name, got, err)
		}
	}
}
