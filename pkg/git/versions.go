package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Version is a version of a file that the index or a commit has and the one before
// it had not.
type Version struct {
	Entry
	Path   string
	Commit string // that brought it; empty for the index
	New    bool   // there was no file at the path
	Root   bool   // the commit has none before it
}

// WithIndex is the work tree with another index, as GIT_INDEX_FILE names it to a
// hook: `git commit -a` and `git commit PATH` build the commit in one of their own.
// A relative name counts from the root; an empty one is the usual index.
func (t *Tree) WithIndex(file string) *Tree {
	if file == "" {
		return t
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(t.Root, file)
	}
	with := *t
	with.index = file
	return &with
}

// Staged are the files of the index that the commit which is checked out has not
// in this version; all files when there is no commit yet. Of a conflict that is
// not resolved all sides are among them. A file that was only announced
// (`git add -N`) has no version.
func (t *Tree) Staged(ctx context.Context) ([]Version, error) {
	head, err := t.Resolve(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	if head == "" {
		all, err := t.listed(ctx, "--stage")
		for i := range all {
			all[i].New = true
		}
		return all, err
	}
	out, err := t.command("diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--diff-filter=ACMRTU", head, "--").run(ctx)
	if err != nil {
		return nil, err
	}
	var versions []Version
	unmerged := false
	for f := fields(out); len(f) >= 2; f = f[2:] { // :mode mode hash hash status NUL path
		m := strings.Fields(f[0])
		if len(m) != 5 {
			return nil, fmt.Errorf("git diff-index: unexpected line %q", f[0])
		}
		if m[4] == "U" {
			unmerged = true
			continue
		}
		versions = append(versions, Version{Entry: Entry{Mode: m[1], Hash: m[3]}, Path: f[1], New: m[4] == "A"})
	}
	if unmerged {
		sides, err := t.listed(ctx, "--unmerged")
		return append(versions, sides...), err
	}
	return versions, nil
}

// Listed are the files of the index that match one of the patterns (those of
// `git help glossary`, pathspec), or all when there is none; of a conflict all sides.
func (t *Tree) Listed(ctx context.Context, patterns ...string) ([]Version, error) {
	return t.listed(ctx, "--stage", patterns...)
}

func (t *Tree) listed(ctx context.Context, which string, patterns ...string) ([]Version, error) {
	out, err := t.command(append([]string{"ls-files", "-z", which, "--"}, patterns...)...).run(ctx)
	if err != nil {
		return nil, err
	}
	lines := fields(out)
	versions := make([]Version, 0, len(lines))
	for _, line := range lines { // mode SP hash SP stage TAB path
		meta, path, ok := strings.Cut(line, "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 3 {
			return nil, fmt.Errorf("git ls-files: unexpected line %q", line)
		}
		versions = append(versions, Version{Entry: Entry{Mode: f[0], Hash: f[1]}, Path: path})
	}
	return versions, nil
}

// Shallow reports whether the history was cut off when it was fetched.
func (t *Tree) Shallow() bool {
	_, err := os.Stat(filepath.Join(t.CommonDir, "shallow"))
	return err == nil
}

// Cut is a commit of a selection whose parents were not fetched; empty when there is
// none. What came before it is not here, and EachVersion takes it for a first commit.
// revs are arguments of `git log`.
func (t *Tree) Cut(ctx context.Context, revs []string) (string, error) {
	list, err := os.ReadFile(filepath.Join(t.CommonDir, "shallow"))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	ends := map[string]bool{}
	for _, hash := range strings.Fields(string(list)) {
		ends[hash] = true
	}
	out, err := t.selecting(revs, "--no-replace-objects", "rev-list").run(ctx)
	if err != nil {
		return "", err
	}
	for _, hash := range strings.Fields(string(out)) {
		if ends[hash] {
			return hash, nil
		}
	}
	return "", nil
}

// selecting is a command that selects commits. They go in on stdin, for a command line
// has an end: 32,767 characters on Windows. The options among revs stay there, and come
// behind: what --not turns round are they alone.
func (t *Tree) selecting(revs []string, args ...string) command {
	var commits, options []string
	for _, r := range revs {
		if strings.HasPrefix(r, "-") {
			options = append(options, r)
		} else {
			commits = append(commits, r)
		}
	}
	if len(commits) == 0 {
		return t.command(append(append(args, options...), "--")...)
	}
	args = append(append(args, "--stdin"), options...)
	return t.command(append(args, "--")...).feed(strings.Join(commits, "\n") + "\n")
}

// EachVersion calls do for each version of a file that one of the selected commits
// brought, the oldest commit first. revs are arguments of `git log` that select
// commits: a..b, ^a, --all; --not is for the options behind it. A merge counts with what none of its parents has. The
// listing is streamed, so its length does not matter.
func (t *Tree) EachVersion(ctx context.Context, revs []string, do func(Version) error) error {
	git := t.selecting(revs, "--no-replace-objects", "log", "--no-show-signature", "--reverse", "--topo-order", "--root", "--raw", "-c", "-z",
		"--no-renames", "--no-abbrev", "--no-color", "--diff-filter=ACMRT", "--format=%x01%H %P")
	return git.stream(ctx, func(out io.Reader) error {
		r := bufio.NewReaderSize(out, 1<<16)
		commit, parents := "", ""
		for {
			field, err := r.ReadString(0)
			if errors.Is(err, io.EOF) && field == "" {
				return nil
			} else if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			// Between a commit and its first file there is a line feed, too.
			field = strings.Trim(strings.TrimSuffix(field, "\x00"), "\n")
			if rest, ok := strings.CutPrefix(field, "\x01"); ok {
				commit, parents, _ = strings.Cut(rest, " ")
				continue
			}
			if field == "" {
				continue
			}
			path, err := r.ReadString(0)
			if err != nil {
				return fmt.Errorf("git log: cut off: %w", err)
			}
			c, err := parseRaw(field)
			if err != nil {
				return err
			}
			c.Path, c.Commit, c.Root = strings.TrimSuffix(path, "\x00"), commit, parents == ""
			if err := do(c); err != nil {
				return err
			}
		}
	})
}

// parseRaw reads the part of a raw line before the path: a colon for each parent,
// their modes and the new one, their hashes and the new one, a letter for each.
func parseRaw(field string) (c Version, err error) {
	parents := len(field) - len(strings.TrimLeft(field, ":"))
	f := strings.Fields(field[parents:])
	if parents == 0 || len(f) != 2*(parents+1)+1 {
		return c, fmt.Errorf("git log: unexpected line %q", field)
	}
	c.Mode, c.Hash, c.New = f[parents], f[2*parents+1], strings.Trim(f[2*parents+2], "A") == ""
	return c, nil
}

// stream runs git and hands its output over while it comes.
func (c command) stream(ctx context.Context, read func(io.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := c.prepare(ctx)
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	var errText bytes.Buffer
	cmd.Stderr = &errText
	out, err := cmd.StdoutPipe()
	if err != nil {
		return &Error{Command: c.name(), Err: err}
	}
	if err := cmd.Start(); err != nil {
		return &Error{Command: c.name(), Err: err}
	}
	readErr := read(out)
	if readErr != nil {
		cancel()
	}
	err = cmd.Wait()
	if readErr != nil {
		return readErr
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return &Error{Command: c.name(), Stderr: Redact(strings.TrimSpace(errText.String())), Err: err}
	}
	return nil
}
