package pipelines

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/worldtest"
)

// documented is what docs/ci.md shows.
func documented(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(scripttest.Root(t), "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// deployed is a repository whose application Argo CD knows, in the project of
// docs/ci.md. That has besides a role that may see alone and one that may do nothing.
func deployed(t *testing.T, app string) *repository {
	t.Helper()
	r := newRepository(t, app)
	_, text, _ := strings.Cut(documented(t), "```yaml\n# project.yaml\n")
	text, _, ok := strings.Cut(text, "```")
	text = strings.NewReplacer("shop", app, "[https://github.com/acme/gitops.git]", "['file://"+r.remote.Dir+"']").Replace(text)
	if !ok || !strings.Contains(text, "file://") {
		t.Fatalf("no project in docs/ci.md: %s", text)
	}
	r.create("appprojects", text+strings.ReplaceAll(`
    - name: looker
      policies: ["p, proj:APP:looker, applications, get, APP/*, allow"]
    - name: nobody
`, "APP", app))
	data, err := os.ReadFile(r.work.Path("applications/" + app + "/application.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// What was synced outlives the application, which has no finalizer.
	t.Cleanup(func() {
		namespaces := place.Client.CoreV1().Namespaces()
		if _, err := namespaces.Get(context.Background(), app, metav1.GetOptions{}); err == nil {
			r.gone(func(ctx context.Context) error { return namespaces.Delete(ctx, app, metav1.DeleteOptions{}) }, func(ctx context.Context) error {
				_, err := namespaces.Get(ctx, app, metav1.GetOptions{})
				return err
			})
		}
	})
	r.create("applications", string(data))
	return r
}

// gone deletes something and waits until it is no longer there.
func (r *repository) gone(remove, get func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := remove(ctx); err != nil {
		r.Error(err)
	}
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) { return apierrors.IsNotFound(get(ctx)), nil })
	if err != nil {
		r.Errorf("it is still there: %v", err)
	}
}

// arrived looks for what was synced.
func (r *repository) arrived(want bool) {
	r.Helper()
	m, err := place.Client.CoreV1().ConfigMaps(r.app).Get(r.Context(), "settings", metav1.GetOptions{})
	if got := err == nil && m.Data["color"] == "blue"; got != want {
		r.Fatalf("arrived: %v, want %v: %v", got, want, err)
	}
}

// as is the repository for a subtest.
func (r *repository) as(t *testing.T) *repository {
	v := *r
	v.T = t
	return &v
}

// refusals are what a deployment says that may not.
func (s *server) refusals(app string) []refusal {
	s.Helper()
	return []refusal{
		{"no token", "", 4, []string{"there is no credential for this server", "set ARGOCD_AUTH_TOKEN"}},
		{"another server's token", "e30.e30.e30", 4, []string{"the token from ARGOCD_AUTH_TOKEN is not accepted"}},
		{"may not see", s.roleToken(app, "nobody"), 1, []string{
			"no application in Argo CD has a folder of this repository as its path", "or a token that may not see them",
		}},
		{"may not sync", s.roleToken(app, "looker"), 4, []string{
			"proj:APP:looker may not sync it", "the rule that is missing in role looker of AppProject APP: p, proj:APP:looker, applications, sync, APP/APP, allow",
		}},
	}
}

type refusal struct {
	name, token string
	status      int
	says        []string
}

func (c refusal) judge(r *repository, got result) {
	r.Helper()
	if got.status != c.status {
		r.Errorf("status %d, want %d:\n%s", got.status, c.status, got.out)
	}
	for _, want := range c.says {
		if want = strings.ReplaceAll(want, "APP", r.app); !strings.Contains(got.out, want) {
			r.Errorf("%q is not in\n%s", want, got.out)
		}
	}
	r.arrived(false)
}

// TestGitHubDeploy deploys what was merged: with a project role's token and nothing
// else, and then with a kubeconfig that may read.
func TestGitHubDeploy(t *testing.T) {
	t.Parallel()
	w, s := readWorkflow(t), newServer(t)
	r := deployed(t, "github-deploy")
	deploy := func(r *repository, token, kubeconfig string) results {
		return r.github(w, "deploy", event{name: "push", sha: r.work.Git("rev-parse", "main"), values: map[string]string{
			"vars.ARGOCD_SERVER": s.address, "secrets.ARGOCD_AUTH_TOKEN": token, "secrets.READONLY_KUBECONFIG": kubeconfig,
		}, env: []string{"ARGOCD_OPTS=--server-crt '" + s.certificate + "'"}})
	}
	for _, c := range s.refusals(r.app) {
		t.Run(c.name, func(t *testing.T) { r := r.as(t); c.judge(r, deploy(r, c.token, "")["Sync"]) })
	}
	token := s.roleToken(r.app, "pipeline")
	for _, c := range []struct{ name, kubeconfig, says string }{
		{"good", "", "no READONLY_KUBECONFIG: what Argo CD said is all that is known"},
		{"good with a kubeconfig", r.reader(s), "1 of 1 application healthy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := r.as(t)
			got := deploy(r, token, c.kubeconfig)
			if len(got.failed()) > 0 || len(got) != 3 || !strings.Contains(got["Sync"].out, "1 of 1 application Synced and Healthy") || !strings.Contains(got["Verify"].out, c.says) {
				t.Errorf("%v", got)
			}
			r.arrived(true)
		})
	}
}

// reader is a kubeconfig of somebody who has the role that verify:cluster prints for
// verify:*, and no other.
func (r *repository) reader(s *server) string {
	r.Helper()
	accounts := place.Client.CoreV1().ServiceAccounts("default")
	if _, err := accounts.Create(r.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "pipeline"}}, metav1.CreateOptions{}); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		r.gone(func(ctx context.Context) error { return accounts.Delete(ctx, "pipeline", metav1.DeleteOptions{}) }, func(ctx context.Context) error {
			_, err := accounts.Get(ctx, "pipeline", metav1.GetOptions{})
			return err
		})
	})
	token, err := accounts.CreateToken(r.Context(), "pipeline", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		r.Fatal(err)
	}
	data, err := os.ReadFile(place.Up.Kubeconfig)
	if err != nil {
		r.Fatal(err)
	}
	head, _, _ := strings.Cut(string(data), "users:\n")
	text := head + "users:\n- name: sandbox-admin\n  user: {token: " + token.Status.Token + "}\n"
	file := filepath.Join(r.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
	env := append(worldtest.Environment(r.TempDir(), file), "ARGOCD_SERVER="+s.address, "ARGOCD_OPTS=--server-crt '"+s.certificate+"'")
	c := worldtest.Start(r, r.work.Dir, env, r.all, scripttest.Mage(r), "verify:cluster", "-json").Ends(3)
	for _, check := range c.Report().Checks {
		if check.Name == "permissions of verify:*" {
			_, manifest, _ := strings.Cut(check.Fix, ":\n")
			r.grant(manifest)
			return text
		}
	}
	r.Fatalf("no permissions of verify:*:\n%s", c.Out.String())
	return ""
}

