package gitops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sealway/sealway/internal/scripttest"
)

const secretManifest = `apiVersion: v1
kind: Secret
metadata: {name: masked}
stringData:
  kept: ` + canary + `-kept
  changed: ` + canary + `-one
`

// TestSync brings small applications to several states, one command after another.
func TestSync(t *testing.T) {
	t.Parallel()
	syncing(newWorld(t, shared))
}

func syncing(w *world) {
	w.inGit = true // the Secret of this test
	w.app("sync-a", map[string]string{"secret.yaml": secretManifest})
	w.app("sync-b", nil)
	tried(w)
	begun(w)
	all(w)
	differs(w)
	selected(w)
	older(w)
	pruned(w)
}

// tried has nothing changed by a dry run.
func tried(w *world) {
	w.mage(0, "gitops:sync", "sync-a", "-dryRun").prints("dry run", "tried, nothing was changed")
	_, err := w.client.CoreV1().Namespaces().Get(w.Context(), "sync-a", metav1.GetOptions{})
	if err == nil || w.live("sync-a", "status", "sync", "status") != "OutOfSync" {
		w.Errorf("after a dry run the namespace is there (%v)", err)
	}
	w.mage(0, "gitops:status").prints("sync-a: ConfigMap sync-a/config  OutOfSync  Missing")
	reported(w, 0, "<failure type=\"application-not-healthy\" message=\"application sync-a: OutOfSync, ", "gitops:status")
	reported(w, 0, "tests=\"1\" failures=\"1\"", "gitops:sync", "sync-a", "-dryRun")
	w.mage(3, "gitops:diff", "sync-a,sync-b").
		prints("sync-a: Secret sync-a/masked  create", "sync-b: ConfigMap sync-b/config  create", "a sync would change 3 resources").
		says("gitops:diff: a sync would change 3 resources")
}

// reported has the command write reports that their schemas accept, with a text in the
// one of tests.
func reported(w *world, status int, text string, command ...string) {
	w.Helper()
	sarif, tests := filepath.Join(w.TempDir(), "r.sarif"), filepath.Join(w.TempDir(), "r.xml")
	w.mage(status, append(command, "-report="+sarif+","+tests)...)
	if err := scripttest.Valid(sarif, tests); err != nil {
		w.Error(err)
	}
	if data, err := os.ReadFile(tests); err != nil || !strings.Contains(string(data), text) {
		w.Errorf("no %s in the report: %v\n%s", text, err, data)
	}
}

// begun does not wait; the next command takes over what it has begun, or finds it done.
func begun(w *world) {
	c := w.mage(0, "gitops:sync", "sync-b", "-noWait", "-json")
	if a := c.app("sync-b"); !strings.HasPrefix(c.report().Summary, "begun") || a.Operation != "Pending" && a.Operation != "Running" {
		w.Errorf("the report: %s", c.out.String())
	}
	w.eventually("the operation is there", func() bool { return w.phase("sync-b") != "" })
	operation := w.operation("sync-b")
	w.mage(0, "gitops:sync", "sync-b")
	if w.operation("sync-b") != operation {
		w.Error("another operation was begun")
	}
}

// all syncs what follows this repository, and nothing the second time.
func all(w *world) {
	c := w.mage(0, "gitops:syncAll", "-json")
	if r := c.report(); r.Summary != "2 of 2 applications Synced and Healthy" {
		w.Errorf("the report: %+v", r)
	}
	if a := c.app("sync-a"); a.Sync != "Synced" || a.Health != "Healthy" || a.Revision != w.head() || a.Operation != "Succeeded" || len(a.Resources) > 0 {
		w.Errorf("sync-a: %+v", a)
	}
	a, b := w.operation("sync-a"), w.operation("sync-b")
	w.mage(0, "gitops:syncAll").prints("nothing to sync", "2 of 2 applications Synced and Healthy")
	if w.operation("sync-a") != a || w.operation("sync-b") != b {
		w.Error("there are other operations although nothing has changed")
	}
}

// differs shows fields before and after, but for a Secret's.
func differs(w *world) {
	w.file("sync-a", "config.yaml", configMap("config", "two"))
	w.file("sync-a", "secret.yaml", strings.Replace(secretManifest, canary+"-one", canary+"-two", 1))
	w.push()
	c := w.mage(3, "gitops:diff", "sync-a").prints(`-data.key: "one"`, `+data.key: "two"`, "-data.changed: ***", "+data.changed: ***", "a sync would change 2 resources")
	if strings.Contains(c.out.String(), "data.kept") {
		w.Errorf("what is the same is shown:\n%s", c.out.String())
	}
	if a := w.mage(3, "gitops:diff", "sync-a", "-json").app("sync-a"); len(a.Resources) != 2 || a.Resources[0].Change != "update" || a.Sync != "OutOfSync" {
		w.Errorf("the diff: %+v", a)
	}
}

