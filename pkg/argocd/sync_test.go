package argocd_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
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

func TestAnotherOperation(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		op           v1alpha1.Operation
		change       func(*v1alpha1.Operation)
		auto         bool
		o            argocd.SyncOptions
		adopted      bool
		syncs        int
	}{
		{"the same revision", "it does what is asked for", operationOf("alice", commitA), nil, false, argocd.SyncOptions{}, true, 0},
		{"another revision", "it is waited out", operationOf("alice", commitB), nil, false, argocd.SyncOptions{}, false, 1},
		{"no revision", "nobody knows which one it takes", operationOf("alice", ""), nil, false, argocd.SyncOptions{}, false, 1},
		{"a part", "it does not do all", operationOf("alice", commitA), func(op *v1alpha1.Operation) {
			op.Sync.Resources = []v1alpha1.SyncOperationResource{{Kind: "Service", Name: "x"}}
		}, false, argocd.SyncOptions{}, false, 1},
		{"a trial", "it changes nothing", operationOf("alice", commitA), func(op *v1alpha1.Operation) { op.Sync.DryRun = true }, false, argocd.SyncOptions{}, false, 1},
		{"it does not prune", "we are to", operationOf("alice", commitA), nil, false, argocd.SyncOptions{Prune: true}, false, 1},
		{"it prunes", "we are to", operationOf("alice", commitA), func(op *v1alpha1.Operation) { op.Sync.Prune = true }, false, argocd.SyncOptions{Prune: true}, true, 0},
		{"a trial is asked for", "a real one is not as good", operationOf("alice", commitA), nil, false, argocd.SyncOptions{DryRun: true}, false, 1},
		{"auto-sync", "Argo CD does it by itself", operationOf("", commitA), nil, true, argocd.SyncOptions{}, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", func(app *v1alpha1.Application) {
					if c.auto {
						automated(app)
					}
				})
				op := c.op
				if c.change != nil {
					c.change(&op)
				}
				if err := a.request("litellm", op); err != nil {
					t.Fatal(err)
				}
				var p progress
				outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", c.o, p.observe)
				if err != nil || outcome.Adopted != c.adopted || len(a.syncs) != c.syncs {
					t.Errorf("%s: %d operations, %+v, %v", c.reason, len(a.syncs), outcome, err)
				}
				if c.adopted && outcome.Operation.By != map[bool]string{true: "auto-sync", false: "alice"}[c.auto] {
					t.Errorf("by %q", outcome.Operation.By)
				}
				if !c.adopted && !p.has(func(e argocd.Event) bool {
					return e.Step == argocd.Queueing && strings.HasPrefix(e.Detail, "alice syncs")
				}) {
					t.Errorf("it did not say what it waits for: %v", p.steps())
				}
			})
		})
	}
}

// TestTwoAtOnce: between the look and the request somebody else was faster.
func TestTwoAtOnce(t *testing.T) {
	for _, c := range []struct {
		revision string
		adopted  bool
		syncs    int // requests, the refused one among them
	}{{commitA, true, 1}, {commitB, false, 2}} {
		t.Run(c.revision[:3], func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", nil)
				a.fault = func(_ context.Context, method string, n int) error {
					if method == "ApplicationService/Sync" && n == 1 {
						return a.request("litellm", operationOf("alice", c.revision))
					}
					return nil
				}
				outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{}, nil)
				if err != nil || outcome.Adopted != c.adopted || len(a.syncs) != c.syncs {
					t.Errorf("%d requests, %+v, %v", len(a.syncs), outcome, err)
				}
			})
		})
	}
}

