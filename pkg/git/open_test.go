package git_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/git"
)

// A repository that Git refuses to read is not the same as none at all.
func TestOpenTellsWhy(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	ctx := context.Background()
	if _, err := git.Open(ctx, dir); !errors.Is(err, git.ErrNoRepository) {
		t.Errorf("empty folder: %v, want ErrNoRepository", err)
	}
	if out, err := exec.CommandContext(ctx, "git", "init", "-q", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := git.Open(ctx, dir); err != nil {
		t.Errorf("repository: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git", "config"), []byte("[core\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := git.Open(ctx, dir)
	if errors.Is(err, git.ErrNoRepository) || err == nil || !strings.Contains(err.Error(), "bad config") {
		t.Errorf("broken configuration: %v, want Git's own words", err)
	}
}
