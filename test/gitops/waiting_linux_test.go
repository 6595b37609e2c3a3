package gitops

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// hookJob is a Job that a sync runs, whose Pod needs a Secret. more goes into the
// Pod's spec.
func hookJob(phase, more string) string {
	return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {argocd.argoproj.io/hook: %s, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
%s
      containers:
      - name: migrate
        image: example.com/migrate
        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: database, key: password}}}]
`, phase, more)
}

// needsConfig is a Deployment whose Pod mounts a ConfigMap that is not there.
const needsConfig = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: example.com/web, volumeMounts: [{name: settings, mountPath: /settings}]}
      volumes: [{name: settings, configMap: {name: web-settings}}]
`

// database makes the Secret that hookJob waits for.
func (w *world) database(app string) {
	w.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "database"}, StringData: map[string]string{"password": canary}}
	if _, err := w.client.CoreV1().Secrets(app).Create(w.Context(), s, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

// warned waits until a Pod of the application that is to stay has a warning with
// that text.
func (w *world) warned(app, text string) {
	w.Helper()
	w.eventually("a warning: "+text, func() bool {
		pods, err := w.client.CoreV1().Pods(app).List(w.Context(), metav1.ListOptions{})
		if err != nil {
			w.Fatal(err)
		}
		for _, p := range pods.Items {
			if p.DeletionTimestamp != nil {
				continue
			}
			events, err := w.client.CoreV1().Events(app).List(w.Context(), metav1.ListOptions{FieldSelector: "type=Warning,involvedObject.uid=" + string(p.UID)})
			if err != nil {
				w.Fatal(err)
			}
			if slices.ContainsFunc(events.Items, func(e corev1.Event) bool { return strings.Contains(e.Message, text) }) {
				return true
			}
		}
		return false
	})
}

const timedOut = 5

// TestPodNeverReady times out and says which resource is not ready, and why.
func TestPodNeverReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("never-ready", map[string]string{"web.yaml": needsConfig})
	w.mage(0, "gitops:sync", "never-ready", "-noWait")
	w.warned("never-ready", `configmap "web-settings" not found`)
	c := w.mage(timedOut, "gitops:sync", "never-ready", "-timeout=10s").
		says("Error: application never-ready: not there after 10s: waiting for Synced and Healthy; it is Progressing: Deployment web Progressing:",
			"Pod web-", `ContainerCreating: MountVolume.SetUp failed for volume "settings" : configmap "web-settings" not found`,
			"with a longer -timeout").
		prints("Deployment never-ready/web  Synced  Progressing", `configmap "web-settings" not found`, "1 of 1 application failed")
	if strings.Contains(c.errs.String(), "goes on in Argo CD") {
		t.Error("no operation is going on, and it says so")
	}
	r := w.mage(timedOut, "gitops:sync", "never-ready", "-timeout=10s", "-json").report()
	if len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "web-settings") || len(r.Applications) != 1 || len(r.Applications[0].Resources) != 1 || len(r.Applications[0].Resources[0].Why) != 1 {
		t.Errorf("the report: %+v", r)
	}
}

// TestHookFails ends at once, with the hook, its Pod and the reason.
func TestHookFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("hook-fails", map[string]string{"job.yaml": hookJob("PreSync", "      activeDeadlineSeconds: 1")})
	w.mage(1, "gitops:sync", "hook-fails").
		says("Error: application hook-fails: the sync ended as Failed at ", "PreSync hook Job migrate: Job has reached the specified backoff limit: Pod migrate-",
			"active on the node longer than the specified deadline", "hint: the log of the hook says more: `kubectl -n hook-fails logs job/migrate`").
		prints("Failed")
	if got := w.config("hook-fails", "config"); !strings.Contains(got, "not found") {
		t.Errorf("the sync went on: %s", got)
	}
	// Mended, the same command goes on.
	w.file("hook-fails", "job.yaml", hookJob("PreSync", ""))
	w.push()
	w.database("hook-fails")
	w.mage(0, "gitops:sync", "hook-fails").prints("1 of 1 application Synced and Healthy")
}

// blocked begins a sync that waits for its hook.
func (w *world) blocked(app string, args ...string) *command {
	w.Helper()
	c := w.start(append([]string{"gitops:sync", app}, args...)...)
	w.eventually("the operation runs", func() bool { return w.phase(app) == "Running" })
	w.warned(app, `secret "database" not found`)
	return c
}