func TestAutoSync(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		begins       time.Duration // after the refresh; 0: it does not
		fast         bool          // it has ended before anybody looks
		syncs        int
	}{
		{"at once", "it is there when the refresh returns", time.Nanosecond, false, 0},
		{"a little later", "it is given the time", time.Second, false, 0},
		{"fast", "it is recognised when it has ended", time.Second, true, 0},
		{"never", "Argo CD has tried this revision before: ours does it", 0, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", automated)
				a.deaf = c.fast
				first := true
				a.refresh = func(_ context.Context, name string) {
					a.compare(name)
					if first && c.begins > 0 {
						a.later(c.begins, func() {
							if err := a.request(name, operationOf("", commitA)); err != nil {
								t.Error(err)
							}
						})
						time.Sleep(2 * time.Nanosecond)
					}
					first = false
				}
				if c.fast {
					a.operate = func(name string) {
						a.running(name)
						a.finish(name, "Succeeded", "")
					}
				}
				outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{}, nil)
				if err != nil || !outcome.AutoSync || outcome.Adopted != (c.syncs == 0) || len(a.syncs) != c.syncs || !outcome.Waited {
					t.Fatalf("%s: %d operations, %+v, %v", c.reason, len(a.syncs), outcome, err)
				}
				if c.syncs == 1 && (a.syncs[0].Revision != nil || !a.syncs[0].GetPrune()) {
					t.Errorf("%v: the revision is refused, and pruning is what Argo CD would do", a.syncs[0])
				}
			})
		})
	}
}

// TestOvertaken: an automated sync of a newer commit replaces our operation, and
// its end is never seen.
func TestOvertaken(t *testing.T) {
	for _, c := range []struct {
		name  string
		fine  bool
		fails string
	}{
		{"the newer commit is as good", true, ""},
		{"the newer commit is not wanted", false, "not what I pushed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", automated)
				a.deaf = true
				begun := false
				a.operate = func(name string) {
					if begun {
						succeeds(a, name)
						return
					}
					begun = true
					a.later(100*time.Millisecond, func() {
						a.running(name)
						a.finish(name, "Succeeded", "")
						a.with(func() { a.head = commitB })
						a.compare(name)
						if err := a.request(name, operationOf("", commitB)); err != nil {
							t.Error(err)
						}
					})
				}
				outcome, err := a.connect(argocd.Options{AutoSync: time.Millisecond}).Sync(t.Context(), "litellm", argocd.SyncOptions{
					Expect: func(_ context.Context, app argocd.App) error {
						if app.Revision() == commitA || c.fine {
							return nil
						}
						return errors.New("not what I pushed")
					},
				}, nil)
				if c.fails != "" {
					expect(t, err, c.fails, "", "")
					return
				}
				if err != nil || outcome.Revision != commitB || !outcome.Adopted || outcome.Health != "Healthy" {
					t.Errorf("%+v, %v", outcome, err)
				}
			})
		})
	}
}

// TestPushedMeanwhile: the branch moves on while our operation runs.
func TestPushedMeanwhile(t *testing.T) {
	for _, c := range []struct {
		name  string
		fine  bool
		fails string
		syncs int
	}{
		{"it is as good", true, "", 2},
		{"it is not wanted", false, "application litellm: aaaaaaa was to be synced, but Git synced bbbbbbb: not what I pushed", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", nil)
				a.later(time.Second, func() { a.with(func() { a.head = commitB }) })
				outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{
					Expect: func(_ context.Context, app argocd.App) error {
						if app.Revision() == commitA || c.fine {
							return nil
						}
						return errors.New("not what I pushed")
					},
				}, nil)
				if len(a.syncs) != c.syncs {
					t.Errorf("%d operations", len(a.syncs))
				}
				if c.fails != "" {
					expect(t, err, c.fails, "run it again", "")
					return
				}
				if err != nil || outcome.Revision != commitB {
					t.Errorf("%+v, %v", outcome, err)
				}
			})
		})
	}
}

