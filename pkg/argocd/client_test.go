package argocd_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/gitops-engine/pkg/health"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sealway/sealway/pkg/argocd"
)

// expect looks at an error: its words, its advice and its mark.
func expect(t *testing.T, err error, text, hint, mark string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", text)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error %q\nwant  %q", err, text)
	}
	var h interface{ Hint() string }
	if hint != "" && (!errors.As(err, &h) || !strings.Contains(h.Hint(), hint)) {
		t.Errorf("error %q: its hint is not %q", err, hint)
	}
	var unavailable interface{ Unavailable() bool }
	var timeout interface{ Timeout() bool }
	got := ""
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		got = "timeout"
	case errors.As(err, &unavailable) && unavailable.Unavailable():
		got = "unavailable"
	}
	if got != mark {
		t.Errorf("error %q is marked %q, want %q", err, got, mark)
	}
	for _, canary := range []string{canaryPassword, canaryToken, "canary-session"} {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
			t.Errorf("error %q holds %q", err, canary)
		}
	}
}

func TestConnect(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		c := a.connect(argocd.Options{})
		if c.ServerVersion() != "v2.14.21" || c.Skew() != "" {
			t.Errorf("version %q, skew %q", c.ServerVersion(), c.Skew())
		}
		if a.logins != 0 {
			t.Error("the version needs no login")
		}
		user, source, err := c.Login(t.Context())
		if err != nil || user != "admin" || source != "Secret argocd-initial-admin-secret" {
			t.Errorf("%q, %q, %v", user, source, err)
		}
	})
}

func TestUnreachable(t *testing.T) {
	for _, c := range []struct{ name, cause, text, hint string }{
		{"refused", "connect: connection refused", "argocd-server argocd.example.com:443: ask for the version", "does argocd-server run"},
		{"certificate", "tls: failed to verify certificate: x509: certificate signed by unknown authority", "x509", "not the one that is trusted"},
		{"plaintext", "tls: first record does not look like a TLS handshake", "TLS handshake", "plaintext"},
		{"no h2", "credentials: cannot check peer: missing selected ALPN property", "ALPN", "load balancer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, _ *argoCD) {
				start := time.Now()
				_, err := argocd.Connect(t.Context(), argocd.Transport{Address: address, Dial: func(context.Context) (net.Conn, error) {
					return nil, errors.New(c.cause)
				}}, nil, argocd.Options{})
				expect(t, err, c.text, c.hint, "unavailable")
				if d := time.Since(start); c.name != "refused" && d > 50*time.Millisecond {
					t.Errorf("%s: tried for %s, it will not change", c.name, d)
				}
				if !strings.Contains(err.Error(), c.cause) {
					t.Errorf("the cause is not in %q", err)
				}
			})
		})
	}
}

func TestCallsAreRepeated(t *testing.T) {
	away := status.Error(codes.Unavailable, "restarting")
	for _, c := range []struct {
		name, reason string
		fault        func(n int) error
		calls        int
		fails        string
	}{
		{"a blip", "three refusals are waited out", func(n int) error {
			if n <= 3 {
				return away
			}
			return nil
		}, 4, ""},
		{"a proxy's page", "it is not the server's answer", func(n int) error {
			if n == 1 {
				return status.Error(codes.Unknown, "unexpected HTTP status code received from server: 502 (Bad Gateway)")
			}
			return nil
		}, 2, ""},
		{"the repo server", "the server passes it on under another code", func(n int) error {
			if n == 1 {
				return status.Error(codes.FailedPrecondition, "rpc error: code = Unavailable desc = connection refused")
			}
			return nil
		}, 2, ""},
		{"an answer", "what is no passing trouble is not asked again", func(int) error {
			return status.Error(codes.Internal, "boom")
		}, 1, "list applications: boom"},
		{"away for good", "patience has an end", func(int) error { return away }, 14, "restarting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				a.fault = func(_ context.Context, method string, n int) error {
					if method == "ApplicationService/List" {
						return c.fault(n)
					}
					return nil
				}
				_, err := a.connect(argocd.Options{}).List(t.Context(), argocd.Filter{})
				if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
					t.Errorf("%s: %v", c.reason, err)
				}
				if n := a.count("ApplicationService/List"); n != c.calls {
					t.Errorf("%s: %d calls, want %d", c.reason, n, c.calls)
				}
			})
		})
	}
}

