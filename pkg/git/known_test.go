package git_test

import (
	"slices"
	"testing"
)

// What a clone knows of a remote's branches without asking it.
func TestKnownBranches(t *testing.T) {
	r, remote, _ := pushed(t)
	tree, ctx := open(t, r), t.Context()
	if head, branches, err := tree.KnownBranches(ctx, "none"); err != nil || head != "" || len(branches) > 0 {
		t.Errorf("a remote that is not there: %q, %q, %v", head, branches, err)
	}
	if head, branches, err := tree.KnownBranches(ctx, "origin"); err != nil || head != "" || !slices.Equal(branches, []string{"main"}) {
		t.Errorf("pushed to: %q, %q, %v", head, branches, err)
	}
	c := remote.Clone()
	c.Git("switch", "--quiet", "-c", "feature/a")
	c.Git("push", "--quiet", "origin", "feature/a")
	if head, branches, err := open(t, c).KnownBranches(ctx, "origin"); err != nil || head != "main" || !slices.Equal(branches, []string{"feature/a", "main"}) {
		t.Errorf("cloned: %q, %q, %v", head, branches, err)
	}
}
