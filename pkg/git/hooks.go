package git

import (
	"context"
	"path/filepath"
)

// HooksDir is the folder that Git looks for hooks in, an absolute path: the one that
// core.hooksPath names, or else `hooks` of the git directory that all linked work
// trees share. It need not exist.
func (t *Tree) HooksDir(ctx context.Context) (string, error) {
	dir, err := t.command("rev-parse", "--path-format=absolute", "--git-path", "hooks").line(ctx)
	return filepath.FromSlash(dir), err
}
