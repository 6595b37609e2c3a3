package deployment_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/internal/deployment"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/repo"
)

func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }

// world is a clone on branch main with the folders shop and blog.
type world struct {
	*testing.T
	remote, clone *gittest.Repo
	repo          *repo.Repository
	m             *deployment.Map
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, remote: gittest.Bare(t)}
	w.clone = w.remote.Clone()
	w.clone.Git("switch", "--quiet", "-C", "main")
	w.clone.Commit("applications/shop/values.yaml", "1")
	w.clone.Commit("applications/blog/values.yaml", "1")
	w.clone.Git("push", "--quiet", "-u", "origin", "main")
	tree, err := git.Open(t.Context(), w.clone.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if w.repo, err = repo.New(tree, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	if w.m, err = deployment.New(w.repo); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) app(name string, sources ...argocd.Source) argocd.App {
	a := argocd.App{Name: name, Namespace: "argocd", Sources: sources}
	for range sources {
		a.Revisions = append(a.Revisions, w.remote.Git("rev-parse", "main"))
	}
	return a
}

func (w *world) source(path, target string) argocd.Source {
	return argocd.Source{RepoURL: w.remote.Dir, Path: path, TargetRevision: target}
}

const elsewhere = "https://user:secret@example.com/other.git"

func TestFind(t *testing.T) {
	w := newWorld(t)
	shop := w.app("shop", w.source("applications/shop", "main"))
	other := argocd.Source{RepoURL: elsewhere, Path: "applications/shop", TargetRevision: "main"}
	cases := []struct {
		name, reason string
		list         []argocd.App
		want, said   string
	}{
		{"one", "it has the folder as its path", []argocd.App{w.app("blog", w.source("applications/blog", "main")), shop}, "shop", ""},
		{"another name", "the path counts, not the name", []argocd.App{w.app("prod-shop", w.source("./applications/shop/", "main"))}, "prod-shop", ""},
		{"below", "a chart in the folder is a part of it", []argocd.App{w.app("shop", w.source("applications/shop/chart", "HEAD"))}, "shop", ""},
		{"similar", "a folder is not every folder that begins like it", []argocd.App{w.app("shop2", w.source("applications/shop2", "main"))}, "", "no application in Argo CD has the path applications/shop"},
		{"two branches", "staging follows another one", []argocd.App{w.app("staging", w.source("applications/shop", "staging")), shop}, "shop", ""},
		{"twice", "which one is meant cannot be known", []argocd.App{shop, w.app("prod", w.source("applications/shop", "main"))}, "", "Argo CD deploys it several times: shop, prod"},
		{"another repository's", "its folder has the same name", []argocd.App{w.app("theirs", other), shop}, "shop", ""},
		{"only another repository's", "a push from here does not reach it", []argocd.App{w.app("theirs", other)}, "", "Argo CD follows https://example.com/other.git, which is no remote"},
		{"another branch", "what is committed here is not what it looks at", []argocd.App{w.app("shop", w.source("applications/shop", "release"))}, "", "Argo CD follows release, you are on main"},
		{"several sources", "one of them is the folder", []argocd.App{w.app("shop", argocd.Source{RepoURL: "https://charts.example.com", Chart: "x"}, w.source("applications/shop", "main"))}, "shop", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			apps, err := w.repo.Select("shop")
			if err != nil {
				t.Fatal(err)
			}
			got, err := w.m.Find(t.Context(), c.list, apps[0])
			if got.App.Name != c.want || (err == nil) != (c.said == "") || err != nil && !strings.Contains(err.Error(), c.said) {
				t.Errorf("%s: %q, %v; want %q, %q", c.reason, got.App.Name, err, c.want, c.said)
			}
			if err == nil && (got.Remote != "origin" || got.Branch != "main") {
				t.Errorf("to %s %s", got.Remote, got.Branch)
			}
		})
	}
}

// TestUnwritten: what is not there cannot be applied.
func TestUnwritten(t *testing.T) {
	w := newWorld(t)
	apps, err := w.repo.Select("shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"write applications/shop/application.yaml", "`kubectl apply -f applications/shop/application.yaml`; in the sandbox"} {
		_, err := w.m.Find(t.Context(), nil, apps[0])
		var none *deployment.NotDeployedError
		if !errors.As(err, &none) || !strings.HasPrefix(none.Hint(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		w.clone.Write("applications/shop/application.yaml", "kind: Application\n")
	}
}

func TestOurs(t *testing.T) {
	w := newWorld(t)
	theirs := w.app("theirs", argocd.Source{RepoURL: elsewhere, Path: "applications/shop"})
	platform := w.app("platform", argocd.Source{RepoURL: w.remote.Dir, Path: "platform"})
	ours, err := w.m.Ours(t.Context(), []argocd.App{theirs, platform, w.app("shop", w.source("applications/shop", "main"))})
	if err != nil || len(ours) != 1 || ours[0].Name != "shop" {
		t.Errorf("%v, %v", ours, err)
	}
	_, err = w.m.Ours(t.Context(), []argocd.App{theirs, platform})
	if err == nil || !strings.HasSuffix(err.Error(), "they follow https://example.com/other.git") {
		t.Errorf("nothing of ours: %v", err)
	}
	if _, err = w.m.Ours(t.Context(), nil); err == nil {
		t.Error("nothing at all is no error")
	}
}

// TestCompare looks at every source of an application.
func TestCompare(t *testing.T) {
	w := newWorld(t)
	both := w.app("both", w.source("applications/blog", "main"), w.source("applications/shop", "main"))
	if c, ok, err := w.m.Compare(t.Context(), both); err != nil || !ok || c.Err() != nil {
		t.Errorf("%v, %v, %v", c, ok, err)
	}
	w.clone.Commit("applications/shop/values.yaml", "2")
	c, ok, err := w.m.Compare(t.Context(), both)
	if err != nil || !ok || c.Err() == nil {
		t.Errorf("the second is not pushed: %v, %v, %v", c, ok, err)
	}
	if diff := cmp.Diff("applications/shop", c.Source.Path); diff != "" {
		t.Error(diff)
	}
	if _, ok, err := w.m.Compare(t.Context(), w.app("platform", w.source("platform", "main"))); ok || err != nil {
		t.Errorf("none of ours: %v, %v", ok, err)
	}
}

// TestUnseen names the folders that no application which can be seen deploys.
func TestUnseen(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		reason string
		list   []argocd.App
		want   string
	}{
		{"nothing is seen", nil, "blog shop"},
		{"one of two", []argocd.App{w.app("prod-shop", w.source("applications/shop", "main"))}, "blog"},
		{"both, by one application", []argocd.App{w.app("all", w.source("applications/shop", "main"), w.source("applications/blog", "main"))}, ""},
	} {
		got, err := w.m.Unseen(t.Context(), c.list)
		var names []string
		for _, f := range got {
			names = append(names, f.Name)
		}
		if err != nil || strings.Join(names, " ") != c.want {
			t.Errorf("%s: %v, %v; want %q", c.reason, names, err, c.want)
		}
	}
}
