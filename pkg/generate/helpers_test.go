package generate_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/generate"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// world is a repository of a test: applications with contracts and plaintext files.
type world struct {
	t         *testing.T
	root      string
	contracts map[string]string // application -> text
	order     []string
}

func newWorld(t *testing.T) *world {
	return &world{t: t, root: t.TempDir(), contracts: map[string]string{}}
}

func (w *world) app(name, contract string) *world {
	w.order = append(w.order, name)
	w.contracts[name] = contract
	return w
}

// file writes a plaintext file; the mode is lax on purpose.
func (w *world) file(path, text string) *world {
	w.t.Helper()
	full := filepath.Join(w.root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	return w
}

func (w *world) read(path string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.root, path))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

func (w *world) apps() []generate.App {
	w.t.Helper()
	var apps []generate.App
	for _, name := range w.order {
		path := "applications/" + name + "/secrets.yaml"
		c, err := repo.ReadContract(path, []byte(w.contracts[name]))
		if err != nil {
			w.t.Fatal(err)
		}
		a := generate.App{Name: name, Namespace: name, Dir: "applications/" + name + "/local-secrets", Contract: c}
		files, _, err := repo.Manifests(filepath.Join(w.root, a.Dir))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, f := range files {
			rel := a.Dir + "/" + filepath.Base(f)
			secrets, err := manifest.ReadSecrets(rel, []byte(w.read(rel)))
			if err != nil {
				w.t.Fatal(err)
			}
			a.Secrets = append(a.Secrets, secrets...)
		}
		apps = append(apps, a)
	}
	return apps
}

func (w *world) plan(o generate.Options) (*generate.Plan, error) {
	w.t.Helper()
	o.Root = w.root
	return generate.New(context.Background(), w.apps(), o)
}

// run plans and applies.
func (w *world) run(o generate.Options) *generate.Plan {
	w.t.Helper()
	p, err := w.plan(o)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := p.Apply(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// value is the value of application/secret/key on disk.
func (w *world) value(ref string) string {
	w.t.Helper()
	parts := strings.Split(ref, "/")
	for _, a := range w.apps() {
		for _, s := range a.Secrets {
			if it := s.Item(parts[2]); a.Name == parts[0] && s.Name == parts[1] && it != nil {
				return string(it.Value)
			}
		}
	}
	w.t.Fatalf("no value of %s", ref)
	return ""
}

// actions are "key action" of the steps of an application, joined.
func actions(p *generate.Plan, app string) string {
	var out []string
	for _, s := range p.Steps {
		if s.Application == app {
			out = append(out, s.Key+" "+string(s.Action))
		}
	}
	return strings.Join(out, ", ")
}

// seeded is a deterministic source of randomness.
func seeded(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }
