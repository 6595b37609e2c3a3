// Package e2e plays whole stories on the sandbox: the compiled binary, a real
// API server, the real Sealed Secrets controller, and kubeseal.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/manifest"
)

// platform is the sandbox that all stories share.
var platform struct {
	up      *sandbox.Sandbox
	bin     sandbox.Binaries
	cluster *kube.Cluster
	client  kubernetes.Interface
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "sealway-e2e-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	o := sandbox.Options{Dir: filepath.Join(dir, "sandbox"), ArgoCD: sandbox.NoArgoCD, Progress: func(e sandbox.Event) {
		if e.State != sandbox.StepRunning {
			fmt.Fprintf(os.Stderr, "%s: %s %s\n", e.Step, e.State, e.Elapsed.Round(time.Millisecond))
		}
	}}
	defer func() {
		if err := sandbox.Down(context.WithoutCancel(ctx), o); err != nil {
			code = fail(err)
		}
	}()
	if platform.up, err = sandbox.Up(ctx, o); err != nil {
		return fail(err)
	}
	if platform.bin, err = sandbox.Build(ctx, o, sandbox.SealedSecrets, sandbox.Kubectl, sandbox.Task); err != nil {
		return fail(err)
	}
	if platform.cluster, err = kube.LoadFile(platform.up.Kubeconfig); err != nil {
		return fail(err)
	}
	if platform.client, err = kubernetes.NewForConfig(platform.cluster.Config); err != nil {
		return fail(err)
	}
	return scripttest.Main(m)
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

const canary = "canary-9d01f4"

// world is a repository with one application, whose name is its namespace.
type world struct {
	t   *testing.T
	dir string
	app string
	env []string
	all bytes.Buffer // everything printed
}

func newWorld(t *testing.T, app string, files map[string]string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), app: app}
	w.git("init", "-q")
	w.write(".gitignore", "local-secrets/\n")
	for path, data := range files {
		w.write(path, data)
	}
	if err := platform.cluster.EnsureNamespace(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.clean)
	return w
}

// clean looks for the planted values in all that was printed and committed.
func (w *world) clean() {
	if strings.Contains(w.all.String(), canary) {
		w.t.Errorf("a value was printed:\n%s", w.all.String())
	}
	_ = filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "local-secrets") {
			return err
		}
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte(canary)) {
			w.t.Errorf("%s holds a value", path)
		}
		return nil
	})
}

func (w *world) git(args ...string) {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, "applications", w.app, name) }

func (w *world) write(path, data string) {
	w.t.Helper()
	full := filepath.Join(w.dir, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(data), 0o600)); err != nil {
		w.t.Fatal(err)
	}
}

// plaintext writes a file of the application's local-secrets.
func (w *world) plaintext(name, data string) {
	w.t.Helper()
	w.write(filepath.Join("applications", w.app, "local-secrets", name), data)
}

// mage runs a target and returns what it printed and its exit status.
func (w *world) mage(args ...string) (stdout, stderr string, status int) {
	w.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(w.t.Context(), scripttest.Mage(w.t), args...)
	cmd.Dir = w.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.t.TempDir(), "KUBECONFIG=" + platform.up.Kubeconfig}, w.env...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	fmt.Fprintf(&w.all, "%s%s", out.String(), errs.String())
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// must runs a target that has to end with the given status.
func (w *world) must(status int, args ...string) (stdout, stderr string) {
	w.t.Helper()
	stdout, stderr, got := w.mage(args...)
	if got != status {
		w.t.Fatalf("mage %v: exit status %d, want %d\n%s%s", args, got, status, stdout, stderr)
	}
	return stdout, stderr
}

// sealed reads every sealed file of the application.
func (w *world) sealed() map[string]*manifest.Sealed {
	w.t.Helper()
	files, err := filepath.Glob(w.path("templates/*"))
	if err != nil || len(files) == 0 {
		w.t.Fatalf("no sealed files: %v", err)
	}
	out := map[string]*manifest.Sealed{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			w.t.Fatal(err)
		}
		list, err := manifest.ReadSealed(f, data)
		if err != nil {
			w.t.Fatal(err)
		}
		for i := range list {
			out[list[i].Namespace+"/"+list[i].Name] = &list[i]
		}
	}
	return out
}

// apply applies every sealed file and waits until the controller has unsealed
// the newest generation of each.
func (w *world) apply() {
	w.t.Helper()
	for _, s := range w.sealed() {
		data, err := os.ReadFile(s.Path)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := platform.cluster.EnsureNamespace(w.t.Context(), s.Namespace); err != nil {
			w.t.Fatal(err)
		}
		if err := platform.cluster.ApplySealed(w.t.Context(), s.Namespace, s.Name, data); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, s := range w.sealed() {
		w.eventually(fmt.Sprintf("%s unsealed", s.Object()), func(ctx context.Context) (bool, error) {
			live := platform.cluster.Live()
			for _, it := range s.Items {
				secret, err := platform.client.CoreV1().Secrets(s.Namespace).Get(ctx, s.Name, metav1.GetOptions{})
				if err != nil {
					return false, nil //nolint:nilerr // not there yet
				}
				ok, err := live.Proves(ctx, s.Namespace, s.Name, it.Key, it.Ciphertext, secret.Data[it.Key])
				if !ok || err != nil {
					return false, err
				}
			}
			return true, nil
		})
	}
}

// eventually polls a condition of the cluster.
func (w *world) eventually(what string, condition func(context.Context) (bool, error)) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := condition(ctx)
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatalf("%s: not within a minute (last error: %v)", what, err)
		}
	}
}

// values are the live Secret's.
func (w *world) values(namespace, name string) map[string]string {
	w.t.Helper()
	s, err := platform.client.CoreV1().Secrets(namespace).Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	for k, v := range s.Data {
		out[k] = string(v)
	}
	return out
}
