package guard

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

// A Secret, something else, and the same Secret in another wording.
const (
	leak  = "apiVersion: v1\nkind: Secret\nstringData:\n  password: hunter2\n"
	leak2 = "# x\n" + leak
	clean = "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n"
)

type scanFunc func(context.Context, *git.Tree, Options) (*Result, error)

func options() Options {
	return Options{IsPlaintext: func(p string) bool { return strings.Contains("/"+p, "/local-secrets/") }}
}

func open(t testing.TB, dir string) *git.Tree {
	t.Helper()
	tree, err := git.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// places are the findings as path:line, with the commit's subject where there is one.
func places(t testing.TB, r *gittest.Repo, scan scanFunc, tree *git.Tree, o Options) []string {
	t.Helper()
	result, err := scan(t.Context(), tree, o)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, f := range result.Findings {
		place := f.Position()
		if f.Commit != "" {
			place += " " + r.Git("log", "-1", "--format=%s", f.Commit)
		}
		out = append(out, place)
	}
	return out
}

func rangeOf(commits string) scanFunc {
	return func(ctx context.Context, t *git.Tree, o Options) (*Result, error) { return Range(ctx, t, commits, o) }
}

// TestIndex judges the index in each state in which real Git leaves it.
func TestIndex(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		init         []string
		prepare      func(t *testing.T, r *gittest.Repo)
		want         []string
	}{
		{"empty", "a repository without anything", nil, func(*testing.T, *gittest.Repo) {}, nil},
		{"first commit", "there is no commit to compare with", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Write("a.yaml", leak)
			r.Git("add", "a.yaml")
		}, []string{"a.yaml:4"}},
		{"not staged", "the work tree does not count", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("a.yaml", clean)
			r.Write("a.yaml", leak)
			r.Write("new.yaml", leak)
		}, nil},
		{"staged, then cleaned", "what is staged counts, not what the work tree has now", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("a.yaml", clean)
			r.Write("a.yaml", leak)
			r.Git("add", "a.yaml")
			r.Write("a.yaml", clean)
		}, []string{"a.yaml:4"}},
		{"partly staged", "of two changes of a file the staged one counts", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("a.yaml", clean)
			r.Write("a.yaml", clean+"---\n"+leak)
			r.Git("add", "a.yaml")
			r.Write("a.yaml", clean+"---\n"+leak+"---\n"+leak)
		}, []string{"a.yaml:8"}},
		{"unchanged", "what the last commit has is not this commit's doing", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("a.yaml", leak)
			r.Write("b.yaml", clean)
			r.Git("add", "b.yaml")
		}, nil},
		{"renamed", "a renamed file is a file", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("a.yaml", leak)
			r.Git("mv", "a.yaml", "b.yaml")
		}, []string{"b.yaml:4"}},
		{"copied", "so is a copy", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("a.txt", leak)
			r.Write("b.yaml", leak)
			r.Git("add", "b.yaml")
		}, []string{"b.yaml:4"}},
		{"deleted", "taking plaintext out is no finding", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("a.yaml", leak)
			r.Git("rm", "--quiet", "a.yaml")
		}, nil},
		{"intent to add", "a file that is only announced has no content", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			r.Write("a.yaml", leak)
			r.Git("add", "-N", "a.yaml")
		}, nil},
		{"forced", "an ignored file that was added all the same", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit(".gitignore", "local-secrets/\n")
			r.Write("applications/shop/local-secrets/db.yaml", "anything")
			r.Git("add", "-f", "applications")
		}, []string{"applications/shop/local-secrets/db.yaml"}},
		{"empty plaintext file", "the folder counts, not the content", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			r.Write("old/local-secrets/sub/x", "")
			r.Git("add", "-f", "old")
		}, []string{"old/local-secrets/sub/x"}},
		{"odd names", "quotes, blanks, line feeds and letters in names", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			r.Write("a b'\"\tä.yaml", leak)
			r.Write("-line\nfeed.yaml", leak)
			r.Git("add", ".")
		}, []string{"-line\nfeed.yaml:4", "a b'\"\tä.yaml:4"}},
		{"symbolic link", "a link's content is where it leads", nil, func(t *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			if err := os.Symlink("applications/shop/local-secrets/db.yaml", r.Path("a.yaml")); err != nil {
				t.Fatal(err)
			}
			r.Git("add", "a.yaml")
		}, nil},
		{"mode change", "an executable manifest is one", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			r.Write("a.yaml", leak)
			r.Git("add", "--chmod=+x", "a.yaml")
		}, []string{"a.yaml:4"}},
		{"submodule", "another repository has a guard of its own", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			r.Git("update-index", "--add", "--cacheinfo", "160000,"+r.Git("rev-parse", "HEAD")+",sub")
		}, nil},
		{"sha256", "a repository with other hashes", []string{"--object-format=sha256"}, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			r.Write("a.yaml", leak)
			r.Git("add", ".")
		}, []string{"a.yaml:4"}},
		{"merge", "a merge brings the other side's files to this branch", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			r.Git("checkout", "--quiet", "-b", "other")
			r.Commit("a.yaml", leak)
			r.Git("checkout", "--quiet", "main")
			r.Commit("y", "y")
			r.Git("merge", "--quiet", "--no-commit", "--no-ff", "other")
		}, []string{"a.yaml:4"}},
		{"conflict", "of a conflict all sides are in the index", nil, func(t *testing.T, r *gittest.Repo) {
			r.Commit("a.yaml", clean)
			r.Git("checkout", "--quiet", "-b", "other")
			r.Commit("a.yaml", leak)
			r.Git("checkout", "--quiet", "main")
			r.Commit("a.yaml", "kind: Service\n")
			failing(t, r, "merge", "other")
		}, []string{"a.yaml:4"}},
		{"rebase", "a rebase that stopped at a conflict", nil, func(t *testing.T, r *gittest.Repo) {
			r.Commit("a.yaml", clean)
			r.Git("checkout", "--quiet", "-b", "other")
			r.Commit("b.yaml", leak)
			r.Commit("a.yaml", "kind: Service\n")
			r.Git("checkout", "--quiet", "main")
			r.Commit("a.yaml", "kind: Job\n")
			failing(t, r, "rebase", "main", "other")
			r.Write("a.yaml", leak2)
			r.Git("add", "a.yaml")
		}, []string{"a.yaml:5"}},
		{"cherry-pick", "without a commit yet", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			r.Git("checkout", "--quiet", "-b", "other")
			r.Commit("a.yaml", leak)
			r.Git("checkout", "--quiet", "main")
			r.Git("cherry-pick", "--no-commit", "other")
		}, []string{"a.yaml:4"}},
		{"orphan branch", "a branch that begins anew", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("a.yaml", leak)
			r.Git("checkout", "--quiet", "--orphan", "new")
		}, []string{"a.yaml:4"}},
		{"detached", "no branch is checked out", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			r.Git("checkout", "--quiet", "--detach")
			r.Write("a.yaml", leak)
			r.Git("add", ".")
		}, []string{"a.yaml:4"}},
		{"filter", "what Git stores counts: line ends", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit(".gitattributes", "*.yaml text eol=crlf\n")
			r.Write("a.yaml", strings.ReplaceAll(leak, "\n", "\r\n"))
			r.Git("add", ".")
		}, []string{"a.yaml:4"}},
		{"replaced objects", "a replacement does not hide what is sent", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", clean)
			r.Write("a.yaml", leak)
			r.Git("add", ".")
			r.Git("replace", r.Git("rev-parse", ":a.yaml"), r.Git("rev-parse", ":x"))
		}, []string{"a.yaml:4"}},
		{"many files", "more than one batch", nil, func(_ *testing.T, r *gittest.Repo) {
			r.Commit("x", "x")
			for i := range 600 {
				r.Write(fmt.Sprintf("d/%03d.yaml", i), clean+fmt.Sprintf("# %d\n", i))
			}
			r.Write("d/599.yaml", leak)
			r.Git("add", ".")
		}, []string{"d/599.yaml:4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := gittest.New(t, c.init...)
			c.prepare(t, r)
			got := places(t, r, Index, open(t, r.Dir), options())
			if diff := cmp.Diff(append([]string{}, c.want...), got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", c.reason, diff)
			}
		})
	}
}

