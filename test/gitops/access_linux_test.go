package gitops

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/sealway/sealway/internal/sandbox"
)

const (
	passwordSecret = "argocd-initial-admin-secret"
	unavailable    = 4
)

// TestAccess shows what a person reads who does not get through to an application.
func TestAccess(t *testing.T) {
	w := newWorld(t, shared)
	w.app("access", nil)
	for _, c := range []struct {
		name   string
		change func(*world)
		app    string // default: the one that there is
		status int    // default: unavailable
		want   []string
	}{
		{name: "unknown application", app: "acces", want: []string{"Error: no application acces (or no access to it); did you mean access?"}},
		{name: "application of another name", app: "something-else", want: []string{
			"no application something-else (or no access to it)", "can be seen; is it registered in this Argo CD?",
		}},
		{name: "application in another namespace", app: "elsewhere/access", want: []string{"no application elsewhere/access (or no access to it)"}},
		{name: "no name", app: "a/b/c", status: 2, want: []string{`application "a/b/c": not a name`, "hint: NAME, or NAMESPACE/NAME"}},

		{name: "wrong password", change: func(w *world) { w.password(canary + "-wrong") }, want: []string{
			"log in as admin: Invalid username or password (the password is from Secret argocd/argocd-initial-admin-secret)",
			"hint: has the password been changed since?",
		}},
		{name: "no password", change: func(w *world) { w.password("") }, want: []string{
			"the password of admin has been changed since Argo CD was installed", "hint: set ARGOCD_AUTH_TOKEN",
		}},
		{name: "expired token", change: func(w *world) { w.setToken(w.token("admin", time.Date(2020, 2, 1, 12, 0, 0, 0, time.UTC))) }, want: []string{
			"the token from ARGOCD_AUTH_TOKEN expired at 2020-02-01T12:00:00Z", "hint: make a new one",
		}},
		{name: "invalid token", change: func(w *world) { w.setToken(canary) }, want: []string{
			"the token from ARGOCD_AUTH_TOKEN is not accepted", "hint: make a new one",
		}},
		{name: "token of another Argo CD", change: func(w *world) {
			w.setToken(sign([]byte("another server's key"), claims{Subject: "admin:login", Issuer: "argocd", Expires: time.Now().Add(time.Hour).Unix()}))
		}, want: []string{"the token from ARGOCD_AUTH_TOKEN is not accepted", "signature is invalid"}},

		{name: "no kubeconfig", change: func(w *world) { w.env = []string{"KUBECONFIG=" + filepath.Join(w.TempDir(), "none")} }, want: []string{
			"kubeconfig: no cluster: no kubeconfig names one (looked at ", "hint: set KUBECONFIG to the cluster's kubeconfig, or start one with `mage sandbox:up`",
		}},
		{name: "wrong context", change: func(w *world) { w.env = []string{"SEALWAY_CONTEXT=elsewhere"} }, want: []string{
			`kubeconfig: context "elsewhere": not found, there are: sealway-sandbox`,
		}},
		{name: "no cluster", change: func(w *world) {
			w.kubeconfig(func(c *clientcmdapi.Config) {
				for _, s := range c.Clusters {
					s.Server = "https://127.0.0.1:1"
				}
			})
		}, want: []string{"Service argocd/argocd-server: get: dial tcp 127.0.0.1:1: connect: connection refused", "hint: does the cluster run"}},
		{name: "not allowed in the cluster", change: func(w *world) {
			w.kubeconfig(func(c *clientcmdapi.Config) {
				for _, u := range c.AuthInfos {
					u.Impersonate = "system:anonymous"
				}
			})
		}, want: []string{"not allowed to get services in namespace argocd", "hint: the rule that is missing"}},

		{name: "Argo CD not installed", change: func(w *world) { w.settings("argocd: {namespace: default}") }, want: []string{
			"Argo CD is not installed in namespace default: no Service argocd-server", "hint: is this the right cluster?",
		}},
		{name: "no server of that name", change: func(w *world) { w.settings("argocd: {name: nobody}") }, want: []string{"Argo CD: no Service argocd/nobody"}},
		{name: "not Argo CD", change: func(w *world) {
			w.env = []string{"ARGOCD_SERVER=127.0.0.1:1", "ARGOCD_AUTH_TOKEN=" + w.token("admin", time.Now().Add(time.Hour))}
		}, want: []string{"argocd-server 127.0.0.1:1: ask for the version:", "connection refused", "hint: does argocd-server run, and is the address right?"}},
		{name: "no token for the server", change: func(w *world) { w.throughProxy(fault{}); w.env = w.env[:2] }, want: []string{
			"there is no credential for this server", "hint: `argocd login",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := w.sub(t)
			if c.change != nil {
				c.change(v)
			}
			app, status := c.app, c.status
			if app == "" {
				app = "access"
			}
			if status == 0 {
				status = unavailable
			}
			v.mage(status, "gitops:sync", app).says(c.want...)
		})
	}
	c := w.mage(unavailable, "gitops:sync", "acces,access", "-json")
	if r := c.report(); len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "did you mean access?") || r.Summary != "1 of 2 applications failed" || c.app("access").Sync != "Synced" {
		t.Errorf("the report: %+v", r)
	}
	if got := w.config("access", "config"); got != "one" {
		t.Errorf("the application that there is was not synced: %s", got)
	}
}

