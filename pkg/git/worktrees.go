package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// OtherWorkTrees are the top folders of the repository's other work trees that are
// there: the main one and the linked ones. Where there are none, Git is not asked.
func (t *Tree) OtherWorkTrees(ctx context.Context) ([]string, error) {
	linked, err := os.ReadDir(filepath.Join(t.CommonDir, "worktrees"))
	if len(linked) == 0 {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	out, err := t.command("worktree", "list", "--porcelain", "-z").run(ctx)
	end := "\x00"
	if exitCode(err) == 129 { // -z is of Git 2.36
		out, err = t.command("worktree", "list", "--porcelain").run(ctx)
		end = "\n"
	}
	if err != nil {
		return nil, err
	}
	own, err := os.Stat(t.Root)
	if err != nil {
		return nil, err
	}
	var roots []string
	for line := range strings.SplitSeq(string(out), end) {
		path, ok := strings.CutPrefix(line, "worktree ")
		if !ok {
			continue
		}
		path = filepath.FromSlash(path)
		if info, err := os.Stat(path); err == nil && info.IsDir() && !os.SameFile(info, own) {
			roots = append(roots, path)
		}
	}
	return roots, nil
}
