package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/sealway/sealway/pkg/manifest"
)

// File is a manifest as it lies on the disk.
type File struct {
	Path string // absolute
	Rel  string // relative to the root, with slashes: for messages and for Git
	Data []byte
}

// LoadContract reads the application's contract; nil when it has none.
func (r *Repository) LoadContract(a Application) (*Contract, error) {
	data, err := os.ReadFile(a.Contract)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, r.Unreadable(a.Contract, err)
	}
	return ReadContract(r.Rel(a.Contract), data)
}

// Folder reads the YAML and JSON files directly in a folder, sorted by name. A
// folder that is not there has none. All errors are joined.
func (r *Repository) Folder(ctx context.Context, dir string) ([]File, error) {
	files, _, err := Manifests(dir)
	if err != nil {
		return nil, r.Unreadable(dir, err)
	}
	if _, err := os.Lstat(dir); err == nil { // a link out of the repository counts even when the folder is empty
		if err := r.Inside(dir); err != nil {
			return nil, err
		}
	}
	return Each(ctx, files, func(path string) (File, error) {
		data, err := r.readFile(path)
		return File{Path: path, Rel: r.Rel(path), Data: data}, err
	})
}

// PinFile reads the pinned certificate; nil when there is none.
func (r *Repository) PinFile() ([]byte, error) {
	data, err := r.readFile(r.PinPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Secrets reads the application's plaintext Secrets, in the order of its files.
// All errors are joined.
func (r *Repository) Secrets(ctx context.Context, a Application) ([]manifest.Secret, error) {
	files, err := r.Folder(ctx, a.Plaintext)
	if err != nil {
		return nil, err
	}
	return ParseSecrets(ctx, files)
}

// ParseSecrets reads the Secrets of several files. All errors are joined.
func ParseSecrets(ctx context.Context, files []File) ([]manifest.Secret, error) {
	lists, err := Each(ctx, files, func(f File) ([]manifest.Secret, error) { return manifest.ReadSecrets(f.Rel, f.Data) })
	return slices.Concat(lists...), err
}

// Each runs f on every element, several at a time. The results stand in the
// order of the elements, and so do the errors, joined.
func Each[E, T any](ctx context.Context, list []E, f func(E) (T, error)) ([]T, error) {
	out, errs := make([]T, len(list)), make([]error, len(list))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, e := range list {
		g.Go(func() error {
			if ctx.Err() == nil {
				out[i], errs[i] = f(e)
			}
			return ctx.Err()
		})
	}
	return out, errors.Join(g.Wait(), errors.Join(errs...))
}

// readFile reads a regular file, or one inside the repository that a symbolic link leads to.
func (r *Repository) readFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := r.Inside(path); err != nil {
			return nil, err
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return nil, r.Unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &manifest.Error{Path: r.Rel(path), Problem: "this is not a regular file", Fix: "a manifest is a file; move everything else out of this folder"}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, r.Unreadable(path, err)
	}
	return data, nil
}

// Unreadable is the error about a file or folder that could not be read.
func (r *Repository) Unreadable(path string, err error) error {
	return fmt.Errorf("%s: cannot be read: %w", r.Rel(path), reason(err))
}

// CheckPrivate refuses paths (relative to the root, of plaintext files that are
// there or will be) that Git tracks or does not ignore. All errors are joined.
func (r *Repository) CheckPrivate(ctx context.Context, paths []string) error {
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	var tracked, ignored map[string]bool
	g, gitCtx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { tracked, err = r.Tree.Tracked(gitCtx, paths); return err })
	g.Go(func() (err error) { ignored, err = r.Tree.Ignored(gitCtx, paths); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	var errs []error
	for _, p := range paths {
		switch {
		case tracked[p]:
			errs = append(errs, &manifest.Error{Path: p, Problem: "Git tracks this plaintext file",
				Fix: "`git rm --cached " + p + "`, commit, and change every value in it: history keeps them"})
		case !ignored[p]:
			errs = append(errs, &manifest.Error{Path: p, Problem: "Git does not ignore this plaintext file",
				Fix: "add the line `" + path.Base(path.Dir(p)) + "/` to .gitignore"})
		}
	}
	return errors.Join(errs...)
}
