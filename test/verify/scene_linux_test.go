package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/worldtest"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/report"
)

// The exit statuses of a verification.
const (
	healthy  = 0
	findings = 3
	unseen   = 4
	timedOut = 5
)

// password is in every application's Secret and may be nowhere else.
const password = "canary-c41f9e0b7d"

// scene is one application of a repository of its own that Argo CD follows.
type scene struct {
	*testing.T
	*worldtest.Place

	app          string // its name, and its folder's and its namespace's
	remote, work *gittest.Repo
	printed      *worldtest.Buffer // by all commands
	secrets      []string          // what must not be printed
	known        bool              // Argo CD knows it
}

func newScene(t *testing.T, app string) *scene {
	t.Helper()
	s := newRepository(t).of(app)
	for file, text := range shop() {
		s.write(file, text)
	}
	s.seal()
	return s
}

// newRepository is one without applications, of a person who has pinned the cluster's
// certificate.
func newRepository(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, Place: shared.Place, remote: gittest.Bare(t), secrets: []string{password}, printed: &worldtest.Buffer{}}
	s.work = s.remote.Clone()
	s.work.Git("switch", "--quiet", "-C", "main")
	s.work.Commit(".gitignore", "local-secrets/\n")
	s.work.Git("push", "--quiet", "--set-upstream", "origin", "main")
	t.Cleanup(s.leaks)
	s.sh(healthy, "mage seal:cert -accept")
	return s
}

// of is an application of the repository.
func (s *scene) of(app string) *scene {
	v := *s
	v.app = app
	s.Cleanup(v.leaks)
	s.Cleanup(v.end)
	return &v
}

// leaks looks for secret values in what was printed.
func (s *scene) leaks() {
	printed := s.printed.String()
	for _, secret := range s.secrets {
		if strings.Contains(printed, secret) {
			s.Errorf("a secret value was printed:\n%s", strings.ReplaceAll(printed, secret, "<<< HERE >>>"))
		}
	}
}

// end takes everything of the application away that is in the cluster, which goes by
// itself.
func (s *scene) end() {
	if s.Failed() {
		s.describe()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// An operation that waits for what never comes keeps the application.
	_, _ = s.Argo.Patch(ctx, s.app, types.MergePatchType, []byte(`{"operation":null}`), metav1.PatchOptions{})
	for _, err := range []error{s.Argo.Delete(ctx, s.app, metav1.DeleteOptions{}), s.Client.CoreV1().Namespaces().Delete(ctx, s.app, metav1.DeleteOptions{})} {
		if err != nil && !apierrors.IsNotFound(err) {
			s.Error(err)
		}
	}
}

// describe logs what the cluster knows, for whoever looks into a failure.
func (s *scene) describe() {
	for _, args := range [][]string{
		{"-n", "argocd", "get", "application", s.app, "-o", "jsonpath={.status.sync.status} {.status.health.status} {.status.operationState.phase}: {.status.operationState.message} {.status.conditions}"},
		{"-n", s.app, "get", "pods,sealedsecrets,secrets,configmaps"},
		{"-n", s.app, "get", "events", "-o", "custom-columns=KIND:.involvedObject.kind,NAME:.involvedObject.name,REASON:.reason,MESSAGE:.message"},
	} {
		cmd := exec.Command(filepath.Join(shared.programs, "kubectl"), append([]string{"--kubeconfig", s.Up.Kubeconfig}, args...)...) // the test's context is over
		out, err := cmd.CombinedOutput()
		s.Logf("kubectl %v: %v\n%s", args, err, out)
	}
}

// path is a file of the application, relative to the repository's root.
func (s *scene) path(file string) string { return "applications/" + s.app + "/" + file }

// write writes a file of the application, in which APP is its name and REMOTE the
// repository's URL.
func (s *scene) write(file, text string) {
	s.Helper()
	text = strings.NewReplacer("APP", s.app, "REMOTE", "file://"+s.remote.Dir).Replace(text)
	s.work.Write(s.path(file), text)
}

func (s *scene) read(file string) string {
	s.Helper()
	data, err := os.ReadFile(s.work.Path(s.path(file)))
	if err != nil {
		s.Fatal(err)
	}
	return string(data)
}

func (s *scene) remove(file string) {
	s.Helper()
	if err := os.Remove(s.work.Path(s.path(file))); err != nil {
		s.Fatal(err)
	}
}

// edit changes a text that stands once in a file of the application.
func (s *scene) edit(file, before, after string) {
	s.Helper()
	text := s.read(file)
	if n := strings.Count(text, before); n != 1 {
		s.Fatalf("%s: %q stands there %d times", file, before, n)
	}
	s.write(file, strings.Replace(text, before, after, 1))
}

// sh runs a line as a person would type it, at the repository's root.
func (s *scene) sh(status int, line string) *worldtest.Command {
	s.Helper()
	return s.start(line).Ends(status)
}

func (s *scene) start(line string) *worldtest.Command {
	s.Helper()
	return s.startAs(s.Up.Kubeconfig, line)
}

func (s *scene) startAs(kubeconfig, line string) *worldtest.Command {
	s.Helper()
	mage := filepath.Dir(scripttest.Mage(s))
	env := worldtest.Environment(filepath.Dir(s.work.Dir), kubeconfig, shared.programs, mage)
	return worldtest.Start(s, s.work.Dir, env, s.printed, "sh", "-c", line)
}

func (s *scene) seal() {
	s.Helper()
	s.sh(healthy, "mage seal:app "+s.app)
}

// push commits everything and pushes it.
func (s *scene) push() {
	s.Helper()
	s.work.Git("add", "--all")
	s.work.Git("commit", "--quiet", "-m", "change")
	s.work.Git("push", "--quiet")
}

// know tells Argo CD of the application.
func (s *scene) know() {
	s.Helper()
	a := &unstructured.Unstructured{}
	if err := sigsyaml.Unmarshal([]byte(s.read("application.yaml")), &a.Object); err != nil {
		s.Fatal(err)
	}
	if _, err := s.Argo.Create(s.Context(), a, metav1.CreateOptions{}); err != nil {
		s.Fatal(err)
	}
	s.known = true
}

// sync has Argo CD begin, and does not wait.
func (s *scene) sync() {
	s.Helper()
	if !s.known {
		s.know()
	}
	operation := []byte(`{"operation":{"initiatedBy":{"username":"test"},"sync":{"syncOptions":["CreateNamespace=true"]}}}`)
	if _, err := s.Argo.Patch(s.Context(), s.app, types.MergePatchType, operation, metav1.PatchOptions{}); err != nil {
		s.Fatal(err)
	}
}

// ship publishes what is there and begins a sync.
func (s *scene) ship() {
	s.Helper()
	s.push()
	s.sync()
}

// shipped is an application that runs well.
func (s *scene) shipped() {
	s.Helper()
	s.ship()
	s.healthy()
}

// healthy waits until Argo CD says so.
func (s *scene) healthy() {
	s.Helper()
	s.eventually("the application is Synced and Healthy", func() bool {
		a := s.application().Object
		return nested(a, "status", "sync", "status") == "Synced" && nested(a, "status", "health", "status") == "Healthy" &&
			nested(a, "status", "operationState", "phase") == "Succeeded"
	})
}

// application is what Argo CD has of it.
func (s *scene) application() *unstructured.Unstructured {
	s.Helper()
	a, err := s.Argo.Get(s.Context(), s.app, metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return a
}

// namespace makes the application's namespace before Argo CD does.
func (s *scene) namespace(labels map[string]string) {
	s.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.app, Labels: labels}}
	if _, err := s.Client.CoreV1().Namespaces().Create(s.Context(), ns, metav1.CreateOptions{}); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) eventually(what string, condition func() bool) {
	s.Helper()
	s.within(3*time.Minute, what, condition, func() string { return "" })
}