// TestSyncRefused: what ends a sync before anything is begun.
func TestSyncRefused(t *testing.T) {
	closed := false
	str := func(s string) *string { return &s }
	window := func(kind string) *application.ApplicationSyncWindow {
		manual := false
		return &application.ApplicationSyncWindow{Kind: str(kind), Schedule: str("0 22 * * *"), Duration: str("1h"), ManualSync: &manual}
	}
	other := window("deny")
	other.Schedule = str("0 3 * * *")
	condition := func(kind, message string) func(*argoCD) {
		return func(a *argoCD) {
			a.found = func(app *v1alpha1.Application) {
				app.Status.Sync.Status, app.Status.Health.Status = "Unknown", "Healthy"
				app.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: kind, Message: message}}
			}
		}
	}
	for _, c := range []struct {
		name             string
		set              func(*argoCD)
		o                argocd.SyncOptions
		expect           error
		text, hint, mark string
	}{
		{"not what I pushed", func(*argoCD) {}, argocd.SyncOptions{}, errors.New("3f2c1a9 is not pushed"), "3f2c1a9 is not pushed", "", ""},
		{"does not render", condition("ComparisonError", "Failed to load target state: failed to generate manifest: rpc error: code = Unknown desc = failed to execute helm template command: failed to get command args to log: `helm template .` failed exit status 1: Error: parse error at (litellm/templates/x.yaml:3)\n\nUse --debug flag to render out invalid YAML"), argocd.SyncOptions{}, nil,
			"application litellm: ComparisonError: Failed to load target state: failed to generate manifest: failed to execute helm template command: parse error at (litellm/templates/x.yaml:3)", "correct them and push", ""},
		{"wrong definition", condition("InvalidSpecError", "application destination is not permitted in project 'x'"), argocd.SyncOptions{}, nil, "InvalidSpecError: application destination", "the Application itself", ""},
		{"the repo server is down", condition("ComparisonError", "Failed to load target state: rpc error: code = Unavailable desc = connection error: dial tcp 10.0.0.1:8081: connect: connection refused"), argocd.SyncOptions{}, nil,
			"application litellm: compare with Git: Argo CD's server answers, but the repo server does not", "argocd-repo-server run? `kubectl -n argocd get pods`", "unavailable"},
		{"a Secret in the message", condition("ComparisonError", `Secret in version "v1" cannot be handled: illegal base64 data at input byte 4, error found in #10 byte of ...|"`+canaryPassword+`"|...`), argocd.SyncOptions{}, nil, "illegal base64 data at input byte 4 (the rest", "", ""},
		{"deny window", func(a *argoCD) {
			a.windows = &application.ApplicationSyncWindowsResponse{CanSync: &closed, ActiveWindows: []*application.ApplicationSyncWindow{window("deny")}, AssignedWindows: []*application.ApplicationSyncWindow{window("deny"), other, window("allow")}}
		}, argocd.SyncOptions{}, nil, `application litellm: a sync window forbids to sync now: deny "0 22 * * *" for 1h|`, "manualSync", "unavailable"},
		{"allow window", func(a *argoCD) {
			a.windows = &application.ApplicationSyncWindowsResponse{CanSync: &closed, AssignedWindows: []*application.ApplicationSyncWindow{window("allow")}}
		}, argocd.SyncOptions{}, nil, `allow "0 22 * * *" for 1h`, "wait for the window", "unavailable"},
		{"not allowed", func(a *argoCD) { a.can = "no" }, argocd.SyncOptions{}, nil, "application litellm: admin may not sync it", "p, <role>, applications, sync, default/litellm, allow", "unavailable"},
		{"a revision of what syncs itself", func(a *argoCD) { a.set("litellm", automated) }, argocd.SyncOptions{Revision: commitB}, nil,
			"application litellm: sync to bbbbbbb: Argo CD syncs it by itself, to main", "take automated out", ""},
		{"being deleted", func(a *argoCD) {
			a.set("litellm", func(app *v1alpha1.Application) { app.DeletionTimestamp = now() })
		}, argocd.SyncOptions{}, nil, "application litellm: it is being deleted since 2000-01-01", "finalizers", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", nil)
				c.set(a)
				c.o.Expect = func(context.Context, argocd.App) error { return c.expect }
				outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", c.o, nil)
				text, whole := strings.CutSuffix(c.text, "|")
				expect(t, err, text, c.hint, c.mark)
				if whole && err.Error() != text {
					t.Errorf("more than %q: %q", text, err)
				}
				if len(a.syncs) != 0 || outcome.Operation != nil {
					t.Errorf("an operation was begun: %+v", outcome)
				}
				if outcome.Duration > 5*time.Second {
					t.Errorf("it took %s to say so", outcome.Duration)
				}
			})
		})
	}
}

