package argocd_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/sealway/sealway/pkg/argocd"
)

var (
	hookRef       = v1alpha1.ResourceRef{Group: "batch", Kind: "Job", Namespace: "litellm", Name: "migrate", UID: "job"}
	deploymentRef = v1alpha1.ResourceRef{Group: "apps", Kind: "Deployment", Namespace: "litellm", Name: "litellm", UID: "deployment"}
)

// unwell is a node of the resource tree that is not healthy.
func unwell(kind, name, message, reason string, owner v1alpha1.ResourceRef) v1alpha1.ResourceNode {
	n := v1alpha1.ResourceNode{
		ResourceRef: v1alpha1.ResourceRef{Kind: kind, Namespace: "litellm", Name: name, UID: name},
		Health:      &v1alpha1.HealthStatus{Status: "Progressing", Message: message},
		ParentRefs:  []v1alpha1.ResourceRef{owner},
	}
	if reason != "" {
		n.Info = []v1alpha1.InfoItem{{Name: "Status Reason", Value: reason}}
	}
	return n
}

func hookRuns() *v1alpha1.ResourceResult {
	return &v1alpha1.ResourceResult{Group: "batch", Kind: "Job", Namespace: "litellm", Name: "migrate", HookType: "PreSync", HookPhase: "Running", Message: "job.batch/migrate created"}
}

func hookFailed(message string) *v1alpha1.ResourceResult {
	r := hookRuns()
	r.HookPhase, r.Message = "Failed", message
	return r
}

// hooking has the operation wait for its hook.
func (a *argoCD) hooking(name string) {
	a.running(name)
	a.set(name, func(app *v1alpha1.Application) {
		s := app.Status.OperationState
		s.Message = "waiting for completion of hook batch/Job/migrate"
		s.SyncResult.Resources = v1alpha1.ResourceResults{hookRuns()}
	})
}

// TestHookThatWaits: its Pod and the cluster's warning are in the live view and in
// the error, before they are gone with the operation.
func TestHookThatWaits(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.operate = a.hooking
		a.tree = &v1alpha1.ApplicationTree{Nodes: []v1alpha1.ResourceNode{
			{ResourceRef: hookRef, Health: &v1alpha1.HealthStatus{Status: "Progressing"}},
			unwell("Pod", "migrate-x", "", "CreateContainerConfigError", hookRef),
		}}
		var p progress
		o := argocd.Options{Warning: func(_ context.Context, namespace, uid string) string {
			return fmt.Sprintf("secret %q\nnot found in %s", uid, namespace)
		}}
		outcome, err := a.connect(o).Sync(t.Context(), "litellm", argocd.SyncOptions{Timeout: time.Minute, Terminate: true}, p.observe)
		expect(t, err, "application litellm: not there after 1m0s: waiting for the operation (waiting for completion of hook batch/Job/migrate): "+
			`Job migrate Progressing: PreSync hook: Pod migrate-x CreateContainerConfigError: secret "migrate-x" not found in litellm; `+
			"Deployment litellm Missing, OutOfSync; the operation was terminated", "", "timeout")
		if len(outcome.Blocking) != 2 || !outcome.Blocking[0].Hook || len(outcome.Blocking[0].Why) != 1 {
			t.Errorf("%+v", outcome.Blocking)
		}
		if !p.has(func(e argocd.Event) bool {
			return e.Step == argocd.Operating && len(e.Blocking) == 1 && e.Blocking[0].Name == "migrate" && len(e.Blocking[0].Why) == 1
		}) {
			t.Error("the live view does not say why")
		}
	})
}

// TestHookThatHasFailed: its Pod may be gone with it.
func TestHookThatHasFailed(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprintf("gone %v", gone), func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", nil)
				a.tree = &v1alpha1.ApplicationTree{Nodes: []v1alpha1.ResourceNode{unwell("Pod", "migrate-x", "container failed with exit code 1", "Error", hookRef)}}
				a.operate = func(name string) {
					a.hooking(name)
					a.later(20*time.Second, func() {
						if gone {
							a.with(func() { a.tree = &v1alpha1.ApplicationTree{} })
						}
						a.finish(name, "Failed", "one or more tasks failed", hookFailed("Job has reached the specified backoff limit"))
					})
				}
				asked := 0
				o := argocd.Options{Warning: func(context.Context, string, string) string { asked++; return "Back-off restarting" }}
				_, err := a.connect(o).Sync(t.Context(), "litellm", argocd.SyncOptions{}, nil)
				expect(t, err, "; PreSync hook Job migrate: Job has reached the specified backoff limit: Pod migrate-x Error: container failed with exit code 1", "logs job/migrate", "")
				if asked > 0 {
					t.Error("the Pod says why, and the cluster was asked nevertheless")
				}
			})
		})
	}
}

