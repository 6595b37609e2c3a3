// Package git asks the git command line for facts about a work tree. It uses
// plumbing with NUL-separated output alone, so paths need no quoting.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoRepository says that a folder is not inside a git work tree.
var ErrNoRepository = errors.New("not inside a git work tree")

// Tree is a git work tree.
type Tree struct {
	Root      string // absolute path of the top folder
	CommonDir string // absolute path of the git directory that all linked work trees share
}

// Open finds the work tree that dir lies in.
func Open(ctx context.Context, dir string) (*Tree, error) {
	out, err := run(ctx, dir, nil, "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir")
	if err != nil {
		// Git ends with 128 for this as for a repository of somebody else.
		if strings.Contains(err.Error(), "not a git repository") {
			return nil, fmt.Errorf("%s: %w", dir, ErrNoRepository)
		}
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) != 2 {
		return nil, fmt.Errorf("%s: git rev-parse: unexpected answer of %d lines", dir, len(lines))
	}
	return &Tree{Root: filepath.FromSlash(lines[0]), CommonDir: filepath.FromSlash(lines[1])}, nil
}

// Tracked returns those of the paths (relative to the root, with slashes) that the index holds.
func (t *Tree) Tracked(ctx context.Context, paths []string) (map[string]bool, error) {
	tracked := map[string]bool{}
	if len(paths) == 0 {
		return tracked, nil
	}
	// The list is compared here: pathspecs on the command line have a length
	// limit, and they are patterns.
	out, err := run(ctx, t.Root, nil, "ls-files", "-z")
	if err != nil {
		return nil, err
	}
	index := map[string]bool{}
	for _, p := range fields(out) {
		index[p] = true
	}
	for _, p := range paths {
		if index[p] {
			tracked[p] = true
		}
	}
	return tracked, nil
}

// Ignored returns those of the paths (relative to the root, with slashes) that an ignore rule
// matches, whether they are tracked or not.
func (t *Tree) Ignored(ctx context.Context, paths []string) (map[string]bool, error) {
	ignored := map[string]bool{}
	if len(paths) == 0 {
		return ignored, nil
	}
	var in bytes.Buffer
	for _, p := range paths {
		in.WriteString(p + "\x00")
	}
	out, err := run(ctx, t.Root, &in, "check-ignore", "--no-index", "-z", "--stdin")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 { // none is ignored
		return ignored, nil
	}
	if err != nil {
		return nil, err
	}
	for _, p := range fields(out) {
		ignored[p] = true
	}
	return ignored, nil
}

// Head is the full hash of the commit that is checked out; empty before the first commit.
func (t *Tree) Head(ctx context.Context) (string, error) {
	out, err := run(ctx, t.Root, nil, "rev-parse", "--verify", "--quiet", "HEAD")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return "", nil
	}
	return strings.TrimSpace(string(out)), err
}

func fields(out []byte) []string {
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
}

// run executes git in dir and returns its standard output; git's own message
// goes into the error.
func run(ctx context.Context, dir string, stdin *bytes.Buffer, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C") // for the messages that are looked at
	if stdin != nil {
		cmd.Stdin = stdin
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