func TestRefreshHangs(t *testing.T) {
	for _, c := range []struct {
		name       string
		reposerver error
		text, hint string
	}{
		{"controller", nil, "refresh: Argo CD's server answers, but the application controller does not (no answer in 1m30s)", "argocd-application-controller run?"},
		{"repo server", status.Error(codes.Unavailable, "connection refused"), "refresh: Argo CD's server answers, but the repo server does not", "argocd-repo-server run?"},
		{"either", status.Error(codes.Unknown, "strange"), "refresh: Argo CD's server answers, but the application controller or the repo server does not", "argocd-application-controller and argocd-repo-server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", func(app *v1alpha1.Application) { app.Status.Sync.Revision = commitA })
				a.refresh = func(ctx context.Context, _ string) { <-ctx.Done() }
				a.fault = func(_ context.Context, method string, _ int) error {
					if method == "ApplicationService/RevisionMetadata" {
						return c.reposerver
					}
					return nil
				}
				client := a.connect(argocd.Options{})
				_, err := client.Refresh(t.Context(), "litellm", false)
				expect(t, err, "application litellm: "+c.text, c.hint, "unavailable")
				_, err = client.Sync(t.Context(), "litellm", argocd.SyncOptions{}, nil)
				expect(t, err, c.text, c.hint, "unavailable")
				_, err = client.Sync(t.Context(), "litellm", argocd.SyncOptions{Timeout: 10 * time.Second}, nil)
				expect(t, err, "not there after 10s: waiting for Argo CD to compare it with Git: "+strings.TrimSuffix(strings.TrimPrefix(c.text, "refresh: "), " (no answer in 1m30s)"), c.hint, "timeout")
			})
		})
	}
}