// TestWarnings: what is asked about, and how much of it.
func TestWarnings(t *testing.T) {
	set := v1alpha1.ResourceRef{Kind: "ReplicaSet", Namespace: "litellm", Name: "litellm-1", UID: "litellm-1"}
	var pods []v1alpha1.ResourceNode
	for i := range 8 {
		pods = append(pods, unwell("Pod", fmt.Sprintf("pod-%d", i), "", "ContainerCreating", set))
	}
	for _, c := range []struct {
		name, reason string
		nodes        []v1alpha1.ResourceNode
		want         []string
		asked        string
	}{
		{"itself", "a resource without anything below it", []v1alpha1.ResourceNode{{ResourceRef: deploymentRef, Health: &v1alpha1.HealthStatus{Status: "Progressing"}}},
			[]string{"warning of deployment"}, "deployment"},
		{"a set without Pods", "its own message does not say why there are none", []v1alpha1.ResourceNode{unwell("ReplicaSet", "litellm-1", "0 of 1 available", "", deploymentRef)},
			[]string{"ReplicaSet litellm-1 Progressing: 0 of 1 available: warning of litellm-1"}, "litellm-1"},
		{"healthy", "there is nothing to ask about", []v1alpha1.ResourceNode{{ResourceRef: deploymentRef, Health: &v1alpha1.HealthStatus{Status: "Healthy"}}}, nil, ""},
		{"many Pods", "five are enough", append(pods, unwell("ReplicaSet", "litellm-1", "", "", deploymentRef)), []string{
			"Pod pod-0 ContainerCreating: warning of pod-0", "Pod pod-1 ContainerCreating: warning of pod-1", "Pod pod-2 ContainerCreating: warning of pod-2",
			"Pod pod-3 ContainerCreating: warning of pod-3", "Pod pod-4 ContainerCreating: warning of pod-4", "and 3 more",
		}, "pod-0 pod-1 pod-2 pod-3 pod-4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", func(app *v1alpha1.Application) {
					app.Status.Resources = []v1alpha1.ResourceStatus{{Group: "apps", Kind: "Deployment", Namespace: "litellm", Name: "litellm", Status: "Synced", Health: &v1alpha1.HealthStatus{Status: "Progressing"}}}
				})
				a.tree = &v1alpha1.ApplicationTree{Nodes: c.nodes}
				var asked []string
				client := a.connect(argocd.Options{Warning: func(_ context.Context, _, uid string) string {
					asked = append(asked, uid)
					return "warning of " + uid
				}})
				app, err := client.Get(t.Context(), "litellm")
				if err != nil {
					t.Fatal(err)
				}
				found, err := client.Explain(t.Context(), app)
				if err != nil || len(found) != 1 || strings.Join(found[0].Why, "|") != strings.Join(c.want, "|") {
					t.Errorf("%s: %q, %v; want %q", c.reason, found, err, c.want)
				}
				if got := strings.Join(asked, " "); got != c.asked {
					t.Errorf("asked about %q, want %q", got, c.asked)
				}
			})
		})
	}
}

// TestRefreshTimesOut: the deadline of all of it is shorter than a refresh's own.
func TestRefreshTimesOut(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", func(app *v1alpha1.Application) { app.Status.Sync.Revision = commitA })
		a.refresh = func(ctx context.Context, _ string) { <-ctx.Done() }
		a.fault = func(ctx context.Context, method string, _ int) error {
			if method == "ApplicationService/RevisionMetadata" {
				<-ctx.Done() // it hangs, too
				return ctx.Err()
			}
			return nil
		}
		start := time.Now()
		_, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{Timeout: 5 * time.Second}, nil)
		expect(t, err, "application litellm: not there after 5s: waiting for Argo CD to compare it with Git: Argo CD's server answers, but the repo server does not", "argocd-repo-server run?", "timeout")
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestSpared: an operation of another run is not terminated, and the error says so.
func TestSpared(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.operate = func(name string) { a.running(name) }
		if err := a.request("litellm", operationOf("alice", commitA)); err != nil {
			t.Fatal(err)
		}
		_, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{Timeout: time.Minute, Terminate: true}, nil)
		expect(t, err, "; the operation goes on in Argo CD: it was not begun by this run, and is not terminated", "mage gitops:terminate litellm", "timeout")
		if phase := a.get("litellm").Status.OperationState.Phase; phase != "Running" {
			t.Errorf("it is %s", phase)
		}
	})
}
