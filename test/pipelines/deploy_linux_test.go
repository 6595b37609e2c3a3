package pipelines

import (
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// project is the one that docs/ci.md has: a role that may see and sync, and, for what
// goes wrong, one that may see alone and one that may do nothing.
const project = `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: APP, namespace: argocd}
spec:
  sourceRepos: ["*"]
  destinations: [{server: "*", namespace: APP}]
  clusterResourceWhitelist: [{group: "", kind: Namespace}]
  roles:
    - name: pipeline
      policies:
        - p, proj:APP:pipeline, applications, get, APP/*, allow
        - p, proj:APP:pipeline, applications, sync, APP/*, allow
    - name: looker
      policies:
        - p, proj:APP:looker, applications, get, APP/*, allow
    - name: nobody
`

// deployed is a repository whose application Argo CD knows.
func deployed(t *testing.T, app string) *repository {
	t.Helper()
	r := newRepository(t, app)
	r.create("appprojects", strings.ReplaceAll(project, "APP", app))
	data, err := os.ReadFile(r.work.Path("applications/" + app + "/application.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r.create("applications", string(data))
	return r
}

// TestGitHubDeploy deploys what was merged, with a project role's token and nothing
// else.
func TestGitHubDeploy(t *testing.T) {
	t.Parallel()
	w, s := readWorkflow(t), newServer(t)
	r := deployed(t, "github-deploy")
	deploy := func(t *testing.T, token string) results {
		v := *r
		v.T = t
		head := r.work.Git("rev-parse", "main")
		return v.github(w, "deploy", event{name: "push", sha: head, values: map[string]string{
			"vars.ARGOCD_SERVER": s.address, "secrets.ARGOCD_AUTH_TOKEN": token,
		}, env: []string{"ARGOCD_OPTS=--server-crt " + s.certificate}})
	}
	t.Run("good", func(t *testing.T) {
		got := deploy(t, s.roleToken(r.app, "pipeline", time.Hour))
		if failed := got.failed(); len(failed) > 0 || len(got) != 3 {
			t.Fatalf("failed: %v\n%v", failed, got)
		}
		t.Log(got["Sync"].out, got["Verify"].out)
		m, err := place.Client.CoreV1().ConfigMaps(r.app).Get(t.Context(), "settings", metav1.GetOptions{})
		if err != nil || m.Data["color"] != "blue" {
			t.Errorf("%v, %v", m, err)
		}
	})
	t.Run("may not sync", func(t *testing.T) {
		got := deploy(t, s.roleToken(r.app, "looker", time.Hour))
		t.Log(got)
	})
	t.Run("may not see", func(t *testing.T) {
		got := deploy(t, s.roleToken(r.app, "nobody", time.Hour))
		t.Log(got)
	})
	t.Run("no token", func(t *testing.T) { t.Log(deploy(t, "")) })
}
