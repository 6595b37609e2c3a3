package argocd_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sealway/sealway/pkg/argocd"
)

// progress keeps what an observer was told.
type progress struct{ events []argocd.Event }

func (p *progress) observe(e argocd.Event) { p.events = append(p.events, e) }

func (p *progress) steps() (steps []argocd.Step) {
	for _, e := range p.events {
		if len(steps) == 0 || steps[len(steps)-1] != e.Step {
			steps = append(steps, e.Step)
		}
	}
	return steps
}

func (p *progress) has(f func(argocd.Event) bool) bool { return slices.ContainsFunc(p.events, f) }

func automated(app *v1alpha1.Application) {
	app.Spec.SyncPolicy = &v1alpha1.SyncPolicy{Automated: &v1alpha1.SyncPolicyAutomated{Prune: true}}
}

// there has the cluster hold the branch's head, by an operation of before.
func there(a *argoCD, name string) {
	a.add(name, func(app *v1alpha1.Application) {
		op := operationOf("admin", a.head)
		app.Status.OperationState = &v1alpha1.OperationState{Operation: op, Phase: "Succeeded", StartedAt: *now(), FinishedAt: now(), SyncResult: &v1alpha1.SyncOperationResult{Revision: a.head}}
	})
	a.applied[name] = a.head
}

func TestSync(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		var p progress
		asked := ""
		outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{
			Expect: func(_ context.Context, app argocd.App) error { asked = app.Revision(); return nil },
		}, p.observe)
		if err != nil {
			t.Fatal(err)
		}
		o := outcome
		if o.Revision != commitA || o.Sync != "Synced" || o.Health != "Healthy" || !o.Waited || o.Unchanged || o.Adopted || o.AutoSync || o.Operation.Phase != "Succeeded" || len(o.Blocking) != 0 {
			t.Errorf("%+v", o)
		}
		if asked != commitA {
			t.Errorf("asked about %q", asked)
		}
		if len(a.syncs) != 1 {
			t.Fatalf("%d operations", len(a.syncs))
		}
		r := a.syncs[0]
		if r.GetRevision() != commitA || r.GetProject() != "default" || r.GetAppNamespace() != "argocd" || r.GetPrune() || r.GetDryRun() || r.SyncOptions != nil || len(r.Infos) != 1 || r.Infos[0].Value == "" {
			t.Errorf("%v", r)
		}
		want := []argocd.Step{argocd.Refreshing, argocd.Checking, argocd.Starting, argocd.Operating, argocd.Comparing, argocd.Settling, argocd.Done}
		if got := p.steps(); !slices.Equal(got, want) {
			t.Errorf("steps %v, want %v", got, want)
		}
		if o.Duration < 2*time.Second || o.Duration > 6*time.Second {
			t.Errorf("took %s", o.Duration)
		}
	})
}