// grant applies roles, as `kubectl apply -f -` does.
func (r *repository) grant(manifest string) {
	r.Helper()
	var list struct {
		Items []metav1.PartialObjectMetadata
	}
	var raw struct{ Items []json.RawMessage }
	for _, to := range []any{&list, &raw} {
		if err := sigsyaml.Unmarshal([]byte(manifest), to); err != nil {
			r.Fatalf("%v\n%s", err, manifest)
		}
	}
	if len(list.Items) == 0 {
		r.Fatalf("no roles:\n%s", manifest)
	}
	for i, o := range list.Items {
		path := "/apis/rbac.authorization.k8s.io/v1/"
		if o.Namespace != "" {
			if err := place.Cluster.EnsureNamespace(r.Context(), o.Namespace); err != nil {
				r.Fatal(err)
			}
			path += "namespaces/" + o.Namespace + "/"
		}
		path += strings.ToLower(o.Kind) + "s"
		if err := place.Cluster.Core.Post().AbsPath(path).Body([]byte(raw.Items[i])).SetHeader("Content-Type", "application/json").Do(r.Context()).Error(); err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() {
			_ = place.Cluster.Core.Delete().AbsPath(path, o.Name).Do(context.Background()).Error() // it may have gone with its namespace
		})
	}
}

// TestGitLabDeploy is the same for GitLab.
func TestGitLabDeploy(t *testing.T) {
	t.Parallel()
	g, s := readGitLab(t), newServer(t)
	r := deployed(t, "gitlab-deploy")
	s.deploys(r, func(r *repository, env ...string) result {
		return r.gitlab(g, g.Deploy, r.work.Git("rev-parse", "main"), append(env, "CI_COMMIT_BRANCH=main", "CI_PIPELINE_SOURCE=push")...)
	})
}

// TestContainerDeploy is the same for the container's script.
func TestContainerDeploy(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := deployed(t, "container-deploy")
	r.work.Write("applications/forgotten/application.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\n")
	r.push("nobody has applied it")
	s.deploys(r, func(r *repository, env ...string) result {
		got := r.container(env, r.work.Git("rev-parse", "main"), "deploy")
		if got.status == 0 && !strings.Contains(got.out, "warning: application forgotten is not synced: Argo CD has none for its folder, or the account may not see it") {
			r.Errorf("nothing is said of the application that was forgotten:\n%s", got.out)
		}
		return got
	})
	if out := s.documented("list-tokens", r.app, "pipeline"); len(strings.Split(strings.TrimSpace(out), "\n")) != 2 { // a heading, and one token
		t.Errorf("the tokens:\n%s", out)
	}
}

// deploys runs a deployment in one script with tokens that may not, and one that may.
func (s *server) deploys(r *repository, deploy func(r *repository, env ...string) result) {
	s.Helper()
	env := func(token string) []string {
		return []string{"ARGOCD_SERVER=" + s.address, "ARGOCD_OPTS=--server-crt '" + s.certificate + "'", "ARGOCD_AUTH_TOKEN=" + token}
	}
	for _, c := range s.refusals(r.app) {
		r.Run(c.name, func(t *testing.T) { r := r.as(t); c.judge(r, deploy(r, env(c.token)...)) })
	}
	r.Run("good", func(t *testing.T) {
		r := r.as(t)
		got := deploy(r, env(s.roleToken(r.app, "pipeline"))...)
		if got.status != 0 || !strings.Contains(got.out, "1 of 1 application Synced and Healthy") || !strings.Contains(got.out, "what Argo CD said is all that is known") {
			t.Errorf("status %d:\n%s", got.status, got.out)
		}
		r.arrived(true)
	})
}
