package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// application is one application as it lies on the disk.
type application struct {
	repo.Application
	contract *repo.Contract // nil when there is none
	secrets  []manifest.Secret
	sealed   []sealedFile
}

// sealedFile is a file of the application's sealed folder that holds SealedSecrets.
type sealedFile struct {
	path    string // absolute
	data    []byte
	objects []manifest.Sealed
}

// find returns the SealedSecret of that identity and its file.
func (a *application) find(namespace, name string) (*sealedFile, *manifest.Sealed) {
	for i := range a.sealed {
		for j := range a.sealed[i].objects {
			if o := &a.sealed[i].objects[j]; o.Name == name && a.namespaceOf(o) == namespace {
				return &a.sealed[i], o
			}
		}
	}
	return nil, nil
}

// namespaceOf is the SealedSecret's namespace; one without is deployed into the application's.
func (a *application) namespaceOf(s *manifest.Sealed) string {
	if s.Namespace == "" {
		return a.Namespace
	}
	return s.Namespace
}

// loader reads applications, several files at a time.
type loader struct {
	repo      *repo.Repository
	plaintext bool
	lenient   bool // keep unreadable sealed files as findings in place of errors
	workers   int
}

// load reads the applications in the order given. All errors are joined.
func (l *loader) load(ctx context.Context, apps []repo.Application) ([]application, error) {
	out := make([]application, len(apps))
	errs := make([]error, len(apps))
	var g errgroup.Group
	g.SetLimit(max(l.workers, runtime.GOMAXPROCS(0)))
	for i, app := range apps {
		g.Go(func() error {
			out[i].Application = app
			errs[i] = l.application(ctx, &out[i])
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if l.plaintext {
		return out, errors.Join(l.private(ctx, out), unique(out))
	}
	return out, nil
}

func (l *loader) application(ctx context.Context, a *application) error {
	var errs []error
	var err error
	if a.contract, err = l.contract(a.Contract); err != nil {
		errs = append(errs, err)
	}
	if l.plaintext {
		if a.secrets, err = l.secrets(ctx, a.Plaintext); err != nil {
			errs = append(errs, err)
		}
	}
	if a.sealed, err = l.sealed(ctx, a.Sealed); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (l *loader) contract(path string) (*repo.Contract, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, l.unreadable(path, err)
	}
	return repo.ReadContract(l.repo.Rel(path), data)
}

// each runs f on every file, several at a time, and joins the errors in order.
func each[T any](ctx context.Context, files []string, f func(path string) (T, error)) ([]T, error) {
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

func (l *loader) secrets(ctx context.Context, dir string) ([]manifest.Secret, error) {
	files, _, err := repo.Manifests(dir)
	if err != nil {
		return nil, l.unreadable(dir, err)
	}
	lists, err := each(ctx, files, func(path string) ([]manifest.Secret, error) {
		data, err := l.read(path)
		if err != nil {
			return nil, err
		}
		return manifest.ReadSecrets(l.repo.Rel(path), data)
	})
	return slices.Concat(lists...), err
}

func (l *loader) sealed(ctx context.Context, dir string) ([]sealedFile, error) {
	files, _, err := repo.Manifests(dir)
	if err != nil {
		return nil, l.unreadable(dir, err)
	}
	list, err := each(ctx, files, func(path string) (sealedFile, error) {
		data, err := l.read(path)
		if err != nil || !bytes.Contains(data, []byte("SealedSecret")) {
			return sealedFile{}, err
		}
		objects, err := manifest.ReadSealed(l.repo.Rel(path), data)
		if err != nil && bytes.Contains(data, []byte("{{")) && !isSealedName(path) {
			return sealedFile{}, nil // a Helm template that only speaks of SealedSecrets
		}
		return sealedFile{path, data, objects}, err
	})
	return slices.DeleteFunc(list, func(f sealedFile) bool { return len(f.objects) == 0 }), err
}

const sealedPrefix = "sealed-"

func isSealedName(path string) bool {
	return len(filepath.Base(path)) > len(sealedPrefix) && filepath.Base(path)[:len(sealedPrefix)] == sealedPrefix
}

func (l *loader) read(path string) ([]byte, error) {
	if err := l.repo.Inside(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, l.unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &manifest.Error{Path: l.repo.Rel(path), Problem: "this is not a regular file", Fix: "a manifest is a file; move everything else out of this folder"}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, l.unreadable(path, err)
	}
	return data, nil
}

func (l *loader) unreadable(path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("%s: cannot be read: %w", l.repo.Rel(path), err)
}

// private refuses plaintext that Git tracks or would pick up.
func (l *loader) private(ctx context.Context, apps []application) error {
	var paths []string
	seen := map[string]bool{}
	for _, a := range apps {
		for _, s := range a.secrets {
			if !seen[s.Path] {
				seen[s.Path] = true
				paths = append(paths, s.Path)
			}
		}
	}
	tracked, err := l.repo.Tree.Tracked(ctx, paths)
	if err != nil {
		return err
	}
	ignored, err := l.repo.Tree.Ignored(ctx, paths)
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
				Fix: "add the line `" + filepath.Base(filepath.Dir(p)) + "/` to .gitignore"})
		}
	}
	return errors.Join(errs...)
}

// unique refuses the same Secret twice, in plaintext or sealed.
func unique(apps []application) error {
	var errs []error
	plain := map[string]*manifest.Secret{}
	for i := range apps {
		for j := range apps[i].secrets {
			s := &apps[i].secrets[j]
			if first := plain[s.Object()]; first != nil {
				errs = append(errs, s.Errorf("", "delete one of the two", "this Secret stands already in %s:%d", first.Path, first.Line))
				continue
			}
			plain[s.Object()] = s
		}
		sealed := map[string]*manifest.Sealed{}
		for _, f := range apps[i].sealed {
			for j := range f.objects {
				o := &f.objects[j]
				key := apps[i].namespaceOf(o) + "/" + o.Name
				if first := sealed[key]; first != nil {
					errs = append(errs, &manifest.Error{Path: o.Path, Line: o.Line, Object: o.Object(),
						Problem: fmt.Sprintf("this SealedSecret stands already in %s:%d", first.Path, first.Line), Fix: "delete one of the two"})
					continue
				}
				sealed[key] = o
			}
		}
	}
	return errors.Join(errs...)
}
