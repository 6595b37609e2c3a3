package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// application is one application as it lies on the disk.
type application struct {
	repo.Application
	contract *repo.Contract // nil when there is none
	secrets  []manifest.Secret
	sealed   []sealedFile

	plaintext, folder []repo.File // what secrets and sealed were read from
	contractText      []byte
	settled           []settledSecret // in place of all of the above when nothing changed since the last run
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

// loader reads applications, several at a time.
type loader struct {
	repo      *repo.Repository
	plaintext bool
	lenient   bool         // a Secret that cannot be sealed is an entry, not an error
	ledger    *Ledger      // knows which applications did not change; may be nil
	cert      *Certificate // with the ledger
}

// load reads the applications in the order given. All errors are joined.
func (l *loader) load(ctx context.Context, apps []repo.Application) ([]application, error) {
	exposed := make(chan error, 1)
	go func() { exposed <- l.private(ctx, apps) }() // git takes its time; read the files meanwhile
	out, err := repo.Each(ctx, apps, func(app repo.Application) (application, error) {
		a := application{Application: app}
		return a, l.application(ctx, &a)
	})
	if err := errors.Join(err, <-exposed); err != nil {
		return nil, err
	}
	if l.plaintext {
		return out, unique(out)
	}
	return out, nil
}

func (l *loader) application(ctx context.Context, a *application) error {
	if err := l.files(ctx, a); err != nil {
		return err
	}
	if l.ledger != nil {
		if a.settled = l.ledger.unchanged(a, a.folder, l.cert); a.settled != nil {
			return nil
		}
	}
	var errs [3]error
	if a.contractText != nil {
		a.contract, errs[0] = repo.ReadContract(l.repo.Rel(a.Contract), a.contractText)
	}
	a.secrets, errs[1] = repo.ParseSecrets(ctx, a.plaintext)
	a.sealed, errs[2] = parseSealed(ctx, a.folder)
	return errors.Join(errs[:]...)
}

// files reads the application's bytes.
func (l *loader) files(ctx context.Context, a *application) error {
	var errs [3]error
	if l.plaintext {
		a.plaintext, errs[0] = l.repo.Folder(ctx, a.Plaintext)
	}
	a.folder, errs[1] = l.repo.Folder(ctx, a.Sealed)
	a.contractText, errs[2] = os.ReadFile(a.Contract)
	if errors.Is(errs[2], fs.ErrNotExist) {
		errs[2] = nil
	} else if errs[2] != nil {
		errs[2] = l.repo.Unreadable(a.Contract, errs[2])
	}
	return errors.Join(errs[:]...)
}

// parseSealed finds the files that hold SealedSecrets.
func parseSealed(ctx context.Context, files []repo.File) ([]sealedFile, error) {
	list, err := repo.Each(ctx, files, func(f repo.File) (sealedFile, error) {
		objects, err := manifest.FindSealed(f.Rel, f.Data)
		return sealedFile{f.Path, f.Data, objects}, err
	})
	return slices.DeleteFunc(list, func(f sealedFile) bool { return len(f.objects) == 0 }), err
}

// Committed returns the SealedSecrets of an application.
func Committed(ctx context.Context, r *repo.Repository, app repo.Application) ([]manifest.Sealed, error) {
	folder, err := r.Folder(ctx, app.Sealed)
	if err != nil {
		return nil, err
	}
	files, err := parseSealed(ctx, folder)
	var out []manifest.Sealed
	for _, f := range files {
		out = append(out, f.objects...)
	}
	return out, err
}

const sealedPrefix = "sealed-"

// private refuses plaintext that Git tracks or would pick up.
func (l *loader) private(ctx context.Context, apps []repo.Application) error {
	if !l.plaintext {
		return nil
	}
	var paths []string
	for _, a := range apps {
		files, _, err := repo.Manifests(a.Plaintext)
		if err != nil {
			continue // the reader says so
		}
		for _, f := range files {
			paths = append(paths, l.repo.Rel(f))
			if !isLink(f) {
				continue
			}
			if target, err := filepath.EvalSymlinks(f); err == nil {
				paths = append(paths, l.repo.Rel(target))
			}
		}
	}
	return l.repo.CheckPrivate(ctx, paths)
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// unique refuses the same Secret twice, in plaintext or sealed.
func unique(apps []application) error {
	var errs []error
	plain := map[string]string{} // namespace/name -> path:line
	for i := range apps {
		a := &apps[i]
		for _, s := range a.settled {
			id := s.Namespace + "/" + s.Name
			if first, twice := plain[id]; twice {
				errs = append(errs, fmt.Errorf("%s: Secret %s: this Secret stands already in %s", s.Plaintext, id, first))
			}
			plain[id] = s.Plaintext
		}
		for j := range a.secrets {
			s := &a.secrets[j]
			id, at := s.Namespace+"/"+s.Name, fmt.Sprintf("%s:%d", s.Path, s.Line)
			if first, twice := plain[id]; twice {
				errs = append(errs, s.Errorf("", "delete one of the two", "this Secret stands already in %s", first))
				continue
			}
			plain[id] = at
		}
		errs = append(errs, a.uniqueSealed())
	}
	return errors.Join(errs...)
}

func (a *application) uniqueSealed() error {
	var errs []error
	seen := map[string]*manifest.Sealed{}
	for _, f := range a.sealed {
		for j := range f.objects {
			o := &f.objects[j]
			id := a.namespaceOf(o) + "/" + o.Name
			if first := seen[id]; first != nil {
				errs = append(errs, &manifest.Error{Path: o.Path, Line: o.Line, Object: o.Object(),
					Problem: fmt.Sprintf("this SealedSecret stands already in %s:%d", first.Path, first.Line), Fix: "delete one of the two"})
				continue
			}
			seen[id] = o
		}
	}
	return errors.Join(errs...)
}
