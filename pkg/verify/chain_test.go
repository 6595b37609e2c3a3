package verify_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/verify"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// shop is a healthy application: a Secret, a database, a Deployment with a Pod, and a
// Job that is done.
func shop() *verify.Source {
	return &verify.Source{
		Input: diagnose.Input{
			Application: "shop", Folder: "applications/shop", Namespace: "shop", Now: now, Pin: "0123456789abcdef0123",
			Contract: &repo.Contract{Path: "applications/shop/secrets.yaml", Secrets: []repo.SecretSpec{{Name: "db", Keys: []repo.KeySpec{{Name: "password"}, {Name: "url"}}}}},
			Sealed:   []diagnose.SealedFile{{Path: "applications/shop/templates/sealed-db.yaml", Line: 1, Namespace: "shop", Name: "db", Keys: []string{"password", "url"}, State: report.Sealed}},
			Argo: &diagnose.Argo{
				Name: "shop", Space: "argocd", Sync: "Synced", Health: "Healthy", Revision: "c0ffee", Path: "applications/shop/application.yaml",
				Resources: []diagnose.Resource{
					{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web", Sync: "Synced", Health: "Healthy"},
					{Group: "bitnami.com", Kind: "SealedSecret", Namespace: "shop", Name: "db", Sync: "Synced", Health: "Healthy"},
					{Group: "postgresql.cnpg.io", Kind: "Cluster", Namespace: "shop", Name: "db", Sync: "Synced", Health: "Healthy"},
				},
				Operation: &diagnose.Operation{Phase: "Succeeded", Revision: "c0ffee", Results: []diagnose.Result{{Kind: "Job", Namespace: "shop", Name: "migrate", Hook: "Sync", Status: "Succeeded"}}},
			},
			State: &cluster.State{Spaces: map[string]*cluster.Space{"shop": space()}},
		},
		Local:  []verify.LocalSecret{{Namespace: "shop", Name: "db", Path: "applications/shop/local-secrets/db.yaml", Keys: []string{"password", "url"}}},
		Commit: &verify.Commit{State: verify.CommitSame, Head: "c0ffee", Branch: "main", Followed: "main", Seen: "c0ffee"},
	}
}

func space() *cluster.Space {
	yes, one := true, int32(1)
	owned := func(kind, name, uid string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{Kind: kind, Name: name, UID: types.UID(uid), Controller: &yes}}
	}
	meta := func(name, uid string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(uid), Generation: 1}
	}
	pod := func(name string, owners []metav1.OwnerReference, phase corev1.PodPhase) corev1.Pod {
		p := corev1.Pod{ObjectMeta: meta(name, "pod-"+name), Status: corev1.PodStatus{Phase: phase, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}}
		p.OwnerReferences = owners
		return p
	}
	rs := appsv1.ReplicaSet{ObjectMeta: meta("web-1", "rs")}
	rs.OwnerReferences = owned("Deployment", "web", "web")
	made := cluster.NewSecret(&corev1.Secret{ObjectMeta: meta("db", "secret"), Data: map[string][]byte{"password": []byte("canary"), "url": nil}})
	made.Owners = owned("SealedSecret", "db", "sealed")
	return &cluster.Space{
		Name: "shop", Object: &corev1.Namespace{},
		SealedSecrets: []cluster.SealedSecret{{Meta: cluster.Meta{Namespace: "shop", Name: "db", UID: "sealed", Generation: 2}, Observed: 2, Synced: "True"}},
		Secrets:       []cluster.Secret{made},
		Databases:     []cluster.Database{{Meta: cluster.Meta{Namespace: "shop", Name: "db", UID: "cnpg"}, Instances: 1, Ready: 1, Phase: cluster.HealthyPhase}},
		Deployments: []appsv1.Deployment{{
			ObjectMeta: meta("web", "web"), Spec: appsv1.DeploymentSpec{Replicas: &one},
			Status: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1},
		}},
		ReplicaSets: []appsv1.ReplicaSet{rs},
		Jobs:        []batchv1.Job{{ObjectMeta: meta("migrate", "job"), Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}}}},
		Pods: []corev1.Pod{
			pod("db-1", owned("Cluster", "db", "cnpg"), corev1.PodRunning),
			pod("migrate-x", owned("Job", "migrate", "job"), corev1.PodSucceeded),
			pod("web-1-x", owned("ReplicaSet", "web-1", "rs"), corev1.PodRunning),
		},
		Unseen: map[string]string{},
	}
}