// password changes the Secret that the password is read from, for this test; an
// empty one takes the Secret away.
func (w *world) password(value string) {
	w.Helper()
	secrets := w.client.CoreV1().Secrets(sandbox.ArgoCDNamespace)
	original, err := secrets.Get(w.Context(), passwordSecret, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	w.secrets = append(w.secrets, string(original.Data["password"]))
	if err := secrets.Delete(w.Context(), passwordSecret, metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
	original.ObjectMeta = metav1.ObjectMeta{Name: original.Name, Namespace: original.Namespace, Labels: original.Labels}
	w.Cleanup(func() {
		_ = secrets.Delete(context.Background(), passwordSecret, metav1.DeleteOptions{}) // if it is there
		if _, err := secrets.Create(context.Background(), original, metav1.CreateOptions{}); err != nil {
			w.Error(err)
		}
	})
	if value == "" {
		return
	}
	wrong := original.DeepCopy()
	wrong.Data["password"] = []byte(value)
	if _, err := secrets.Create(w.Context(), wrong, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

// claims are those of a session of Argo CD.
type claims struct {
	ID        string `json:"jti"`
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Issued    int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
}

// token is a session of a user as the server itself makes it.
func (w *world) token(user string, ends time.Time) string {
	w.Helper()
	secret, err := w.client.CoreV1().Secrets(sandbox.ArgoCDNamespace).Get(w.Context(), "argocd-secret", metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	token := sign(secret.Data["server.secretkey"], claims{
		ID: "8a2c1de0-0000-4000-8000-000000000000", Issuer: "argocd", Subject: user + ":login",
		Issued: time.Now().Unix(), NotBefore: ends.Add(-24 * time.Hour).Unix(), Expires: ends.Unix(),
	})
	w.secrets = append(w.secrets, token)
	return token
}

// sign makes a JSON Web Token.
func sign(key []byte, c claims) string {
	body, err := json.Marshal(c)
	if err != nil {
		panic(err) // it is a struct of strings and numbers
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (w *world) setToken(token string) {
	w.secrets = append(w.secrets, token)
	w.env = append(w.env, "ARGOCD_AUTH_TOKEN="+token)
}

// kubeconfig writes a changed copy of the sandbox's.
func (w *world) kubeconfig(change func(*clientcmdapi.Config)) {
	w.Helper()
	c, err := clientcmd.LoadFromFile(w.up.Kubeconfig)
	if err != nil {
		w.Fatal(err)
	}
	change(c)
	path := filepath.Join(w.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*c, path); err != nil {
		w.Fatal(err)
	}
	w.env = append(w.env, "KUBECONFIG="+path)
}

// settings are those of the repository, for this test.
func (w *world) settings(text string) {
	w.Helper()
	w.work.Write(".sealway.yaml", text+"\n")
	w.Cleanup(func() {
		if err := os.Remove(w.work.Path(".sealway.yaml")); err != nil {
			w.Error(err)
		}
	})
}

// TestForbidden has a user who may see an application and not sync it, and a window
// in which nobody may.
func TestForbidden(t *testing.T) {
	w := newWorld(t, shared)
	w.app("forbidden", nil)
	t.Run("window", func(t *testing.T) {
		w := w.sub(t)
		w.project("closed", `{"syncWindows": [{"kind": "deny", "schedule": "* * * * *", "duration": "24h", "applications": ["*"]}]}`)
		w.mage(unavailable, "gitops:sync", "forbidden").
			says(`application forbidden: a sync window forbids to sync now: deny "* * * * *" for 24h`, "hint: wait for the window")
		w.mage(3, "gitops:diff", "forbidden")
		if got := w.phase("forbidden"); got != "" {
			t.Errorf("an operation was begun: %s", got)
		}
	})
	t.Run("role", func(t *testing.T) {
		w := w.sub(t)
		w.project("default", "")
		w.settingsOfArgo("argocd-cm", map[string]string{"accounts.alice": "login"})
		w.settingsOfArgo("argocd-rbac-cm", map[string]string{"policy.csv": "p, alice, applications, get, */*, allow\n"})
		w.setToken(w.token("alice", time.Now().Add(time.Hour)))
		w.eventually("alice is known and may see it", func() bool {
			c := w.start("gitops:status")
			_ = c.cmd.Wait() // at first she is not
			return c.cmd.ProcessState.ExitCode() == 0 && line(c.out.String(), "forbidden ") != ""
		})
		w.mage(unavailable, "gitops:sync", "forbidden").
			says("application forbidden: alice may not sync it", "hint: the rule that is missing in argocd-rbac-cm: p, <role>, applications, sync, default/forbidden, allow")
	})
}

// project moves the application to a project, which allows everything but what spec
// adds to it; without a spec it is there already.
func (w *world) project(name, spec string) {
	w.Helper()
	if spec != "" {
		projects := w.objects.Resource(argoResource("appprojects")).Namespace(sandbox.ArgoCDNamespace)
		p := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(spec), &p.Object); err != nil {
			w.Fatal(err)
		}
		p.Object = map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": map[string]any{"name": name}, "spec": p.Object}
		for field, all := range map[string]any{
			"sourceRepos":              []any{"*"},
			"destinations":             []any{map[string]any{"server": "*", "namespace": "*"}},
			"clusterResourceWhitelist": []any{map[string]any{"group": "*", "kind": "*"}},
		} {
			p.Object["spec"].(map[string]any)[field] = all
		}
		if _, err := projects.Create(w.Context(), p, metav1.CreateOptions{}); err != nil {
			w.Fatal(err)
		}
		w.Cleanup(func() {
			if err := projects.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
				w.Error(err)
			}
		})
	}
	w.patch("forbidden", `{"spec":{"project":"`+name+`"}}`)
}

func (w *world) patch(app, change string) {
	w.Helper()
	if _, err := w.argo.Patch(w.Context(), app, types.MergePatchType, []byte(change), metav1.PatchOptions{}); err != nil {
		w.Fatal(err)
	}
}

// settingsOfArgo sets keys of a ConfigMap of Argo CD, for this test.
func (w *world) settingsOfArgo(name string, data map[string]string) {
	w.Helper()
	maps := w.client.CoreV1().ConfigMaps(sandbox.ArgoCDNamespace)
	original, err := maps.Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	set := func(ctx context.Context, data map[string]string) error {
		m, err := maps.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		m.Data = data
		_, err = maps.Update(ctx, m, metav1.UpdateOptions{})
		return err
	}
	if err := set(w.Context(), data); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := set(context.Background(), original.Data); err != nil {
			w.Error(err)
		}
	})
}
