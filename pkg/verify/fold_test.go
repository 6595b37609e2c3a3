package verify_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/verify"
)

// broken are the names of the links that are not well, with what breaks them.
func broken(c report.Chain) map[string]string {
	out := map[string]string{}
	for _, l := range c.Links {
		switch {
		case l.Broken != "":
			out[l.Name] = l.Broken
		case l.Follows:
			out[l.Name] = "follows"
		case l.State == report.Failed || l.State == report.Waiting:
			out[l.Name] = "by itself"
		}
	}
	return out
}

// An application that Argo CD does not know: nothing of it is in the cluster, and that
// is one cause and not six.
func TestNotDeployed(t *testing.T) {
	s := shop()
	s.Argo = &diagnose.Argo{Missing: true, Path: "applications/shop/application.yaml"}
	s.State = &cluster.State{Spaces: map[string]*cluster.Space{"shop": {Name: "shop", Unseen: map[string]string{}}}}
	s.Commit = nil
	got := verify.Chain(t.Context(), s)
	if len(got.Causes) != 1 || got.Causes[0].Link != diagnose.LinkArgo || got.Causes[0].Path != "applications/shop/application.yaml" || len(got.Causes[0].Fix.Commands) == 0 {
		t.Errorf("causes %+v", got.Causes)
	}
	want := map[string]string{diagnose.LinkArgo: got.Causes[0].Rule, diagnose.LinkUnsealed: "follows", diagnose.LinkSecrets: "follows"}
	if d := cmp.Diff(want, broken(got)); d != "" {
		t.Errorf("broken (-want +got):\n%s", d)
	}
}

// A link is marked with its cause; what stands before it in the chain, such as the
// health that Argo CD derives from the Pods, only follows from it, as what stands behind.
func TestFold(t *testing.T) {
	s := shop()
	s.Argo.Health = "Progressing"
	x := s.State.In("shop")
	x.Deployments[0].Status.AvailableReplicas = 0
	x.Pods[2].Status.Conditions = nil
	x.Secrets[0].Keys = []string{"password"}
	got := verify.Chain(t.Context(), s)
	b := broken(got)
	if b[diagnose.LinkSecrets] == "" || b[diagnose.LinkSecrets] == "follows" {
		t.Errorf("the Secret that lacks a key is not the cause: %v", b)
	}
	for _, link := range []string{diagnose.LinkArgo, diagnose.LinkWorkloads, diagnose.LinkPods} {
		if b[link] != "follows" {
			t.Errorf("%s: %s, want that it follows; %v", link, b[link], b)
		}
	}
	if len(got.Causes) == 0 || got.Causes[0].Fix.Text == "" {
		t.Errorf("nothing says what to do: %+v", got.Causes)
	}
}

// Without a cause, the first link that is broken by itself is the one to look at, and
// Argo CD's health is not: it repeats what the live objects say.
func TestFoldWithoutCause(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*verify.Source)
		want   map[string]string
	}{
		{"rolling out", func(s *verify.Source) {}, map[string]string{diagnose.LinkArgo: "follows", diagnose.LinkWorkloads: "by itself", diagnose.LinkPods: "follows"}},
		{"a sync waits for it", func(s *verify.Source) {
			s.Argo.Operation.Phase, s.Argo.Operation.Started, s.Argo.Operation.Message = "Running", now, "waiting for healthy state of apps/Deployment/web"
		}, map[string]string{diagnose.LinkArgo: "follows", diagnose.LinkWorkloads: "by itself", diagnose.LinkPods: "follows"}},
		{"Argo CD has not compared", func(s *verify.Source) { s.Argo.Sync = "Unknown" }, map[string]string{diagnose.LinkArgo: "by itself", diagnose.LinkWorkloads: "follows", diagnose.LinkPods: "follows"}},
		{"Argo CD is slow to notice", func(s *verify.Source) {
			fresh := shop()
			s.State = fresh.State
		}, map[string]string{diagnose.LinkArgo: "by itself"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := shop()
			s.Argo.Health = "Progressing"
			s.State.In("shop").Deployments[0].Status.AvailableReplicas = 0
			s.State.In("shop").Pods[2].Status.Conditions = nil
			c.change(s)
			got := verify.Chain(t.Context(), s)
			if d := cmp.Diff(c.want, broken(got)); d != "" || len(got.Causes) > 0 {
				t.Errorf("causes %v, broken (-want +got):\n%s", got.Causes, d)
			}
		})
	}
}