func lines(c report.Chain) (out []string) {
	for _, l := range c.Links {
		mark := ""
		if l.Follows {
			mark = " (follows)"
		}
		if l.Broken != "" {
			mark = " <- " + l.Broken
		}
		out = append(out, l.Name+": "+string(l.State)+mark+": "+l.Summary)
	}
	return out
}

func TestHealthy(t *testing.T) {
	c := verify.Chain(t.Context(), shop())
	want := []string{
		"Local Secrets: ok: 1 of 1 complete",
		"Sealed files: ok: 1 of 1 sealed for certificate 0123456789abcdef",
		"Commit: ok: c0ffee on main, pushed and seen by Argo CD",
		"Argo CD: ok: Synced, Healthy, c0ffee (HEAD)",
		"SealedSecrets: ok: 1 of 1 unsealed",
		"Secrets: ok: 1 of 1 as in Git",
		"Database: ok: 1 of 1 healthy",
		"Workloads: ok: 2 of 2 rolled out",
		"Pods: ok: 2 of 2 ready",
	}
	if d := cmp.Diff(want, lines(c)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if c.State != report.OK || len(c.Causes)+len(c.Strays) > 0 {
		t.Errorf("state %s, causes %v, strays %v", c.State, c.Causes, c.Strays)
	}
}

// Each link by itself: what one fact does to it.
func TestLinks(t *testing.T) {
	for _, c := range []struct {
		name, link string
		change     func(*verify.Source)
		state      report.State
		says       string
		whole      report.State // of the chain; that of the link when empty
	}{
		{"a clone has no plaintext", verify.LinkLocal, func(s *verify.Source) { s.Local = nil }, report.Skipped, "no plaintext on this machine", report.OK},
		{"plaintext lacks a key", verify.LinkLocal, func(s *verify.Source) { s.Local[0].Keys = s.Local[0].Keys[:1] }, report.Warned, "no value for url", ""},
		{"plaintext changed since", diagnose.LinkSealed, func(s *verify.Source) { s.Sealed[0].State = report.Changed }, report.Warned, "mage seal:app shop", ""},
		{"kubeseal records no certificate", diagnose.LinkSealed, func(s *verify.Source) {
			s.Check = []report.Finding{{Rule: "certificate-mismatch", Path: s.Sealed[0].Path, Message: "no certificate is recorded"}}
		}, report.Warned, "no certificate is recorded", ""},
		{"ciphertext that is none", diagnose.LinkSealed, func(s *verify.Source) {
			s.Check = []report.Finding{{Rule: "ciphertext-malformed", Path: s.Sealed[0].Path, Line: 9, Message: "not base64"}}
		}, report.Failed, "sealed-db.yaml:9: not base64", ""},
		{"files not committed", diagnose.LinkCommit, func(s *verify.Source) { s.Commit.Dirty = []string{"a", "b", "c"} }, report.Warned, "3 files not committed: a, b and 1 more", ""},
		{"not pushed", diagnose.LinkCommit, func(s *verify.Source) { s.Commit.State, s.Commit.Head = verify.CommitNotPushed, "beef" }, report.Warned, "beef is not pushed; Argo CD has c0ffee", ""},
		{"pushed, not seen", diagnose.LinkCommit, func(s *verify.Source) { s.Commit.State = verify.CommitNotSeen }, report.Waiting, "has looked at c0ffee so far", ""},
		{"another branch", diagnose.LinkCommit, func(s *verify.Source) { s.Commit.State, s.Commit.Branch = verify.CommitOtherBranch, "x" }, report.Warned, "is on x, Argo CD follows main", ""},
		{"Argo CD not to be seen", diagnose.LinkArgo, func(s *verify.Source) { s.Argo = &diagnose.Argo{Unseen: "forbidden"} }, report.Unknown, "forbidden", ""},
		{"being deleted", diagnose.LinkArgo, func(s *verify.Source) { s.Argo.Deleting = now }, report.Failed, "being deleted", ""},
		{"changed by hand since the sync", diagnose.LinkArgo, func(s *verify.Source) { s.Argo.Sync, s.Argo.Resources[0].Sync = "OutOfSync", "OutOfSync" }, report.Warned, "1 resource not as in Git", ""},
		{"a commit that nobody synced", diagnose.LinkArgo, func(s *verify.Source) {
			s.Argo.Sync, s.Argo.Resources[0].Sync, s.Argo.Revision = "OutOfSync", "OutOfSync", "beef"
		}, report.Failed, "mage gitops:sync shop", ""},
		{"a commit that Argo CD is about to sync", diagnose.LinkArgo, func(s *verify.Source) {
			s.Argo.Sync, s.Argo.Resources[0].Sync, s.Argo.Revision, s.Argo.AutoSync = "OutOfSync", "OutOfSync", "beef", true
		}, report.Waiting, "sync it by itself", ""},
		{"a sync is under way", diagnose.LinkArgo, func(s *verify.Source) { s.Argo.Operation.Phase = "Running" }, report.Waiting, "a sync is under way", ""},
		{"an old failure that healed", diagnose.LinkArgo, func(s *verify.Source) { s.Argo.Operation.Phase = "Failed" }, report.Warned, "all is as it should be since", ""},
		{"SealedSecret absent", diagnose.LinkUnsealed, func(s *verify.Source) { space := s.State.In("shop"); space.SealedSecrets = nil }, report.Failed, "db is not in the cluster", ""},
		{"SealedSecret of an earlier generation", diagnose.LinkUnsealed, func(s *verify.Source) { s.State.In("shop").SealedSecrets[0].Generation++ }, report.Waiting, "has not looked at its newest version", ""},
		{"SealedSecret refused", diagnose.LinkUnsealed, func(s *verify.Source) {
			x := &s.State.In("shop").SealedSecrets[0]
			x.Synced, x.Message = "False", "no key could decrypt secret"
		}, report.Failed, "no key could decrypt secret", ""},
		{"no controller at all", diagnose.LinkUnsealed, func(s *verify.Source) {
			x := s.State.In("shop")
			x.SealedSecrets, x.Unseen["SealedSecret"] = nil, cluster.NotInstalled
		}, report.Failed, "controller is not installed", ""},
		{"Secret lacks a key", diagnose.LinkSecrets, func(s *verify.Source) { s.State.In("shop").Secrets[0].Keys = []string{"password"} }, report.Failed, "db lacks url", ""},
		{"Secret has a key too many", diagnose.LinkSecrets, func(s *verify.Source) {
			x := &s.State.In("shop").Secrets[0]
			x.Keys = append(x.Keys, "zone")
		}, report.Warned, "db has zone, which applications/shop/secrets.yaml does not name", ""},
		{"Secret of another SealedSecret", diagnose.LinkSecrets, func(s *verify.Source) { s.State.In("shop").SealedSecrets[0].UID = "new" }, report.Warned, "does not belong to its SealedSecret", ""},
		{"Secrets not to be seen", diagnose.LinkSecrets, func(s *verify.Source) { s.State.In("shop").Unseen["Secret"] = "forbidden" }, report.Unknown, "forbidden", ""},
		{"database on its way", diagnose.LinkDatabase, func(s *verify.Source) {
			d := &s.State.In("shop").Databases[0]
			d.Phase, d.Ready = "Setting up primary", 0
		}, report.Waiting, "db: Setting up primary, 0 of 1 ready", ""},
		{"no database operator, none needed", diagnose.LinkDatabase, func(s *verify.Source) {
			x := s.State.In("shop")
			x.Databases, x.Unseen["Cluster"] = nil, cluster.NotInstalled
			s.Argo.Resources = s.Argo.Resources[:2]
		}, report.Skipped, "no CloudNativePG", report.OK},
		{"roll-out on its way", diagnose.LinkWorkloads, func(s *verify.Source) { s.State.In("shop").Deployments[0].Status.AvailableReplicas = 0 }, report.Waiting, "Deployment web: 0 of 1 available", ""},
		{"roll-out over its time", diagnose.LinkWorkloads, func(s *verify.Source) {
			d := &s.State.In("shop").Deployments[0]
			d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}}
		}, report.Failed, "the time for it is over", ""},
		{"hook failed", diagnose.LinkWorkloads, func(s *verify.Source) {
			s.State.In("shop").Jobs[0].Status.Conditions[0] = batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded"}
		}, report.Failed, "Job migrate: failed: BackoffLimitExceeded", ""},
		{"Pod not ready", diagnose.LinkPods, func(s *verify.Source) { s.State.In("shop").Pods[2].Status.Conditions = nil }, report.Waiting, "1 of 2 ready; Pod web-1-x is not ready", ""},
		{"Pod of somebody else", diagnose.LinkPods, func(s *verify.Source) {
			x := s.State.In("shop")
			x.Pods = append(x.Pods, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "debug"}})
		}, report.OK, "2 of 2 ready", ""},
		{"Pod that is gone", diagnose.LinkPods, func(s *verify.Source) { s.State.In("shop").Pods[2].Status.Phase = corev1.PodFailed }, report.OK, "1 of 1 ready", ""},
		{"no cluster", diagnose.LinkPods, func(s *verify.Source) { s.State, s.Offline = nil, "no kubeconfig" }, report.Unknown, "no kubeconfig", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := shop()
			c.change(s)
			got := verify.Chain(t.Context(), s)
			for _, l := range got.Links {
				if l.Name == c.link && (l.State != c.state || !strings.Contains(l.Summary, c.says)) {
					t.Errorf("%s: %s: %s; want %s: %s", l.Name, l.State, l.Summary, c.state, c.says)
				}
			}
			if c.whole == "" {
				c.whole = c.state
			}
			if got.State != c.whole {
				t.Errorf("the chain is %s, want %s:\n%s", got.State, c.whole, strings.Join(lines(got), "\n"))
			}
		})
	}
}

