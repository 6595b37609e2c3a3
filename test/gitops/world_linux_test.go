package gitops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/report"
)

const canary = "canary-7be042"

// world is a repository that Argo CD follows, and a clone of it to work in.
type world struct {
	*testing.T
	*place
	remote, work *gittest.Repo
	env          []string
	secrets      []string // values that may be nowhere but in local-secrets
	inGit        bool     // the test has committed some itself
	printed      buffer   // by all commands
}

func newWorld(t *testing.T, p *place) *world {
	t.Helper()
	w := &world{T: t, place: p, remote: gittest.Bare(t), secrets: []string{canary}}
	w.work = w.remote.Clone()
	w.work.Git("switch", "--quiet", "-C", "main")
	w.work.Commit(".gitignore", "local-secrets/\n")
	w.work.Git("push", "--quiet", "--set-upstream", "origin", "main")
	t.Cleanup(w.leaks)
	return w
}

// sub is the same world for a subtest.
func (w *world) sub(t *testing.T) *world {
	v := &world{T: t, place: w.place, remote: w.remote, work: w.work, secrets: w.secrets, inGit: w.inGit}
	t.Cleanup(v.leaks)
	return v
}

// leaks looks for secret values in all that was printed and pushed.
func (w *world) leaks() {
	w.Helper()
	printed, pushed := w.printed.String(), ""
	if !w.inGit { // the test's context is over
		out, err := exec.Command("git", "-C", w.remote.Dir, "log", "--all", "--patch").CombinedOutput()
		if pushed = string(out); err != nil || pushed == "" {
			w.Errorf("git log: %v: %s", err, out)
		}
	}
	for _, s := range w.secrets {
		if strings.Contains(printed, s) {
			w.Errorf("a secret value was printed:\n%s", strings.ReplaceAll(printed, s, "<<< HERE >>>"))
		}
		if strings.Contains(pushed, s) {
			w.Error("a secret value was pushed")
		}
	}
}

// file writes a file of an application.
func (w *world) file(app, name, data string) {
	w.Helper()
	w.work.Write("applications/"+app+"/"+name, data)
}

// push commits everything, pushes it, and returns the commit.
func (w *world) push() string {
	w.Helper()
	w.commit()
	w.work.Git("push", "--quiet")
	return w.head()
}

func (w *world) commit() {
	w.Helper()
	w.work.Git("add", "--all")
	w.work.Git("commit", "--quiet", "-m", "change")
}

func (w *world) head() string {
	w.Helper()
	return w.work.Git("rev-parse", "HEAD")
}

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n  key: %s\n", name, value)
}

// plain is the Application of a folder of manifests. Its name is its folder's and
// its namespace's.
const plain = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: %[1]s, namespace: argocd}
spec:
  project: default
  source: {repoURL: set-by-follow, targetRevision: main, path: applications/%[1]s}
  destination: {server: https://kubernetes.default.svc, namespace: %[1]s}
  syncPolicy: {syncOptions: [CreateNamespace=true]}
`

// app makes an application with one ConfigMap, and the given files besides.
func (w *world) app(name string, files map[string]string) {
	w.Helper()
	w.file(name, "config.yaml", configMap("config", "one"))
	for file, data := range files {
		w.file(name, file, data)
	}
	w.push()
	w.follow(fmt.Sprintf(plain, name))
}

// follow registers an Application, with the repository of this world as its own.
func (w *world) follow(text string, change ...string) {
	w.Helper()
	a := &unstructured.Unstructured{}
	if err := sigsyaml.Unmarshal([]byte(text), &a.Object); err != nil {
		w.Fatal(err)
	}
	w.set(a.Object, "file://"+w.remote.Dir, "spec", "source", "repoURL")
	for i := 0; i+1 < len(change); i += 2 {
		w.set(a.Object, change[i+1], strings.Split(change[i], ".")...)
	}
	if _, err := w.argo.Create(w.Context(), a, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if w.Failed() {
			w.describe(a.GetName())
		}
		w.forget(a.GetName())
	})
}

// describe logs what the cluster knows of an application's Pods, for whoever looks
// into a failure.
func (w *world) describe(app string) {
	pods, err := w.client.CoreV1().Pods(app).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		w.Log(err)
		return
	}
	for _, p := range pods.Items {
		w.Logf("Pod %s: %s, deleted %v", p.Name, p.Status.Phase, p.DeletionTimestamp)
		for _, c := range p.Status.ContainerStatuses {
			w.Logf("  container %s: %s", c.Name, c.State.String())
		}
	}
	events, err := w.client.CoreV1().Events(app).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		w.Log(err)
		return
	}
	for _, e := range events.Items {
		w.Logf("event %s %s %s: %s", e.LastTimestamp.Format(time.TimeOnly), e.InvolvedObject.Name, e.Reason, e.Message)
	}
}

func (w *world) set(object map[string]any, value string, path ...string) {
	w.Helper()
	if err := unstructured.SetNestedField(object, value, path...); err != nil {
		w.Fatal(err)
	}
}

// forget takes an Application away, and its namespace, which goes by itself.
func (w *world) forget(app string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := w.argo.Delete(ctx, app, metav1.DeleteOptions{})
	if ns := w.client.CoreV1().Namespaces().Delete(ctx, app, metav1.DeleteOptions{}); err == nil && ns != nil && !strings.Contains(ns.Error(), "not found") {
		err = ns
	}
	if err != nil {
		w.Error(err)
	}
}

// live is a value of an Application in the cluster, in JSON.
func (w *world) live(app string, path ...string) string {
	w.Helper()
	a, err := w.argo.Get(w.Context(), app, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	value, found, err := unstructured.NestedFieldNoCopy(a.Object, path...)
	if err != nil {
		w.Fatal(err)
	}
	if text, ok := value.(string); ok || !found {
		return text
	}
	data, err := json.Marshal(value)
	if err != nil {
		w.Fatal(err)
	}
	return string(data)
}

func (w *world) phase(app string) string { return w.live(app, "status", "operationState", "phase") }

// operation tells an operation from others.
func (w *world) operation(app string) string {
	return w.live(app, "status", "operationState", "startedAt") + w.live(app, "status", "operationState", "operation")
}

// config is the value in the ConfigMap that each application has.
func (w *world) config(app, name string) string {
	w.Helper()
	m, err := w.client.CoreV1().ConfigMaps(app).Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	return m.Data["key"]
}

// eventually polls a condition.
func (w *world) eventually(what string, condition func() bool) {
	w.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			w.Fatalf("%s: not within two minutes; printed so far:\n%s", what, w.printed.String())
		}
	}
}

// buffer is written by a process and read by the test.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// command is a run of the binary.
type command struct {
	w         *world
	args      []string
	cmd       *exec.Cmd
	out, errs buffer
}

// start runs a target as a person would, without anything of the developer's own.
func (w *world) start(args ...string) *command {
	w.Helper()
	c := &command{w: w, args: args}
	// Longer than any wait in here: what hangs is to be seen as such.
	ctx, cancel := context.WithTimeout(w.Context(), 10*time.Minute)
	w.Cleanup(cancel)
	c.cmd = exec.CommandContext(ctx, scripttest.Mage(w), args...)
	c.cmd.Dir = w.work.Dir
	c.cmd.Env = append(gitEnv(), "PATH="+os.Getenv("PATH"), "HOME="+filepath.Dir(w.work.Dir), "KUBECONFIG="+w.up.Kubeconfig)
	c.cmd.Env = append(c.cmd.Env, w.env...)
	c.cmd.Stdout = io.MultiWriter(&c.out, &w.printed)
	c.cmd.Stderr = io.MultiWriter(&c.errs, &w.printed)
	if err := c.cmd.Start(); err != nil {
		w.Fatal(err)
	}
	return c
}

// gitEnv is what gittest has set for every git.
func gitEnv() (env []string) {
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "GIT_") {
			env = append(env, v)
		}
	}
	return env
}

func (c *command) signal(s os.Signal) {
	c.w.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.w.Fatal(err)
	}
}

// ends waits for the end, which has to have the given exit status.
func (c *command) ends(status int) *command {
	c.w.Helper()
	err := c.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.w.Fatal(err)
	}
	if got := c.cmd.ProcessState.ExitCode(); got != status {
		c.w.Fatalf("mage %v: exit status %d, want %d\n%s%s", c.args, got, status, c.out.String(), c.errs.String())
	}
	return c
}

// mage runs a target that has to end with the given status.
func (w *world) mage(status int, args ...string) *command {
	w.Helper()
	return w.start(args...).ends(status)
}

// prints checks stdout.
func (c *command) prints(texts ...string) *command {
	c.w.Helper()
	return c.contains("stdout", c.out.String(), texts)
}

// says checks stderr.
func (c *command) says(texts ...string) *command {
	c.w.Helper()
	return c.contains("stderr", c.errs.String(), texts)
}

func (c *command) contains(stream, text string, wanted []string) *command {
	c.w.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			c.w.Errorf("mage %v: %q is not on %s:\n%s", c.args, want, stream, text)
		}
	}
	return c
}

// report is the JSON document on stdout, which holds nothing else.
func (c *command) report() *report.Report {
	c.w.Helper()
	var r report.Report
	d := json.NewDecoder(strings.NewReader(c.out.String()))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		c.w.Fatalf("mage %v: %v:\n%s", c.args, err, c.out.String())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || r.SchemaVersion != report.SchemaVersion || r.Command != c.args[0] {
		c.w.Fatalf("mage %v: not one document of this command: %v:\n%s", c.args, err, c.out.String())
	}
	return &r
}

// app is one application of the document.
func (c *command) app(name string) report.Application {
	c.w.Helper()
	for _, a := range c.report().Applications {
		if a.Name == name {
			return a
		}
	}
	c.w.Fatalf("mage %v: no application %s:\n%s", c.args, name, c.out.String())
	return report.Application{}
}
