// Package repo knows the conventions of a GitOps repository: where its
// applications, their plaintext Secrets and their sealed files lie.
package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/git"
)

// Options are the names of a repository's folders and files. The zero value has the defaults.
type Options struct {
	Applications string            // folder of the applications, relative to the root; default "applications"
	Plaintext    string            // folder of the plaintext Secrets in an application; default "local-secrets"
	Sealed       string            // folder of the sealed files in an application; default "templates"
	Contract     string            // the application's contract; default "secrets.yaml"
	Pin          string            // the pinned certificate, relative to the root; default "sealed-secrets.pem"
	Namespaces   map[string]string // application -> namespace, where it is not the application's name
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&o.Applications, "applications"}, {&o.Plaintext, "local-secrets"},
		{&o.Sealed, "templates"}, {&o.Contract, "secrets.yaml"}, {&o.Pin, "sealed-secrets.pem"},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	return o
}

// Repository is a git work tree with applications.
type Repository struct {
	Tree *git.Tree
	opts Options
	real string // the root without symbolic links
}

// New describes the repository in a work tree.
func New(tree *git.Tree, o Options) (*Repository, error) {
	o = o.withDefaults()
	for _, name := range []string{o.Applications, o.Plaintext, o.Sealed, o.Contract, o.Pin} {
		if !filepath.IsLocal(name) {
			return nil, &OutsideError{Path: name, Target: "a place outside"}
		}
	}
	root, err := filepath.EvalSymlinks(tree.Root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tree.Root, reason(err))
	}
	return &Repository{Tree: tree, opts: o, real: root}, nil
}

// In is the repository in another of its work trees, with the same names. An
// application of the settings need not be there: another branch may be checked out.
func (r *Repository) In(tree *git.Tree) (*Repository, error) {
	o := r.opts
	o.Namespaces = maps.Clone(o.Namespaces)
	maps.DeleteFunc(o.Namespaces, func(name, _ string) bool {
		info, err := os.Stat(filepath.Join(tree.Root, o.Applications, name))
		return err != nil || !info.IsDir()
	})
	return New(tree, o)
}

// PinPath is the absolute path of the pinned certificate.
func (r *Repository) PinPath() string { return filepath.Join(r.Tree.Root, r.opts.Pin) }

// ContractName is the name of the applications' contracts.
func (r *Repository) ContractName() string { return r.opts.Contract }

// StateDir is where the repository's private state lives: inside the git
// directory, so that it can be neither committed nor cloned.
func (r *Repository) StateDir() string { return filepath.Join(r.Tree.CommonDir, "sealway") }

// Rel is the path relative to the root, with forward slashes, for messages.
func (r *Repository) Rel(path string) string {
	rel, err := filepath.Rel(r.Tree.Root, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

// IsPlaintext reports whether a path (relative to the root, with slashes) is in
// the folder of an application's plaintext, be the application still there or not.
func (r *Repository) IsPlaintext(rel string) bool {
	rest, ok := strings.CutPrefix(rel, filepath.ToSlash(r.opts.Applications)+"/")
	if !ok {
		return false
	}
	_, rest, _ = strings.Cut(rest, "/")
	return strings.HasPrefix(rest, filepath.ToSlash(r.opts.Plaintext)+"/")
}

// InPlaintextFolder reports whether a path (relative to the root, with slashes) is
// in a folder that is named as those of the plaintext are, wherever it lies: a
// moved or copied application has one too.
func (r *Repository) InPlaintextFolder(rel string) bool {
	return strings.Contains("/"+rel, "/"+filepath.ToSlash(filepath.Clean(r.opts.Plaintext))+"/")
}

// Application is one folder under the applications folder.
type Application struct {
	Name      string
	Namespace string // where its Secrets live by default
	Dir       string // absolute
	Plaintext string // absolute; need not exist
	Sealed    string // absolute; need not exist
	Contract  string // absolute path of the contract; need not exist
}

// Applications returns all applications, sorted by name.
func (r *Repository) Applications() ([]Application, error) {
	dir := filepath.Join(r.Tree.Root, r.opts.Applications)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{What: "folder " + r.opts.Applications + "/", In: r.Tree.Root}
	}
	if err != nil {
		return nil, fmt.Errorf("applications: %w", err)
	}
	var out []Application
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		out = append(out, r.application(e.Name()))
	}
	for _, name := range slices.Sorted(maps.Keys(r.opts.Namespaces)) {
		if !slices.Contains(namesOf(out), name) {
			return nil, &UnknownError{Name: name, Known: namesOf(out), Setting: "namespaces"}
		}
	}
	return out, nil
}

// Select returns the named applications, or all when no name is given. An
// unknown name is an error that lists the known ones.
func (r *Repository) Select(names ...string) ([]Application, error) {
	all, err := r.Applications()
	if err != nil || len(names) == 0 {
		return all, err
	}
	out := make([]Application, 0, len(names))
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		i := slices.IndexFunc(all, func(a Application) bool { return a.Name == name })
		if i < 0 {
			return nil, &UnknownError{Name: name, Known: namesOf(all)}
		}
		out = append(out, all[i])
	}
	return out, nil
}

func namesOf(apps []Application) []string {
	out := make([]string, len(apps))
	for i, a := range apps {
		out[i] = a.Name
	}
	return out
}

func (r *Repository) application(name string) Application {
	dir := filepath.Join(r.Tree.Root, r.opts.Applications, name)
	ns := r.opts.Namespaces[name]
	if ns == "" {
		ns = name
	}
	return Application{
		Name: name, Namespace: ns, Dir: dir,
		Plaintext: filepath.Join(dir, r.opts.Plaintext),
		Sealed:    filepath.Join(dir, r.opts.Sealed),
		Contract:  filepath.Join(dir, r.opts.Contract),
	}
}

// Manifests are the YAML and JSON files directly in a folder, sorted, and the
// other files there. Both are empty when the folder does not exist.
func Manifests(dir string) (files, others []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch ext := filepath.Ext(e.Name()); {
		case strings.HasPrefix(e.Name(), "."):
		case ext == ".yaml" || ext == ".yml" || ext == ".json":
			files = append(files, path)
		default:
			others = append(others, path)
		}
	}
	return files, others, nil
}

// Inside resolves symbolic links and refuses a path that leaves the repository.
func (r *Repository) Inside(path string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return &OutsideError{Path: r.Rel(path), Target: "nowhere (" + reason(err).Error() + ")"}
	}
	if rel, err := filepath.Rel(r.real, target); err != nil || !filepath.IsLocal(rel) {
		return &OutsideError{Path: r.Rel(path), Target: target}
	}
	return nil
}

func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