// What the cluster says is masked in the links, too.
func TestMasked(t *testing.T) {
	s := shop()
	s.Mask = func(text string) string { return strings.ReplaceAll(text, "canary", "***") }
	x := &s.State.In("shop").SealedSecrets[0]
	x.Synced, x.Message = "False", "template: unexpected canary"
	s.Argo.Conditions = []diagnose.Condition{{Type: "ComparisonError", Message: "line 3: canary"}}
	if text := strings.Join(lines(verify.Chain(t.Context(), s)), "\n"); strings.Contains(text, "canary") || !strings.Contains(text, "***") {
		t.Errorf("not masked:\n%s", text)
	}
}

// A decoder quotes the document that it could not read, with values that no masker knows:
// they were never applied.
func TestQuotedDocument(t *testing.T) {
	const message = `Failed to load target state: failed to unmarshal manifest: error found in #10 byte of ...|ssword":"hunter2-plain"|..., bigger context ...|{"password":"hunter2-plain"}|...`
	s := shop()
	s.Argo.Sync = "Unknown"
	s.Argo.Conditions = []diagnose.Condition{{Type: "ComparisonError", Message: message}}
	s.Argo.Operation.Phase, s.Argo.Operation.Message = "Failed", message
	got, err := json.Marshal(verify.Chain(t.Context(), s))
	if err != nil || strings.Contains(string(got), "hunter2") || !strings.Contains(string(got), "failed to unmarshal manifest") {
		t.Errorf("%v, the document is quoted, or nothing is said:\n%s", err, got)
	}
}