// TestRestart: a client outlives its server.
func TestRestart(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		c := a.connect(argocd.Options{})
		if _, err := c.Get(t.Context(), "litellm"); err != nil {
			t.Fatal(err)
		}
		a.stop()
		a.later(5*time.Second, a.start)
		if _, err := c.Get(t.Context(), "litellm"); err != nil {
			t.Errorf("not waited out: %v", err)
		}
	})
}

func TestCallHasADeadline(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.fault = func(ctx context.Context, method string, _ int) error {
			if method == "ApplicationService/List" {
				<-ctx.Done()
				return ctx.Err() // both sides see the end at the same moment
			}
			return nil
		}
		start := time.Now()
		_, err := a.connect(argocd.Options{Call: 3 * time.Second, Patience: time.Second}).List(t.Context(), argocd.Filter{})
		expect(t, err, "list applications: no answer in 3s", "", "unavailable")
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("took %s", d)
		}
	})
}

// TestPings: a connection that only waits is kept, and the server does not object
// to how (argo-cd#15739).
func TestPings(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.operate = func(string) {} // it never begins
		c := a.connect(argocd.Options{Poll: 20 * time.Minute})
		_, err := c.Sync(t.Context(), "litellm", argocd.SyncOptions{Timeout: 2 * time.Hour}, nil)
		expect(t, err, "not there after 2h0m0s", "", "timeout")
		if a.dials != 1 || a.count("ApplicationService/Watch") != 1 {
			t.Errorf("%d connections, %d watches: the connection was not kept", a.dials, a.count("ApplicationService/Watch"))
		}
	})
}

func TestLargeAnswers(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", func(app *v1alpha1.Application) {
			app.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: "ExcludedResourceWarning", Message: strings.Repeat("x", 20<<20)}}
		})
		if _, err := a.connect(argocd.Options{}).Get(t.Context(), "litellm"); err != nil {
			t.Error(err)
		}
	})
}

// TestOneLogin: however many calls need it, and however often the session ends.
func TestOneLogin(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		c := a.connect(argocd.Options{})
		all := func() {
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					if _, err := c.List(t.Context(), argocd.Filter{}); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
		}
		for want := 1; want <= 3; want++ {
			all()
			if a.logins != want {
				t.Errorf("%d logins, want %d", a.logins, want)
			}
			a.endSessions()
		}
	})
}

func TestWrongPassword(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		c, err := a.tryConnect(argocd.Options{}, admin("canary-wrong"))
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			_, err = c.List(t.Context(), argocd.Filter{})
			expect(t, err, "log in as admin: Invalid username or password (the password is from Secret argocd-initial-admin-secret)", "changed", "unavailable")
		}
		if a.logins != 1 {
			t.Errorf("%d logins: five lock the account", a.logins)
		}
		outcomes, err := c.SyncAll(t.Context(), []string{"a", "b", "c"}, argocd.SyncOptions{}, nil)
		if len(outcomes) != 3 || strings.Count(err.Error(), "log in") != 1 {
			t.Errorf("%d outcomes, %v: said once is enough", len(outcomes), err)
		}
	})
}

func token(subject string, expires time.Time) string {
	claims := fmt.Sprintf(`{"sub":%q,"exp":%d}`, subject, expires.Unix())
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + canaryToken
}