// Where nothing was ever synced, that is the cause, and not each Secret that is missing.
func TestNeverSynced(t *testing.T) {
	s := shop()
	s.Argo.Operation, s.Argo.Sync, s.Argo.Health = nil, "OutOfSync", "Missing"
	for i := range s.Argo.Resources {
		s.Argo.Resources[i].Sync = "OutOfSync"
	}
	s.State = &cluster.State{Spaces: map[string]*cluster.Space{"shop": {Name: "shop", Object: &corev1.Namespace{}, Unseen: map[string]string{}}}}
	s.Origins = everywhere{}
	got := verify.Chain(t.Context(), s)
	if len(got.Causes) != 1 || got.Causes[0].Rule != "never-synced" || len(got.Causes[0].Follows) == 0 {
		t.Errorf("causes %+v", got.Causes)
	}
	s.Sealed[0].State = report.NotSealed
	s.Sealed[0].Keys = nil
	got = verify.Chain(t.Context(), s)
	if len(got.Causes) != 2 || got.Causes[1].Rule != "never-synced" || got.Causes[0].Link != diagnose.LinkSealed {
		t.Errorf("with a Secret that is not sealed: causes %+v", got.Causes)
	}
}

// Secrets that wait for the same sync are one thing to do.
func TestMerged(t *testing.T) {
	s := shop()
	s.Contract.Secrets = append(s.Contract.Secrets, repo.SecretSpec{Name: "cache", Keys: []repo.KeySpec{{Name: "password"}}})
	s.Sealed = append(s.Sealed, s.Sealed[0])
	s.Sealed[1].Name = "cache"
	x := s.State.In("shop")
	x.Secrets, x.SealedSecrets = nil, nil
	s.Origins = everywhere{}
	s.Argo.Sync, s.Argo.Revision = "OutOfSync", "beef"
	got := verify.Chain(t.Context(), s)
	if len(got.Causes) != 1 || got.Causes[0].Rule != "secret-not-synced" || len(got.Causes[0].Follows) == 0 {
		t.Errorf("causes %+v", got.Causes)
	}
}

// everywhere has all objects in Git, and none in the cluster.
type everywhere struct{}

func (everywhere) Find(kind, name string) diagnose.Origin {
	return diagnose.Origin{Found: true, Path: "applications/shop/templates/x.yaml", Line: 1, Namespace: "shop", InTree: true, Committed: true, Pushed: true}
}

func (everywhere) Locate(string, string, string) (string, int) { return "", 0 }

// A ConfigMap that was deleted under a running Pod is told of before the next Pod fails.
func TestDeleted(t *testing.T) {
	s := shop()
	x := s.State.In("shop")
	volume := corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "config"}}
	x.Deployments[0].Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "c", VolumeSource: corev1.VolumeSource{ConfigMap: &volume}}}
	s.Argo.Sync = "OutOfSync"
	s.Argo.Resources = append(s.Argo.Resources, diagnose.Resource{Kind: "ConfigMap", Namespace: "shop", Name: "config", Sync: "OutOfSync"})
	got := verify.Chain(t.Context(), s)
	if got.State != report.Failed || len(got.Causes) != 1 || got.Causes[0].Rule != verify.RuleDeleted {
		t.Errorf("state %s, causes %+v", got.State, got.Causes)
	}
	optional := true
	volume.Optional = &optional
	if got := verify.Chain(t.Context(), s); got.State != report.Warned || len(got.Causes) > 0 || len(got.Strays) != 1 {
		t.Errorf("optional: state %s, causes %+v, strays %v", got.State, got.Causes, got.Strays)
	}
}

