package gitops

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/sandbox"
)

// stop stops a server of Argo CD for the rest of the test.
func (w *world) stop(server string) (start func()) {
	w.Helper()
	if err := w.up.Stop(w.Context(), server); err != nil {
		w.Fatal(err)
	}
	stopped := true
	start = func() {
		if !stopped {
			return
		}
		stopped = false
		if err := w.up.Start(context.Background(), server); err != nil {
			w.Error(err)
		}
	}
	w.Cleanup(start)
	return start
}

// TestPartsDown has each part of Argo CD away: the sentence names it, and nothing
// waits for ever.
func TestPartsDown(t *testing.T) {
	w := newWorld(t, shared)
	w.app("parts", nil)
	w.mage(0, "gitops:sync", "parts")
	t.Run("server", func(t *testing.T) {
		w := w.sub(t)
		start := w.stop(sandbox.ArgoCDServer)
		w.mage(unavailable, "gitops:sync", "parts").says("Error: Service argocd/argocd-server: no Pod is ready: argocd-server-", "hint: `kubectl -n argocd describe pod argocd-server-")
		start()
		w.mage(0, "gitops:sync", "parts")
	})
	t.Run("repo server", func(t *testing.T) {
		w := w.sub(t)
		start := w.stop(sandbox.ArgoCDRepoServer)
		w.mage(unavailable, "gitops:sync", "parts").
			says("application parts: compare with Git: Argo CD's server answers, but the repo server does not", "connection refused", "hint: do the Pods of argocd-repo-server run?")
		start()
		w.mage(0, "gitops:sync", "parts")
	})
	t.Run("repo server hangs", func(t *testing.T) {
		w := w.sub(t)
		w.freeze(sandbox.ArgoCDRepoServer)
		w.mage(timedOut, "gitops:sync", "parts", "-hard", "-timeout=5s").
			says("application parts: not there after 5s: waiting for Argo CD to compare it with Git: Argo CD's server answers, but the repo server does not", "hint: do the Pods of argocd-repo-server run?")
	})
	t.Run("controller", func(t *testing.T) {
		w := w.sub(t)
		w.freeze(sandbox.ArgoCDController)
		w.mage(timedOut, "gitops:sync", "parts", "-timeout=5s").
			says("waiting for Argo CD to compare it with Git: Argo CD's server answers, but the application controller does not", "hint: do the Pods of argocd-application-controller run?")
	})
	w.mage(0, "gitops:sync", "parts")
}

// freeze has a server's process answer nothing for the rest of the test: its
// connections stay, as with one that hangs.
func (w *world) freeze(server string) {
	w.Helper()
	status, err := sandbox.Inspect(w.Context(), options(w.up.Dir))
	if err != nil {
		w.Fatal(err)
	}
	for _, s := range status.Servers {
		if s.Name != server {
			continue
		}
		if err := syscall.Kill(s.PID, syscall.SIGSTOP); err != nil {
			w.Fatal(err)
		}
		w.Cleanup(func() {
			if err := syscall.Kill(s.PID, syscall.SIGCONT); err != nil {
				w.Error(err)
			}
		})
		return
	}
	w.Fatalf("no server %s", server)
}

// TestServerRestarts restarts argocd-server in the middle of a sync.
func TestServerRestarts(t *testing.T) {
	w := newWorld(t, shared)
	w.app("restarts", map[string]string{"job.yaml": hookJob("PreSync", "")})
	c := w.blocked("restarts")
	if err := w.up.Restart(t.Context(), sandbox.ArgoCDServer); err != nil {
		t.Fatal(err)
	}
	w.eventually("the tunnel is there again", func() bool { return strings.Contains(c.errs.String(), "restored through Pod argocd-server-") })
	w.database("restarts")
	c.ends(0).says("tunnel: argocd/argocd-server: lost Pod argocd-server-").prints("1 of 1 application Synced and Healthy")
	if history := w.live("restarts", "status", "history"); strings.Count(history, `"deployedAt"`) != 1 {
		t.Errorf("there was more than one operation: %s", history)
	}
}

// TestConnectionsCut reaches argocd-server by address, and every connection lasts a
// second, the watch stream's too.
func TestConnectionsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("cut", map[string]string{"job.yaml": hookJob("PreSync", "")})
	p := w.throughProxy(fault{life: time.Second})
	c := w.blocked("cut")
	before := p.cuts.Load()
	w.eventually("three more connections were cut", func() bool { return p.cuts.Load() >= before+3 })
	w.database("cut")
	c.ends(0).prints("1 of 1 application Synced and Healthy")
	if history := w.live("cut", "status", "history"); strings.Count(history, `"deployedAt"`) != 1 {
		t.Errorf("there was more than one operation: %s", history)
	}
	if state := strings.Fields(line(w.mage(0, "gitops:status").out.String(), "cut ")); len(state) < 3 || state[1] != "Synced" || state[2] != "Healthy" {
		t.Errorf("the status: %q", state)
	}
}

// TestLatency has 200 ms between question and answer.
func TestLatency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("latency", nil)
	w.throughProxy(fault{latency: 100 * time.Millisecond})
	w.mage(0, "gitops:sync", "latency").prints("1 of 1 application Synced and Healthy")
	w.mage(0, "gitops:diff", "latency").prints("a sync would change 0 resources")
}
