// Package hooks installs the Git hooks that keep plaintext at home: before a commit
// and before a push they run secrets:guard. A hook that was there is kept and
// called; taking ours out again restores it as it was.
//
// A merge or rebase runs no pre-commit hook; what it brings is judged by the
// pre-push hook. Whoever says --no-verify means it; CI is the barrier behind that.
package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sealway/sealway/pkg/git"
)

// DefaultProgram is where Task builds the compiled targets.
const DefaultProgram = ".bin/sealway"

// Options say what the hooks run.
type Options struct {
	Program string // compiled targets: absolute, or relative to the root of the work tree; default DefaultProgram
}

// State is what a hook is.
type State string

// The states of a hook.
const (
	Missing   State = "missing"   // there is none
	Installed State = "installed" // ours, as this version writes it
	Outdated  State = "outdated"  // ours, of another version or for another program
	Edited    State = "edited"    // ours, and somebody has changed it
	Foreign   State = "foreign"   // somebody else's
)

// Hook is one hook.
type Hook struct {
	Name  string
	Path  string // absolute
	State State
	Kept  string // absolute path of the hook that was there before; empty when there is none
}

// Dir is the folder that Git looks for hooks in.
type Dir struct {
	Path    string
	Outside bool // neither in the repository nor in its git directory: other repositories may use it, too
	Manager *Manager
	Program string // as the hooks call it
	Built   bool   // the program is there
}

// Find finds the folder by asking Git, so core.hooksPath and linked work trees count.
func Find(ctx context.Context, tree *git.Tree, o Options) (*Dir, error) {
	dir, err := tree.HooksDir(ctx)
	if err != nil {
		return nil, err
	}
	d := &Dir{Path: dir, Program: programPath(cmp.Or(o.Program, DefaultProgram)), Manager: findManager(tree.Root, dir)}
	d.Outside = !within(tree.Root, dir) && !within(tree.CommonDir, dir) && !within(tree.GitDir, dir)
	d.Built = d.built(tree)
	return d, nil
}

// built looks where the scripts look.
func (d *Dir) built(tree *git.Tree) bool {
	places := []string{d.Program}
	if !filepath.IsAbs(d.Program) {
		places = []string{filepath.Join(tree.Root, d.Program), filepath.Join(tree.CommonDir, "..", d.Program)}
	}
	for _, p := range places {
		for _, suffix := range []string{"", ".exe"} {
			if _, err := exec.LookPath(p + suffix); err == nil {
				return true
			}
		}
	}
	return false
}

// within compares the folders behind symbolic links.
func within(root, dir string) bool {
	rel, err := filepath.Rel(resolved(root), resolved(dir))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolved follows links as far as the path exists.
func resolved(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(resolved(parent), filepath.Base(path))
	}
	return path
}

// Hooks are both hooks as they are now.
func (d *Dir) Hooks() ([]Hook, error) {
	var hooks []Hook
	for _, name := range []string{PreCommit, PrePush} {
		h, err := d.hook(name)
		if err != nil {
			return nil, err
		}
		hooks = append(hooks, h)
	}
	return hooks, nil
}

func (d *Dir) hook(name string) (Hook, error) {
	h := Hook{Name: name, Path: filepath.Join(d.Path, name), State: Missing}
	if _, err := os.Lstat(h.Path + KeptSuffix); err == nil {
		h.Kept = h.Path + KeptSuffix
	}
	info, err := os.Lstat(h.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, fmt.Errorf("hook %s: %w", name, err)
	}
	h.State = Foreign
	if !info.Mode().IsRegular() {
		return h, nil
	}
	text, err := os.ReadFile(h.Path)
	if err != nil {
		return h, fmt.Errorf("hook %s: %w", name, err)
	}
	switch our, whole := ours(string(text)); {
	case our && !whole:
		h.State = Edited
	case our && string(text) == script(name, d.Program) && info.Mode()&0o100 != 0:
		h.State = Installed
	case our:
		h.State = Outdated
	}
	return h, nil
}

// Install installs both hooks, or none of them, and returns what they were before.
func (d *Dir) Install() ([]Hook, error) {
	if d.Manager != nil && d.Manager.Active {
		return nil, &ManagerError{*d.Manager}
	}
	if d.Outside {
		return nil, &OutsideError{d.Path}
	}
	before, err := d.Hooks()
	if err != nil {
		return nil, err
	}
	for _, h := range before {
		if h.State == Edited {
			return nil, &EditedError{h}
		}
		if h.State == Foreign && h.Kept != "" {
			return nil, &TwiceError{h}
		}
	}
	for _, h := range before {
		if err := d.install(h); err != nil {
			return nil, fmt.Errorf("hook %s: %w", h.Name, err)
		}
	}
	return before, nil
}

func (d *Dir) install(h Hook) error {
	if h.State == Installed {
		return nil
	}
	if err := os.MkdirAll(d.Path, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(d.Path, h.Name+".sealway-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(script(h.Name, d.Program))
	if err := errors.Join(err, file.Chmod(0o755), file.Close()); err != nil {
		return err
	}
	if h.State == Foreign {
		if err := os.Rename(h.Path, h.Path+KeptSuffix); err != nil {
			return err
		}
	}
	if err := os.Rename(file.Name(), h.Path); err != nil {
		if h.State == Foreign {
			err = errors.Join(err, os.Rename(h.Path+KeptSuffix, h.Path))
		}
		return err
	}
	return nil
}

// Uninstall takes our hooks out, puts those that were there before back as they
// were, and returns what each was. Somebody else's stay.
func (d *Dir) Uninstall() ([]Hook, error) {
	before, err := d.Hooks()
	if err != nil {
		return nil, err
	}
	for _, h := range before {
		if h.State == Edited {
			return nil, &EditedError{h}
		}
	}
	for _, h := range before {
		switch {
		case h.State == Foreign:
			continue
		case h.Kept != "":
			err = os.Rename(h.Kept, h.Path)
		case h.State != Missing:
			err = os.Remove(h.Path)
		}
		if err != nil {
			return nil, fmt.Errorf("hook %s: %w", h.Name, err)
		}
	}
	return before, nil
}
