package gitops

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/sandbox"
)

// TestArgoCD3 goes the same way with the next major version, whose server speaks
// plaintext: the client is made of the types of the one before.
func TestArgoCD3(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sealway-gitops-3-") // shorter than the test's own: sockets are in it
	if err != nil {
		t.Fatal(err)
	}
	o := options(filepath.Join(dir, "sandbox"))
	o.ArgoCD, o.ArgoCDInsecure = sandbox.ArgoCD3, true
	t.Cleanup(func() {
		if err := sandbox.Down(context.Background(), o); err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	p, err := newPlace(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("ship", func(t *testing.T) {
		t.Parallel()
		ship(newWorld(t, p))
	})
	t.Run("sync", func(t *testing.T) {
		t.Parallel()
		syncing(newWorld(t, p))
	})
	t.Run("errors", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, p)
		w.app("errors", map[string]string{"job.yaml": hookJob("PreSync", "")})
		if r := w.mage(0, "gitops:status", "-json").report(); !strings.Contains(r.Facts["argocd"], " v3.1.16") || len(r.Warnings) > 0 {
			t.Errorf("the report: %+v", r)
		}
		w.mage(unavailable, "gitops:sync", "erors").says("no application erors (or no access to it); did you mean errors?")
		w.blocked("errors", "-timeout=15s", "-terminateOnTimeout").ends(timedOut).
			says("Job migrate Progressing: PreSync hook: Pod migrate-", `secret "database" not found`, "; the operation was terminated")
	})
}