func (s *scene) within(patience time.Duration, what string, condition func() bool, saw func() string) {
	s.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			s.Fatalf("not within %v: %s\n%s", patience, what, saw())
		}
	}
}

// chain is what the binary says of the application.
func (s *scene) chain(c *worldtest.Command) report.Chain {
	s.Helper()
	r := c.Report()
	i := slices.IndexFunc(r.Chains, func(c report.Chain) bool { return c.Application == s.app })
	if i < 0 {
		s.Fatalf("no chain of %s:\n%s", s.app, c.Out.String())
	}
	return r.Chains[i]
}

// first is the first cause of the application.
func (s *scene) first(c *worldtest.Command) report.Cause {
	s.Helper()
	chain := s.chain(c)
	if len(chain.Causes) == 0 {
		s.Fatalf("there is no cause:\n%s", pretty(chain))
	}
	return chain.Causes[0]
}

// apply does what a fix says, as it says it: the edit, with a person's text where only
// a person knows, and then the commands.
func (s *scene) apply(fix report.Fix, known string) {
	s.Helper()
	if e := fix.Edit; e != nil {
		s.applyEdit(*e, known)
	}
	for _, line := range fix.Commands {
		s.sh(healthy, line)
	}
}

func (s *scene) applyEdit(e report.Edit, known string) {
	s.Helper()
	text := e.New
	if text == "" {
		text = known
	}
	if text == "" {
		s.Fatalf("the edit says no new text, and nobody knows one: %+v", e)
	}
	path := s.work.Path(e.Path)
	data, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	if e.Line < 1 || e.Line > len(lines) || !strings.Contains(lines[e.Line-1], e.Old) || e.Old == "" {
		s.Fatalf("%s:%d does not hold %q:\n%s", e.Path, e.Line, e.Old, data)
	}
	lines[e.Line-1] = strings.Replace(lines[e.Line-1], e.Old, text, 1)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644); err != nil {
		s.Fatal(err)
	}
}

// told says what the text of a fix lacks of what is in its other fields.
func told(fix report.Fix) (missing []string) {
	want := slices.Clone(fix.Commands)
	if e := fix.Edit; e != nil {
		want = append(want, fmt.Sprintf("%s:%d", e.Path, e.Line))
	}
	for _, w := range want {
		if !strings.Contains(fix.Text, w) {
			missing = append(missing, w)
		}
	}
	return missing
}

func pretty(v any) string {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}