// TestSyncFails: what began and cannot end well is said at once, or after a grace
// where it might still.
func TestSyncFails(t *testing.T) {
	hook := &v1alpha1.ResourceResult{Kind: "Job", Namespace: "litellm", Name: "migrate", HookType: "PreSync", HookPhase: "Failed", Message: "Job has reached the specified backoff limit"}
	fine := &v1alpha1.ResourceResult{Kind: "Service", Namespace: "litellm", Name: "litellm", Status: "Synced", Message: "service/litellm unchanged"}
	health := func(kind, group, state, message string) func(*argoCD) {
		return func(a *argoCD) {
			a.found = func(app *v1alpha1.Application) {
				app.Status.Health.Status = "Degraded"
				app.Status.Resources = append(app.Status.Resources, v1alpha1.ResourceStatus{Group: group, Kind: kind, Namespace: "litellm", Name: "x", Status: "Synced", Health: &v1alpha1.HealthStatus{Status: "Degraded", Message: message}})
				if state != "" {
					app.Status.Health.Status = v1alpha1.HealthStatus{}.Status
					app.Status.Health.Status += "Suspended"
				}
			}
		}
	}
	for _, c := range []struct {
		name             string
		set              func(*argoCD)
		o                argocd.SyncOptions
		within           time.Duration
		text, hint, mark string
	}{
		{"hook", func(a *argoCD) {
			a.operate = func(name string) {
				a.running(name)
				a.finish(name, "Failed", "one or more synchronization tasks completed unsuccessfully", hook, fine)
			}
		}, argocd.SyncOptions{}, 5 * time.Second, "application litellm: the sync ended as Failed at aaaaaaa: one or more synchronization tasks completed unsuccessfully; PreSync hook Job migrate: Job has reached the specified backoff limit", "kubectl -n litellm logs job/migrate", ""},
		{"adopted and failed", func(a *argoCD) {
			a.operate = func(name string) {
				a.later(5*time.Second, func() {
					a.running(name)
					a.finish(name, "Failed", "boom")
				})
			}
			if err := a.request("litellm", operationOf("alice", commitA)); err != nil {
				a.t.Error(err)
			}
		}, argocd.SyncOptions{}, 10 * time.Second, "the sync of alice ended as Failed at aaaaaaa: boom", "", ""},
		{"sealed for another", health("SealedSecret", "bitnami.com", "", "no key could decrypt secret (password)"), argocd.SyncOptions{}, 15 * time.Second,
			"application litellm: Degraded: SealedSecret x Degraded: no key could decrypt secret (password)", "seal it again", ""},
		{"deadline used up", health("Deployment", "apps", "", `Deployment "x" exceeded its progress deadline`), argocd.SyncOptions{}, 15 * time.Second, "exceeded its progress deadline", "", ""},
		{"degraded", health("Pod", "", "", "CrashLoopBackOff"), argocd.SyncOptions{}, time.Minute, "application litellm: Degraded: Pod x Degraded: CrashLoopBackOff", "", ""},
		{"suspended", health("Rollout", "argoproj.io", "y", ""), argocd.SyncOptions{}, time.Minute, "application litellm: Suspended", "resume it", ""},
		{"differs again", func(a *argoCD) {
			a.found = func(app *v1alpha1.Application) {
				app.Status.Sync.Status, app.Status.Resources[0].Status = "OutOfSync", "OutOfSync"
			}
		}, argocd.SyncOptions{}, time.Minute, "application litellm: the sync succeeded and yet it is OutOfSync: Deployment litellm OutOfSync", "gitops:diff", ""},
		{"does not render any more", func(a *argoCD) {
			a.found = func(app *v1alpha1.Application) {
				if app.Status.OperationState != nil {
					app.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: "ComparisonError", Message: "boom"}}
				}
			}
		}, argocd.SyncOptions{}, 20 * time.Second, "application litellm: ComparisonError: boom", "", ""},
		{"window closes", func(a *argoCD) {
			a.operate = func(name string) {
				a.running(name)
				a.set(name, func(app *v1alpha1.Application) {
					app.Status.OperationState.Message = "Sync operation blocked by sync window"
				})
			}
		}, argocd.SyncOptions{}, 5 * time.Second, "a sync window forbids to sync now; the operation goes on when it opens", "wait for the window", "unavailable"},
		{"its deletion begins", func(a *argoCD) {
			a.found = func(app *v1alpha1.Application) {
				app.Status.Health.Status = "Progressing"
				if app.Status.OperationState != nil {
					app.DeletionTimestamp = now()
				}
			}
		}, argocd.SyncOptions{}, 10 * time.Second, "application litellm: it is being deleted since", "", ""},
		{"a later operation fails", func(a *argoCD) {
			a.found = func(app *v1alpha1.Application) { app.Status.Health.Status = "Progressing" }
			a.operate = func(name string) {
				succeeds(a, name)
				a.later(10*time.Second, func() {
					a.operate = func(string) {}
					if err := a.request(name, operationOf("", commitA)); err != nil {
						a.t.Error(err)
					}
					a.running(name)
					a.finish(name, "Failed", "boom")
				})
			}
		}, argocd.SyncOptions{}, 20 * time.Second, "application litellm: the sync of auto-sync ended as Failed at aaaaaaa: boom", "", ""},
		{"deleted meanwhile", func(a *argoCD) {
			a.operate = func(name string) { a.later(time.Second, func() { a.remove(name) }) }
		}, argocd.SyncOptions{}, 10 * time.Second, "no application litellm", "", "unavailable"},
		{"not allowed after all", func(a *argoCD) {
			a.fault = func(_ context.Context, method string, _ int) error {
				if method == "ApplicationService/Sync" {
					return status.Error(codes.PermissionDenied, "permission denied: applications, sync, default/litellm, sub: admin")
				}
				return nil
			}
		}, argocd.SyncOptions{}, 5 * time.Second, "admin may not sync it", "", "unavailable"},
		{"window after all", func(a *argoCD) {
			a.fault = func(_ context.Context, method string, _ int) error {
				if method == "ApplicationService/Sync" {
					return status.Error(codes.PermissionDenied, "cannot sync: blocked by sync window")
				}
				return nil
			}
		}, argocd.SyncOptions{}, 5 * time.Second, "a sync window forbids", "", "unavailable"},
		{"the repo server stays away", func(a *argoCD) {
			a.fault = func(_ context.Context, method string, _ int) error {
				if method == "ApplicationService/Sync" {
					return status.Error(codes.FailedPrecondition, "error resolving repo revision: rpc error: code = Unavailable desc = refused")
				}
				return nil
			}
		}, argocd.SyncOptions{}, time.Minute, "application litellm: sync: Argo CD's server answers, but the repo server does not (error resolving repo revision: refused)", "", "unavailable"},
		{"a bad revision", func(a *argoCD) {
			a.fault = func(_ context.Context, method string, _ int) error {
				if method == "ApplicationService/Sync" {
					return status.Error(codes.FailedPrecondition, "rpc error: code = Unknown desc = unable to resolve 'nope' to a commit SHA")
				}
				return nil
			}
		}, argocd.SyncOptions{Revision: "nope"}, 5 * time.Second, "application litellm: sync: unable to resolve 'nope' to a commit SHA", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.add("litellm", nil)
				c.set(a)
				outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", c.o, nil)
				expect(t, err, c.text, c.hint, c.mark)
				if outcome.Duration > c.within {
					t.Errorf("it took %s to say so", outcome.Duration)
				}
			})
		})
	}
}

