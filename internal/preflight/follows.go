package preflight

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/revision"
)

// source is of an Application's spec what says where it looks.
type source struct{ RepoURL, TargetRevision, Path, Chart string }

// application is of an Application what is needed here.
type application struct {
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Source  *source
		Sources []source
	}
}

func (a application) sources() []source {
	if len(a.Spec.Sources) > 0 {
		return a.Spec.Sources
	}
	if a.Spec.Source != nil {
		return []source{*a.Spec.Source}
	}
	return nil
}

// place is a branch of a remote.
type place struct{ remote, branch string }

// following is what Argo CD deploys of this repository.
type following struct {
	places  map[place][]string // applications that follow it
	strange map[string]string  // application -> URL that is no remote of this repository
	left    []string           // folders that no Application deploys
}

// follows holds the branches that Argo CD follows against what is checked out.
func (i *inspection) follows(ctx context.Context) outcome {
	if i.Elsewhere != nil {
		return skipped("%s; `mage gitops:status` says what it follows", elsewhere)
	}
	if i.argo == nil {
		return skipped("Argo CD was not found in this cluster")
	}
	var list struct{ Items []application }
	where := "in namespace " + i.argo.Namespace
	if err := i.get(ctx, "/apis/argoproj.io/v1alpha1/namespaces/"+i.argo.Namespace+"/applications", nil, &list); err != nil {
		return i.unseen(err, "list", "applications.argoproj.io", where)
	}
	f, err := i.following(ctx, list.Items)
	if err != nil {
		return failure(report.Unknown, err)
	}
	head, err := i.Repository.Tree.Head(ctx)
	if err != nil {
		return failure(report.Unknown, err)
	}
	if head.Commit == "" {
		return skipped("there is no commit yet")
	}
	var all []outcome
	for _, p := range slices.SortedFunc(maps.Keys(f.places), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.remote, b.remote), cmp.Compare(a.branch, b.branch))
	}) {
		all = append(all, i.branch(ctx, p, f.places[p], head))
	}
	for _, name := range slices.Sorted(maps.Keys(f.strange)) {
		all = append(all, warned(fmt.Sprintf("%s follows %s, which is no remote of this repository", name, git.Redact(f.strange[name])), "`git remote add NAME URL` if it is the same repository"))
	}
	if len(f.left) > 0 {
		all = append(all, warned("no Application "+where+" deploys "+strings.Join(f.left, ", "), "`kubectl apply -f "+path.Join(f.left[0], "application.yaml")+"`, once for each that is to be deployed"))
	}
	if len(all) == 0 {
		return skipped("there is no application")
	}
	return join(all...)
}

func (i *inspection) following(ctx context.Context, list []application) (*following, error) {
	f := &following{places: map[place][]string{}, strange: map[string]string{}}
	deployed := map[string]bool{}
	for _, a := range list {
		for _, s := range a.sources() {
			folder := i.folder(s)
			if folder == "" {
				continue
			}
			deployed[folder] = true
			remote, err := revision.Remote(ctx, i.Repository.Tree, s.RepoURL)
			if err != nil {
				return nil, err
			}
			if remote == "" {
				f.strange[a.Metadata.Name] = s.RepoURL
				continue
			}
			p := place{remote, strings.TrimPrefix(cmp.Or(s.TargetRevision, "HEAD"), "refs/heads/")}
			if !slices.Contains(f.places[p], a.Metadata.Name) {
				f.places[p] = append(f.places[p], a.Metadata.Name)
			}
		}
	}
	for _, folder := range i.apps {
		if !deployed[folder.Name] {
			f.left = append(f.left, i.Repository.Rel(folder.Dir))
		}
	}
	return f, nil
}

// folder is the repository's application that a source deploys; empty for none.
func (i *inspection) folder(s source) string {
	at := path.Clean(s.Path)
	for _, f := range i.apps {
		dir := i.Repository.Rel(f.Dir)
		if s.Chart == "" && (at == dir || strings.HasPrefix(at, dir+"/")) {
			return f.Name
		}
	}
	return ""
}

// branch says how one branch that is followed stands to HEAD.
func (i *inspection) branch(ctx context.Context, p place, apps []string, head git.Head) outcome {
	tree := i.Repository.Tree
	slices.Sort(apps)
	who := strings.Join(apps, ", ")
	verb := "follows"
	if len(apps) > 1 {
		verb = "follow"
	}
	if answered, asked := i.branches[p.remote]; asked && !answered {
		return unknown(fmt.Sprintf("%s %s %s of %s, which does not answer", who, verb, p.branch, p.remote), "")
	}
	branch := p.branch
	if branch == "HEAD" {
		name, err := tree.DefaultBranch(ctx, p.remote)
		if err != nil {
			return failure(report.Unknown, err)
		}
		branch = cmp.Or(name, "HEAD")
	}
	text := fmt.Sprintf("%s %s %s of %s", who, verb, branch, git.Redact(p.remote))
	commit, err := tree.RemoteBranch(ctx, p.remote, branch)
	switch {
	case err != nil:
		return failure(report.Unknown, err)
	case commit == "":
		return warned(text+", where there is no such branch", "push it, or change targetRevision in application.yaml, unless it is a tag or a commit on purpose")
	case branch != head.Branch:
		return warned(fmt.Sprintf("%s, and %s is checked out", text, cmp.Or(head.Branch, "no branch")), "merge into "+branch+" what is to be deployed, or `git switch "+branch+"`")
	case commit == head.Commit:
		return ok("%s, which is at HEAD", text)
	}
	o := i.behind(ctx, text, p.remote, branch, commit, head)
	o.saw = strings.Replace(o.saw, text+" answers, and its "+branch+" is at", text+", which is at", 1)
	return o
}