// selected syncs by label.
func selected(w *world) {
	label := []byte(`{"metadata":{"labels":{"team":"b"}}}`)
	if _, err := w.argo.Patch(w.Context(), "sync-b", types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
		w.Fatal(err)
	}
	w.eventually("the label is known", func() bool {
		return len(w.mage(0, "gitops:status", "-selector=team=b", "-json").report().Applications) == 1
	})
	if r := w.mage(0, "gitops:syncAll", "-selector=team=b", "-json").report(); len(r.Applications) != 1 || r.Applications[0].Name != "sync-b" {
		w.Errorf("the report: %+v", r)
	}
	w.mage(1, "gitops:syncAll", "-selector=team=nobody").says("no application has the labels team=nobody")
	if got := w.config("sync-a", "config"); got != "one" {
		w.Errorf("sync-a was synced: %s", got)
	}
}

// older goes back to a commit, and forth again.
func older(w *world) {
	w.mage(0, "gitops:sync", "sync-a,sync-b").prints("2 of 2 applications Synced and Healthy")
	if got := w.config("sync-a", "config"); got != "two" {
		w.Fatalf("the value is %s", got)
	}
	first := w.work.Git("rev-parse", "HEAD~1")
	w.mage(0, "gitops:sync", "sync-a", "-revision="+first).prints(first[:7])
	if got := w.config("sync-a", "config"); got != "one" {
		w.Errorf("at the older commit the value is %s", got)
	}
	w.mage(0, "gitops:sync", "sync-a")
	if got := w.config("sync-a", "config"); got != "two" {
		w.Errorf("at HEAD the value is %s", got)
	}
	w.mage(1, "gitops:sync", "sync-a", "-revision=no-such-branch").says("unable to resolve 'no-such-branch' to a commit SHA")
}

// pruned deletes what is no longer in Git only when that is asked for.
func pruned(w *world) {
	w.file("sync-a", "more.yaml", configMap("more", "one"))
	w.push()
	w.mage(0, "gitops:sync", "sync-a")
	w.work.Git("rm", "--quiet", "applications/sync-a/more.yaml")
	w.push()
	w.mage(3, "gitops:diff", "sync-a").prints("ConfigMap sync-a/more  delete")
	w.mage(0, "gitops:sync", "sync-a").prints("1 resource no longer in Git: -prune deletes them", "ConfigMap sync-a/more  OutOfSync  no longer in Git")
	if got := w.config("sync-a", "more"); got != "one" {
		w.Errorf("it was deleted: %s", got)
	}
	w.mage(0, "gitops:sync", "sync-a", "-prune").prints("Synced")
	if got := w.config("sync-a", "more"); !strings.Contains(got, "not found") {
		w.Errorf("it is still there: %s", got)
	}
}

// TestAutoSync has an application that Argo CD syncs by itself.
func TestAutoSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("auto", nil)
	policy := []byte(`{"spec":{"syncPolicy":{"automated":{}}}}`)
	if _, err := w.argo.Patch(t.Context(), "auto", types.MergePatchType, policy, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	w.mage(0, "gitops:sync", "auto").prints("Synced  Healthy")
	w.file("auto", "config.yaml", configMap("config", "two"))
	w.push()
	w.mage(0, "gitops:sync", "auto").prints("synced by Argo CD itself")
	if got := w.config("auto", "config"); got != "two" {
		t.Errorf("the value is %s", got)
	}
	if by := w.live("auto", "status", "operationState", "operation", "initiatedBy"); !strings.Contains(by, `"automated":true`) {
		t.Errorf("it was synced by %s", by)
	}
	w.mage(0, "gitops:sync", "auto").prints("nothing to sync")
	w.mage(1, "gitops:sync", "auto", "-revision="+w.work.Git("rev-parse", "HEAD~1")).
		says("application auto: sync", "to main", "take automated out of its ")
}

// TestRevision refuses to sync another version than the one at hand.
func TestRevision(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	w.app("revision", nil)
	w.mage(0, "gitops:sync", "revision")
	pushed := w.head()
	w.file("revision", "config.yaml", configMap("config", "two"))
	w.mage(0, "gitops:sync", "revision").says("warning: revision: applications/revision/config.yaml is not committed, and Argo CD cannot see it")
	w.commit()
	here, theirs := w.head()[:7], pushed[:7]

	w.mage(1, "gitops:sync", "revision").
		says("Error: applications/revision: "+here, " is not pushed: Argo CD sees "+theirs, " on main", "hint: `git push", "-revision="+theirs).
		prints("1 of 1 application failed")
	r := w.mage(1, "gitops:syncAll", "-json").report()
	if len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "is not pushed") || r.Errors[0].Hint == "" {
		t.Errorf("the report: %+v", r)
	}
	w.mage(0, "gitops:status").prints("not HEAD: not pushed")
	w.mage(0, "gitops:sync", "revision", "-revision="+theirs) // as the hint says

	w.work.Git("switch", "--quiet", "-c", "feature-x")
	w.mage(1, "gitops:sync", "revision").says("Argo CD follows main ("+theirs, "you are on feature-x ("+here, "hint: merge into main")
	w.mage(1, "gitops:ship", "revision").says("applications/revision: Argo CD follows main, you are on feature-x", "`mage gitops:publish revision -branch=NAME`")
	if got := w.config("revision", "config"); got != "one" {
		t.Errorf("the value is %s", got)
	}

	w.work.Git("switch", "--quiet", "main")
	w.work.Git("push", "--quiet")
	w.mage(0, "gitops:sync", "revision").prints("1 of 1 application Synced and Healthy")
	if got := w.config("revision", "config"); got != "two" {
		t.Errorf("the value is %s", got)
	}
}
