// Package git asks the git command line about a work tree, and commits, fetches
// and pushes with it. It uses plumbing with NUL-separated output wherever there
// is some, so paths need no quoting. It never prompts on a terminal; a program that the
// user has named for passwords (GIT_ASKPASS), as CI systems do, is heard.
package git

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoRepository says that a folder is not inside a git work tree.
var ErrNoRepository = errors.New("not inside a git work tree")

// Tree is a git work tree.
type Tree struct {
	Root      string // absolute path of the top folder
	GitDir    string // absolute path of this work tree's git directory
	CommonDir string // absolute path of the git directory that all linked work trees share

	format string // of object names: sha1 or sha256
	index  string // absolute path of another index than the usual one
}

// Open finds the work tree that dir lies in. What a git hook's environment says
// about the repository does not count.
func Open(ctx context.Context, dir string) (*Tree, error) {
	out, err := command{dir: dir, args: []string{"rev-parse", "--path-format=absolute",
		"--show-toplevel", "--git-dir", "--git-common-dir", "--show-object-format"}}.run(ctx)
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, &NoGitError{}
		}
		// Git ends with 128 for this as for a repository of somebody else.
		if strings.Contains(err.Error(), "not a git repository") {
			if full, err := filepath.Abs(dir); err == nil {
				dir = full
			}
			return nil, &OutsideError{Dir: dir}
		}
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) != 4 {
		return nil, fmt.Errorf("%s: git rev-parse: unexpected answer of %d lines", dir, len(lines))
	}
	for i := range 3 {
		lines[i] = filepath.FromSlash(lines[i])
	}
	return &Tree{Root: lines[0], GitDir: lines[1], CommonDir: lines[2], format: lines[3]}, nil
}

// Tracked returns those of the paths (relative to the root, with slashes) that the index holds.
func (t *Tree) Tracked(ctx context.Context, paths []string) (map[string]bool, error) {
	tracked := map[string]bool{}
	if len(paths) == 0 {
		return tracked, nil
	}
	// The list is compared here: pathspecs on the command line have a length
	// limit, and they are patterns.
	out, err := t.command("ls-files", "-z").run(ctx)
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
	rules, err := t.IgnoreRules(ctx, paths)
	ignored := make(map[string]bool, len(rules))
	for p := range rules {
		ignored[p] = true
	}
	return ignored, err
}

// IgnoreRule is the line that ignores a path.
type IgnoreRule struct {
	Source  string // file that holds it, relative to the root where it is below it
	Line    string
	Pattern string
}

func (r IgnoreRule) String() string { return r.Source + ":" + r.Line + ": " + r.Pattern }

// IgnoreRules returns for each ignored path the rule that decides, whether the
// path is tracked or not.
func (t *Tree) IgnoreRules(ctx context.Context, paths []string) (map[string]IgnoreRule, error) {
	rules := map[string]IgnoreRule{}
	if len(paths) == 0 {
		return rules, nil
	}
	out, err := t.command("check-ignore", "--no-index", "--verbose", "-z", "--stdin").feed(strings.Join(paths, "\x00") + "\x00").run(ctx)
	if exitCode(err) == 1 { // none is ignored
		return rules, nil
	}
	if err != nil {
		return nil, err
	}
	f := strings.Split(string(out), "\x00")
	for ; len(f) >= 4; f = f[4:] {
		if !strings.HasPrefix(f[2], "!") { // a rule that takes it out again
			rules[f[3]] = IgnoreRule{Source: f[0], Line: f[1], Pattern: f[2]}
		}
	}
	return rules, nil
}

func fields(out []byte) []string {
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
}
