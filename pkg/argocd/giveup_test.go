package argocd_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sealway/sealway/pkg/argocd"
)

func TestTimeout(t *testing.T) {
	node := func(kind, name string, health v1alpha1.HealthStatus, owner v1alpha1.ResourceRef, info ...v1alpha1.InfoItem) v1alpha1.ResourceNode {
		ref := v1alpha1.ResourceRef{Kind: kind, Namespace: "litellm", Name: name}
		if kind != "Pod" {
			ref.Group = "apps"
		}
		return v1alpha1.ResourceNode{ResourceRef: ref, Health: &health, ParentRefs: []v1alpha1.ResourceRef{owner}, Info: info}
	}
	deployment := v1alpha1.ResourceRef{Group: "apps", Kind: "Deployment", Namespace: "litellm", Name: "litellm"}
	set := v1alpha1.ResourceRef{Group: "apps", Kind: "ReplicaSet", Namespace: "litellm", Name: "litellm-1"}
	progressing := v1alpha1.HealthStatus{Status: "Progressing"}
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.found = func(app *v1alpha1.Application) {
			app.Status.Health.Status = "Progressing"
			app.Status.Resources[0].Health = &v1alpha1.HealthStatus{Status: "Progressing", Message: "Waiting for rollout to finish: 0 of 1 updated replicas are available..."}
		}
		a.cut = time.Second
		a.tree = &v1alpha1.ApplicationTree{Nodes: []v1alpha1.ResourceNode{
			node("ReplicaSet", "litellm-1", progressing, deployment),
			node("Pod", "litellm-1-x", progressing, set, v1alpha1.InfoItem{Name: "Status Reason", Value: "ContainerCreating"}),
			node("Pod", "litellm-1-y", v1alpha1.HealthStatus{Status: "Healthy"}, set),
		}}
		var p progress
		outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{Timeout: time.Minute}, p.observe)
		expect(t, err, "application litellm: not there after 1m0s: waiting for Synced and Healthy; it is Progressing: "+
			"Deployment litellm Progressing: Waiting for rollout to finish: 0 of 1 updated replicas are available...: Pod litellm-1-x ContainerCreating", "-timeout", "timeout")
		if n := a.count("ApplicationService/ResourceTree"); n < 10 || n > 20 {
			t.Errorf("asked %d times in a minute what is the matter", n)
		}
		if n := a.count("ApplicationService/Watch"); n < 45 {
			t.Errorf("the watch was opened again %d times in a minute, and cut each second", n)
		}
		if outcome.Waited || len(outcome.Blocking) != 1 || outcome.Operation.Phase != "Succeeded" {
			t.Errorf("%+v", outcome)
		}
		if !p.has(func(e argocd.Event) bool {
			return e.Step == argocd.Settling && len(e.Blocking) == 1 && len(e.Blocking[0].Why) == 1
		}) {
			t.Error("the live view does not say why")
		}
	})
}

