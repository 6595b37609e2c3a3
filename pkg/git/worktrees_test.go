package git_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

// TestOtherWorkTrees lists those that are there, from each of them.
func TestOtherWorkTrees(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a", "b")
	main, err := filepath.EvalSymlinks(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	here, gone := main+" linked", main+" gone"
	check := func(dir string, want ...string) {
		t.Helper()
		tree, err := git.Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tree.OtherWorkTrees(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", dir, diff)
		}
	}
	check(main)
	r.Git("worktree", "add", "--quiet", "-b", "one", here)
	r.Git("worktree", "add", "--quiet", "-b", "two", gone)
	t.Cleanup(func() { _ = os.RemoveAll(here) })
	if err := os.RemoveAll(gone); err != nil {
		t.Fatal(err)
	}
	check(main, here)
	check(here, main)
}
