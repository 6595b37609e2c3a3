package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Change is what a commit does to one path (relative to the root, with slashes).
// The zero Entry removes it.
type Change struct {
	Path string
	Entry
}

// CommitOptions describe a commit.
type CommitOptions struct {
	Parent  string // the branch's commit as the caller knows it; empty before the first
	Branch  string // a branch that is checked out nowhere, made at Parent when it is not there; empty: the one that is checked out
	Message string
	Changes []Change // exactly these, over Parent
}

// Commit makes a commit of exactly the changes, with the user's identity,
// signature and hooks, as `git commit --only` would, but of the given content
// and not of what lies in the work tree at that moment. Nothing else that is
// staged goes along, and it stays staged.
//
// Hooks run in the work tree. With Branch, neither HEAD nor the index changes.
func (t *Tree) Commit(ctx context.Context, o CommitOptions) (hash string, err error) {
	tip, err := t.Resolve(ctx, o.ref())
	if err != nil {
		return "", err
	}
	if tip != o.Parent && (o.Branch == "" || tip != "") {
		return "", &MovedError{Ref: strings.TrimPrefix(o.ref(), branchPrefix), Expected: o.Parent, Found: tip}
	}
	dir, err := os.MkdirTemp(t.GitDir, "sealway-commit-")
	if err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	defer os.RemoveAll(dir)
	index := filepath.Join(dir, "index")
	if err := t.seed(ctx, index, o); err != nil {
		return "", err
	}
	if o.Branch != "" {
		return t.commitAside(ctx, dir, index, tip == "", o)
	}
	undo, err := t.stage(ctx, o.Changes)
	if err != nil {
		return "", err
	}
	if err := t.commitIndex(ctx, index, nil, o); err != nil {
		return "", errors.Join(err, undo(context.WithoutCancel(ctx)))
	}
	return t.verify(ctx, o)
}

func (o CommitOptions) ref() string {
	if o.Branch == "" {
		return "HEAD"
	}
	return branchPrefix + o.Branch
}

