package seal_test

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/apis/sealedsecrets/v1alpha1"
	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	"k8s.io/client-go/util/cert"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

// keyPair is a throw-away sealing key with its certificate.
type keyPair struct {
	private *rsa.PrivateKey
	cert    *seal.Certificate
}

// pairs makes two key pairs once: RSA keys are slow to find.
var pairs = sync.OnceValue(func() [2]keyPair {
	var out [2]keyPair
	for i := range out {
		key, c, err := crypto.GeneratePrivateKeyAndCert(2048, time.Hour*24*365, "")
		if err != nil {
			panic(err)
		}
		pem, err := cert.EncodeCertificates(c)
		if err != nil {
			panic(err)
		}
		parsed, err := seal.ParseCertificate("test.pem", pem, time.Now())
		if err != nil {
			panic(err)
		}
		out[i] = keyPair{key, parsed}
	}
	return out
})

// world is a git repository with applications.
type world struct {
	t    *testing.T
	repo *repo.Repository
	pair keyPair
	live seal.Live
	opts func(*seal.Options)
}

const canary = "canary-7f3a9b"

func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	tree, err := git.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.New(tree, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, repo: r, pair: pairs()[0]}
	w.write(".gitignore", "local-secrets/\n")
	for path, data := range files {
		w.write(path, data)
	}
	return w
}

func (w *world) write(path, data string) {
	w.t.Helper()
	full := filepath.Join(w.repo.Tree.Root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(data), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(path string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.repo.Tree.Root, path))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

func (w *world) plan() (*seal.Plan, error) {
	apps, err := w.repo.Applications()
	if err != nil {
		w.t.Fatal(err)
	}
	ledger, err := seal.OpenLedger(w.repo.StateDir(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	o := seal.Options{Repository: w.repo, Ledger: ledger, Certificate: w.pair.cert, Live: w.live}
	if w.opts != nil {
		w.opts(&o)
	}
	return seal.NewPlan(w.t.Context(), apps, o)
}

func (w *world) git(args ...string) {
	w.t.Helper()
	if out, err := exec.Command("git", append([]string{"-C", w.repo.Tree.Root}, args...)...).CombinedOutput(); err != nil {
		w.t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

// seal plans and applies; it returns "action namespace/name keys" lines.
func (w *world) seal() []string {
	w.t.Helper()
	p, err := w.plan()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := p.Apply(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return lines(p.Entries())
}

func lines(entries []report.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSpace(string(e.Action)+" "+e.Subject()+" "+strings.Join(e.Keys, ",")))
	}
	return out
}

// unseal decrypts a sealed file as the controller would.
func (w *world) unseal(path string) map[string]string {
	w.t.Helper()
	list, err := manifest.ReadSealed(path, []byte(w.read(path)))
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	for _, s := range list {
		scope := v1alpha1.StrictScope
		switch {
		case s.Annotations[v1alpha1.SealedSecretClusterWideAnnotation] == "true":
			scope = v1alpha1.ClusterWideScope
		case s.Annotations[v1alpha1.SealedSecretNamespaceWideAnnotation] == "true":
			scope = v1alpha1.NamespaceWideScope
		}
		for _, it := range s.Items {
			raw, err := base64.StdEncoding.DecodeString(it.Ciphertext)
			if err != nil {
				w.t.Fatalf("%s: %v", it.Key, err)
			}
			v, err := crypto.HybridDecrypt(nil, map[string]*rsa.PrivateKey{"": w.pair.private}, raw, v1alpha1.EncryptionLabel(s.Namespace, s.Name, scope))
			if err != nil {
				w.t.Fatalf("%s %s: %v", s.Object(), it.Key, err)
			}
			out[it.Key] = string(v)
		}
	}
	return out
}

const (
	plainDB   = "applications/shop/local-secrets/db.yaml"
	sealedDB  = "applications/shop/templates/sealed-db.yaml"
	twoValues = `apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
stringData:
  user: "` + canary + `-user"
  password: "` + canary + `-password"
`
)

// refused plans and returns the joined error, after a look that nothing was written.
func (w *world) refused() error {
	w.t.Helper()
	p, err := w.plan()
	if err == nil {
		w.t.Fatalf("the plan was made: %v", lines(p.Entries()))
	}
	if _, statErr := os.Stat(filepath.Join(w.repo.Tree.Root, "applications/shop/templates")); !errors.Is(statErr, os.ErrNotExist) {
		w.t.Errorf("a refused plan left templates/ behind")
	}
	if strings.Contains(err.Error(), canary) {
		w.t.Errorf("the error quotes a value: %v", err)
	}
	return err
}

// sealedJSON is a sealed file as one line of JSON.
func (w *world) sealedJSON(path string) string {
	w.t.Helper()
	j, err := sigsyaml.YAMLToJSON([]byte(w.read(path)))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(j)
}

// TestLabel holds our OAEP label against the library's.
func TestLabel(t *testing.T) {
	w := newWorld(t, map[string]string{plainDB: twoValues})
	for scope, annotation := range map[v1alpha1.SealingScope]string{
		v1alpha1.StrictScope: "x", v1alpha1.NamespaceWideScope: v1alpha1.SealedSecretNamespaceWideAnnotation, v1alpha1.ClusterWideScope: v1alpha1.SealedSecretClusterWideAnnotation,
	} {
		w.write(plainDB, strings.Replace(twoValues, "  namespace: shop\n", "  namespace: shop\n  annotations: {"+annotation+": \"true\"}\n", 1))
		w.seal()
		if got := w.unseal(sealedDB); got["user"] != canary+"-user" {
			t.Errorf("scope %v: %v", scope, got)
		}
	}
}