// What somebody has made by hand is told of, what programs make is not, and none of it
// is a reason to fail.
func TestStrays(t *testing.T) {
	s := shop()
	x := s.State.In("shop")
	secret := func(name string, typ corev1.SecretType, change func(*metav1.ObjectMeta)) {
		m := metav1.ObjectMeta{Namespace: "shop", Name: name}
		if change != nil {
			change(&m)
		}
		x.Secrets = append(x.Secrets, cluster.NewSecret(&corev1.Secret{ObjectMeta: m, Type: typ}))
	}
	label := func(key string) func(*metav1.ObjectMeta) {
		return func(m *metav1.ObjectMeta) { m.Labels = map[string]string{key: "x"} }
	}
	note := func(key string) func(*metav1.ObjectMeta) {
		return func(m *metav1.ObjectMeta) { m.Annotations = map[string]string{key: "x"} }
	}
	secret("by-hand", corev1.SecretTypeOpaque, nil)
	secret("token", corev1.SecretTypeServiceAccountToken, nil)
	secret("release", "helm.sh/release.v1", nil)
	secret("tls", corev1.SecretTypeTLS, note("cert-manager.io/certificate-name"))
	secret("db-app", corev1.SecretTypeBasicAuth, label("cnpg.io/cluster"))
	secret("operator", corev1.SecretTypeOpaque, label("app.kubernetes.io/managed-by"))
	secret("owned", corev1.SecretTypeOpaque, func(m *metav1.ObjectMeta) { m.OwnerReferences = []metav1.OwnerReference{{Kind: "ExternalSecret"}} })
	secret("tracked", corev1.SecretTypeOpaque, note("argocd.argoproj.io/tracking-id"))
	secret("neighbour", corev1.SecretTypeOpaque, nil)
	s.Others = []verify.ObjectName{{Kind: "Secret", Name: "neighbour"}}
	secret("wildcard-tls", corev1.SecretTypeOpaque, nil)
	s.Contract.External.Secrets = []repo.External{{Name: "wildcard-tls"}}
	x.SealedSecrets = append(x.SealedSecrets, cluster.SealedSecret{Meta: cluster.Meta{Namespace: "shop", Name: "old"}, Synced: "True"})
	x.Deployments[0].Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "c", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "config"}}}}}
	x.Deployments[0].Spec.Template.Spec.Volumes = append(x.Deployments[0].Spec.Template.Spec.Volumes, corev1.Volume{Name: "t", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "taken-out"}}}})
	for _, name := range []string{"config", "kube-root-ca.crt", "somebody-elses"} {
		x.ConfigMaps = append(x.ConfigMaps, cluster.ConfigMap{Meta: cluster.Meta{Namespace: "shop", Name: name}})
	}
	s.Argo.Sync = "OutOfSync"
	s.Argo.Resources = append(s.Argo.Resources,
		diagnose.Resource{Kind: "Service", Namespace: "shop", Name: "web", Sync: "OutOfSync"},
		diagnose.Resource{Kind: "Service", Namespace: "shop", Name: "gone", Sync: "OutOfSync", NeedsPruning: true},
		diagnose.Resource{Kind: "ConfigMap", Namespace: "shop", Name: "taken-out", Sync: "OutOfSync", NeedsPruning: true})
	s.Changer = func(_ context.Context, r diagnose.Resource) string {
		if r.Name == "web" {
			return "kubectl-edit, 5 min ago"
		}
		return ""
	}
	got := verify.Chain(t.Context(), s)
	var names []string
	for _, stray := range got.Strays {
		names = append(names, stray.Object+": "+stray.Message)
		if stray.Fix == "" || strings.Contains(stray.Fix, "gitops:sync shop -prune") { // which would take the ConfigMap along
			t.Errorf("%s: nothing says what to do", stray.Object)
		}
	}
	want := []string{
		"Secret shop/by-hand: it was made in the cluster; nothing in Git holds it",
		"SealedSecret shop/old: no file in Git holds it",
		"ConfigMap shop/config: a workload reads it, and nothing in Git holds it",
		"Service shop/web: it was changed in the cluster since the sync, by kubectl-edit, 5 min ago",
		"Service shop/gone: it is no longer in Git and still in the cluster",
		"ConfigMap shop/taken-out: it is no longer in Git, and Deployment web needs it: without it no new Pod starts",
	}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("strays (-want +got):\n%s", d)
	}
	if got.State != report.Warned || len(got.Causes) > 0 {
		t.Errorf("state %s, causes %v", got.State, got.Causes)
	}
}

// While the manifests do not render, or since a sync nobody has compared, what Argo CD says
// of resources is not what is: to prune then would delete all.
func TestNoStraysWithoutAComparison(t *testing.T) {
	for _, c := range []struct {
		reason string
		change func(*diagnose.Argo)
	}{
		{"the manifests do not render", func(a *diagnose.Argo) { a.Sync = "Unknown" }},
		{"and the status is the one of before", func(a *diagnose.Argo) {
			a.Conditions = []diagnose.Condition{{Type: "ComparisonError", Message: "boom"}}
		}},
		{"it has not looked since the sync", func(a *diagnose.Argo) { a.Compared, a.Operation.Finished = now, now.Add(time.Second) }},
		{"what it calls missing is there", func(a *diagnose.Argo) {
			a.Resources = a.Resources[:3]
			a.Resources[0].Sync, a.Resources[0].Health = "OutOfSync", "Missing"
			a.Resources[1].Sync, a.Resources[1].Health = "OutOfSync", "Missing"
		}},
		{"a sync is under way", func(a *diagnose.Argo) { a.Operation.Phase = "Running" }},
	} {
		s := shop()
		s.Argo.Sync = "OutOfSync"
		s.Argo.Resources = append(s.Argo.Resources,
			diagnose.Resource{Kind: "Service", Namespace: "shop", Name: "web", Sync: "OutOfSync"},
			diagnose.Resource{Kind: "Service", Namespace: "shop", Name: "gone", Sync: "OutOfSync", NeedsPruning: true},
			diagnose.Resource{Kind: "ConfigMap", Namespace: "shop", Name: "taken-out", Sync: "OutOfSync", NeedsPruning: true})
		c.change(s.Argo)
		if got := verify.Chain(t.Context(), s); len(got.Strays) > 0 {
			t.Errorf("%s: strays %v", c.reason, got.Strays)
		}
	}
}

// What only follows does not make a chain worse than what it follows from.
func TestFollowsIsNoWorse(t *testing.T) {
	s := shop()
	s.Argo.Health = "Missing"
	s.State.In("shop").Deployments[0].Status.AvailableReplicas = 0
	p := &s.State.In("shop").Pods[2]
	p.CreationTimestamp = metav1.NewTime(now)
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Insufficient memory."}}
	got := verify.Chain(t.Context(), s)
	if b := broken(got); len(got.Causes) != 1 || got.State != report.Waiting || b[diagnose.LinkArgo] != "follows" {
		t.Errorf("state %s, links %v", got.State, b)
	}
}
