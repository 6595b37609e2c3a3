package argocd_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sealway/sealway/pkg/argocd"
)

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
	health := func(kind, group, message string) func(*argoCD) {
		return func(a *argoCD) {
			a.found = func(app *v1alpha1.Application) {
				app.Status.Health.Status = "Degraded"
				app.Status.Resources = append(app.Status.Resources, v1alpha1.ResourceStatus{Group: group, Kind: kind, Namespace: "litellm", Name: "x", Status: "Synced", Health: &v1alpha1.HealthStatus{Status: "Degraded", Message: message}})
				if kind == "Rollout" {
					app.Status.Health.Status = "Suspended"
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
		{"sealed for another", health("SealedSecret", "bitnami.com", "no key could decrypt secret (password)"), argocd.SyncOptions{}, 15 * time.Second,
			"application litellm: Degraded: SealedSecret x Degraded: no key could decrypt secret (password)", "seal it again", ""},
		{"deadline used up", health("Deployment", "apps", `Deployment "x" exceeded its progress deadline`), argocd.SyncOptions{}, 15 * time.Second, "exceeded its progress deadline", "", ""},
		{"degraded", health("Pod", "", "CrashLoopBackOff"), argocd.SyncOptions{}, time.Minute, "application litellm: Degraded: Pod x Degraded: CrashLoopBackOff", "", ""},
		{"suspended", health("Rollout", "argoproj.io", ""), argocd.SyncOptions{}, time.Minute, "application litellm: Suspended", "resume it", ""},
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

// TestHealthHint: what the controller says decides what to do about a SealedSecret.
func TestHealthHint(t *testing.T) {
	for message, want := range map[string]string{
		"no key could decrypt secret (password)":                            "sealed for another certificate",
		"Resource \"db\" already exists and is not managed by SealedSecret": "mage verify:app",
	} {
		e := &argocd.HealthError{App: "litellm", Health: argocd.Degraded, Blocking: []argocd.Resource{{Kind: "SealedSecret", Name: "db", Health: argocd.Degraded, Message: message}}}
		if !strings.Contains(e.Hint(), want) {
			t.Errorf("%s: the hint is %q", message, e.Hint())
		}
	}
}
