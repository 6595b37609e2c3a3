package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"

	"github.com/sealway/sealway/pkg/manifest"
)

func secret(app, name, more string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\n%s", name, app, more)
}

func simple(app, name string) string {
	return secret(app, name, fmt.Sprintf("stringData:\n  user: %s-user\n  password: %s-password\n", canary, canary))
}

// sealedWorld has one Secret, sealed for the pinned certificate of the sandbox.
func sealedWorld(t *testing.T, app string) *world {
	t.Helper()
	w := newWorld(t, app, nil)
	w.plaintext("db.yaml", simple(app, "db"))
	w.must(0, "seal:cert", "-accept")
	w.must(0, "seal:all")
	return w
}

// TestEveryKindOfSecret has the controller unseal every type, scope and form of
// input, and compares values, type, labels and immutability.
func TestEveryKindOfSecret(t *testing.T) {
	const app = "kinds"
	w := newWorld(t, app, nil)
	key, crt := tlsPair(t)
	indent := func(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    ") }
	w.plaintext("types.yaml", strings.Join([]string{
		secret(app, "opaque", "  labels: {team: a}\n  annotations: {note: kept}\nstringData: {a: "+canary+"-1}\ndata: {b: "+"AAEC/w=="+"}\n"),
		secret(app, "basic", "type: kubernetes.io/basic-auth\nstringData: {username: u, password: "+canary+"-2}\n"),
		secret(app, "tls", "type: kubernetes.io/tls\nstringData:\n  tls.crt: |\n    "+indent(crt)+"\n  tls.key: |\n    "+indent(key)+"\n"),
		secret(app, "docker", "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{\"auths\":{\"r.example\":{\"auth\":\""+canary+"\"}}}'\n"),
		secret(app, "ssh", "type: kubernetes.io/ssh-auth\nstringData: {ssh-privatekey: "+canary+"-3}\n"),
		secret(app, "fixed", "immutable: true\nstringData: {a: "+canary+"-4}\n"),
		secret(app, "wide", "  annotations: {sealedsecrets.bitnami.com/namespace-wide: \"true\"}\nstringData: {a: "+canary+"-5}\n"),
		secret(app, "cluster", "  annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}\nstringData: {a: "+canary+"-6}\n"),
	}, "---\n"))
	w.plaintext("list.yaml", "apiVersion: v1\nkind: List\nitems:\n- "+strings.ReplaceAll(strings.TrimSpace(simple(app, "listed")), "\n", "\n  ")+"\n")
	w.plaintext("object.json", fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"json","namespace":%q},"stringData":{"a":"%s-7"}}`, app, canary))
	w.must(0, "seal:cert", "-accept")
	w.must(0, "seal:all")
	w.must(0, "seal:check")
	w.apply()
	stdout, _ := w.must(0, "seal:verify")
	if !strings.Contains(stdout, "10 SealedSecrets verified, 0 findings") {
		t.Errorf("seal:verify:\n%s", stdout)
	}
	plain := w.secrets()
	if len(plain) != 10 {
		t.Fatalf("%d plaintext Secrets, want 10", len(plain))
	}
	for _, p := range plain {
		live, err := platform.client.CoreV1().Secrets(app).Get(t.Context(), p.Name, metav1.GetOptions{})
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		want := map[string]string{}
		for _, it := range p.Items {
			want[it.Key] = string(it.Value)
		}
		if diff := cmp.Diff(want, w.values(app, p.Name)); diff != "" {
			t.Errorf("%s: values differ", p.Name)
		}
		if live.Type != p.Type || p.Labels["team"] != live.Labels["team"] || p.Annotations["note"] != live.Annotations["note"] {
			t.Errorf("%s: type %s, labels %v, annotations %v", p.Name, live.Type, live.Labels, live.Annotations)
		}
		if want := p.Immutable != nil && *p.Immutable; want != (live.Immutable != nil && *live.Immutable) {
			t.Errorf("%s: immutable is %v", p.Name, live.Immutable)
		}
	}
}

// secrets are the application's plaintext.
func (w *world) secrets() []manifest.Secret {
	w.t.Helper()
	files, err := filepath.Glob(w.path("local-secrets/*"))
	if err != nil {
		w.t.Fatal(err)
	}
	var out []manifest.Secret
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			w.t.Fatal(err)
		}
		list, err := manifest.ReadSecrets(f, data)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, list...)
	}
	return out
}

func tlsPair(t *testing.T) (key, crt string) {
	t.Helper()
	k, c, err := crypto.GeneratePrivateKeyAndCert(2048, 1<<40, "example")
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(k)
	if err != nil {
		t.Fatal(err)
	}
	crtPEM, err := cert.EncodeCertificates(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(keyPEM), string(crtPEM)
}

// TestKubesealReadsOurs decrypts our files with kubeseal and the controller's
// private keys, offline.
func TestKubesealReadsOurs(t *testing.T) {
	w := sealedWorld(t, "recovery")
	keys, err := platform.client.CoreV1().Secrets(metav1.NamespaceSystem).List(t.Context(), metav1.ListOptions{LabelSelector: "sealedsecrets.bitnami.com/sealed-secrets-key"})
	if err != nil || len(keys.Items) == 0 {
		t.Fatalf("no sealing keys: %v", err)
	}
	var files []string
	for _, k := range keys.Items {
		f := filepath.Join(t.TempDir(), k.Name+".pem")
		if err := os.WriteFile(f, k.Data[corev1.TLSPrivateKeyKey], 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	out := kubeseal(t, "", "--recovery-unseal", "--recovery-private-key", strings.Join(files, ","), "-f", w.path("templates/sealed-db.yaml"), "-o", "json")
	var got corev1.Secret
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if string(got.Data["user"]) != canary+"-user" || string(got.Data["password"]) != canary+"-password" || got.Namespace != "recovery" {
		t.Error("kubeseal read something else than was sealed")
	}
}

func kubeseal(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), platform.bin["kubeseal"], args...)
	cmd.Env = []string{"KUBECONFIG=" + platform.up.Kubeconfig, "HOME=" + t.TempDir()}
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("kubeseal %v: %v: %s", args, err, errs.String())
	}
	return string(out)
}

// TestTakesOverFromKubeseal reads a file that kubeseal made and brings it under
// the ledger, with a person's own annotation kept.
func TestTakesOverFromKubeseal(t *testing.T) {
	w := newWorld(t, "takeover", nil)
	plain := simple("takeover", "db")
	sealed := kubeseal(t, plain, "-o", "yaml")
	sealed = strings.Replace(sealed, "metadata:\n", "metadata:\n  annotations:\n    argocd.argoproj.io/sync-wave: \"-3\" # first\n", 1)
	w.write("applications/takeover/templates/mine.yaml", sealed)
	w.must(0, "seal:cert", "-accept")
	w.must(0, "seal:verify")
	w.plaintext("db.yaml", plain)
	stdout, _ := w.must(3, "seal:check")
	if !strings.Contains(stdout, "no certificate is recorded") {
		t.Errorf("seal:check does not say that the file is kubeseal's:\n%s", stdout)
	}
	w.must(0, "seal:all")
	w.must(0, "seal:check")
	w.apply()
	data, err := os.ReadFile(w.path("templates/mine.yaml"))
	if err != nil || !strings.Contains(string(data), "argocd.argoproj.io/sync-wave: \"-3\" # first\n") {
		t.Errorf("the annotation is gone: %v\n%s", err, data)
	}
	if got := w.values("takeover", "db")["password"]; got != canary+"-password" {
		t.Error("the cluster has another value")
	}
}

// TestLiveSecretProvesAClone has a clone without ledger find its items unchanged
// in the cluster; when the cluster has another value, it seals.
func TestLiveSecretProvesAClone(t *testing.T) {
	w := sealedWorld(t, "clone")
	w.apply()
	forget := func() {
		if err := os.Remove(filepath.Join(w.dir, ".git/sealway/ledger.json")); err != nil {
			t.Fatal(err)
		}
	}
	forget()
	before := w.sealed()["clone/db"]
	if stdout, _ := w.must(0, "seal:all"); !strings.Contains(stdout, "sealed 0 of 1 Secrets, 1 unchanged") {
		t.Errorf("the live Secret proved nothing:\n%s", stdout)
	}
	if diff := cmp.Diff(before, w.sealed()["clone/db"]); diff != "" {
		t.Errorf("bytes changed:\n%s", diff)
	}
	forget()
	w.plaintext("db.yaml", strings.ReplaceAll(simple("clone", "db"), "-password", "-new"))
	stdout, _ := w.must(0, "seal:all")
	if !strings.Contains(stdout, "password (1 of 2 keys: not recorded on this machine") {
		t.Errorf("one key should be sealed:\n%s", stdout)
	}
}

// TestRotation makes the controller's key new: status says stale, check agrees
// until the certificate is accepted, and sealing brings all up to date.
func TestRotation(t *testing.T) {
	w := sealedWorld(t, "rotation")
	if stdout, _ := w.must(0, "seal:status"); !strings.Contains(stdout, "1 of 1 Secrets are sealed and up to date") {
		t.Fatalf("before:\n%s", stdout)
	}
	if err := platform.up.RotateSealingKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	stdout, stderr := w.must(0, "seal:status")
	if !strings.Contains(stdout, "stale") || !strings.Contains(stdout, "0 of 1 Secrets") || !strings.Contains(stderr, "has the newer certificate") {
		t.Errorf("after:\n%s%s", stdout, stderr)
	}
	w.must(0, "seal:check")  // still the pinned one's
	w.must(0, "seal:verify") // the controller keeps its old keys
	if stdout, _ := w.must(0, "seal:all"); !strings.Contains(stdout, "1 unchanged") {
		t.Errorf("the pin decides until the new certificate is accepted:\n%s", stdout)
	}
	w.must(0, "seal:cert", "-accept")
	if stdout, _ := w.must(3, "seal:check"); !strings.Contains(stdout, "certificate-mismatch") {
		t.Errorf("seal:check:\n%s", stdout)
	}
	if stdout, _ := w.must(0, "seal:all"); !strings.Contains(stdout, "2 of 2 keys: other certificate") {
		t.Errorf("seal:all:\n%s", stdout)
	}
	w.must(0, "seal:check")
	w.apply()
	if got := w.values("rotation", "db")["user"]; got != canary+"-user" {
		t.Error("the cluster has another value")
	}
}

// TestVerifyFindsWhatCannotBeDecrypted moves an item to another Secret.
func TestVerifyFindsWhatCannotBeDecrypted(t *testing.T) {
	w := sealedWorld(t, "moved")
	file := w.path("templates/sealed-db.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w.write("applications/moved/templates/sealed-db.yaml", strings.ReplaceAll(string(data), "name: db", "name: other"))
	stdout, _ := w.must(3, "seal:verify")
	if !strings.Contains(stdout, "applications/moved/templates/sealed-db.yaml:2: SealedSecret moved/other: the controller cannot decrypt it [sealed-undecryptable]") {
		t.Errorf("seal:verify:\n%s", stdout)
	}
}
