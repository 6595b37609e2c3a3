//go:build unix

package git_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
)

// A commit that is cancelled while a hook runs leaves everything as it was.
func TestCommitCancelled(t *testing.T) {
	for _, branch := range []string{"", "topic"} {
		r, parent, _ := busy(t, "sha1")
		tree := open(t, r)
		changes := []git.Change{change(t, r, tree, odd, "new\n")}
		status := r.Git("status", "--porcelain")
		fifo := filepath.Join(t.TempDir(), "fifo")
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		r.Hook("pre-commit", "cat "+fifo+"\nexit 1\n")
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			f, err := os.OpenFile(fifo, os.O_WRONLY, 0) // waits for the hook
			cancel()
			if err == nil {
				_ = f.Close() // the hook ends, too
			}
		}()
		_, err := tree.Commit(ctx, git.CommitOptions{Parent: parent, Branch: branch, Message: "m", Changes: changes})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%q: %v", branch, err)
		}
		if d := cmp.Diff(status, r.Git("status", "--porcelain")); d != "" {
			t.Errorf("%q: status (-before +now):\n%s", branch, d)
		}
		if got := r.Git("for-each-ref", "--format=%(refname) %(objectname)"); got != "refs/heads/main "+parent {
			t.Errorf("%q: refs: %s", branch, got)
		}
		clean(t, r)
	}
}