// TestSyncDespite: each of these troubles is none of the caller's.
func TestSyncDespite(t *testing.T) {
	away := status.Error(codes.Unavailable, "transport is closing")
	for _, c := range []struct {
		name, reason string
		spoil        func(t *testing.T, a *argoCD)
		syncs        int
	}{
		{"no events", "looking alone is enough (argo-cd#12214)", func(_ *testing.T, a *argoCD) { a.deaf = true }, 1},
		{"a watch that is cut every second", "it is opened again", func(_ *testing.T, a *argoCD) { a.cut = time.Second }, 1},
		{"a watch that is cut at each event", "looking is enough", func(_ *testing.T, a *argoCD) { a.cut = time.Millisecond }, 1},
		{"no watch at all", "a proxy does not let it through", func(_ *testing.T, a *argoCD) {
			a.fault = func(_ context.Context, method string, _ int) error {
				if method == "ApplicationService/Watch" {
					return status.Error(codes.Unimplemented, "unknown")
				}
				return nil
			}
		}, 1},
		{"every second call fails", "it is repeated", func(_ *testing.T, a *argoCD) {
			a.fault = func(_ context.Context, method string, n int) error {
				if n%2 == 1 && method != "ApplicationService/Watch" {
					return away
				}
				return nil
			}
		}, 1},
		{"a proxy answers in the server's place", "the next look is the server's again", func(_ *testing.T, a *argoCD) {
			a.deaf = true
			a.fault = func(_ context.Context, method string, n int) error {
				if method == "ApplicationService/Get" && n%2 == 0 {
					return status.Error(codes.Unknown, "unexpected HTTP status code received from server: 502 (Bad Gateway)")
				}
				return nil
			}
		}, 1},
		{"latency", "200 ms on each call", func(_ *testing.T, a *argoCD) {
			a.fault = func(context.Context, string, int) error { time.Sleep(200 * time.Millisecond); return nil }
		}, 1},
		{"the answer to the sync is lost", "the operation is recognised and not sent again", func(_ *testing.T, a *argoCD) {
			a.lost = func(method string, _ int) error {
				if method == "ApplicationService/Sync" {
					return away
				}
				return nil
			}
		}, 1},
		{"the sync itself is lost", "it is sent again", func(_ *testing.T, a *argoCD) {
			a.fault = func(_ context.Context, method string, n int) error {
				if method == "ApplicationService/Sync" && n == 1 {
					return away
				}
				return nil
			}
		}, 1},
		{"the repo server is away when the sync comes", "it is sent again", func(_ *testing.T, a *argoCD) {
			a.fault = func(_ context.Context, method string, n int) error {
				if method == "ApplicationService/Sync" && n == 1 {
					return status.Error(codes.FailedPrecondition, "error resolving repo revision: rpc error: code = Unavailable desc = connection refused")
				}
				return nil
			}
		}, 1},
		{"a moment without the Kubernetes API", "the server says that it is not allowed", func(_ *testing.T, a *argoCD) {
			a.deaf = true
			a.fault = func(_ context.Context, method string, n int) error {
				if method == "ApplicationService/Get" && n > 1 && n < 4 {
					return status.Error(codes.PermissionDenied, "permission denied")
				}
				return nil
			}
		}, 1},
		{"a failed attempt of before", "a new one may cure it", func(_ *testing.T, a *argoCD) {
			a.found = func(app *v1alpha1.Application) {
				app.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: "SyncError", Message: "Failed sync attempt to x"}}
			}
		}, 1},
		{"a watch that begins with the past", "what is older than what is known does not count", func(t *testing.T, a *argoCD) {
			a.past = a.get("litellm")
			a.past.Status.OperationState = &v1alpha1.OperationState{Operation: operationOf("alice", commitB), Phase: "Failed", StartedAt: *now(), FinishedAt: now()}
			t.Cleanup(func() {
				if n := a.count("AccountService/CanI"); n != 1 {
					t.Errorf("began %d times", n)
				}
			})
		}, 1},
		{"the session ends", "it logs in again", func(_ *testing.T, a *argoCD) { a.later(time.Second, a.endSessions) }, 1},
		{"the server restarts", "the operation goes on without it", func(_ *testing.T, a *argoCD) {
			a.later(time.Second, func() {
				a.stop()
				a.later(30*time.Second, a.start)
			})
		}, 1},
		{"the permissions cannot be asked for", "the sync itself would be refused", func(_ *testing.T, a *argoCD) {
			a.fault = func(_ context.Context, method string, _ int) error {
				if method == "AccountService/CanI" || strings.HasSuffix(method, "SyncWindows") {
					return status.Error(codes.Unimplemented, "unknown service")
				}
				return nil
			}
		}, 1},
		{"healthy too early", "the health of before is not the one that counts (kargo#2196)", func(t *testing.T, a *argoCD) {
			ready := false
			a.operate = func(name string) {
				succeeds(a, name)
				a.later(2*time.Second, func() { a.compare(name) })
				a.later(20*time.Second, func() { a.with(func() { ready = true }); a.compare(name) })
			}
			a.found = func(app *v1alpha1.Application) {
				// Healthy at first, then it turns out not to be.
				if s := app.Status.OperationState; !ready && s != nil && s.FinishedAt != nil && time.Since(s.FinishedAt.Time) >= time.Second {
					app.Status.Health.Status = "Progressing"
				}
			}
			t.Cleanup(func() {
				if !ready {
					t.Error("it did not wait for the health to last")
				}
			})
		}, 1},
		{"degraded for a moment", "a rollout is while it goes on (argo-cd#26173)", func(_ *testing.T, a *argoCD) {
			end := time.Now().Add(20 * time.Second)
			a.found = func(app *v1alpha1.Application) {
				if time.Now().Before(end) {
					app.Status.Health.Status = "Degraded"
				}
			}
			a.later(25*time.Second, func() { a.compare("litellm") })
		}, 1},
		{"an operation that is retried", "it is not over between two attempts", func(_ *testing.T, a *argoCD) {
			a.operate = func(name string) {
				a.later(time.Second, func() {
					a.running(name)
					a.set(name, func(app *v1alpha1.Application) { // between two attempts
						app.Status.OperationState.FinishedAt = now()
						app.Status.OperationState.RetryCount = 1
						app.Status.OperationState.Message = "one or more objects failed to apply. Retrying attempt #1"
					})
					a.later(10*time.Second, func() { succeeds(a, name) })
				})
			}
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", nil)
				c.spoil(t, a)
				outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{}, nil)
				if err != nil {
					t.Fatalf("%s: %v", c.reason, err)
				}
				if outcome.Sync != "Synced" || outcome.Health != "Healthy" || !outcome.Waited || outcome.Revision != commitA {
					t.Errorf("%s: %+v", c.reason, outcome)
				}
				if len(a.syncs) != c.syncs {
					t.Errorf("%s: %d operations", c.reason, len(a.syncs))
				}
			})
		})
	}
}