// failing runs a git command that has to stop.
func failing(t *testing.T, r *gittest.Repo, args ...string) {
	t.Helper()
	r.Git(append([]string{"-c", "alias.stops=!git \"$@\" >/dev/null 2>&1 && exit 1 || exit 0; :", "stops"}, args...)...)
}

// TestIndexOfAHook commits in each of the ways that build the commit in an index of
// their own, with a hook that says which index that is.
func TestIndexOfAHook(t *testing.T) {
	for _, c := range []struct {
		name   string
		commit []string
		want   []string
	}{
		{"commit", []string{"commit"}, []string{"staged.yaml:4"}},
		{"commit -a", []string{"commit", "-a"}, []string{"edited.yaml:4", "staged.yaml:4"}},
		{"commit path", []string{"commit", "edited.yaml"}, []string{"edited.yaml:4"}},
		{"commit --include path", []string{"commit", "--include", "edited.yaml"}, []string{"edited.yaml:4", "staged.yaml:4"}},
		{"commit --amend", []string{"commit", "--amend"}, []string{"staged.yaml:4"}},
	} {
		for _, linked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, linked %v", c.name, linked), func(t *testing.T) {
				r := gittest.New(t)
				r.Commit("edited.yaml", clean)
				r.Commit("other.yaml", clean)
				if linked {
					r.Git("worktree", "add", "--quiet", "-b", "side", r.Dir+"-linked")
					r = gittest.At(t, r.Dir+"-linked")
				}
				r.Write("edited.yaml", leak)
				r.Write("staged.yaml", leak)
				r.Git("add", "staged.yaml")
				tree := open(t, r.Dir)
				told := filepath.Join(t.TempDir(), "index")
				// The hook keeps a copy of the index: the lock is gone when git has ended.
				r.Hook("pre-commit", fmt.Sprintf("cp \"${GIT_INDEX_FILE:-$(git rev-parse --git-path index)}\" '%s'\nexit 1\n", filepath.ToSlash(told)))
				failing(t, r, append(slices.Clone(c.commit), "-m", "x")...)
				got := places(t, r, Index, tree.WithIndex(told), options())
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

// TestAll judges what is tracked, whether the last commit has it or not.
func TestAll(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a.yaml", leak)
	r.Commit("sub/b.yaml", clean)
	r.Write("sub/b.yaml", leak2)
	r.Git("add", ".")
	r.Write("c.yaml", leak)
	r.Git("add", "-N", "c.yaml")
	r.Write("untracked.yaml", leak)
	if diff := cmp.Diff([]string{"a.yaml:4", "sub/b.yaml:5"}, places(t, r, All, open(t, r.Dir), options())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// From a folder below the root it is the same.
	if diff := cmp.Diff([]string{"a.yaml:4", "sub/b.yaml:5"}, places(t, r, All, open(t, r.Path("sub")), options())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestHistory names the commit that brought each version, be it still there or not.
func TestHistory(t *testing.T) {
	r := gittest.New(t)
	r.Commit("x", "x")
	base := r.Git("rev-parse", "HEAD")
	r.Commit("gone.yaml", leak)
	r.Git("rm", "--quiet", "gone.yaml")
	r.Git("commit", "--quiet", "-m", "gone")
	r.Commit("applications/shop/local-secrets/db.yaml", "one")
	r.Commit("applications/shop/local-secrets/db.yaml", "two")
	r.Git("checkout", "--quiet", "-b", "other", base)
	r.Commit("side.yaml", leak2)
	r.Git("checkout", "--quiet", "main")
	r.Git("merge", "--quiet", "--no-ff", "-m", "merge", "other")
	r.Git("branch", "--quiet", "-D", "other")
	// A merge that brings something of its own.
	r.Git("checkout", "--quiet", "-b", "third", base)
	r.Commit("y", "y")
	r.Git("checkout", "--quiet", "main")
	r.Git("merge", "--quiet", "--no-commit", "--no-ff", "third")
	r.Write("evil.yaml", "# evil\n"+leak2)
	r.Git("add", ".")
	r.Git("commit", "--quiet", "-m", "evil merge")
	tree := open(t, r.Dir)

	want := []string{
		"applications/shop/local-secrets/db.yaml change applications/shop/local-secrets/db.yaml",
		"evil.yaml:6 evil merge",
		"gone.yaml:4 change gone.yaml",
		"side.yaml:5 change side.yaml",
	}
	got := places(t, r, History, tree, options())
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got)\n%s", diff)
	}
	for commits, want := range map[string][]string{
		base + "...HEAD":                    want,
		base + ".." + "HEAD":                want,
		"HEAD~1..HEAD":                      {"evil.yaml:6 evil merge"},
		"HEAD...HEAD":                       {},
		"main..third":                       {},
		strings.Repeat("0", 40) + "...HEAD": want, // nothing was pushed yet
	} {
		got := places(t, r, rangeOf(commits), tree, options())
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", commits, diff)
		}
	}
	for _, commits := range []string{"", "HEAD", "nowhere...HEAD", "HEAD...nowhere", "...HEAD", "--all"} {
		if _, err := Range(t.Context(), tree, commits, options()); err == nil {
			t.Errorf("range %q: no error", commits)
		}
	}
}

// TestHistoryOfAConflict finds what came in while a conflict was resolved, and what an
// octopus merge brings.
func TestHistoryOfAConflict(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a.yaml", clean)
	for _, branch := range []string{"one", "two", "three"} {
		r.Git("checkout", "--quiet", "-b", branch, "main")
		r.Commit("a.yaml", clean+"# "+branch+"\n")
	}
	r.Git("checkout", "--quiet", "one")
	failing(t, r, "merge", "two")
	r.Write("a.yaml", leak)
	r.Git("commit", "--quiet", "-a", "-m", "resolved")
	parents := []string{"-p", "one", "-p", "two", "-p", "three"}
	r.Write("a.yaml", leak2)
	r.Git("add", "a.yaml")
	octopus := r.Git(append(append([]string{"commit-tree"}, parents...), "-m", "octopus", r.Git("write-tree"))...)
	r.Git("update-ref", "refs/heads/octopus", octopus)
	r.Git("reset", "--quiet", "--hard", "octopus")
	want := []string{"a.yaml:4 resolved", "a.yaml:5 octopus"}
	tree := open(t, r.Dir)
	for name, scan := range map[string]scanFunc{"history": History, "range": rangeOf("main..octopus")} {
		if diff := cmp.Diff(want, places(t, r, scan, tree, options())); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestHistoryOfAnyRef finds what no branch has: stashes, tags, notes.
func TestHistoryOfAnyRef(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a.yaml", clean)
	r.Write("a.yaml", leak)
	r.Write("b.yaml", leak2)
	r.Git("stash", "push", "--quiet", "--include-untracked")
	r.Git("checkout", "--quiet", "--detach")
	r.Commit("tagged.yaml", "# tagged\n"+leak)
	r.Git("tag", "v1")
	r.Git("checkout", "--quiet", "main")
	// Tags of a file and of a folder that no commit has.
	r.Write("loose/d.yaml", "# loose\n"+leak2)
	r.Git("add", "loose")
	r.Git("tag", "tree", r.Git("write-tree"))
	r.Write("e.yaml", "# e\n"+leak2)
	r.Git("tag", "-a", "-m", "x", "blob", r.Git("hash-object", "-w", "e.yaml"))
	r.Git("rm", "--quiet", "-r", "--cached", "loose")
	got := places(t, r, History, open(t, r.Dir), options())
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], " ")
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"a.yaml:4", "b.yaml:5", "refs/tags/blob:6", "refs/tags/tree/loose/d.yaml:6", "tagged.yaml:5"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestLargeFiles are skipped by size, and told of.
func TestLargeFiles(t *testing.T) {
	r := gittest.New(t)
	r.Commit("x", "x")
	r.Write("small.yaml", leak)
	r.Write("large.yaml", leak+strings.Repeat("# filler\n", 1000))
	r.Write("between.yaml", leak2)
	r.Git("add", ".")
	o := options()
	o.MaxSize = 4096
	result, err := Index(t.Context(), open(t, r.Dir), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Findings) != 2 || len(result.Skipped) != 1 || result.Skipped[0].Path != "large.yaml" || len(result.Warnings) != 1 {
		t.Errorf("%d findings, skipped %v, warnings %q", len(result.Findings), result.Skipped, result.Warnings)
	}
}

// TestHundredMegabytes stages a binary of that size: it is told of, and never read.
func TestHundredMegabytes(t *testing.T) {
	const size = 100 << 20
	r := gittest.New(t)
	r.Commit("x", "x")
	r.Write("a.yaml", leak)
	r.Write("model.bin", "")
	if err := os.Truncate(r.Path("model.bin"), size); err != nil {
		t.Fatal(err)
	}
	r.Git("add", ".")
	r.Git("commit", "--quiet", "-m", "large")
	tree := open(t, r.Dir)
	r.Git("rm", "--quiet", "--cached", "a.yaml", "model.bin")
	r.Git("commit", "--quiet", "-m", "gone")
	r.Git("add", ".")
	for name, scan := range map[string]scanFunc{"index": Index, "all": All, "history": History, "range": rangeOf("HEAD~2..HEAD~1")} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		result, err := scan(t.Context(), tree, options())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if len(result.Findings) != 1 || len(result.Skipped) != 1 || result.Skipped[0].Path != "model.bin" || len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "model.bin") {
			t.Errorf("%s: %d findings, skipped %v, warnings %q", name, len(result.Findings), result.Skipped, result.Warnings)
		}
		if more := after.TotalAlloc - before.TotalAlloc; more > size/2 {
			t.Errorf("%s: %d MiB were allocated", name, more>>20)
		}
	}
}

// TestSHA256 judges a repository with other hashes in every way, with a submodule in its
// history and a linked work tree.
func TestSHA256(t *testing.T) {
	r := gittest.New(t, "--object-format=sha256")
	r.Commit("x", "x")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+r.Git("rev-parse", "HEAD")+",sub")
	r.Git("commit", "--quiet", "-m", "submodule")
	r.Commit("a.yaml", leak)
	r.Git("rm", "--quiet", "a.yaml")
	r.Git("commit", "--quiet", "-m", "gone")
	r.Git("worktree", "add", "--quiet", "-b", "side", r.Dir+"-linked")
	linked := gittest.At(t, r.Dir+"-linked")
	linked.Write("b.yaml", leak2)
	linked.Git("add", "b.yaml")
	tree := open(t, linked.Dir)
	gone := []string{"a.yaml:4 change a.yaml"}
	for name, c := range map[string]struct {
		scan scanFunc
		want []string
	}{
		"index": {Index, []string{"b.yaml:5"}}, "all": {All, []string{"b.yaml:5"}},
		"history": {History, gone}, "range": {rangeOf("HEAD~2...HEAD"), gone}, "everything": {rangeOf("0...HEAD"), gone},
		"push": {func(ctx context.Context, t *git.Tree, o Options) (*Result, error) {
			return Push(ctx, t, "origin", strings.NewReader("refs/heads/main "+linked.Git("rev-parse", "HEAD")+" refs/heads/main "+strings.Repeat("0", 64)+"\n"), o)
		}, gone},
	} {
		if diff := cmp.Diff(c.want, places(t, linked, c.scan, tree, options())); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestMissingBlob does not take a hole in the repository for a clean one.
func TestMissingBlob(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a.yaml", leak)
	hash := r.Git("rev-parse", "HEAD:a.yaml")
	if err := os.Remove(r.Path(".git/objects/" + hash[:2] + "/" + hash[2:])); err != nil {
		t.Fatal(err)
	}
	for name, scan := range map[string]scanFunc{"all": All, "history": History} {
		if r, err := scan(t.Context(), open(t, r.Dir), options()); err == nil {
			t.Errorf("%s: no error, %+v", name, r)
		}
	}
}

// TestShallow says that older commits are not here.
func TestShallow(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a.yaml", leak)
	r.Commit("b.yaml", clean)
	r.Git("config", "uploadpack.allowAnySHA1InWant", "true")
	c := gittest.New(t)
	c.Git("fetch", "--quiet", "--depth=1", "file://"+filepath.ToSlash(r.Dir), "main:refs/heads/fetched")
	result, err := History(t.Context(), open(t, c.Dir), options())
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "shallow") {
		t.Errorf("warnings %q", result.Warnings)
	}
}

// TestConfiguration is not led astray by what somebody has set for reading.
func TestConfiguration(t *testing.T) {
	r := gittest.New(t)
	for name, value := range map[string]string{
		"color.ui": "always", "color.diff": "always", "diff.renames": "copies", "diff.relative": "true", "diff.external": "false", "diff.noprefix": "true",
		"diff.ignoreSubmodules": "all", "diff.algorithm": "patience", "diff.context": "0", "diff.submodule": "log", "log.showRoot": "false", "log.showSignature": "true",
		"log.follow": "true", "log.diffMerges": "first-parent", "log.decorate": "full", "log.mailmap": "true", "log.date": "relative", "format.pretty": "fuller", "core.quotePath": "true",
		"core.abbrev": "4", "core.pager": "false", "status.renames": "copies", "notes.displayRef": "refs/notes/*", "grep.lineNumber": "true", "core.precomposeUnicode": "false",
	} {
		r.Git("config", name, value)
	}
	r.Commit("sub/ä.yaml", leak)
	r.Git("notes", "add", "-m", "a note")
	r.Git("mv", "sub/ä.yaml", "b.yaml")
	r.Git("commit", "--quiet", "-m", "moved")
	r.Git("mv", "b.yaml", "c.yaml")
	tree := open(t, r.Path("."))
	for name, c := range map[string]struct {
		scan scanFunc
		want []string
	}{
		"index":   {Index, []string{"c.yaml:4"}},
		"all":     {All, []string{"c.yaml:4"}},
		"history": {History, []string{"sub/ä.yaml:4 change sub/ä.yaml"}},
		"range":   {rangeOf("HEAD~1..HEAD"), []string{"b.yaml:4 moved"}},
	} {
		if diff := cmp.Diff(c.want, places(t, r, c.scan, tree, options())); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestFix says what is true of each place: a first commit has none before it, and what
// was pushed is known.
func TestFix(t *testing.T) {
	r := gittest.New(t)
	first := r.Commit("a.yaml", leak)
	second := r.Commit("b.yaml", leak2)
	r.Write("local-secrets/a", "x")
	r.Git("add", "local-secrets/a")
	published := options()
	published.Published = true
	zero := strings.Repeat("0", len(first)) + "..."
	ignored := func(t *git.Tree) *git.Tree { r.Write(".gitignore", "# x\nlocal-secrets/\n"); return t }
	plain := func(t *git.Tree) *git.Tree { return t }
	for _, c := range []struct {
		name string
		tree func(*git.Tree) *git.Tree
		scan scanFunc
		o    Options
		want string
	}{
		{"root", plain, rangeOf(zero + first), options(), "commit " + git.Short(first) + " brings it: take it out of the commits before anybody gets them (`git rebase -i --root`)"},
		{"commit", plain, rangeOf(first + "..." + second), options(), "(`git rebase -i " + git.Short(second) + "~1`)"},
		{"published", plain, rangeOf(first + "..." + second), published, "change the value where it is used, then seal the new one: commit " + git.Short(second)},
		{"not ignored", plain, Index, options(), ".gitignore needs a line for its folder"},
		{"ignored", ignored, Index, options(), ".gitignore line 2 ignores it, which `git add -f` passes by"},
	} {
		result, err := c.scan(t.Context(), c.tree(open(t, r.Dir)), c.o)
		if err != nil || len(result.Findings) != 1 || !strings.Contains(result.Findings[0].Fix, c.want) {
			t.Errorf("%s: %+v, %v; want %q", c.name, result, err, c.want)
		}
	}
}
