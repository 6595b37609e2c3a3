package publish

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// candidate is a file that publishing looks after: it holds SealedSecrets, here
// or in the commit that is checked out, or it is the pinned certificate.
type candidate struct {
	app     string // empty for the certificate
	path    string // relative to the root, with slashes
	data    []byte // as Git would have it; nil when the file is gone
	entry   git.Entry
	objects []manifest.Sealed

	before, shown git.Entry // in the commit that the new one goes on, and in the one that the result is compared with
}

// same reports whether a commit that has e at the path has this version. An
// executable manifest is the same manifest.
func (c *candidate) same(e git.Entry) bool {
	return c.entry.Hash == e.Hash && (e.Hash == "" || e.Mode == git.ModeFile || e.Mode == git.ModeExecFile)
}

// read finds the candidates, and their content as Git would have it.
func (p *planner) read(ctx context.Context) error {
	here := map[string]repo.File{}
	folders := map[string]string{} // of sealed files -> application
	var errs []error
	for _, app := range p.apps {
		dir := p.repo.Rel(app.Sealed)
		folders[dir] = app.Name
		files, err := p.repo.Folder(ctx, app.Sealed)
		errs = append(errs, err)
		for _, f := range files {
			here[f.Rel] = f
			objects, err := manifest.FindSealed(f.Rel, f.Data)
			errs = append(errs, err)
			if len(objects) > 0 {
				p.local = append(p.local, &candidate{app: app.Name, path: f.Rel, data: f.Data, objects: objects})
			}
		}
	}
	p.files = len(p.local)
	errs = append(errs, p.committed(ctx, folders, here), p.pin())
	if err := errors.Join(errs...); err != nil {
		return err
	}
	slices.SortFunc(p.local, func(a, b *candidate) int { return strings.Compare(a.path, b.path) })
	return p.filter(ctx)
}

// committed adds the files that hold SealedSecrets in the commit that is checked
// out, and here do not any more.
func (p *planner) committed(ctx context.Context, folders map[string]string, here map[string]repo.File) error {
	known := map[string]bool{}
	for _, c := range p.local {
		known[c.path] = true
	}
	files, err := p.tree.Files(ctx, p.head.Commit, slices.Collect(maps.Keys(folders))...)
	if err != nil {
		return err
	}
	var paths, hashes []string
	for file, e := range files {
		_, ours := folders[path.Dir(file)]
		regular := e.Mode == git.ModeFile || e.Mode == git.ModeExecFile
		// What a sparse checkout leaves out is not gone.
		if ours && regular && isManifest(file) && !known[file] && !p.index[file].Skipped {
			paths, hashes = append(paths, file), append(hashes, e.Hash)
		}
	}
	blobs, err := p.tree.ReadBlobs(ctx, hashes)
	if err != nil {
		return err
	}
	for i, data := range blobs {
		objects, err := manifest.FindSealed(paths[i], data)
		if err == nil && len(objects) > 0 {
			p.local = append(p.local, &candidate{app: folders[path.Dir(paths[i])], path: paths[i], data: here[paths[i]].Data})
		}
	}
	return nil
}

// isManifest is the rule of repo.Manifests.
func isManifest(file string) bool {
	ext := path.Ext(file)
	return (ext == ".yaml" || ext == ".yml" || ext == ".json") && !strings.HasPrefix(path.Base(file), ".")
}

// pin adds the pinned certificate. One that was removed is no reason to remove it
// for everybody: seal:check finds that.
func (p *planner) pin() error {
	data, err := p.repo.PinFile()
	if err == nil && data != nil {
		p.local = append(p.local, &candidate{path: p.repo.Rel(p.repo.PinPath()), data: data})
	}
	return err
}

// submodules refuses folders that belong to another repository.
func (p *planner) submodules() error {
	for _, app := range p.apps {
		for d := p.repo.Rel(app.Sealed); d != "."; d = path.Dir(d) {
			if p.index[d].Mode == git.ModeSubmodule {
				return inSubmodule(d)
			}
		}
	}
	return nil
}

// filter finds out what each file will be in Git: .gitattributes may change line
// ends on the way, and what else it may change cannot be checked.
func (p *planner) filter(ctx context.Context) error {
	var present []*candidate
	var paths []string
	for _, c := range p.local {
		if c.data == nil {
			continue
		}
		if err := p.inPlace(c.path); err != nil {
			return err
		}
		present, paths = append(present, c), append(paths, c.path)
	}
	hashes, err := p.tree.HashFiles(ctx, paths)
	if err != nil {
		return err
	}
	for i, c := range present {
		c.entry = git.Entry{Mode: git.ModeFile, Hash: hashes[i]}
		if p.tree.BlobHash(c.data) == c.entry.Hash {
			continue
		}
		c.data = bytes.ReplaceAll(c.data, []byte("\r\n"), []byte("\n"))
		if p.tree.BlobHash(c.data) != c.entry.Hash {
			return filtered(c.path)
		}
	}
	return nil
}

// inPlace refuses what is somewhere else by way of a symbolic link: Git would
// commit the link.
func (p *planner) inPlace(rel string) error {
	root, err := filepath.EvalSymlinks(p.tree.Root)
	if err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(rel)))
	if err != nil {
		return err
	}
	if target != filepath.Join(root, filepath.FromSlash(rel)) {
		return linked(rel)
	}
	return nil
}
