package argocd_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/sealway/sealway/pkg/argocd"
)

func TestSyncOptions(t *testing.T) {
	sources := func(app *v1alpha1.Application) {
		app.Spec.Sources = []v1alpha1.ApplicationSource{{RepoURL: "a"}, {RepoURL: "b"}}
		app.Spec.Source = nil
	}
	for _, c := range []struct {
		name, reason string
		app          func(*v1alpha1.Application)
		o            argocd.SyncOptions
		want         func(*application.ApplicationSyncRequest) bool
	}{
		{"prune", "", nil, argocd.SyncOptions{Prune: true}, func(r *application.ApplicationSyncRequest) bool { return r.GetPrune() }},
		{"a trial", "", nil, argocd.SyncOptions{DryRun: true}, func(r *application.ApplicationSyncRequest) bool { return r.GetDryRun() }},
		{"revision", "it is the caller's", nil, argocd.SyncOptions{Revision: "v1.2"}, func(r *application.ApplicationSyncRequest) bool { return r.GetRevision() == "v1.2" }},
		{"several sources", "a single revision would be of one", sources, argocd.SyncOptions{}, func(r *application.ApplicationSyncRequest) bool { return r.Revision == nil }},
		{"merged options", "the request's would replace the application's", func(app *v1alpha1.Application) {
			app.Spec.SyncPolicy = &v1alpha1.SyncPolicy{SyncOptions: []string{"CreateNamespace=true", "Replace=false"}}
		}, argocd.SyncOptions{Options: []string{"Replace=true"}}, func(r *application.ApplicationSyncRequest) bool {
			return slices.Equal(r.SyncOptions.Items, []string{"CreateNamespace=true", "Replace=true"})
		}},
		{"resources", "the others do not matter", nil, argocd.SyncOptions{Resources: []argocd.Target{{Group: "apps", Kind: "Deployment", Name: "litellm"}}}, func(r *application.ApplicationSyncRequest) bool {
			return len(r.Resources) == 1 && r.Resources[0].Kind == "Deployment"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", c.app)
				if c.name == "several sources" {
					a.found = func(app *v1alpha1.Application) { app.Status.Sync.Revisions = []string{commitA, commitB} }
					a.operate = func(name string) {
						a.running(name)
						a.set(name, func(app *v1alpha1.Application) {
							app.Status.OperationState.SyncResult.Revisions = []string{commitA, commitB}
						})
						a.finish(name, "Succeeded", "")
					}
				}
				if len(c.o.Resources) > 0 {
					a.found = func(app *v1alpha1.Application) {
						app.Status.Sync.Status, app.Status.Health.Status = "OutOfSync", "Degraded"
						app.Status.Resources = append(app.Status.Resources, v1alpha1.ResourceStatus{Kind: "Service", Namespace: "litellm", Name: "litellm", Status: "OutOfSync", Health: &v1alpha1.HealthStatus{Status: "Degraded"}})
					}
				}
				if c.o.Revision != "" {
					a.operate = func(name string) {
						a.running(name)
						a.set(name, func(app *v1alpha1.Application) { app.Status.OperationState.SyncResult.Revision = commitB })
						a.finish(name, "Succeeded", "")
					}
				}
				outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", c.o, nil)
				if err != nil || len(a.syncs) != 1 || !c.want(a.syncs[0]) {
					t.Fatalf("%s: %v, %+v, %v", c.reason, a.syncs, outcome, err)
				}
				if c.o.DryRun && (outcome.Waited || a.applied["litellm"] != "") {
					t.Errorf("%+v", outcome)
				}
				if !c.o.DryRun && !outcome.Waited {
					t.Errorf("%s: not waited for", c.reason)
				}
				if c.o.Revision != "" && outcome.Revision != commitB {
					t.Errorf("synced %s", outcome.Revision)
				}
			})
		})
	}
}

