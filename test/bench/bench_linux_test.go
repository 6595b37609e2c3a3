// Package bench measures the compiled binary beside kubeseal, in one run, so
// that the ratios hold on a noisy machine:
//
//	go tool mage bench
package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	"k8s.io/client-go/util/cert"

	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
)

func TestMain(m *testing.M) { os.Exit(scripttest.Main(m)) }

const secrets = 200 // of two keys each, as in the issue

// BenchmarkSeal reports the medians of a first run (no ledger), of a run with
// nothing changed, and of one kubeseal call over all documents, and their ratios.
func BenchmarkSeal(b *testing.B) {
	w := newWorkload(b, secrets)
	var cold, same, kubeseal []float64
	for b.Loop() {
		w.reset(b)
		cold = append(cold, w.seal(b).seconds)
		same = append(same, w.seal(b).seconds)
		kubeseal = append(kubeseal, w.kubeseal(b).seconds)
	}
	b.ReportMetric(0, "ns/op") // a sum of three says nothing
	b.ReportMetric(median(cold)*1000, "first-ms")
	b.ReportMetric(median(same)*1000, "unchanged-ms")
	b.ReportMetric(median(kubeseal)*1000, "kubeseal-ms")
	b.ReportMetric(median(ratios(cold, kubeseal)), "first/kubeseal")
	b.ReportMetric(median(ratios(same, cold)), "unchanged/first")
}

// BenchmarkLoop measures the documented shell loop over the same Secrets once,
// between first runs whose median it is compared with.
func BenchmarkLoop(b *testing.B) {
	w := newWorkload(b, secrets)
	var loop measurement
	var cold []float64
	first := func() {
		for range 5 {
			w.reset(b)
			cold = append(cold, w.seal(b).seconds)
		}
	}
	for b.Loop() {
		if loop.seconds > 0 {
			continue // one round takes half a minute and is enough
		}
		first()
		loop = w.loop(b)
		first()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(loop.seconds, "loop-s")
	b.ReportMetric(loop.seconds/median(cold), "loop/first")
}

// BenchmarkMany shows that time grows with the number of Secrets and memory
// stays bounded.
func BenchmarkMany(b *testing.B) {
	small, large := newWorkload(b, 500), newWorkload(b, 5000)
	var few, many, same []float64
	var memory int64
	for b.Loop() {
		small.reset(b)
		large.reset(b)
		few = append(few, small.seal(b).seconds)
		m := large.seal(b)
		many, memory = append(many, m.seconds), max(memory, m.kilobytes)
		s := large.seal(b)
		same, memory = append(same, s.seconds), max(memory, s.kilobytes)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(few), "500-s")
	b.ReportMetric(median(many), "5000-s")
	b.ReportMetric(median(ratios(many, few)), "5000/500")
	b.ReportMetric(median(same), "5000-unchanged-s")
	b.ReportMetric(float64(memory)/1024, "peak-MiB")
}

// workload is a repository with n Secrets and the peers' tools.
type workload struct {
	dir, mage, cert, all string
	bin                  sandbox.Binaries
}

type measurement struct {
	seconds   float64
	kilobytes int64
}

const perApplication = 10

func newWorkload(b *testing.B, n int) *workload {
	b.Helper()
	bin, err := sandbox.Build(b.Context(), sandbox.Options{}, sandbox.SealedSecrets, sandbox.Kubectl)
	if err != nil {
		b.Fatal(err)
	}
	w := &workload{dir: b.TempDir(), mage: scripttest.Mage(b), bin: bin}
	w.cert, w.all = filepath.Join(w.dir, "sealed-secrets.pem"), filepath.Join(w.dir, "all.yaml")
	_, crt, err := crypto.GeneratePrivateKeyAndCert(4096, 24*time.Hour, "")
	if err != nil {
		b.Fatal(err)
	}
	pem, err := cert.EncodeCertificates(crt)
	if err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command("git", "init", "-q", w.dir).CombinedOutput(); err != nil {
		b.Fatalf("git init: %v: %s", err, out)
	}
	var all bytes.Buffer
	write(b, w.cert, pem)
	write(b, filepath.Join(w.dir, ".gitignore"), []byte("local-secrets/\nall.yaml\n"))
	for i := range n {
		doc := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s%04d\n  namespace: app%03d\nstringData:\n  username: \"user-%032d\"\n  password: \"word-%032d\"\n", i, i/perApplication, i, i)
		write(b, filepath.Join(w.dir, fmt.Sprintf("applications/app%03d/local-secrets/s%04d.yaml", i/perApplication, i)), []byte(doc))
		all.WriteString("---\n" + doc)
	}
	write(b, w.all, all.Bytes())
	return w
}

func write(b *testing.B, path string, data []byte) {
	b.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600)); err != nil {
		b.Fatal(err)
	}
}

// reset takes away what earlier runs wrote and remember.
func (w *workload) reset(b *testing.B) {
	b.Helper()
	dirs, err := filepath.Glob(filepath.Join(w.dir, "applications/*/templates"))
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range append(dirs, filepath.Join(w.dir, ".git/sealway")) {
		if err := os.RemoveAll(d); err != nil {
			b.Fatal(err)
		}
	}
}

func (w *workload) seal(b *testing.B) measurement {
	b.Helper()
	return w.run(b, w.mage, "seal:all")
}

func (w *workload) kubeseal(b *testing.B) measurement {
	b.Helper()
	return w.run(b, w.bin["kubeseal"], "--cert", w.cert, "-o", "yaml", "-f", w.all, "-w", filepath.Join(w.dir, ".git/out.yaml"))
}

// loop is what the handbook's shell does, file by file.
func (w *workload) loop(b *testing.B) measurement {
	b.Helper()
	script := `for f in applications/*/local-secrets/*.yaml; do
  "$1" create secret generic s --namespace app --from-literal=username=user --from-literal=password=word --dry-run=client -o yaml |
    "$2" --cert "$3" -o yaml > .git/out.yaml || exit 1
done`
	return w.run(b, "sh", "-c", script, "sh", w.bin["kubectl"], w.bin["kubeseal"], w.cert)
}

func (w *workload) run(b *testing.B, name string, args ...string) measurement {
	b.Helper()
	var out strings.Builder
	cmd := exec.CommandContext(b.Context(), name, args...)
	cmd.Dir, cmd.Env = w.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "KUBECONFIG=" + filepath.Join(w.dir, "none")}
	cmd.Stderr = &out
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if err != nil {
		b.Fatalf("%s: %v\n%s", filepath.Base(name), err, out.String())
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return measurement{took.Seconds(), usage.Maxrss}
}

func ratios(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

func median(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}
