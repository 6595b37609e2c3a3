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
	for _, c := range []struct {
		name, token string
		status      int
		says        []string
	}{
		{"no token", "", 4, []string{"there is no credential for this server", "set ARGOCD_AUTH_TOKEN"}},
		{"another server's token", "e30.e30.e30", 4, []string{"the token from ARGOCD_AUTH_TOKEN is not accepted"}},
		{"may not see", s.roleToken(r.app, "nobody", time.Hour), 1, []string{
			"no application in Argo CD has a folder of this repository as its path", "or a token that may not see them",
		}},
		{"may not sync", s.roleToken(r.app, "looker", time.Hour), 4, []string{
			"application github-deploy: proj:github-deploy:looker may not sync it", "p, proj:github-deploy:looker, applications, sync, github-deploy/github-deploy, allow",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := deploy(t, c.token)["Sync"]
			if got.status != c.status {
				t.Errorf("status %d, want %d:\n%s", got.status, c.status, got.out)
			}
			for _, want := range c.says {
				if !strings.Contains(got.out, want) {
					t.Errorf("%q is not in\n%s", want, got.out)
				}
			}
		})
	}
	if _, err := place.Client.CoreV1().ConfigMaps(r.app).Get(t.Context(), "settings", metav1.GetOptions{}); err == nil {
		t.Fatal("somebody has synced who may not")
	}
	t.Run("good", func(t *testing.T) {
		got := deploy(t, s.roleToken(r.app, "pipeline", time.Hour))
		if failed := got.failed(); len(failed) > 0 || len(got) != 3 {
			t.Fatalf("failed: %v\n%v", failed, got)
		}
		if out := got["Sync"].out; !strings.Contains(out, "1 of 1 application Synced and Healthy") || !strings.Contains(got["Verify"].out, "no READONLY_KUBECONFIG") {
			t.Errorf("%v", got)
		}
		m, err := place.Client.CoreV1().ConfigMaps(r.app).Get(t.Context(), "settings", metav1.GetOptions{})
		if err != nil || m.Data["color"] != "blue" {
			t.Errorf("%v, %v", m, err)
		}
	})
}
