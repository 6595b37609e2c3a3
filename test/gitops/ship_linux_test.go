package gitops

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/report"
)

// litellm is the project's own chart, with plaintext of its own and the pinned
// certificate of the sandbox, not sealed yet.
func (w *world) litellm() {
	w.Helper()
	source := filepath.Join(scripttest.Root(w), "applications", "litellm")
	folder := w.work.Path("applications/litellm")
	if err := os.CopyFS(folder, os.DirFS(source)); err != nil {
		w.Fatal(err)
	}
	// A developer may have both here.
	sealed, err := filepath.Glob(filepath.Join(folder, "templates", "sealed-*"))
	if err != nil {
		w.Fatal(err)
	}
	for _, old := range append(sealed, filepath.Join(folder, "local-secrets")) {
		if err := os.RemoveAll(old); err != nil {
			w.Fatal(err)
		}
	}
	w.push()
	definition, err := os.ReadFile(filepath.Join(folder, "application.yaml"))
	if err != nil {
		w.Fatal(err)
	}
	w.follow(string(definition))
	w.mage(0, "secrets:generate")
	w.edit("litellm-secrets.yaml", "CHANGEME", canary+"-one")
	w.mage(0, "seal:cert", "-accept")
}

// edit changes a plaintext file of LiteLLM as a person would.
func (w *world) edit(file, old, replacement string) {
	w.Helper()
	path := w.work.Path("applications/litellm/local-secrets/" + file)
	data, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	if strings.Count(string(data), old) != 1 {
		w.Fatalf("%s: %q does not stand there once", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, replacement, 1)), 0o600); err != nil {
		w.Fatal(err)
	}
}

// plaintext is what is in local-secrets. Each value becomes one that must not show
// up anywhere.
func (w *world) plaintext() (all []manifest.Secret) {
	w.Helper()
	files, err := filepath.Glob(w.work.Path("applications/litellm/local-secrets/*.yaml"))
	if err != nil || len(files) != 3 {
		w.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			w.Fatal(err)
		}
		list, err := manifest.ReadSecrets(f, data)
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, list...)
	}
	for _, s := range all {
		for _, it := range s.Items {
			if it.Key != "username" {
				w.secrets = append(w.secrets, string(it.Value))
			}
		}
	}
	return all
}

// delivered compares the Secrets in the cluster with the plaintext.
func (w *world) delivered() {
	w.Helper()
	for _, s := range w.plaintext() {
		live, err := w.client.CoreV1().Secrets(s.Namespace).Get(w.Context(), s.Name, metav1.GetOptions{})
		if err != nil {
			w.Fatal(err)
		}
		if len(live.Data) != len(s.Items) {
			w.Errorf("Secret %s has %d keys, not %d", s.Name, len(live.Data), len(s.Items))
		}
		for _, it := range s.Items {
			if string(live.Data[it.Key]) != string(it.Value) {
				w.Errorf("Secret %s: %s is not what it is here", s.Name, it.Key)
			}
		}
	}
}

// TestShip goes from plaintext to a healthy application, again, and with one key
// changed.
func TestShip(t *testing.T) {
	t.Parallel()
	ship(newWorld(t, shared))
}

func ship(w *world) {
	w.litellm()
	shipAll(w)
	shipNothing(w)
	shipOneKey(w)
	shipAbroad(w)
	shipped(w)
}

func shipAll(w *world) {
	c := w.mage(0, "gitops:ship", "litellm").
		says("sealed 3 of 3 Secrets", "published: commit").
		prints("1 of 1 application Synced and Healthy; 3 Secrets in the cluster as here")
	if fields := strings.Fields(line(c.out.String(), "litellm ")); len(fields) < 5 || fields[1] != "Synced" || fields[2] != "Healthy" || fields[4] != "Succeeded" {
		w.Errorf("the line of the application: %q", fields)
	}
	w.delivered()
	if remote := w.remote.Git("rev-parse", "main"); remote != w.head() {
		w.Errorf("main is at %s, HEAD at %s", remote, w.head())
	}
	if left := w.work.Git("status", "--porcelain"); left != "" {
		w.Errorf("not committed: %s", left)
	}
}

// line is the first line that begins so.
func line(text, begin string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, begin) {
			return l
		}
	}
	return ""
}

func shipNothing(w *world) {
	head, operation := w.head(), w.operation("litellm")
	r := w.mage(0, "gitops:ship", "litellm", "-json").says("nothing to publish").report()
	if n := r.Count(report.Create) + r.Count(report.Update); n != 0 || len(r.Applications) != 1 || !strings.Contains(r.Applications[0].Detail, "nothing to sync") {
		w.Errorf("nothing has changed, and yet: %+v", r)
	}
	if w.head() != head || w.operation("litellm") != operation {
		w.Error("there is another commit or another operation")
	}
}

func shipOneKey(w *world) {
	before := w.head()
	w.edit("litellm-secrets.yaml", canary+"-one", canary+"-two")
	w.mage(0, "gitops:ship", "litellm").says("sealed 1 of 3 Secrets, 2 unchanged").prints("CA_VLLM_LOCAL_API_KEY", "as here")
	w.delivered()
	var changed []string
	for l := range strings.Lines(w.remote.Git("diff", "--unified=0", before, "main")) {
		if strings.HasPrefix(l, "+") && !strings.HasPrefix(l, "+++") {
			key, _, _ := strings.Cut(strings.TrimSpace(l[1:]), ":")
			changed = append(changed, key)
		}
	}
	if want := []string{"sealway.github.io/encrypted-data", "CA_VLLM_LOCAL_API_KEY"}; !slices.Equal(changed, want) {
		w.Errorf("the changed lines are %v, want %v", changed, want)
	}
}

// shipAbroad has the certificate of another cluster pinned: nothing is sealed for it.
func shipAbroad(w *world) {
	_, cert, err := crypto.GeneratePrivateKeyAndCert(2048, 365*24*time.Hour, "abroad")
	if err != nil {
		w.Fatal(err)
	}
	file := filepath.Join(w.TempDir(), "abroad.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		w.Fatal(err)
	}
	w.mage(0, "seal:cert", "-accept", "-cert="+file)
	w.mage(1, "gitops:ship", "litellm").says("is of another cluster", "`mage seal:cert -accept` pins it")
	if left := strings.TrimSpace(w.work.Git("status", "--porcelain")); left != "M sealed-secrets.pem" {
		w.Errorf("changed beside the certificate: %s", left)
	}
	w.mage(0, "seal:cert", "-accept")
}

// shipped looks at the application afterwards.
func shipped(w *world) {
	w.mage(0, "gitops:status").prints("(HEAD)", "Succeeded just now")
	a := w.mage(0, "gitops:status", "-json").app("litellm")
	if a.Sync != "Synced" || a.Health != "Healthy" || a.Head != "HEAD" || a.Revision != w.head() || a.Follows != "main" || len(a.Resources) > 0 {
		w.Errorf("the status: %+v", a)
	}
	w.mage(0, "gitops:diff", "litellm").prints("Job litellm-migrations  Sync hook: each sync runs it", "a sync would change 0 resources")
	if a := w.mage(0, "gitops:diff", "litellm", "-json").app("litellm"); len(a.Resources) != 1 {
		w.Errorf("the diff: %+v", a)
	}
	w.mage(0, "gitops:sync", "litellm").prints("nothing to sync")
}