func TestUnchanged(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		change       func(*v1alpha1.Application)
		o            argocd.SyncOptions
		syncs        int
	}{
		{"as it was", "there is nothing to do", func(*v1alpha1.Application) {}, argocd.SyncOptions{}, 0},
		{"asked for", "Always means it", func(*v1alpha1.Application) {}, argocd.SyncOptions{Always: true}, 1},
		{"another commit", "its hooks have not run yet", func(app *v1alpha1.Application) {
			app.Status.OperationState.SyncResult.Revision = commitB
		}, argocd.SyncOptions{}, 1},
		{"failed", "the last one did not do it all", func(app *v1alpha1.Application) { app.Status.OperationState.Phase = "Failed" }, argocd.SyncOptions{}, 1},
		{"a part", "the last one was of some resources", func(app *v1alpha1.Application) {
			app.Status.OperationState.Operation.Sync.Resources = []v1alpha1.SyncOperationResource{{Kind: "Service"}}
		}, argocd.SyncOptions{}, 1},
		{"healed", "Argo CD has put a part right by itself", func(app *v1alpha1.Application) {
			app.Status.OperationState.Operation = operationOf("", commitA)
			app.Status.OperationState.Operation.Sync.Resources = []v1alpha1.SyncOperationResource{{Kind: "Service"}}
		}, argocd.SyncOptions{}, 0},
		{"a trial", "the last one changed nothing", func(app *v1alpha1.Application) { app.Status.OperationState.Operation.Sync.DryRun = true }, argocd.SyncOptions{}, 1},
		{"by itself", "auto-sync changes nothing here", automated, argocd.SyncOptions{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				there(a, "litellm")
				a.set("litellm", c.change)
				outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", c.o, nil)
				if err != nil || len(a.syncs) != c.syncs || outcome.Unchanged != (c.syncs == 0) || !outcome.Waited {
					t.Errorf("%s: %d operations, %+v, %v", c.reason, len(a.syncs), outcome, err)
				}
				if c.syncs == 0 && outcome.Duration > time.Second {
					t.Errorf("it took %s to do nothing", outcome.Duration)
				}
			})
		})
	}
}

// TestUnchangedAndNotHealthy: no operation is needed, and it is waited for.
func TestUnchangedAndNotHealthy(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		there(a, "litellm")
		ready := false
		a.found = func(app *v1alpha1.Application) {
			if !ready {
				app.Status.Health.Status = "Progressing"
			}
		}
		a.later(time.Minute, func() { a.with(func() { ready = true }); a.compare("litellm") })
		outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{}, nil)
		if err != nil || !outcome.Unchanged || !outcome.Waited || outcome.Duration < time.Minute || len(a.syncs) != 0 {
			t.Errorf("%+v, %v", outcome, err)
		}
	})
}
