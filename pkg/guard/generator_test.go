package guard

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git/gittest"
)

// TestGeneratorFiles judges the files that kustomize makes Secrets of.
func TestGeneratorFiles(t *testing.T) {
	const kustomization = `secretGenerator:
  - name: x
    files: [tls.key=../certs/tls.key, ca.crt, missing]
    envs: [plain.env, encrypted.env, empty.env, ignored.env]
    env: older.env
`
	r := gittest.New(t)
	r.Commit("Chart.yaml", "name: x\n")
	r.Write(".gitignore", "ignored.env\n")
	r.Write("app/kustomization.yaml", kustomization)
	r.Write("app/plain.env", "PASSWORD=hunter2\n")
	r.Write("app/older.env", "PASSWORD=hunter2\n")
	r.Write("app/encrypted.env", "PASSWORD=ENC[AES256_GCM,data:Tr7o=,iv:1=,aad:No=,tag:k=,type:str]\nsops_version=3.8.1\n")
	r.Write("app/empty.env", "# nothing\nPASSWORD=\nTOKEN=CHANGEME\n")
	r.Write("app/ignored.env", "PASSWORD=hunter2\n")
	r.Write("app/ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	r.Write("certs/tls.key", "not a key, and secret all the same\n")
	r.Git("add", ".")
	tree := open(t, r.Dir)
	want := []string{"certs/tls.key", "app/plain.env", "app/older.env"}
	for name, scan := range map[string]scanFunc{"index": Index, "all": All} {
		if diff := cmp.Diff(want, places(t, r, scan, tree, options())); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	r.Git("commit", "--quiet", "-m", "x")
	if got := places(t, r, Index, tree, options()); len(got) != 0 {
		t.Errorf("nothing is staged: %q", got)
	}
	if diff := cmp.Diff(want, places(t, r, History, tree, options())); diff != "" {
		t.Errorf("history (-want +got)\n%s", diff)
	}
	// A file of the generator alone is staged, and then not as plaintext any more.
	r.Write("app/empty.env", "TOKEN=hunter2\n")
	r.Write("other.env", "TOKEN=hunter2\n")
	r.Git("add", ".")
	if diff := cmp.Diff([]string{"app/empty.env"}, places(t, r, Index, tree, options())); diff != "" {
		t.Errorf("a file alone (-want +got)\n%s", diff)
	}
}

func TestHarmless(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"sops YAML", "a: ENC[AES256_GCM,data:x=,type:str]\nsops: {mac: x}\n", true},
		{"sops JSON", `{"data":"ENC[AES256_GCM,data:x=,type:str]","sops":{"mac":"x"}}`, true},
		{"sops, one value open", "a: ENC[AES256_GCM,data:x=,type:str]\nb: hunter2\nsops: {mac: x}\n", false},
		{"YAML", "a: hunter2\n", false},
		{"age", "-----BEGIN AGE ENCRYPTED FILE-----\nabc\n", true},
		{"key behind a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\nhunter2\n", false},
		{"key before a certificate", "hunter2\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", false},
		{"text", "hunter2", false},
	} {
		if got := harmless([]byte(c.text)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