func TestTokens(t *testing.T) {
	expired := token("ci:apiKey", time.Date(1999, 12, 31, 21, 0, 0, 0, time.UTC))
	for _, c := range []struct {
		name, reason string
		creds        []argocd.Credential
		user, source string
		fails        string
		hint         string
	}{
		{"a token", "no login is needed", []argocd.Credential{{Source: "ARGOCD_AUTH_TOKEN", Server: address, Token: canaryToken}}, "", "ARGOCD_AUTH_TOKEN", "", ""},
		{"address in another form", "443 is the default", []argocd.Credential{{Source: "X", Server: "https://ARGOCD.example.com/", Token: canaryToken}}, "", "X", "", ""},
		{"another server's", "it is never sent", []argocd.Credential{{Source: "ARGOCD_AUTH_TOKEN", Server: "argocd.example.org", Token: canaryToken}}, "", "", "there is no credential for this server (ARGOCD_AUTH_TOKEN is for argocd.example.org)", "argocd login argocd.example.com:443"},
		{"nobody's", "it is never sent", []argocd.Credential{{Source: "ARGOCD_AUTH_TOKEN", Token: canaryToken}}, "", "", "ARGOCD_AUTH_TOKEN names no server", ""},
		{"another port's", "it is another server", []argocd.Credential{{Source: "X", Server: "argocd.example.com:8443", Token: canaryToken}}, "", "", "X is for argocd.example.com:8443", ""},
		{"another server's password", "it is never sent", []argocd.Credential{{Source: "X", Server: "elsewhere:443", Password: admin(canaryPassword).Password}}, "", "", "X is for elsewhere:443", ""},
		{"expired", "it says since when", []argocd.Credential{{Source: "ARGOCD_AUTH_TOKEN", Server: address, Token: expired}, admin(canaryPassword)}, "", "", "the token from ARGOCD_AUTH_TOKEN expired at 1999-12-31T21:00:00Z", "generate-token"},
		{"expired and kept", "the next one is tried", []argocd.Credential{{Source: "config", Server: address, Token: expired, Optional: true}, admin(canaryPassword)}, "admin", "Secret argocd-initial-admin-secret", "", ""},
		{"expired and the last", "there is no next one", []argocd.Credential{{Source: "config", Server: address, Token: expired, Optional: true}}, "", "", "the token from config expired", ""},
		{"none", "", nil, "", "", "there is no credential for this server", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				client, err := a.tryConnect(argocd.Options{}, c.creds...)
				if err != nil {
					t.Fatal(err)
				}
				_, err = client.List(t.Context(), argocd.Filter{})
				if c.fails != "" {
					expect(t, err, c.fails, c.hint, "unavailable")
					if a.carried[canaryToken] {
						t.Errorf("%s: the server has seen it", c.reason)
					}
					return
				}
				if err != nil {
					t.Fatalf("%s: %v", c.reason, err)
				}
				user, source, err := client.Login(t.Context())
				if err != nil || user != c.user || source != c.source {
					t.Errorf("%s: %q, %q, %v", c.reason, user, source, err)
				}
			})
		})
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	c := argocd.Credential{Source: "X", Server: address, Token: canaryToken}
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%v", []argocd.Credential{c})} {
		if strings.Contains(s, canaryToken) {
			t.Error(s)
		}
	}
}

func TestNames(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		c := a.connect(argocd.Options{})
		for _, name := range []string{"", "/", "a/", "/a", "a/b/c"} {
			_, err := c.Get(t.Context(), name)
			var usage interface{ Usage() bool }
			if !errors.As(err, &usage) || !usage.Usage() {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

func TestNoApplication(t *testing.T) {
	for _, c := range []struct {
		name, app string
		apps      []string
		text      string
		hint      string
	}{
		{"near", "litelm", []string{"litellm", "openwebui"}, "no application litelm (or no access to it); did you mean litellm?", ""},
		{"a part", "webui", []string{"litellm", "openwebui"}, "did you mean openwebui?", ""},
		{"none near", "zzz", []string{"litellm", "openwebui"}, "no application zzz (or no access to it)", "the applications are: litellm, openwebui"},
		{"none at all", "litellm", nil, "no application litellm", "no application at all"},
		{"another namespace", "team/litellm", []string{"litellm"}, "no application team/litellm", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *argoCD) {
				for _, app := range c.apps {
					a.add(app, nil)
				}
				client := a.connect(argocd.Options{})
				_, err := client.Get(t.Context(), c.app)
				expect(t, err, c.text, c.hint, "unavailable")
				_, err = client.Sync(t.Context(), c.app, argocd.SyncOptions{}, nil)
				expect(t, err, c.text, c.hint, "unavailable")
			})
		})
	}
}