// TestPruning: what is no longer in Git is a result and no error.
func TestPruning(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.found = func(app *v1alpha1.Application) {
			app.Status.Sync.Status = "OutOfSync"
			app.Status.Resources = append(app.Status.Resources, v1alpha1.ResourceStatus{Kind: "ConfigMap", Namespace: "litellm", Name: "old", Status: "OutOfSync", RequiresPruning: true})
		}
		outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{}, nil)
		if err != nil || len(outcome.Pruning) != 1 || outcome.Pruning[0].Name != "old" || !outcome.Waited || outcome.Sync != "OutOfSync" {
			t.Errorf("%+v, %v", outcome, err)
		}
	})
}

func TestNoWait(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{NoWait: true}, nil)
		if err != nil || outcome.Waited || len(a.syncs) != 1 || outcome.Duration > time.Second {
			t.Errorf("%+v, %v", outcome, err)
		}
	})
}

func TestHard(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		if _, err := a.connect(argocd.Options{}).Refresh(t.Context(), "litellm", true); err != nil {
			t.Error(err)
		}
	})
}

func TestSyncAll(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprintf("app%02d", i))
			a.add(names[i], nil)
		}
		a.operate = func(name string) {
			if name == "app03" {
				a.running(name)
				a.finish(name, "Failed", "boom")
				return
			}
			succeeds(a, name)
		}
		names = append(names, "app0x")
		start := time.Now()
		busy, most := map[string]bool{}, 0
		outcomes, err := a.connect(argocd.Options{Concurrent: 7}).SyncAll(t.Context(), names, argocd.SyncOptions{}, func(e argocd.Event) {
			busy[e.App] = true
			if e.Step == argocd.Done || e.App == "app03" {
				delete(busy, e.App)
			}
			most = max(most, len(busy))
		})
		for i, o := range outcomes {
			if o.App != names[i] || i != 3 && i != 20 && !o.Waited {
				t.Errorf("%d: %+v", i, o)
			}
		}
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok || len(joined.Unwrap()) != 2 {
			t.Fatalf("%v", err)
		}
		expect(t, joined.Unwrap()[0], "application app03: the sync ended as Failed", "", "")
		expect(t, joined.Unwrap()[1], "no application app0x", "", "unavailable")
		if most > 8 || most < 5 {
			t.Errorf("%d at once", most)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("took %s", d)
		}
	})
}

// TestOneDeadline: it is of all applications together.
func TestOneDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		names := []string{"a", "b", "c"}
		for _, n := range names {
			a.add(n, nil)
		}
		a.operate = func(string) {}
		start := time.Now()
		_, err := a.connect(argocd.Options{Concurrent: 1}).SyncAll(t.Context(), names, argocd.SyncOptions{Timeout: time.Minute}, nil)
		expect(t, err, "application c: not there after 1m0s", "", "timeout")
		if d := time.Since(start); d > 90*time.Second {
			t.Errorf("took %s", d)
		}
	})
}

func TestExplain(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		there(a, "litellm")
		a.found = func(app *v1alpha1.Application) {
			app.Status.Resources[0].Health.Status = "Progressing"
		}
		a.tree = &v1alpha1.ApplicationTree{Nodes: []v1alpha1.ResourceNode{{
			ResourceRef: v1alpha1.ResourceRef{Kind: "Pod", Namespace: "litellm", Name: "x"},
			ParentRefs:  []v1alpha1.ResourceRef{{Group: "apps", Kind: "Deployment", Namespace: "litellm", Name: "litellm"}},
			Health:      &v1alpha1.HealthStatus{Status: "Degraded", Message: "back-off"},
			Info:        []v1alpha1.InfoItem{{Name: "Status Reason", Value: "ImagePullBackOff"}},
		}}}
		c := a.connect(argocd.Options{})
		app, err := c.Refresh(t.Context(), "litellm", false)
		if err != nil {
			t.Fatal(err)
		}
		rs, err := c.Explain(t.Context(), app)
		if err != nil || len(rs) != 1 || rs[0].String()+" "+rs[0].Reason() != "Deployment litellm Progressing: Pod x ImagePullBackOff: back-off" {
			t.Errorf("%+v, %v", rs, err)
		}
	})
}
