package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/worldtest"
	"github.com/sealway/sealway/pkg/report"
)

const verifyApps = 50

// BenchmarkVerifyAll reports the time and the number of API calls of verify:all over
// fifty healthy applications, each with a sealed Secret and a Deployment: first of ten
// Pods each, then of twenty.
func BenchmarkVerifyAll(b *testing.B) {
	w := newVerifyWorld(b)
	for _, replicas := range []int{10, 20} {
		w.scale(replicas)
		b.Run(fmt.Sprintf("pods=%d", verifyApps*replicas), func(b *testing.B) {
			var seconds, calls []float64
			for b.Loop() {
				from := w.audited()
				start := time.Now()
				w.verify()
				seconds = append(seconds, time.Since(start).Seconds())
				calls = append(calls, float64(w.calls(from)))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(seconds), "verify-s")
			b.ReportMetric(median(calls), "API-calls")
		})
	}
}

// verifyWorld is a sandbox whose Argo CD deploys the applications of a repository; their
// Pods are simulated by KWOK.
type verifyWorld struct {
	*worldtest.Place

	b           *testing.B
	dir, mage   string
	environment []string
}

const verifyValues = "replicas: %d\n"

func verifyFiles(name string) map[string]string {
	return map[string]string{
		"application.yaml": fmt.Sprintf(strings.Replace(smallApplication, "/manifests", "", 1), name, "verify"),
		"Chart.yaml":       "apiVersion: v2\nname: app\nversion: 0.1.0\n",
		".helmignore":      "local-secrets/\nsecrets.yaml\napplication.yaml\n",
		"secrets.yaml":     "secrets:\n  - name: web\n    keys:\n      password: {generate: password}\n",
		"templates/web.yaml": `apiVersion: v1
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
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {type: kwok}
      tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
      containers:
        - name: web
          image: example.com/web:1
          envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: web}}]
`,
	}
}

func verifyNames() (names []string) {
	for i := range verifyApps {
		names = append(names, fmt.Sprintf("app-%02d", i))
	}
	return names
}

func newVerifyWorld(b *testing.B) *verifyWorld {
	b.Helper()
	w := &verifyWorld{b: b, dir: b.TempDir(), mage: scripttest.Mage(b)}
	o := worldtest.Options(filepath.Join(b.TempDir(), "sandbox"))
	o.Audit = true
	b.Cleanup(func() {
		if err := sandbox.Down(context.WithoutCancel(b.Context()), o); err != nil {
			b.Error(err)
		}
	})
	var err error
	if w.Place, err = worldtest.NewPlace(b.Context(), o); err != nil {
		b.Fatal(err)
	}
	w.environment = worldtest.Environment(w.dir, w.Up.Kubeconfig)
	for _, name := range verifyNames() {
		for file, text := range verifyFiles(name) {
			write(b, filepath.Join(w.dir, "applications", name, file), []byte(text))
		}
	}
	write(b, filepath.Join(w.dir, ".gitignore"), []byte("local-secrets/\n"))
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"config", "user.name", "bench"}, {"config", "user.email", "bench@localhost"}} {
		w.run("git", args...)
	}
	for _, args := range [][]string{{"seal:cert", "-accept"}, {"secrets:generate"}, {"seal:all"}} {
		w.run(w.mage, args...)
	}
	return w
}

// scale has every application at that many Pods, and waits until they run.
func (w *verifyWorld) scale(replicas int) {
	w.b.Helper()
	for _, name := range verifyNames() {
		write(w.b, filepath.Join(w.dir, "applications", name, "values.yaml"), fmt.Appendf(nil, verifyValues, replicas))
	}
	w.run("git", "add", "--all")
	w.run("git", "commit", "-q", "-m", fmt.Sprintf("%d replicas", replicas))
	if _, err := w.Up.Register(w.b.Context(), w.dir); err != nil {
		w.b.Fatal(err)
	}
	if !strings.Contains(w.run("git", "remote"), "origin") {
		w.run("git", "remote", "add", "origin", w.Up.Repository)
	}
	w.run("git", "fetch", "-q", "origin")
	w.run("git", "branch", "-q", "--set-upstream-to=origin/main")
	operation := []byte(`{"operation":{"initiatedBy":{"username":"bench"},"sync":{"syncOptions":["CreateNamespace=true"]}}}`)
	for _, name := range verifyNames() {
		if _, err := w.Argo.Patch(w.b.Context(), name, types.MergePatchType, operation, metav1.PatchOptions{}); err != nil {
			w.b.Fatal(err)
		}
	}
	w.settled(replicas)
}

// settled waits until all Pods are there and Argo CD calls every application Healthy.
func (w *verifyWorld) settled(replicas int) {
	w.b.Helper()
	deadline := time.Now().Add(10 * time.Minute)
	for {
		list, err := w.Argo.List(w.b.Context(), metav1.ListOptions{})
		if err != nil {
			w.b.Fatal(err)
		}
		good := 0
		for _, a := range list.Items {
			sync, _, _ := unstructured.NestedString(a.Object, "status", "sync", "status")
			health, _, _ := unstructured.NestedString(a.Object, "status", "health", "status")
			if sync == "Synced" && health == "Healthy" {
				good++
			}
		}
		pods, err := w.Client.CoreV1().Pods("").List(w.b.Context(), metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			w.b.Fatal(err)
		}
		if good == verifyApps && len(pods.Items) == verifyApps*replicas {
			return
		}
		if time.Now().After(deadline) {
			w.b.Fatalf("%d applications are Synced and Healthy, and there are %d Pods", good, len(pods.Items))
		}
		time.Sleep(time.Second) // it is no part of what is measured
	}
}

// verify runs the target, which has to find everything in order.
func (w *verifyWorld) verify() {
	w.b.Helper()
	var r report.Report
	if err := json.Unmarshal([]byte(w.run(w.mage, "verify:all", "-json")), &r); err != nil {
		w.b.Fatal(err)
	}
	if len(r.Chains) != verifyApps {
		w.b.Fatalf("there are %d chains", len(r.Chains))
	}
}

func (w *verifyWorld) audited() int64 {
	w.b.Helper()
	info, err := os.Stat(w.Up.AuditLog())
	if err != nil {
		w.b.Fatal(err)
	}
	return info.Size()
}

// calls is how often somebody with the kubeconfig has asked something since then.
func (w *verifyWorld) calls(from int64) int {
	w.b.Helper()
	data, err := os.ReadFile(w.Up.AuditLog())
	if err != nil {
		w.b.Fatal(err)
	}
	return bytes.Count(data[from:], []byte(`"username":"sandbox-admin"`))
}

func (w *verifyWorld) run(name string, args ...string) string {
	w.b.Helper()
	cmd := exec.CommandContext(w.b.Context(), name, args...)
	cmd.Dir, cmd.Env = w.dir, w.environment
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.b.Fatalf("%s %v: %v\n%s%s", filepath.Base(name), args, err, out, stderr.String())
	}
	return string(out)
}
