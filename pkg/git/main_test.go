package git_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
)

func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }

func open(t *testing.T, r *gittest.Repo) *git.Tree {
	t.Helper()
	tree, err := git.Open(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// formats are the two kinds of repositories.
var formats = []string{"sha1", "sha256"}

func exists(t *testing.T, path string) bool {
	t.Helper()
	found, err := filepath.Glob(path)
	if err != nil {
		t.Fatal(err)
	}
	return len(found) > 0
}

// fails runs git and wants it to fail: a merge with a conflict does.
func fails(t *testing.T, r *gittest.Repo, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = r.Dir
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Fatalf("git %v: no failure:\n%s", args, out)
	}
}
