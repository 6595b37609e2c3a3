package git_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

// TestManyRevisions hands over more commits than a command line takes.
func TestManyRevisions(t *testing.T) {
	r := gittest.New(t)
	first := r.Commit("first", "a")
	last := r.Commit("last", "b")
	tree, err := git.Open(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	revs := append([]string{last}, slices.Repeat([]string{"^" + first}, 100_000)...)
	var got []string
	err = tree.EachVersion(t.Context(), revs, func(v git.Version) error {
		got = append(got, v.Path)
		return nil
	})
	if diff := cmp.Diff([]string{"last"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// TestRemoteTips has each commit once, and none that leads to the given one.
func TestRemoteTips(t *testing.T) {
	r := gittest.New(t)
	first := r.Commit("first", "a")
	last := r.Commit("last", "b")
	for name, hash := range map[string]string{"a": first, "b": first, "c": last} {
		r.Git("update-ref", "refs/remotes/origin/"+name, hash)
	}
	tree, err := git.Open(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for without, want := range map[string]string{last: first, first: ""} {
		got, err := tree.RemoteTips(t.Context(), without)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("without %s: %q, %v; want %q", without, got, err, want)
		}
	}
}
