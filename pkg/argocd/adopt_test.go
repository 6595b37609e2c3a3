package argocd_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/sealway/sealway/pkg/argocd"
)

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
