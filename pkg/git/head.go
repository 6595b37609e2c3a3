package git

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Head is what is checked out.
type Head struct {
	Branch string // short name; empty when detached
	Commit string // full hash; empty before the first commit
}

const branchPrefix = "refs/heads/"

// Head says what is checked out.
func (t *Tree) Head(ctx context.Context) (h Head, err error) {
	ref, err := t.command("symbolic-ref", "--quiet", "HEAD").line(ctx)
	if err != nil && exitCode(err) != 1 {
		return h, err
	}
	if branch, ok := strings.CutPrefix(ref, branchPrefix); ok {
		h.Branch = branch
	}
	h.Commit, err = t.Resolve(ctx, "HEAD")
	return h, err
}

// Operation is something that was begun in a work tree and not finished.
type Operation struct {
	Name            string // "a merge"; empty when there is none
	Continue, Abort string // commands
}

// Operation says which merge, rebase and so on is under way.
func (t *Tree) Operation() Operation {
	for _, o := range []struct{ file, name, command string }{
		{"rebase-merge", "a rebase", "rebase"},
		{"rebase-apply/applying", "an am session", "am"},
		{"rebase-apply", "a rebase", "rebase"},
		{"MERGE_HEAD", "a merge", "merge"},
		{"CHERRY_PICK_HEAD", "a cherry-pick", "cherry-pick"},
		{"REVERT_HEAD", "a revert", "revert"},
	} {
		if _, err := os.Lstat(filepath.Join(t.GitDir, filepath.FromSlash(o.file))); err == nil {
			return Operation{o.name, "git " + o.command + " --continue", "git " + o.command + " --abort"}
		}
	}
	return Operation{}
}

// Resolve is the full hash of a commit; empty when there is no such commit here.
func (t *Tree) Resolve(ctx context.Context, rev string) (string, error) {
	return t.revParse(ctx, rev+"^{commit}")
}

// PathAt is the hash of what lies at a path (relative to the root, with slashes;
// a file or a folder) in a commit; empty when the commit is not here or has no
// such path. Two commits hold the same version of a folder when the hashes are
// the same.
func (t *Tree) PathAt(ctx context.Context, commit, path string) (string, error) {
	return t.revParse(ctx, commit+":"+strings.TrimPrefix(path, "./"))
}

func (t *Tree) revParse(ctx context.Context, rev string) (string, error) {
	out, err := t.command("rev-parse", "--verify", "--quiet", "--end-of-options", rev).line(ctx)
	if exitCode(err) == 1 || exitCode(err) == 128 && strings.Contains(said(err), "does not exist") {
		return "", nil
	}
	return out, err
}

// IsAncestor reports whether a commit is reachable from another one, or is the same.
func (t *Tree) IsAncestor(ctx context.Context, ancestor, commit string) (bool, error) {
	_, err := t.command("merge-base", "--is-ancestor", ancestor, commit).run(ctx)
	if exitCode(err) == 1 {
		return false, nil
	}
	return err == nil, err
}

// MergeBase is where two commits parted; empty when they have nothing in common.
func (t *Tree) MergeBase(ctx context.Context, a, b string) (string, error) {
	out, err := t.command("merge-base", a, b).line(ctx)
	if exitCode(err) == 1 {
		return "", nil
	}
	return out, err
}

// AheadBehind counts the commits that only ours has, and those that only theirs has.
func (t *Tree) AheadBehind(ctx context.Context, ours, theirs string) (ahead, behind int, err error) {
	out, err := t.command("rev-list", "--left-right", "--count", ours+"..."+theirs).line(ctx)
	if err != nil {
		return 0, 0, err
	}
	left, right, _ := strings.Cut(out, "\t")
	if ahead, err = strconv.Atoi(left); err != nil {
		return 0, 0, err
	}
	behind, err = strconv.Atoi(right)
	return ahead, behind, err
}

// Commit is one commit of a history.
type Commit struct{ Hash, Subject string }

// Short is the beginning of the hash, for messages.
func (c Commit) Short() string { return Short(c.Hash) }

// Short is the beginning of a hash, for messages.
func Short(hash string) string { return hash[:min(7, len(hash))] }

// Commits are the commits that can be reached from one and not from any of the
// others, newest first. The others are commits, or options of `git rev-list`
// such as --remotes=origin.
func (t *Tree) Commits(ctx context.Context, from string, without ...string) ([]Commit, error) {
	args := append([]string{"log", "--no-show-signature", "-z", "--format=%H%x09%s", from, "--not"}, without...)
	out, err := t.command(append(args, "--")...).run(ctx)
	if err != nil {
		return nil, err
	}
	lines := fields(out)
	commits := make([]Commit, len(lines))
	for i, l := range lines {
		commits[i].Hash, commits[i].Subject, _ = strings.Cut(l, "\t")
	}
	return commits, nil
}