// seed makes a private index: the parent's files with the changes. It begins
// with a copy of the real one, which knows what need not be read again.
func (t *Tree) seed(ctx context.Context, index string, o CommitOptions) error {
	data, err := os.ReadFile(filepath.Join(t.GitDir, "index"))
	if err == nil {
		err = os.WriteFile(index, data, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("commit: %w", err)
	}
	read := t.command("read-tree", "--empty")
	if o.Parent != "" {
		read = t.command("read-tree", "--reset", o.Parent)
	}
	if _, err := read.private(index).run(ctx); err != nil {
		return err
	}
	return t.updateIndex(ctx, index, o.Changes)
}

// private has a command work on another index, in one piece: the shared part of a
// split one would be looked for in the git directory.
func (c command) private(index string) command {
	c.args = append([]string{"-c", "core.splitIndex=false"}, c.args...)
	return c.with("GIT_INDEX_FILE=" + index)
}

// updateIndex changes an index; an empty name is the real one.
func (t *Tree) updateIndex(ctx context.Context, index string, changes []Change) error {
	none := strings.Repeat("0", len(t.BlobHash(nil)))
	var in strings.Builder
	for _, c := range changes {
		if c.Hash == "" {
			fmt.Fprintf(&in, "0 %s\t%s\x00", none, c.Path)
			continue
		}
		fmt.Fprintf(&in, "%s %s\t%s\x00", c.Mode, c.Hash, c.Path)
	}
	cmd := t.command("update-index", "-z", "--index-info").feed(in.String())
	if index != "" {
		cmd = cmd.private(index)
	}
	_, err := cmd.run(ctx)
	if err == nil && index == "" {
		// Let it know the files, as `git add` does. That some file is changed is no error.
		_, _ = t.command("update-index", "-q", "--refresh").run(ctx)
	}
	return locked(err)
}

// stage puts the changes into the real index before the commit is made: a run
// that is killed in between leaves them staged and not their reverse. undo puts
// back what was there.
func (t *Tree) stage(ctx context.Context, changes []Change) (undo func(context.Context) error, err error) {
	index, err := t.Index(ctx)
	if err != nil {
		return nil, err
	}
	before := make([]Change, len(changes))
	for i, c := range changes {
		before[i] = Change{Path: c.Path, Entry: index[c.Path].Entry}
	}
	undo = func(ctx context.Context) error { return t.updateIndex(ctx, "", before) }
	return undo, t.updateIndex(ctx, "", changes)
}

// commitAside commits on a branch that is checked out nowhere: in a linked work
// tree of its own that has no files, with the real work tree in its place, so
// that hooks find what they expect.
func (t *Tree) commitAside(ctx context.Context, dir, index string, isNew bool, o CommitOptions) (hash string, err error) {
	clean := context.WithoutCancel(ctx)
	if isNew {
		if _, err := t.command("update-ref", "-m", "branch: created by sealway", o.ref(), o.Parent, "").run(ctx); err != nil {
			return "", locked(err)
		}
		defer func() {
			if hash == "" {
				_, undo := t.command("update-ref", "-d", o.ref(), o.Parent).run(clean)
				err = errors.Join(err, undo)
			}
		}()
	}
	side := filepath.Join(dir, "tree")
	if _, err := t.command("worktree", "add", "--quiet", "--no-checkout", "--detach", side, o.Parent).run(ctx); err != nil {
		return "", err
	}
	defer func() {
		if _, remove := t.command("worktree", "remove", "--force", side).run(clean); remove != nil {
			err = errors.Join(err, remove)
		}
	}()
	gitDir, err := command{dir: side, args: []string{"rev-parse", "--absolute-git-dir"}}.line(ctx)
	if err != nil {
		return "", err
	}
	aside := []string{"GIT_DIR=" + gitDir, "GIT_WORK_TREE=" + t.Root}
	if _, err := t.command("symbolic-ref", "HEAD", o.ref()).with(aside...).run(ctx); err != nil {
		return "", err
	}
	if err := t.commitIndex(ctx, index, aside, o); err != nil {
		return "", err
	}
	return t.verify(ctx, o)
}

// commitIndex runs `git commit` on a private index.
func (t *Tree) commitIndex(ctx context.Context, index string, env []string, o CommitOptions) error {
	_, err := t.command("commit", "--quiet", "--file=-").feed(o.Message).with(env...).with("GIT_INDEX_FILE=" + index).run(ctx)
	if err != nil {
		// It may have been told to stop when it was done already.
		if hash, lost := t.Resolve(context.WithoutCancel(ctx), o.ref()); lost == nil && hash != "" && hash != o.Parent {
			return nil
		}
	}
	if exitCode(err) == 1 { // git itself ends with 128
		return &HookError{Operation: "commit", Hooks: t.hooks(context.WithoutCancel(ctx), "pre-commit", "prepare-commit-msg", "commit-msg"), Output: said(err)}
	}
	if strings.Contains(said(err), "failed to write commit object") {
		return &SigningError{Said: said(err)}
	}
	return locked(err)
}

// verify looks at the commit that was made: a hook may have added to it.
func (t *Tree) verify(ctx context.Context, o CommitOptions) (hash string, err error) {
	ctx = context.WithoutCancel(ctx) // the commit is there; say so
	hash, err = t.Resolve(ctx, o.ref())
	if err != nil {
		return "", err
	}
	args := []string{"diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-commit-id", "--root", hash}
	if o.Parent != "" {
		args = append(args[:len(args)-2], o.Parent, hash)
	}
	out, err := t.command(args...).run(ctx)
	if err != nil {
		return hash, err
	}
	want := map[string]Entry{}
	for _, c := range o.Changes {
		want[c.Path] = c.Entry
	}
	f := fields(out)
	for ; len(f) >= 2; f = f[2:] { // :mode mode hash hash status, path
		meta := strings.Fields(f[0])
		if len(meta) != 5 {
			return hash, fmt.Errorf("git diff-tree: unexpected line %q", f[0])
		}
		got := Entry{Mode: meta[1], Hash: meta[3]}
		if meta[4] == "D" {
			got = Entry{}
		}
		if w, ok := want[f[1]]; ok && w == got {
			delete(want, f[1])
			continue
		}
		want[f[1]] = got
	}
	if len(want) > 0 {
		return hash, &AlteredError{Commit: hash, Paths: slices.Sorted(maps.Keys(want))}
	}
	return hash, nil
}

// hooks are those of the names that the repository has.
func (t *Tree) hooks(ctx context.Context, names ...string) []string {
	dir, err := t.command("rev-parse", "--path-format=absolute", "--git-path", "hooks").line(ctx)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return err != nil || !info.Mode().IsRegular()
	})
}

// Identity checks that Git knows who commits.
func (t *Tree) Identity(ctx context.Context) error {
	for _, who := range []string{"GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"} {
		if _, err := t.command("var", who).run(ctx); exitCode(err) == 128 {
			return &IdentityError{}
		} else if err != nil {
			return err
		}
	}
	return nil
}

// CheckedOut is the work tree that has a branch checked out; empty when none has.
func (t *Tree) CheckedOut(ctx context.Context, branch string) (string, error) {
	out, err := t.command("worktree", "list", "--porcelain").run(ctx)
	if err != nil {
		return "", err
	}
	tree := ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, "\r\n")
		if path, ok := strings.CutPrefix(line, "worktree "); ok {
			tree = path
		}
		if line == "branch "+branchPrefix+branch {
			return tree, nil
		}
	}
	return "", nil
}

// ValidBranch reports whether a name can be a branch's.
func (t *Tree) ValidBranch(ctx context.Context, name string) (bool, error) {
	if strings.HasPrefix(name, "-") {
		return false, nil
	}
	_, err := t.command("check-ref-format", branchPrefix+name).run(ctx)
	if exitCode(err) == 1 {
		return false, nil
	}
	return err == nil, err
}
