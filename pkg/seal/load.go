package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	if a.contract, err = l.repo.LoadContract(a.Application); err != nil {
		errs = append(errs, err)
	}
	if l.plaintext {
		if a.secrets, err = l.repo.Secrets(ctx, a.Application); err != nil {
			errs = append(errs, err)
		}
	}
	if a.sealed, err = l.sealed(ctx, a.Sealed); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (l *loader) sealed(ctx context.Context, dir string) ([]sealedFile, error) {
	files, _, err := repo.Manifests(dir)
	if err != nil {
		return nil, l.repo.Unreadable(dir, err)
	}
	list, err := repo.Each(ctx, files, func(path string) (sealedFile, error) {
		data, err := l.repo.ReadFile(path)
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

// private refuses plaintext that Git tracks or would pick up.
func (l *loader) private(ctx context.Context, apps []application) error {
	var paths []string
	for _, a := range apps {
		for _, s := range a.secrets {
			paths = append(paths, s.Path)
		}
	}
	return l.repo.CheckPrivate(ctx, paths)
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
