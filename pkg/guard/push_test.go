package guard

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

func pushOf(remote, refs string) scanFunc {
	return func(ctx context.Context, t *git.Tree, o Options) (*Result, error) {
		return Push(ctx, t, remote, strings.NewReader(refs), o)
	}
}

// TestPush judges what a remote does not have yet, and nothing else.
func TestPush(t *testing.T) {
	remote := gittest.Bare(t)
	r := gittest.New(t)
	old := r.Commit("old.yaml", leak) // is there already
	r.Git("remote", "add", "origin", remote.Dir)
	r.Git("push", "--quiet", "origin", "main")
	first := r.Commit("first.yaml", "# y\n"+leak2)
	r.Git("rm", "--quiet", "first.yaml")
	r.Git("commit", "--quiet", "-m", "removed")
	last := r.Git("rev-parse", "HEAD")
	r.Git("checkout", "--quiet", "-b", "side", old)
	side := r.Commit("side.yaml", leak2)
	r.Git("tag", "-a", "-m", "v1", "v1", side)
	tag := r.Git("rev-parse", "v1")
	none := strings.Repeat("0", len(old))
	gone := strings.Repeat("1", len(old))

	ref := func(local, remote string) string { return "refs/heads/x " + local + " refs/heads/x " + remote + "\n" }
	oldFile, firstFile, sideFile := "old.yaml:4 change old.yaml", "first.yaml:6 change first.yaml", "side.yaml:5 change side.yaml"
	for _, c := range []struct {
		name, remote, refs string
		want               []string
	}{
		{"nothing", "origin", "", []string{}},
		{"a branch goes on", "origin", ref(last, old), []string{firstFile}},
		{"by a URL", "https://host/x", ref(last, old), []string{firstFile}},
		{"what is there already", "origin", ref(old, old), []string{}},
		{"a new branch", "origin", ref(last, none), []string{firstFile}},
		{"a new branch of a remote that is not known", "other", ref(last, none), []string{oldFile, firstFile}},
		{"a new branch by a URL", "-", ref(last, none), []string{oldFile, firstFile}},
		{"a deleted branch", "origin", "(delete) " + none + " refs/heads/x " + old + "\n", []string{}},
		{"deleted and pushed", "origin", "(delete) " + none + " refs/heads/y " + old + "\n" + ref(side, none), []string{sideFile}},
		{"over a commit that is not here", "origin", ref(last, gone), []string{firstFile}},
		{"an annotated tag", "origin", ref(tag, none), []string{sideFile}},
		{"several", "origin", ref(last, old) + ref(side, none), []string{firstFile, sideFile}},
		{"a name with spaces", "origin", "HEAD@{1 day ago} " + first + " refs/heads/x " + old + "\n", []string{firstFile}},
		{"no line end", "origin", strings.TrimSuffix(ref(last, old), "\n"), []string{firstFile}},
	} {
		got := places(t, r, pushOf(c.remote, c.refs), open(t, r.Dir), options())
		if diff := cmp.Diff(c.want, got, cmp.Transformer("sort", func(s []string) map[string]bool {
			m := map[string]bool{}
			for _, x := range s {
				m[x] = true
			}
			return m
		})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
	blob := r.Git("rev-parse", side+":side.yaml")
	for _, refs := range []string{"refs/heads/x\n", ref(blob, none), ref(gone, none), ref("", "")} {
		var wrong *PushError
		if _, err := Push(t.Context(), open(t, r.Dir), "origin", strings.NewReader(refs), options()); !errors.As(err, &wrong) {
			t.Errorf("%q: %v", refs, err)
		}
	}
}
