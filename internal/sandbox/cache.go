package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// Binaries are the absolute paths of programs by their name, such as
// "kubeseal", "kubectl" and "task". Those of ArgoCD and ArgoCD3 have the same
// names: ask for them one at a time.
type Binaries map[string]string

// Build builds those of the products that the cache lacks and returns the
// paths of the programs of all of them.
func Build(ctx context.Context, o Options, products ...Product) (Binaries, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	entries, err := buildAll(ctx, o, products)
	if err != nil {
		return nil, err
	}
	all := Binaries{}
	for _, e := range entries {
		maps.Copy(all, e.binaries())
	}
	return all, nil
}

// buildAll returns the cache entry of each product, in their order.
func buildAll(ctx context.Context, o Options, products []Product) ([]entry, error) {
	toolchain, err := goVersion(ctx, o)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(products))
	for i, p := range products {
		e, err := newEntry(o, p, toolchain)
		if err != nil {
			return nil, err
		}
		if err := e.ensure(ctx, o); err != nil {
			return nil, err
		}
		entries[i] = e
	}
	return entries, nil
}

// entry is a directory of the cache: bin/ holds the programs of one product,
// other folders the files copied from its modules. It is there whole or not
// at all.
type entry struct {
	product Product
	recipe  recipe
	tree    map[string][]byte
	dir     string
}

func newEntry(o Options, p Product, toolchain string) (entry, error) {
	r, ok := recipes()[p]
	if !ok {
		return entry{}, &Error{Object: fmt.Sprintf("product %q", p), Op: "build", Err: fmt.Errorf("there is no such product")}
	}
	tree, err := r.tree()
	if err != nil {
		return entry{}, err
	}
	name := fmt.Sprintf("%s-%s-%s", p, r.version, fingerprint(r, tree, toolchain))
	return entry{product: p, recipe: r, tree: tree, dir: filepath.Join(o.CacheDir, "servers", name)}, nil
}

// fingerprint is short for everything that the result depends on.
func fingerprint(r recipe, tree map[string][]byte, toolchain string) string {
	sum := sha256.New()
	// All of it is made of strings and maps, which cannot fail to encode,
	// and maps are encoded in the order of their keys.
	encoder := json.NewEncoder(sum)
	parts := []any{toolchain, buildFlags(r), r.programs, r.manifests, tree}
	if len(r.links) > 0 || r.edit != (edit{}) {
		parts = append(parts, r.links, r.edit)
	}
	for _, v := range parts {
		_ = encoder.Encode(v)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

func (e entry) binaries() Binaries {
	all := Binaries{}
	for _, programs := range []map[string]string{e.recipe.programs, e.recipe.own, e.recipe.links} {
		for name := range programs {
			all[name] = filepath.Join(e.dir, "bin", name)
		}
	}
	return all
}

// manifestFiles returns the paths of the files copied from modules.
func (e entry) manifestFiles(f folder) []string {
	// The only error is that of a bad pattern.
	files, _ := filepath.Glob(filepath.Join(e.dir, string(f), "*.yaml"))
	return files
}

// complete says whether the entry is there. Something may have cleaned the
// cache directory, so the programs are looked at one by one.
func (e entry) complete() bool {
	for _, path := range e.binaries() {
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	for _, m := range e.recipe.manifests {
		if len(e.manifestFiles(m.Folder)) == 0 {
			return false
		}
	}
	return true
}

// ensure builds the entry unless it is there.
func (e entry) ensure(ctx context.Context, o Options) error {
	if e.complete() {
		return nil
	}
	s := o.step("build " + string(e.product))
	return s.end(e.build(ctx, o, s))
}

// build makes the entry in a directory beside it, and renames that at the
// end. Whoever comes second waits and then finds it made.
func (e entry) build(ctx context.Context, o Options, s step) error {
	servers, name := filepath.Split(e.dir)
	if err := os.MkdirAll(filepath.Join(servers, ".locks"), 0o755); err != nil {
		return e.failed("make the cache directory", err)
	}
	unlock, err := lockFile(ctx, filepath.Join(servers, ".locks", name), func() {
		s.at("another process builds it: waiting", 0, 0)
	})
	if err != nil {
		return e.failed("lock", err)
	}
	defer unlock()
	if e.complete() {
		return nil
	}
	if err := e.sweep(); err != nil {
		return e.failed("remove what is left of an earlier build", err)
	}
	tmp, err := os.MkdirTemp(servers, name+".tmp-")
	if err != nil {
		return e.failed("make the cache directory", err)
	}
	defer os.RemoveAll(tmp)
	if err := e.make(ctx, o, s, tmp); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return e.failed("finish", err)
	}
	if err := os.Rename(tmp, e.dir); err != nil {
		return e.failed("finish", err)
	}
	return nil
}

// sweep removes what killed builds have left, and an entry that has lost
// some of its files. The lock must be held.
func (e entry) sweep() error {
	servers, name := filepath.Split(e.dir)
	left, err := os.ReadDir(servers)
	if err != nil {
		return err
	}
	for _, d := range left {
		if d.Name() == name || strings.HasPrefix(d.Name(), name+".tmp-") {
			if err := os.RemoveAll(filepath.Join(servers, d.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// make fills dir with what the entry consists of.
func (e entry) make(ctx context.Context, o Options, s step, dir string) error {
	module := module{goCommand: o.Go, dir: filepath.Join(dir, "src")}
	for name, data := range e.tree {
		if err := writeFile(filepath.Join(module.dir, filepath.FromSlash(name)), data, 0o644); err != nil {
			return e.failed("write its module", err)
		}
	}
	for _, m := range e.recipe.manifests {
		s.at(m.Glob, 0, 0)
		if err := copyManifests(ctx, module, m, filepath.Join(dir, string(m.Folder))); err != nil {
			return e.failed("copy manifests of "+m.Module, err)
		}
	}
	programs := map[string]string{}
	maps.Copy(programs, e.recipe.programs)
	for name := range e.recipe.own {
		programs[name] = "./" + name
	}
	if e.recipe.edit != (edit{}) {
		s.at("edit "+e.recipe.edit.File, 0, 0)
		if err := module.edit(ctx, e.recipe.edit); err != nil {
			return e.failed("edit its source", err)
		}
	}
	if len(programs) > 0 {
		if err := module.build(ctx, s, buildFlags(e.recipe), programs, filepath.Join(dir, "bin")); err != nil {
			return e.failed("build", err)
		}
	}
	for link, program := range e.recipe.links {
		if err := os.Symlink(program, filepath.Join(dir, "bin", link)); err != nil {
			return e.failed("link", err)
		}
	}
	return os.RemoveAll(module.dir)
}

func (e entry) failed(op string, err error) error {
	return &Error{Object: fmt.Sprintf("%s %s", e.product, e.recipe.version), Op: op, Err: err, Advice: adviceFor(err)}
}

// copyManifests copies the files that match out of a module.
func copyManifests(ctx context.Context, in module, m manifest, to string) error {
	root, err := in.download(ctx, m.Module)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(m.Glob)))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no file matches %s", m.Glob)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(to, filepath.Base(file)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a file and makes the directories above it.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, mode)
}