func TestList(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		gone := now()
		a.add("openwebui", nil)
		a.add("litellm", func(app *v1alpha1.Application) {
			app.DeletionTimestamp = gone
			app.Status.Sync = v1alpha1.SyncStatus{Status: "Synced", Revision: commitA}
			app.Status.Health.Status = "Degraded"
			app.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: "SyncError", Message: "m"}}
			op := operationOf("", commitA)
			app.Status.OperationState = &v1alpha1.OperationState{Operation: op, Phase: "Failed", StartedAt: *gone, FinishedAt: gone}
			app.Status.Resources = []v1alpha1.ResourceStatus{{Kind: "Service", Name: "x", Status: "Synced"}} // Argo CD 3: no health
		})
		c := a.connect(argocd.Options{})
		apps, err := c.List(t.Context(), argocd.Filter{})
		if err != nil || len(apps) != 2 || apps[0].Name != "litellm" {
			t.Fatalf("%v, %v", apps, err)
		}
		l := apps[0]
		if !l.Deleting.Equal(gone.Time) || l.Sync != argocd.Synced || l.Health != argocd.Degraded || l.Revision() != commitA || len(l.Conditions) != 1 {
			t.Errorf("%+v", l)
		}
		if l.Operation.By != "auto-sync" || l.Operation.Phase != "Failed" || l.Operation.Running() || l.Operation.Revision() != commitA {
			t.Errorf("%+v", l.Operation)
		}
		if s := l.Sources[0]; s.RepoURL != "https://git.example.com/repo" || s.Path != "applications/litellm" || s.TargetRevision != "main" {
			t.Errorf("%+v", s)
		}
		if len(l.Blocking()) != 0 {
			t.Errorf("a health that is not known blocks: %v", l.Blocking())
		}
		apps, err = c.List(t.Context(), argocd.Filter{Selector: "app=openwebui"})
		if err != nil || len(apps) != 1 || apps[0].Name != "openwebui" {
			t.Errorf("%v, %v", apps, err)
		}
	})
}

// TestComplete has the list of Argo CD 3, in which no resource has a health.
func TestComplete(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.bare = true
		resource := func(state health.HealthStatusCode) func(*v1alpha1.Application) {
			return func(app *v1alpha1.Application) {
				app.Status.Sync.Status = "Synced"
				app.Status.Health.Status = state
				app.Status.Resources = []v1alpha1.ResourceStatus{{Kind: "Deployment", Name: "web", Status: "Synced", Health: app.Status.Health.DeepCopy()}}
			}
		}
		a.add("healthy", resource("Healthy"))
		a.add("litellm", resource("Degraded"))
		a.add("openwebui", nil)
		c := a.connect(argocd.Options{})
		listed, err := c.List(t.Context(), argocd.Filter{})
		if err != nil || len(listed) != 3 || len(listed[1].Blocking()) != 0 {
			t.Fatalf("%+v, %v", listed, err)
		}
		before := a.count("ApplicationService/Get")
		if b := c.Complete(t.Context(), listed)[1].Blocking(); len(b) != 1 || b[0].Health != argocd.Degraded {
			t.Errorf("what blocks litellm: %+v", b)
		}
		if n := a.count("ApplicationService/Get") - before; n != 1 {
			t.Errorf("%d applications were asked for; a healthy one and one without resources need not be", n)
		}
		if len(listed[1].Blocking()) != 0 {
			t.Error("the list itself was changed")
		}
		a.remove("litellm")
		if again := c.Complete(t.Context(), listed); len(again) != 3 || again[1].Name != "litellm" {
			t.Errorf("one that is gone by now: %+v", again)
		}
	})
}
