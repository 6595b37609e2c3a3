package git_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

// odd is a path with everything that needs quoting somewhere.
const odd = `dir/a "b\c" ä*[.yaml`

func TestObjects(t *testing.T) {
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			r := gittest.New(t, "--object-format="+format)
			r.Commit(odd, "one\n")
			commit := r.Commit("plain", "two\n")
			r.Write(odd, "three\r\n")
			r.Write(".gitattributes", "* text=auto\n")
			tree, ctx := open(t, r), t.Context()

			files, err := tree.Files(ctx, commit, "dir", "nowhere")
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]git.Entry{odd: {Mode: git.ModeFile, Hash: tree.BlobHash([]byte("one\n"))}}
			if d := cmp.Diff(want, files); d != "" {
				t.Errorf("Files (-want +got):\n%s", d)
			}
			blobs, err := tree.ReadBlobs(ctx, []string{files[odd].Hash, tree.BlobHash([]byte("two\n"))})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([][]byte{[]byte("one\n"), []byte("two\n")}, blobs); d != "" {
				t.Errorf("ReadBlobs (-want +got):\n%s", d)
			}
			if _, err := tree.ReadBlobs(ctx, []string{tree.BlobHash([]byte("unknown"))}); err == nil {
				t.Error("ReadBlobs of what is not there: no error")
			}
			hashes, err := tree.HashFiles(ctx, []string{odd, "plain"})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{tree.BlobHash([]byte("three\n")), tree.BlobHash([]byte("two\n"))}, hashes); d != "" {
				t.Errorf("HashFiles (-want +got):\n%s", d)
			}
			written, err := tree.WriteBlobs(ctx, [][]byte{[]byte("four\r\n"), []byte("five")})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{tree.BlobHash([]byte("four\r\n")), tree.BlobHash([]byte("five"))}, written); d != "" {
				t.Errorf("WriteBlobs (-want +got):\n%s", d)
			}
			if _, err := tree.ReadBlobs(ctx, written); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestIndex(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a", "a")
	r.Write("announced", "x")
	r.Git("add", "-N", "announced")
	r.Git("update-index", "--skip-worktree", "a")
	r.Write(odd, "b")
	r.Git("add", odd)
	r.Git("switch", "--quiet", "-c", "topic")
	tree := open(t, r)
	got, err := tree.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]git.IndexEntry{
		"a": {Entry: git.Entry{Mode: git.ModeFile, Hash: tree.BlobHash([]byte("a"))}, Skipped: true},
		odd: {Entry: git.Entry{Mode: git.ModeFile, Hash: tree.BlobHash([]byte("b"))}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestIgnoreRules(t *testing.T) {
	r := gittest.New(t)
	r.Write(".gitignore", "# comment\n*.log\n!keep.log\n")
	r.Write("dir/.gitignore", "a*\n")
	tree := open(t, r)
	got, err := tree.IgnoreRules(t.Context(), []string{"x.log", "keep.log", odd, "b"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]git.IgnoreRule{"x.log": {".gitignore", "2", "*.log"}, odd: {"dir/.gitignore", "1", "a*"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	ignored, err := tree.Ignored(t.Context(), []string{"keep.log", "b"})
	if err != nil || len(ignored) != 0 {
		t.Errorf("nothing is ignored: %v, %v", ignored, err)
	}
}
