package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
)

const (
	syncRounds = 3
	syncApps   = 5
)

// BenchmarkSync reports the times of gitops:syncAll over five small applications,
// login and tunnel included, beside those of `argocd app sync a b c d e` and then
// `argocd app wait`, logged in before and through the CLI's own port-forward: the
// first sync of each, which makes everything, and one that changes nothing.
func BenchmarkSync(b *testing.B) {
	w := newSyncWorld(b)
	var ours, theirs, oursSame, theirsSame []float64
	done := false
	for b.Loop() {
		if done {
			continue // the rounds are its own: each needs applications that were never synced
		}
		done = true
		for round := range syncRounds {
			if round%2 == 0 {
				ours = append(ours, w.ours(round))
				theirs = append(theirs, w.theirs(round))
			} else {
				theirs = append(theirs, w.theirs(round))
				ours = append(ours, w.ours(round))
			}
			oursSame = append(oursSame, w.ours(round))
			theirsSame = append(theirsSame, w.theirs(round))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ours), "first-s")
	b.ReportMetric(median(theirs), "first-argocd-s")
	b.ReportMetric(median(ratios(ours, theirs)), "first/argocd")
	b.ReportMetric(median(oursSame), "unchanged-s")
	b.ReportMetric(median(theirsSame), "unchanged-argocd-s")
	b.ReportMetric(median(ratios(oursSame, theirsSame)), "unchanged/argocd")
}

// syncWorld is a sandbox whose Argo CD follows a repository of small applications,
// five for each side and round.
type syncWorld struct {
	b            *testing.B
	dir, mage    string
	argocd       string
	environment  []string
	sandbox      *sandbox.Sandbox
	forwardFlags []string
}

const smallApplication = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: %[1]s
  namespace: argocd
  labels: {set: %[2]s}
spec:
  project: default
  source: {repoURL: https://example.com/repo.git, targetRevision: main, path: applications/%[1]s/manifests}
  destination: {server: "https://kubernetes.default.svc", namespace: %[1]s}
  syncPolicy: {syncOptions: [CreateNamespace=true]}
`

const smallManifests = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: example.com/web:1
          envFrom: [{configMapRef: {name: settings}}]
`

func newSyncWorld(b *testing.B) *syncWorld {
	b.Helper()
	w := &syncWorld{b: b, dir: b.TempDir(), mage: scripttest.Mage(b)}
	o := sandbox.Options{Dir: filepath.Join(b.TempDir(), "sandbox")}
	bin, err := sandbox.Build(b.Context(), o, sandbox.ArgoCD)
	if err != nil {
		b.Fatal(err)
	}
	w.argocd = bin["argocd"]
	if w.sandbox, err = sandbox.Up(b.Context(), o); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := sandbox.Down(context.WithoutCancel(b.Context()), o); err != nil {
			b.Error(err)
		}
	})
	w.environment = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "KUBECONFIG=" + w.sandbox.Kubeconfig, "ARGOCD_CONFIG_DIR=" + filepath.Join(w.dir, ".argocd")}
	w.forwardFlags = []string{"--port-forward", "--port-forward-namespace=argocd"}
	w.repository()
	w.login()
	w.compared()
	return w
}

func set(side string, round int) string { return fmt.Sprintf("%s%d", side, round) }

func names(side string, round int) []string {
	var out []string
	for i := range syncApps {
		out = append(out, fmt.Sprintf("%s-%d", set(side, round), i))
	}
	return out
}

// repository commits the applications and has Argo CD follow them.
func (w *syncWorld) repository() {
	for _, side := range []string{"ours", "theirs"} {
		for round := range syncRounds {
			for _, name := range names(side, round) {
				dir := filepath.Join(w.dir, "applications", name)
				for file, text := range map[string]string{"application.yaml": fmt.Sprintf(smallApplication, name, set(side, round)), "manifests/all.yaml": smallManifests} {
					write(w.b, filepath.Join(dir, file), []byte(text))
				}
			}
		}
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "applications"},
		{"-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "applications"},
	} {
		w.run("git", args...)
	}
	if _, err := w.sandbox.Register(w.b.Context(), w.dir); err != nil {
		w.b.Fatal(err)
	}
}

func (w *syncWorld) login() {
	password := w.run(w.mage, "gitops:portForward", "-password")
	w.run(w.argocd, append([]string{"login", "--username=admin", "--password=" + strings.TrimSpace(password)}, w.forwardFlags...)...)
}

// compared waits until Argo CD has looked at every application once: that is no
// part of a sync.
func (w *syncWorld) compared() {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		var status struct {
			Applications []struct{ Sync string }
		}
		if err := json.Unmarshal([]byte(w.run(w.mage, "gitops:status", "-json")), &status); err != nil {
			w.b.Fatal(err)
		}
		known := 0
		for _, a := range status.Applications {
			if a.Sync == "OutOfSync" {
				known++
			}
		}
		if known == 2*syncRounds*syncApps {
			return
		}
		if time.Now().After(deadline) {
			w.b.Fatalf("Argo CD knows the state of %d applications", known)
		}
	}
}

func (w *syncWorld) ours(round int) float64 {
	start := time.Now()
	w.run(w.mage, "gitops:syncAll", "-selector=set="+set("ours", round))
	return time.Since(start).Seconds()
}

func (w *syncWorld) theirs(round int) float64 {
	start := time.Now()
	for _, verb := range []string{"sync", "wait"} {
		args := append([]string{"app", verb}, names("theirs", round)...)
		w.run(w.argocd, append(args, w.forwardFlags...)...)
	}
	return time.Since(start).Seconds()
}

func (w *syncWorld) run(name string, args ...string) string {
	w.b.Helper()
	cmd := exec.CommandContext(w.b.Context(), name, args...)
	cmd.Dir, cmd.Env = w.dir, w.environment
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.b.Fatalf("%s %s: %v\n%s%s", filepath.Base(name), args[0], err, out, stderr.String())
	}
	return string(out)
}