// TestGivingUp: the operation goes on, or it is terminated where that was asked for.
func TestGivingUp(t *testing.T) {
	for _, c := range []struct {
		name             string
		operate          func(a *argoCD, name string)
		foreign          bool
		interrupt        bool
		terminate        bool
		text, hint, mark string
		phase            string
	}{
		{"time", func(a *argoCD, name string) { a.running(name) }, false, false, false,
			"application litellm: not there after 1m0s: waiting for the operation: Deployment litellm Missing, OutOfSync; the operation goes on in Argo CD", "-terminateOnTimeout", "timeout", "Running"},
		{"time, terminated", func(a *argoCD, name string) { a.running(name) }, false, false, true,
			"waiting for the operation: Deployment litellm Missing, OutOfSync; the operation was terminated", "-timeout", "timeout", "Failed"},
		{"time, terminated when it begins", func(a *argoCD, name string) { a.later(70*time.Second, func() { a.running(name) }) }, false, false, true,
			"the operation was terminated", "", "timeout", "Failed"},
		{"time, not picked up", func(*argoCD, string) {}, false, false, true, "the operation goes on in Argo CD", "", "timeout", ""},
		{"time, somebody else's", func(a *argoCD, name string) { a.running(name) }, true, false, true, "the operation goes on in Argo CD", "", "timeout", "Running"},
		{"Ctrl-C", func(a *argoCD, name string) { a.running(name) }, false, true, false,
			"application litellm: gave up waiting for the operation; the operation goes on in Argo CD", "run it again", "", "Running"},
		{"Ctrl-C, not to be terminated soon", func(*argoCD, string) {}, false, true, true, "the operation goes on in Argo CD", "run it again", "", ""},
		{"Ctrl-C, terminated", func(a *argoCD, name string) { a.running(name) }, false, true, true,
			"application litellm: gave up waiting for the operation; the operation was terminated", "", "", "Failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", nil)
				a.operate = func(name string) { c.operate(a, name) }
				if c.foreign {
					if err := a.request("litellm", operationOf("alice", commitA)); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				client := a.connect(argocd.Options{})
				start := time.Now()
				if c.interrupt {
					a.later(10*time.Second, cancel)
				}
				_, err := client.Sync(ctx, "litellm", argocd.SyncOptions{Timeout: time.Minute, Terminate: c.terminate}, nil)
				expect(t, err, c.text, c.hint, c.mark)
				if c.interrupt && (!errors.Is(err, context.Canceled) || time.Since(start) > 14*time.Second) {
					t.Errorf("%v after %s", err, time.Since(start))
				}
				phase := ""
				if s := a.get("litellm").Status.OperationState; s != nil {
					phase = string(s.Phase)
				}
				if phase != c.phase {
					t.Errorf("the operation is %q, want %q", phase, c.phase)
				}
			})
		})
	}
}

// TestInterruptedSync: the request is under way when the caller gives up.
func TestInterruptedSync(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		a.lost = func(method string, _ int) error {
			if method == "ApplicationService/Sync" {
				cancel()
				time.Sleep(time.Second)
			}
			return nil
		}
		_, err := a.connect(argocd.Options{}).Sync(ctx, "litellm", argocd.SyncOptions{}, nil)
		expect(t, err, "the operation goes on in Argo CD", "", "")
	})
}

// TestServerAway: the time runs out while the server does not answer.
func TestServerAway(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.operate = func(name string) { a.later(100*time.Millisecond, func() { a.running(name); a.others.Go(a.stop) }) }
		var p progress
		_, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{Timeout: time.Minute}, p.observe)
		expect(t, err, "; the last look failed: argocd-server argocd.example.com:443: get", "", "timeout")
		if !p.has(func(e argocd.Event) bool { return e.Away != nil }) {
			t.Error("the live view does not say so")
		}
	})
}

func TestTerminate(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.operate = func(name string) { a.later(2*time.Second, func() { a.running(name) }) }
		if err := a.request("litellm", operationOf("alice", commitA)); err != nil {
			t.Fatal(err)
		}
		c := a.connect(argocd.Options{})
		app, err := c.Terminate(t.Context(), "litellm")
		if err != nil || app.Operation.Phase != "Failed" || app.Operation.Running() {
			t.Errorf("%+v, %v", app.Operation, err)
		}
		if _, err := c.Terminate(t.Context(), "litellm"); err != nil {
			t.Errorf("without one: %v", err)
		}
	})
}

// TestTerminateConflicts: the server gives up on a state that the controller writes at
// the same time, although the operation was terminated.
func TestTerminateConflicts(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.operate = func(name string) { a.running(name) }
		a.lost = func(method string, n int) error {
			if method == "ApplicationService/TerminateOperation" && n == 1 {
				return status.Error(codes.Internal, "Failed to terminate app. Too many conflicts")
			}
			return nil
		}
		if err := a.request("litellm", operationOf("alice", commitA)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		app, err := a.connect(argocd.Options{}).Terminate(t.Context(), "litellm")
		if err != nil || app.Operation.Phase != "Failed" {
			t.Errorf("%+v, %v", app.Operation, err)
		}
	})
}
