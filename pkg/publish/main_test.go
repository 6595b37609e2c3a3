package publish_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/publish"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }

// world is a repository with its remote; the applications are those of apps.
type world struct {
	*gittest.Repo
	t      *testing.T
	remote *gittest.Repo
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{gittest.New(t), t, gittest.Bare(t)}
	w.Git("remote", "add", "origin", w.remote.Dir)
	w.Commit(".gitignore", "local-secrets/\n")
	w.Git("push", "--quiet", "-u", "origin", "main")
	return w
}

// seal writes a sealed file; the ciphertexts stand for themselves.
func (w *world) seal(app, name string, items ...string) {
	w.t.Helper()
	w.Write("applications/"+app+"/templates/sealed-"+name+".yaml", sealed(app, name, items...))
}

func sealed(app, name string, items ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: %s\n  namespace: %s\nspec:\n  encryptedData:\n", name, app)
	for _, it := range items {
		key, value, _ := strings.Cut(it, "=")
		fmt.Fprintf(&b, "    %s: %s\n", key, value)
	}
	return b.String()
}

func (w *world) plan(o publish.Options, names ...string) (*publish.Plan, error) {
	w.t.Helper()
	tree, err := git.Open(w.t.Context(), w.Dir)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := repo.New(tree, repo.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	apps, err := r.Select(names...)
	if err != nil {
		w.t.Fatal(err)
	}
	return publish.NewPlan(w.t.Context(), r, apps, o)
}

// publish plans and applies.
func (w *world) publish(o publish.Options, names ...string) (*publish.Plan, publish.Result) {
	w.t.Helper()
	p, err := w.plan(o, names...)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := p.Apply(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return p, r
}

// nothingFound is a check that has nothing to say.
func nothingFound(context.Context) ([]report.Finding, error) { return nil, nil }
