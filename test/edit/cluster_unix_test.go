//go:build unix

package edit

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const liveSecret = `{"apiVersion":"v1","kind":"Secret","type":"Opaque","data":{"token":"Y2FuYXJ5LWtpbGwtbGl2ZQ==","more":"/wA="},
"metadata":{"name":"api","namespace":"shop","uid":"1","resourceVersion":"2","creationTimestamp":"2026-01-01T00:00:00Z",
"labels":{"app.kubernetes.io/instance":"shop"},
"annotations":{"argocd.argoproj.io/tracking-id":"shop:/Secret:shop/api","kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"token\":\"Y2FuYXJ5\"}}"},
"ownerReferences":[{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret","name":"api","uid":"3","controller":true}],
"managedFields":[{"manager":"controller","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{}}}]}}`

// status is an answer of the API server that is no object.
func status(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d}`, reason, code)
}

// cluster is an API server that has one Secret, and one that nobody may read.
func cluster(t *testing.T, w *world) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "GET /api/v1/namespaces/shop/secrets/api", "GET /api/v1/namespaces/old/secrets/other":
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write([]byte(liveSecret))
		case "GET /api/v1/namespaces/shop/secrets/db":
			status(rw, http.StatusForbidden, "Forbidden")
		default:
			status(rw, http.StatusNotFound, "NotFound")
		}
	}))
	t.Cleanup(server.Close)
	config := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"test","clusters":[{"name":"c","cluster":{"server":%q}}],
"contexts":[{"name":"test","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":{}}]}`, server.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "KUBECONFIG="+config)
	return server
}

// TestImportFromCluster is a second machine: it has the contract, and takes the values
// from where they are in use.
func TestImportFromCluster(t *testing.T) {
	w := newWorld(t)
	server := cluster(t, w)
	file := filepath.Join(w.root, "applications/shop/local-secrets/api.yaml")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	out := w.run("secrets:import", "shop", "api", "-from=cluster")
	for _, want := range []string{
		"reading Secret shop/api of test (" + server.URL + ")",
		"left out, for it belongs to the object in the cluster: annotation argocd.argoproj.io/tracking-id, annotation kubectl.kubernetes.io/last-applied-configuration, label app.kubernetes.io/instance",
		"imported 2 values into shop/api, 0 were here already",
		"      more: {external: where it comes from}\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("not said: %s", want)
		}
	}
	if strings.Contains(out, word) || strings.Contains(out, "canary") {
		t.Errorf("a value was printed:\n%s", out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if !strings.Contains(text, "  token: \"canary-kill-live\"\n") || !strings.Contains(text, "data:\n  more: \"/wA=\"\n") ||
		strings.Contains(text, "tracking") || strings.Contains(text, "instance") || strings.Contains(text, "uid") {
		t.Errorf("the file:\n%s", text)
	}
	if got := w.value("front.yaml", "key"); got != "canary-kill-live" {
		t.Errorf("the link has %q", got)
	}
	w.run("secrets:import", "shop", "moved", "-from=cluster", "-name=old/other")
	w.clean(0)
}

func TestImportFromClusterFails(t *testing.T) {
	w := newWorld(t)
	server := cluster(t, w)
	for _, c := range []struct {
		name, secret, want, hint string
		status                   int
	}{
		{"not found", "none", "Secret shop/none: not found in the cluster", "is this the right cluster?", 1},
		{"forbidden", "db", "Secret shop/db: not allowed to get secrets in namespace shop", `resources ["secrets"], verbs ["get"]`, 4},
		{"unreachable", "api", "Secret shop/api: get: ", "does the cluster run", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "unreachable" {
				server.Close()
			}
			cmd, out := w.command(t.Context(), "secrets:import", "shop", c.secret, "-from=cluster", "-force")
			err, ok := cmd.Run().(*exec.ExitError) //nolint:errorlint // as it comes
			if !ok || err.ExitCode() != c.status || !strings.Contains(out.String(), c.want) || !strings.Contains(out.String(), c.hint) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
