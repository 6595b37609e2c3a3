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

// Secrets reads the application's plaintext Secrets, in the order of its files.
// All errors are joined.
func (r *Repository) Secrets(ctx context.Context, a Application) ([]manifest.Secret, error) {
	files, _, err := Manifests(a.Plaintext)
	if err != nil {
		return nil, r.Unreadable(a.Plaintext, err)
	}
	if _, err := os.Lstat(a.Plaintext); err == nil { // a link out of the repository counts even when the folder is empty
		if err := r.Inside(a.Plaintext); err != nil {
			return nil, err
		}
	}
	lists, err := Each(ctx, files, func(path string) ([]manifest.Secret, error) {
		data, err := r.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return manifest.ReadSecrets(r.Rel(path), data)
	})
	return slices.Concat(lists...), err
}

// Each runs f on every file, several at a time. The results stand in the order
// of the files, and so do the errors, joined.
func Each[T any](ctx context.Context, files []string, f func(path string) (T, error)) ([]T, error) {
	out, errs := make([]T, len(files)), make([]error, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range files {
		g.Go(func() error {
			if ctx.Err() == nil {
				out[i], errs[i] = f(path)
			}
			return ctx.Err()
		})
	}
	return out, errors.Join(g.Wait(), errors.Join(errs...))
}

// ReadFile reads a manifest: a regular file inside the repository.
func (r *Repository) ReadFile(path string) ([]byte, error) {
	if err := r.Inside(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
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
	tracked, err := r.Tree.Tracked(ctx, paths)
	if err != nil {
		return err
	}
	ignored, err := r.Tree.Ignored(ctx, paths)
	if err != nil {
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
