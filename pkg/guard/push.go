package guard

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/sealway/sealway/pkg/git"
)

// Push judges every version of a file that a push would publish. refs are the lines
// that Git writes to a pre-push hook (`git help githooks`): what is pushed, and what
// the remote has in its place. For a branch that is new there, what the remote is
// known to have does not count; remote is its name, or anything else when it has
// none. A ref that is deleted publishes nothing.
func Push(ctx context.Context, tree *git.Tree, remote string, refs io.Reader, o Options) (*Result, error) {
	p := push{tree: tree}
	lines := bufio.NewScanner(refs)
	for lines.Scan() {
		if err := p.ref(ctx, lines.Text()); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("pushed refs: %w", err)
	}
	if len(p.tips) == 0 {
		return &Result{}, nil
	}
	revs := append(p.tips, p.known...)
	if remote != "" && !strings.ContainsAny(remote, "*?[:") { // a URL has no refs here
		revs = append(revs, "--not", "--remotes="+remote)
	}
	return history(ctx, tree, revs, o, inRange)
}

type push struct {
	tree        *git.Tree
	tips, known []string
}

// ref takes in: local ref SP local hash SP remote ref SP remote hash. The first may
// have spaces, as in `git push origin 'HEAD@{1 day ago}:old'`.
func (p *push) ref(ctx context.Context, line string) error {
	f := strings.Fields(line)
	if len(f) == 0 {
		return nil
	}
	if len(f) < 4 {
		return &PushError{Problem: fmt.Sprintf("unexpected line %q", line)}
	}
	local, target, remote := f[len(f)-3], f[len(f)-2], f[len(f)-1]
	if zeros(local) {
		return nil
	}
	tip, err := p.tree.Resolve(ctx, local)
	if err != nil {
		return err
	}
	if tip == "" {
		return &PushError{Problem: target + ": what is pushed is no commit, and cannot be looked at"}
	}
	p.tips = append(p.tips, tip)
	if zeros(remote) {
		return nil
	}
	// A commit that was not fetched excludes nothing: more is looked at.
	known, err := p.tree.Resolve(ctx, remote)
	if known != "" {
		p.known = append(p.known, "^"+known)
	}
	return err
}

func zeros(hash string) bool { return strings.Trim(hash, "0") == "" }

// PushError is a push that cannot be looked at.
type PushError struct{ Problem string }

func (e *PushError) Error() string { return "pushed refs: " + e.Problem }

// Hint says where the lines come from.
func (e *PushError) Hint() string {
	return "-push reads on stdin what Git tells a pre-push hook; `secrets:guard -history` looks at everything, tags of files included"
}

// Usage marks the error as one of usage: exit status 2.
func (e *PushError) Usage() bool { return true }