func TestTimeout(t *testing.T) {
	node := func(kind, name, parent, parentKind, health, message, reason string) v1alpha1.ResourceNode {
		n := v1alpha1.ResourceNode{ResourceRef: v1alpha1.ResourceRef{Kind: kind, Namespace: "litellm", Name: name}, Health: &v1alpha1.HealthStatus{}}
		n.Health.Status, n.Health.Message = n.Health.Status+v1alpha1.HealthStatus{}.Status, message
		switch health {
		case "Progressing":
			n.Health.Status = "Progressing"
		case "Healthy":
			n.Health.Status = "Healthy"
		}
		if parent != "" {
			group := ""
			if parentKind != "Service" {
				group = "apps"
			}
			n.ParentRefs = []v1alpha1.ResourceRef{{Group: group, Kind: parentKind, Namespace: "litellm", Name: parent}}
		}
		if kind == "ReplicaSet" {
			n.Group = "apps"
		}
		if reason != "" {
			n.Info = []v1alpha1.InfoItem{{Name: "Status Reason", Value: reason}}
		}
		return n
	}
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.found = func(app *v1alpha1.Application) {
			app.Status.Health.Status = "Progressing"
			app.Status.Resources[0].Health = &v1alpha1.HealthStatus{Status: "Progressing", Message: "Waiting for rollout to finish: 0 of 1 updated replicas are available..."}
		}
		a.tree = &v1alpha1.ApplicationTree{Nodes: []v1alpha1.ResourceNode{
			node("ReplicaSet", "litellm-1", "litellm", "Deployment", "Progressing", "", ""),
			node("Pod", "litellm-1-x", "litellm-1", "ReplicaSet", "Progressing", "", "ContainerCreating"),
			node("Pod", "litellm-1-y", "litellm-1", "ReplicaSet", "Healthy", "", ""),
		}}
		var p progress
		outcome, err := a.connect(argocd.Options{}).Sync(t.Context(), "litellm", argocd.SyncOptions{Timeout: time.Minute}, p.observe)
		expect(t, err, "application litellm: not there after 1m0s: waiting for Synced and Healthy; it is Progressing: "+
			"Deployment litellm Progressing: Waiting for rollout to finish: 0 of 1 updated replicas are available...: Pod litellm-1-x ContainerCreating", "-timeout", "timeout")
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