// TestHookBlocks has a hook whose Pod cannot start: the wait says so, and what
// becomes of the operation is for the flags to say.
func TestHookBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("hook-blocks", map[string]string{"job.yaml": hookJob("PreSync", "")})

	const reason = `Job migrate Progressing: PreSync hook: Pod migrate-`
	w.mage(0, "gitops:sync", "hook-blocks", "-noWait")
	w.warned("hook-blocks", `secret "database" not found`)
	w.mage(timedOut, "gitops:sync", "hook-blocks", "-timeout=10s").
		says("Error: application hook-blocks: not there after 10s: waiting for the operation (waiting for completion of hook batch/Job/migrate): "+reason,
			`CreateContainerConfigError: secret "database" not found`, "; the operation goes on in Argo CD",
			"hint: run it again to wait on (it adopts the operation)").
		prints("Job hook-blocks/migrate  Progressing  PreSync hook", `secret "database" not found`)

	first := w.operation("hook-blocks")
	c := w.blocked("hook-blocks")
	w.eventually("it has adopted the operation", func() bool { return strings.Contains(c.errs.String(), "Pod migrate-") })
	c.says(`hook-blocks: `, `operation: waiting for completion of hook batch/Job/migrate; Job migrate, Pod migrate-`)
	c.signal(os.Interrupt) // Ctrl-C
	c.ends(interrupted).says("Error: interrupted: application hook-blocks: gave up waiting for the operation; the operation goes on in Argo CD",
		"hint: run it again to wait on: it adopts the operation")
	if w.operation("hook-blocks") != first || w.phase("hook-blocks") != "Running" {
		t.Errorf("it is not the same operation, or %s", w.phase("hook-blocks"))
	}

	w.mage(timedOut, "gitops:sync", "hook-blocks", "-timeout=5s", "-terminateOnTimeout").
		says("the operation goes on in Argo CD: it was not begun by this run, and is not terminated", "hint: `mage gitops:terminate hook-blocks` ends it")
	if w.phase("hook-blocks") != "Running" {
		t.Errorf("it is %s", w.phase("hook-blocks"))
	}
	w.mage(0, "gitops:terminate", "hook-blocks").prints("no operation runs any more")
	if got := w.phase("hook-blocks"); got != "Failed" || w.live("hook-blocks", "operation") != "" {
		t.Errorf("after gitops:terminate the operation is %s", got)
	}

	w.database("hook-blocks")
	w.mage(0, "gitops:sync", "hook-blocks").prints("1 of 1 application Synced and Healthy")
}

const interrupted = 130

// TestTerminate ends its own operation with the time, with Ctrl-C, and with SIGTERM.
func TestTerminate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("terminate", map[string]string{"job.yaml": hookJob("PreSync", "")})
	ended := func() {
		t.Helper()
		if got := w.phase("terminate"); got != "Failed" || w.live("terminate", "operation") != "" {
			t.Errorf("the operation is %s", got)
		}
	}
	w.blocked("terminate", "-timeout=15s", "-terminateOnTimeout").ends(timedOut).
		says("not there after 15s", "Pod migrate-", `secret "database" not found`, "; the operation was terminated")
	ended()
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		c := w.blocked("terminate", "-terminateOnTimeout")
		c.signal(s)
		c.ends(interrupted).says("Error: interrupted: application terminate: gave up waiting for the operation", "; the operation was terminated")
		ended()
	}
}

// TestTwoAtOnce has two commands sync one application.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("two", map[string]string{"job.yaml": hookJob("PreSync", "")})
	one := w.blocked("two")
	other := w.start("gitops:sync", "two")
	w.eventually("the other one waits too", func() bool {
		return strings.Contains(other.errs.String(), "two: ") && strings.Contains(other.errs.String(), "hook batch/Job/migrate")
	})
	w.database("two")
	one.ends(0).prints("1 of 1 application Synced and Healthy")
	other.ends(0).prints("synced by admin", "1 of 1 application Synced and Healthy")
	if history := w.live("two", "status", "history"); strings.Count(history, `"deployedAt"`) != 1 {
		t.Errorf("there was more than one operation: %s", history)
	}
}

// TestAnotherRunning has a commit pushed while an older one is being synced.
func TestAnotherRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("another", map[string]string{"job.yaml": hookJob("PreSync", "")})
	one := w.blocked("another")
	w.file("another", "config.yaml", configMap("config", "two"))
	w.push()
	other := w.start("gitops:sync", "another")
	w.eventually("it waits for the other operation", func() bool {
		return strings.Contains(other.errs.String(), "wait for another operation: admin syncs "+w.work.Git("rev-parse", "HEAD~1")[:7])
	})
	w.database("another")
	other.ends(0).prints("1 of 1 application Synced and Healthy")
	one.ends(0).prints("1 of 1 application Synced and Healthy")
	if got := w.config("another", "config"); got != "two" {
		t.Errorf("the value is %s", got)
	}
}

// TestNotRendering shows what Argo CD itself calls Unknown and Healthy.
func TestNotRendering(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("rendering", map[string]string{
		"Chart.yaml":          "apiVersion: v2\nname: rendering\nversion: 0.1.0\n",
		"templates/bad.yaml":  `{{ required "the value of database.host is missing" .Values.database }}` + "\n",
		"templates/good.yaml": configMap("config", "one"),
	})
	w.mage(1, "gitops:sync", "rendering").
		says("Error: application rendering: ComparisonError: ", "the value of database.host is missing", "hint: the manifests in Git do not render as Argo CD does it; correct them and push").
		prints("rendering  Unknown  Healthy")
	w.mage(1, "gitops:diff", "rendering").says("the value of database.host is missing")
	state := line(w.mage(0, "gitops:status").out.String(), "rendering ")
	if !strings.Contains(state, "Unknown") || !strings.Contains(state, "ComparisonError: ") || !strings.Contains(state, "the value of database.host is missing") {
		t.Errorf("the status: %q", state)
	}
	w.work.Git("rm", "--quiet", "applications/rendering/templates/bad.yaml")
	w.push()
	w.mage(0, "gitops:sync", "rendering").prints("1 of 1 application Synced and Healthy")
}

// TestNotDecryptable fails as soon as the controller has said that it cannot.
func TestNotDecryptable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("sealed", map[string]string{"sealed.yaml": "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db}\nspec:\n  encryptedData: {password: AgBvdGhlcg==}\n"})
	w.mage(1, "gitops:sync", "sealed").
		says("Error: application sealed: Degraded: SealedSecret db Degraded", "hint: it was sealed for another certificate, namespace or name than it is used with")
}
