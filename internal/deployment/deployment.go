// Package deployment knows which applications of Argo CD deploy which folders of
// this repository, and how what they see in Git stands to what is here.
package deployment

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/revision"
)

// Deployment is an application of Argo CD that deploys a folder of the repository.
type Deployment struct {
	App    argocd.App
	Folder string // name of the repository's application
	Source revision.Source
	Remote string // what it follows, as a remote of this repository or a URL on this machine; empty for another repository
}

// Map finds deployments. It may be used by several goroutines.
type Map struct {
	repo     *repo.Repository
	folders  []repo.Application
	compares *revision.Comparer
}

// New is for the applications of a repository.
func New(r *repo.Repository) (*Map, error) {
	folders, err := r.Applications()
	return &Map{repo: r, folders: folders, compares: revision.New(r.Tree)}, err
}

// Of are the application's sources that lie in a folder of the repository's.
func (m *Map) Of(ctx context.Context, a argocd.App) ([]Deployment, error) {
	var out []Deployment
	for i, src := range a.Sources {
		place := path.Clean(src.Path)
		at := slices.IndexFunc(m.folders, func(f repo.Application) bool {
			folder := m.repo.Rel(f.Dir)
			return place == folder || strings.HasPrefix(place, folder+"/")
		})
		if src.Chart != "" || at < 0 {
			continue
		}
		d := Deployment{App: a, Folder: m.folders[at].Name, Source: revision.Source{App: a.FullName(), URL: src.RepoURL, Target: src.TargetRevision, Path: place}}
		if i < len(a.Revisions) {
			d.Source.Commit = a.Revisions[i]
		}
		var err error
		if d.Remote, err = revision.Remote(ctx, m.repo.Tree, src.RepoURL); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// Compare holds what Argo CD found in Git against HEAD, of the application's sources
// the first that is not fit to be synced. ok is false for an application that is
// none of this repository, or was not compared with Git yet.
func (m *Map) Compare(ctx context.Context, a argocd.App) (c revision.Comparison, ok bool, err error) {
	sources, err := m.Of(ctx, a)
	if err != nil {
		return c, false, err
	}
	for _, d := range sources {
		if d.Source.Commit == "" {
			continue
		}
		c, err = m.compares.Compare(ctx, d.Source)
		if err != nil || c.Err() != nil {
			return c, true, err
		}
		ok = true
	}
	return c, ok, nil
}

// Ours are the applications that follow this repository and are not being deleted.
// When there are none, but some that have its folders from elsewhere, the error says
// where.
func (m *Map) Ours(ctx context.Context, list []argocd.App) ([]argocd.App, error) {
	var ours []argocd.App
	elsewhere := map[string]bool{}
	for _, a := range list {
		sources, err := m.Of(ctx, a)
		if err != nil {
			return nil, err
		}
		if len(sources) == 0 || !a.Deleting.IsZero() {
			continue
		}
		if slices.ContainsFunc(sources, func(d Deployment) bool { return d.Remote != "" }) {
			ours = append(ours, a)
			continue
		}
		elsewhere[sources[0].Source.URL] = true
	}
	if len(ours) == 0 {
		return nil, newNoneError(elsewhere)
	}
	return ours, nil
}

// Unseen are the folders that no application of a list deploys. A token may see the
// applications of one project and no others.
func (m *Map) Unseen(ctx context.Context, list []argocd.App) ([]repo.Application, error) {
	seen := map[string]bool{}
	for _, a := range list {
		sources, err := m.Of(ctx, a)
		if err != nil {
			return nil, err
		}
		for _, d := range sources {
			seen[d.Folder] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(m.folders), func(f repo.Application) bool { return seen[f.Name] }), nil
}

// Place is where a folder is deployed, and where a commit has to go for that.
type Place struct {
	App            argocd.App
	Remote, Branch string
}

// Find is the one application that deploys a folder from the branch that is checked
// out.
func (m *Map) Find(ctx context.Context, list []argocd.App, folder repo.Application) (Place, error) {
	var found []Place
	var first error
	for _, a := range list {
		sources, err := m.Of(ctx, a)
		if err != nil {
			return Place{}, err
		}
		for _, d := range sources {
			if d.Folder != folder.Name || !a.Deleting.IsZero() {
				continue
			}
			remote, branch, err := m.compares.Destination(ctx, d.Source)
			if err == nil {
				found = append(found, Place{App: a, Remote: remote, Branch: branch})
			} else if first == nil {
				first = err
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Place{}, newSeveralError(folder.Name, found)
	case first != nil:
		return Place{}, first
	}
	_, missing := os.Stat(filepath.Join(folder.Dir, "application.yaml"))
	return Place{}, &NotDeployedError{Folder: folder.Name, Path: m.repo.Rel(folder.Dir), Unwritten: errors.Is(missing, fs.ErrNotExist)}
}
