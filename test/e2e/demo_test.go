package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

// TestDemo plays the README's first command in a clone of this work tree, beside
// the sandbox of the other stories.
func TestDemo(t *testing.T) {
	source := t.TempDir()
	// What is not committed yet belongs to the story too.
	copyTree(t, scripttest.Root(t), source)
	w := &world{t: t, dir: source}
	w.git("init", "-q")
	w.git("add", "--all")
	w.git("-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-q", "-m", "source")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	w.env = []string{"XDG_CACHE_HOME=" + cache, "TMPDIR=" + tmp}
	stdout, _ := w.must(0, "demo")
	for _, want := range []string{
		"$ mage seal:check\n8 SealedSecrets checked, 0 findings",
		"3 of 3 applications Synced and Healthy",
		"8 Secrets in the cluster have the values of this machine",
		"litellm  Synced  Healthy",
		"1 of 1 application Synced and Healthy; 3 Secrets in the cluster as here",
		"git diff: sealway.github.io/encrypted-data, CA_VLLM_LOCAL_API_KEY",
		"Done: plaintext on this machine, ciphertext in Git, Secrets in the cluster, applications Synced and Healthy, and all of it agrees.",
		"the sandbox is gone",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in the story:\n%s", want, stdout)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		t.Errorf("the demo left %v", left)
	}
}
