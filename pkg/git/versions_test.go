package git_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

func openTree(t *testing.T, r *gittest.Repo) *git.Tree {
	t.Helper()
	tree, err := git.Open(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestBlobReader reads in the order of the question, more than one burst of them,
// the same one twice, and leaves out what is too large.
func TestBlobReader(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			r := gittest.New(t, "--object-format="+format)
			var files [][]byte
			for i := range 200 {
				files = append(files, []byte(strings.Repeat(fmt.Sprintf("line %d\n", i), i)))
			}
			tree := openTree(t, r)
			hashes, err := tree.WriteBlobs(t.Context(), files)
			if err != nil {
				t.Fatal(err)
			}
			reader, err := tree.NewBlobReader(t.Context(), 1000)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			for range 2 {
				next := 0
				err := reader.Each(append(hashes, hashes[3]), func(i int, b git.Blob) error {
					want := files[i%200]
					if i == 200 {
						want = files[3]
					}
					if i != next || b.Size != int64(len(want)) {
						t.Errorf("%d: size %d, want %d: %d", i, b.Size, next, len(want))
					}
					next++
					if len(want) > 1000 {
						want = nil
					}
					if string(b.Data) != string(want) || (b.Data == nil) != (len(files[i%200]) > 1000 && i < 200) {
						t.Errorf("%d: %d bytes, want %d", i, len(b.Data), len(want))
					}
					return nil
				})
				if err != nil || next != 201 {
					t.Fatalf("%d blobs, %v", next, err)
				}
			}
			stop := errors.New("enough")
			if err := reader.Each(hashes[:1], func(int, git.Blob) error { return stop }); !errors.Is(err, stop) {
				t.Errorf("got %v", err)
			}
			var missing *git.MissingObjectError
			if err := reader.Each([]string{strings.Repeat("1", len(hashes[0]))}, func(int, git.Blob) error { return nil }); !errors.As(err, &missing) || missing.Hint() == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestEachVersion ends when it is told to, and says what git says.
func TestEachVersion(t *testing.T) {
	r := gittest.New(t)
	for i := range 3 {
		r.Commit("a", fmt.Sprint(i))
	}
	tree := openTree(t, r)
	var subjects []string
	if err := tree.EachVersion(t.Context(), []string{"HEAD"}, func(v git.Version) error {
		subjects = append(subjects, fmt.Sprintf("%s %s %v", v.Path, r.Git("cat-file", "blob", v.Hash), v.New))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a 0 true", "a 1 false", "a 2 false"}, subjects); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	stop := errors.New("enough")
	if err := tree.EachVersion(t.Context(), []string{"HEAD"}, func(git.Version) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	var failed *git.Error
	if err := tree.EachVersion(t.Context(), []string{"nowhere"}, func(git.Version) error { return nil }); !errors.As(err, &failed) || failed.Command != "log" || failed.Stderr == "" {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tree.EachVersion(ctx, []string{"HEAD"}, func(git.Version) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if tree.Shallow() {
		t.Error("nothing was cut off")
	}
}

// TestWithIndex reads another index, named absolutely or from the root.
func TestWithIndex(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a", "a")
	r.Write("b", "b")
	r.Git("add", "b")
	data, err := os.ReadFile(r.Path(".git/index"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.Path(".git/other"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	r.Git("rm", "--quiet", "--cached", "b")
	tree := openTree(t, r)
	for index, want := range map[string]int{"": 0, ".git/other": 1, filepath.Join(r.Dir, ".git", "other"): 1} {
		staged, err := tree.WithIndex(index).Staged(t.Context())
		if err != nil || len(staged) != want {
			t.Errorf("index %q: %v, %v", index, staged, err)
		}
	}
	if staged, err := tree.Staged(t.Context()); err != nil || len(staged) != 0 {
		t.Errorf("the tree itself was changed: %v, %v", staged, err)
	}
}
