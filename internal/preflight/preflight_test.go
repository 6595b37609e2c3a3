package preflight_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/report"
)

func TestAllIsWell(t *testing.T) {
	r := newWorld(t).run()
	for _, c := range r.Checks {
		if c.State != report.OK || c.Fix != "" {
			t.Errorf("%s: %s: %s (fix: %s)", c.Name, c.State, c.Saw, c.Fix)
		}
	}
	var names []string
	for _, c := range r.Checks {
		names = append(names, c.Name)
	}
	if len(names) != 18 || names[0] != "kubeconfig" || names[1] != "API server" || !slices.IsSorted([]int{slices.Index(names, "permissions of seal:*"), slices.Index(names, "Argo CD"), slices.Index(names, "Sealed Secrets controller"), slices.Index(names, "CloudNativePG"), slices.Index(names, "Git work tree"), slices.Index(names, "pinned certificate"), slices.Index(names, "optional tools")}) {
		t.Errorf("the order: %q", names)
	}
	if r.Unreachable {
		t.Error("it was reached")
	}
}

// TestEach breaks one thing after the other; the sentence has to be there, and the
// checks that have nothing to do with it have to stand.
func TestEach(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world)
		check  string
		state  report.State
		saw    string
		fix    string
		also   []string // checks that are not ok because of it
	}{
		{"context of the settings", func(w *world) {
			w.options.Context, w.kube.Current, w.kube.Contexts = "prod", "dev", []string{"dev", "prod"}
		},
			"kubeconfig", report.Warned, "the setting `context` names prod, and kubectl's current context is dev", "kubectl config use-context", nil},
		{"several contexts", func(w *world) { w.kube.Contexts = []string{"dev", "prod"} },
			"kubeconfig", report.OK, "2 contexts: dev, prod, another one with `kubectl config use-context NAME`", "", nil},
		{"certificate not checked", func(w *world) { w.config.Insecure = true },
			"kubeconfig", report.Warned, "the API server's certificate is not checked", "certificate-authority-data", nil},
		{"old Kubernetes", func(w *world) { w.answers["/version"] = object{"gitVersion": "v1.25.16"} },
			"API server", report.Warned, "Kubernetes v1.25.16; sealway and Argo CD 2.14 are for 1.28 and later", "update the cluster", nil},
		{"newer than tested", func(w *world) { w.answers["/version"] = object{"gitVersion": "v1.99.0"}; w.argo3() },
			"API server", report.OK, "newer than 1.37, which sealway is tested with", "", nil},
		{"another server", func(w *world) { w.answers["/version"] = []byte("<html>") },
			"API server", report.Failed, "not as a Kubernetes API server does", "is the address in the kubeconfig right", []string{"*"}},
		{"Argo CD not installed", func(w *world) { delete(w.answers, argoService); w.answers["/api/v1/services"] = items() },
			"Argo CD", report.Failed, "Argo CD is not installed in this cluster: no Service argocd/argocd-server", "argocd.namespace", []string{"Argo CD's server", "Argo CD's Pods", "branch that Argo CD follows"}},
		{"no CRDs", func(w *world) { w.answers["/apis/argoproj.io/v1alpha1"] = resources("applications") },
			"Argo CD", report.Failed, "the cluster has no kind appprojects", "CustomResourceDefinitions", []string{"Argo CD's server", "Argo CD's Pods"}},
		{"without TLS", func(w *world) {
			w.answers[argoVersion] = unserved()
			w.answers[strings.Replace(argoVersion, "https:", "http:", 1)] = object{"Version": "v3.1.0"}
		}, "Argo CD's server", report.OK, "Argo CD v3.1.0 answers over http", "", nil},
		{"a redirect is not followed", func(w *world) {
			w.answers[argoVersion] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, "/elsewhere", http.StatusTemporaryRedirect)
			})
			w.answers["/elsewhere"] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { w.t.Error("the credentials went elsewhere") })
		}, "Argo CD's server", report.Failed, "does not answer", "are its Pods ready?", nil},
		{"old Argo CD", func(w *world) { w.answers[argoVersion] = object{"Version": "v2.9.3"} },
			"Argo CD's server", report.Warned, "Argo CD v2.9.3 answers over https; sealway is made for 2.14 and 3.x", "update Argo CD", nil},
		{"Argo CD of the future", func(w *world) { w.answers[argoVersion] = object{"Version": "v4.0.0"} },
			"Argo CD's server", report.Warned, "sealway knows 2.14 and 3.x", "newer sealway", nil},
		{"server down", func(w *world) { w.answers[argoVersion] = unserved() },
			"Argo CD's server", report.Failed, "argocd-server argocd/argocd-server does not answer: no ready Pod serves it", "kubectl -n argocd get endpointslices", nil},
		{"proxy forbidden", func(w *world) {
			w.answers[argoVersion] = forbidden()
			w.answers[strings.Replace(argoVersion, "https:", "http:", 1)] = forbidden()
		}, "Argo CD's server", report.Unknown, "not allowed to get services/proxy", "mage gitops:status", nil},
		{"repo-server pending", func(w *world) {
			w.answers[argoPods] = items(pod("argocd-server-1", named("argocd-server"), true), pod("r-1", named("argocd-repo-server"), false), pod("c-0", named("argocd-application-controller"), true))
		}, "Argo CD's Pods", report.Failed, "argocd-repo-server: no Pod is ready: Pod r-1 is Pending and not ready", "kubectl -n argocd describe pod r-1", nil},
		{"redis down", func(w *world) {
			list := w.answers[argoPods].(object)["items"].([]object)
			list[3] = object{"metadata": object{"name": "argocd-redis-1", "labels": named("argocd-redis")}, "status": object{"phase": "Running", "containerStatuses": []object{{"state": object{"waiting": object{"reason": "CrashLoopBackOff"}}}}}}
		}, "Argo CD's Pods", report.Failed, "argocd-redis: no Pod is ready: Pod argocd-redis-1 is CrashLoopBackOff", "", nil},
		{"Argo CD of its operator", func(w *world) {
			w.options.ArgoCD.Name = "gitops-server"
			w.answers["/api/v1/namespaces/argocd/services/gitops-server"] = service("argocd", "gitops-server", named("gitops-server"), "http", "https")
			w.answers[strings.Replace(argoVersion, "argocd-server", "gitops-server", 1)] = w.answers[argoVersion]
			w.answers[argoPods] = items(pod("s", named("gitops-server"), true), pod("r", named("gitops-repo-server"), true), pod("c", named("gitops-application-controller"), true),
				pod("d", named("gitops-dex-server"), true), pod("x", named("gitops-redis"), true))
		}, "Argo CD's Pods", report.OK, "argocd-repo-server: 1 ready", "", nil},
		{"no controller of Argo CD", func(w *world) {
			w.answers[argoPods] = items(pod("a", named("argocd-server"), true), pod("r", named("argocd-repo-server"), true))
		}, "Argo CD's Pods", report.Failed, "argocd-application-controller: it has no Pod", "is it scaled to zero?", nil},
		{"older than the cluster", func(w *world) { w.answers["/version"] = object{"gitVersion": "v1.33.1"} },
			"Argo CD's Pods", report.Warned, "Argo CD 2.14 does not know all fields of Kubernetes 1.33 (.status.terminatingReplicas)", `{"data":{"controller.diff.server.side":"true"}}`, nil},
		{"server-side diff", func(w *world) {
			w.answers["/version"] = object{"gitVersion": "v1.33.1"}
			w.answers["/api/v1/namespaces/argocd/configmaps/argocd-cmd-params-cm"] = object{"data": object{"controller.diff.server.side": "true"}}
		}, "Argo CD's Pods", report.OK, "ready", "", nil},
		{"no Sealed Secrets controller", func(w *world) {
			delete(w.answers, "/api/v1/namespaces/kube-system/services/sealed-secrets-controller")
			w.answers["/api/v1/services"] = items()
		}, "Sealed Secrets controller", report.Failed, "no Service sealed-secrets-controller or sealed-secrets in namespace kube-system", "controller.name", []string{"Sealed Secrets Pods", "sealing certificate"}},
		{"no kind SealedSecret", func(w *world) { delete(w.answers, "/apis/bitnami.com/v1alpha1") },
			"Sealed Secrets controller", report.Failed, "the cluster has no kind SealedSecret", "CustomResourceDefinition", []string{"Sealed Secrets Pods", "sealing certificate"}},
		{"two controllers", func(w *world) {
			w.answers["/api/v1/services"] = items(service("kube-system", "sealed-secrets-controller", named("a"), "http"), service("security", "sealed-secrets", named("b"), "http"), service("security", "sealed-secrets-metrics", named("c"), "http"))
		}, "Sealed Secrets controller", report.Warned, "there are several: kube-system/sealed-secrets-controller, security/sealed-secrets", "`controller: {namespace: kube-system, name: sealed-secrets-controller}`", nil},
		{"controller scaled to zero", func(w *world) { w.answers[deployments] = deployment(0, "sealed-secrets-controller:0.40.0") },
			"Sealed Secrets Pods", report.Failed, "Deployment kube-system/sealed-secrets-controller is scaled to zero: nothing unseals", "`kubectl -n kube-system scale deployment sealed-secrets-controller --replicas=1`", nil},
		{"weak controller", func(w *world) {
			w.answers[deployments] = deployment(1, "registry:5000/bitnami/sealed-secrets-controller:v0.27.3@sha256:00")
		}, "Sealed Secrets Pods", report.Warned, "version v0.27.3 has known weaknesses: a rotation can widen a Secret's scope to the whole cluster (CVE-2026-22728, mended in 0.36.0)", "0.40.0 or later", nil},
		{"slightly weak controller", func(w *world) { w.answers[deployments] = deployment(1, "sealed-secrets-controller:0.39.1") },
			"Sealed Secrets Pods", report.Warned, "has known weaknesses: /v1/rotate tells about plaintext through templates (mended in 0.40.0)", "", nil},
		{"deployments forbidden", func(w *world) { w.answers[deployments] = forbidden() },
			"Sealed Secrets Pods", report.Unknown, "not allowed to list deployments.apps in namespace kube-system", "", nil},
		{"certificate not served", func(w *world) { w.answers[certPEM] = unserved() },
			"sealing certificate", report.Failed, "controller kube-system/sealed-secrets-controller does not hand it out: no ready Pod serves it", "pinned certificate", nil},
		{"certificate expired", func(w *world) { w.answers[certPEM] = certificate(now.AddDate(-2, 0, 0), now.AddDate(0, 0, -3)) },
			"sealing certificate", report.Failed, "expired on 2026-02-26 (3 days ago)", "", nil},
		{"certificate expires", func(w *world) { w.answers[certPEM] = certificate(now.AddDate(-2, 0, 0), now.AddDate(0, 0, 3)) },
			"sealing certificate", report.Warned, "expires on 2026-03-04, in 3 days", "", []string{"pinned certificate"}},
		{"no CloudNativePG", func(w *world) { delete(w.answers, "/apis/postgresql.cnpg.io/v1") },
			"CloudNativePG", report.Failed, "the cluster has no kind Cluster of postgresql.cnpg.io/v1, which shop needs", "install CloudNativePG", nil},
		{"no CloudNativePG, and nothing needs it", func(w *world) {
			delete(w.answers, "/apis/postgresql.cnpg.io/v1")
			w.work.Write("applications/shop/templates/cluster.yaml", "kind: ConfigMap\n")
			w.commit()
			w.work.Git("push", "--quiet")
		}, "CloudNativePG", report.Skipped, "no application here has a PostgreSQL cluster", "", nil},
		{"operator not found", func(w *world) { w.answers[operators] = items() },
			"CloudNativePG", report.Warned, "no Deployment of the operator", "without it no database is made", nil},
		{"operator down", func(w *world) {
			w.answers[operators] = items(object{"metadata": object{"name": "cnpg", "namespace": "db"}})
		},
			"CloudNativePG", report.Failed, "the operator's Deployment db/cnpg is not available", "kubectl -n db describe deployment cnpg", nil},
		{"no commit yet", func(w *world) { w.work.Git("update-ref", "-d", "HEAD") },
			"Git work tree", report.Warned, "no commit yet", "commit the applications", []string{"branch that Argo CD follows"}},
		{"merge under way", func(w *world) { w.work.Write(".git/MERGE_HEAD", w.work.Git("rev-parse", "HEAD")+"\n") },
			"Git work tree", report.Warned, "a merge is under way", "`git merge --continue`, or `git merge --abort`", nil},
		{"detached", func(w *world) { w.work.Git("checkout", "--quiet", "--detach") },
			"Git work tree", report.Warned, "no branch is checked out", "git switch BRANCH", []string{"branch that Argo CD follows"}},
		{"not committed", func(w *world) { w.work.Write("README.md", "new") },
			"Git work tree", report.OK, "1 change not committed", "", nil},
		{"no remote", func(w *world) { w.work.Git("remote", "remove", "origin") },
			"Git remotes", report.Warned, "no remote is configured", "git remote add origin URL", []string{"branch that Argo CD follows"}},
		{"remote gone", func(w *world) { _ = os.RemoveAll(w.remote.Dir) },
			"Git remotes", report.Failed, "remote origin: cannot be reached", "git remote -v", []string{"branch that Argo CD follows"}},
		{"second remote gone", func(w *world) { w.work.Git("remote", "add", "zoo", w.t.TempDir()) },
			"Git remotes", report.Warned, "remote zoo: cannot be reached", "git remote -v", nil},
		{"not pushed", func(w *world) { w.work.Commit("a", "b") },
			"Git remotes", report.Warned, "1 commit here not pushed", "`git push`", []string{"branch that Argo CD follows"}},
		{"branch not pushed", func(w *world) { w.work.Git("switch", "--quiet", "-c", "feature") },
			"Git remotes", report.Warned, "has no branch feature", "git push --set-upstream origin feature", []string{"branch that Argo CD follows"}},
		{"another branch", func(w *world) {
			w.answers[applications] = applicationList(w.remote.Dir, "release")
			w.work.Git("push", "--quiet", "origin", "main:release")
		},
			"branch that Argo CD follows", report.Warned, "shop follows release of origin, and main is checked out", "git switch release", nil},
		{"no such branch", func(w *world) { w.answers[applications] = applicationList(w.remote.Dir, "nowhere") },
			"branch that Argo CD follows", report.Warned, "shop follows nowhere of origin, where there is no such branch", "targetRevision", nil},
		{"default branch", func(w *world) { w.answers[applications] = applicationList(w.remote.Dir, "HEAD") },
			"branch that Argo CD follows", report.OK, "shop follows main of origin, which is at HEAD", "", nil},
		{"another repository", func(w *world) {
			w.answers[applications] = applicationList("https://user:"+"hunter2@example.com/x.git", "main")
		},
			"branch that Argo CD follows", report.Warned, "shop follows https://example.com/x.git, which is no remote of this repository", "git remote add", nil},
		{"nothing deployed", func(w *world) { w.answers[applications] = items() },
			"branch that Argo CD follows", report.Warned, "no Application in namespace argocd deploys applications/shop", "`kubectl apply -f applications/shop/application.yaml`", nil},
		{"applications forbidden", func(w *world) { w.answers[applications] = forbidden() },
			"branch that Argo CD follows", report.Unknown, "not allowed to list applications.argoproj.io in namespace argocd", "", nil},
		{"no pin", func(w *world) {
			w.work.Git("rm", "--quiet", "sealed-secrets.pem")
			w.commit()
			w.work.Git("push", "--quiet")
		},
			"pinned certificate", report.Warned, "no certificate is pinned", "`mage seal:cert -accept`", nil},
		{"pin not committed", func(w *world) {
			w.work.Git("rm", "--quiet", "--cached", "sealed-secrets.pem")
			w.work.Git("commit", "--quiet", "-m", "x")
			w.work.Git("push", "--quiet")
		}, "pinned certificate", report.Warned, "it is not committed", "git add sealed-secrets.pem", nil},
		{"pin changed", func(w *world) { w.work.Write("sealed-secrets.pem", string(theCertificate())+"\n") },
			"pinned certificate", report.Warned, "it is not as it is committed", "", nil},
		{"pin is no certificate", func(w *world) { w.work.Write("sealed-secrets.pem", "x") },
			"pinned certificate", report.Failed, "not a PEM certificate", "", nil},
		{"newer certificate", func(w *world) { w.answers[certPEM] = certificate(now.AddDate(0, -1, 0), now.AddDate(9, 0, 0)) },
			"pinned certificate", report.Warned, "the controller has the newer certificate SHA256:", "`mage seal:cert -accept`, then `mage seal:all`", nil},
		{"another cluster's certificate", func(w *world) { w.answers[certPEM] = certificate(now.AddDate(-3, 0, 0), now.AddDate(7, 0, 0)) },
			"pinned certificate", report.Failed, "what is sealed here was sealed for another cluster", "is the kubeconfig's context the right one?", nil},
		{"plaintext not ignored", func(w *world) { w.work.Write(".gitignore", "\n") },
			"plaintext ignored by Git", report.Failed, "applications/shop/local-secrets: Git does not ignore this folder of plaintext", "`local-secrets/` to .gitignore", nil},
		{"plaintext tracked", func(w *world) {
			w.work.Write("applications/shop/local-secrets/db.yaml", "x")
			w.work.Git("add", "--force", "applications/shop/local-secrets/db.yaml")
		}, "plaintext ignored by Git", report.Failed, "applications/shop/local-secrets/db.yaml: Git tracks this plaintext file", "git rm --cached", nil},
		{"no application", func(w *world) { _ = os.RemoveAll(w.work.Path("applications")) },
			"plaintext ignored by Git", report.Skipped, "there is no application", "", []string{"CloudNativePG", "branch that Argo CD follows"}},
		{"no tools", func(w *world) { w.options.LookPath = func(string) (string, error) { return "", errMissing } },
			"optional tools", report.Skipped, "not found: kubectl, kubeseal, helm, argocd, task, and no target needs them", "", nil},
		{"Argo CD elsewhere", func(w *world) {
			delete(w.answers, argoService)
			w.options.Elsewhere = func(context.Context) (string, error) { return "v3.0.1", nil }
		}, "Argo CD's server", report.OK, "Argo CD v3.0.1 answers", "", []string{"Argo CD", "Argo CD's Pods", "branch that Argo CD follows"}},
		{"Argo CD elsewhere does not answer", func(w *world) {
			w.options.Elsewhere = func(context.Context) (string, error) { return "", &kube.ConfigError{Cause: errMissing} }
		}, "Argo CD's server", report.Failed, "not found", "set KUBECONFIG", []string{"Argo CD", "Argo CD's Pods", "branch that Argo CD follows"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.change(w)
			r := w.run()
			got := find(t, r, c.check)
			if got.State != c.state {
				t.Errorf("%s: %s, want %s", got.Name, got.State, c.state)
			}
			contains(t, "what was seen", got.Saw, c.saw)
			contains(t, "the fix", got.Fix, c.fix)
			for _, o := range r.Checks {
				if bad := o.State == report.Failed || o.State == report.Skipped; bad && o.Name != c.check && !slices.Contains(c.also, o.Name) && !slices.Contains(c.also, "*") {
					t.Errorf("%s: %s: %s", o.Name, o.State, o.Saw)
				}
				if strings.Contains(o.Saw+o.Fix, "hunter2") {
					t.Errorf("a password is shown: %s", o.Saw)
				}
			}
		})
	}
}

// argo3 is an Argo CD that knows newer clusters.
func (w *world) argo3() { w.answers[argoVersion] = object{"Version": "v3.1.0"} }

// TestNoCluster has every way in which the cluster cannot be asked.
func TestNoCluster(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world)
		check  string
		saw    string
		fix    string
	}{
		{"no such context", func(w *world) { w.options.Context, w.kube.Context = "nope", "nope" },
			"kubeconfig", "the setting `context` names nope, which the kubeconfig does not have; there are: prod", "SEALWAY_CONTEXT"},
		{"no current context", func(w *world) { w.kube.Context, w.kube.Current = "", "" },
			"kubeconfig", "the kubeconfig has no current context; there are: prod", "kubectl config use-context"},
		{"no kubeconfig", func(w *world) {
			w.kube = kube.Kubeconfig{}
			w.options.Cluster = func() (*kube.Cluster, error) { return nil, &kube.ConfigError{Cause: kube.ErrNoCluster} }
		},
			"kubeconfig", "no cluster: no kubeconfig names one", "set KUBECONFIG"},
		{"credential program missing", func(w *world) {
			w.config.ExecProvider = &clientcmdapi.ExecConfig{Command: "no-such-login", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode}
		},
			"kubeconfig", "user me gets credentials from the program no-such-login, which is not on PATH", "install it"},
		{"nothing listens", func(w *world) { w.config.Host = closed(w.t) },
			"API server", "nothing listens at 127.0.0.1:", "is the cluster up"},
		{"unknown authority", func(w *world) {
			s := httptest.NewTLSServer(http.HandlerFunc(w.serve))
			w.t.Cleanup(s.Close)
			w.config.Host = s.URL
		}, "API server", "its certificate comes from an authority that the kubeconfig does not have", "get the kubeconfig anew"},
		{"not TLS", func(w *world) { w.config.Host = strings.Replace(w.config.Host, "http:", "https:", 1) },
			"API server", "it does not speak TLS", "is the address in the kubeconfig right?"},
		{"unauthorised", func(w *world) {
			w.answers["/version"] = status(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized")
		},
			"API server", "it does not accept these credentials", "log in to the cluster again"},
		{"unwell", func(w *world) {
			w.answers["/version"] = status(http.StatusInternalServerError, metav1.StatusReasonInternalError, "etcd")
		},
			"API server", "it answers: ", "wait until the API server is well"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.change(w)
			r := w.run()
			if !r.Unreachable {
				t.Error("it counts as reached")
			}
			got := find(t, r, c.check)
			if got.State != report.Failed {
				t.Errorf("%s: %s", got.Name, got.State)
			}
			contains(t, "what was seen", got.Saw, c.saw)
			contains(t, "the fix", got.Fix, c.fix)
			skipped := find(t, r, "Sealed Secrets controller")
			if skipped.State != report.Skipped || !strings.HasPrefix(skipped.Saw, "not looked at, because ") {
				t.Errorf("%s: %s: %s", skipped.Name, skipped.State, skipped.Saw)
			}
			for _, name := range []string{"Git work tree", "Git remotes", "pinned certificate", "optional tools"} {
				if here := find(t, r, name); here.State != report.OK {
					t.Errorf("%s: %s: %s", name, here.State, here.Saw)
				}
			}
			contains(t, "the pin", find(t, r, "pinned certificate").Saw, "not compared with the controller's")
		})
	}
}

// closed is the address of a server that is gone.
func closed(t *testing.T) string {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.URL
}

// TestHangs ends although nobody answers.
func TestHangs(t *testing.T) {
	w := newWorld(t)
	ended := make(chan struct{})
	w.answers["/version"] = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); close(ended) })
	w.options.Limit = 1 // nanosecond
	r := w.run()
	got := find(t, r, "API server")
	if got.State != report.Failed || !strings.Contains(got.Saw, "no answer in time") {
		t.Errorf("%s: %s", got.State, got.Saw)
	}
	select {
	case <-ended:
	default: // the request may not have left at all
	}
}

// TestInterrupted returns the context's error.
func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.runIn(ctx); err == nil {
		t.Error("no error")
	}
}

// TestPermissions names what is missing, and the role that it shows holds it.
func TestPermissions(t *testing.T) {
	w := newWorld(t)
	w.work.Write("applications/blog/Chart.yaml", "name: blog\n")
	sub := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"system:serviceaccount:ci:bot"}`))
	w.config.BearerToken = "x." + sub + ".y"
	w.denied = func(a authorizationv1.ResourceAttributes) bool {
		switch {
		case a.Resource == "services" && a.Subresource == "proxy" && a.Verb == "create":
			return true
		case a.Verb == "list" && a.Resource == "pods":
			return a.Namespace != "argocd" && a.Namespace != "kube-system"
		case a.Resource == "pods" && a.Subresource == "log":
			return a.Namespace != "blog"
		}
		return false
	}
	r := w.run()
	seal, verify := find(t, r, "permissions of seal:*"), find(t, r, "permissions of verify:*")
	if seal.State != report.Failed || verify.State != report.Failed || find(t, r, "permissions of gitops:*").State != report.OK {
		t.Errorf("%+v", r.Checks[2:5])
	}
	contains(t, "seal", seal.Saw, "not allowed: create services/proxy http:sealed-secrets-controller:http in namespace kube-system (seal:verify has the controller decrypt)")
	contains(t, "verify", verify.Saw, "not allowed: list pods in namespaces blog, shop (")
	contains(t, "verify", verify.Saw, "get pods/log in namespace shop (verify:app reads a crash's last lines; without it: it explains a crash without them)")
	for _, c := range []report.Check{seal, verify} {
		_, manifest, _ := strings.Cut(c.Fix, ":\n")
		for _, indent := range []string{"", "      "} { // as it is in JSON, and as it is printed
			granted(t, indent+strings.ReplaceAll(manifest, "\n", "\n"+indent), map[string]string{
				"permissions of seal:*":   "kube-system",
				"permissions of verify:*": "blog shop",
			}[c.Name])
		}
	}
}

// granted checks that a manifest can be read and binds its roles in the namespaces.
func granted(t *testing.T, manifest, namespaces string) {
	t.Helper()
	var list struct {
		Kind  string
		Items []struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
			RoleRef  struct{ Name string }
			Subjects []struct{ Kind, Namespace, Name string }
			Rules    []struct{ APIGroups, Resources, ResourceNames, Verbs []string }
		}
	}
	if err := yaml.UnmarshalStrict([]byte(manifest), &list, yaml.DisallowUnknownFields); err != nil && !strings.Contains(err.Error(), "unknown field") {
		t.Fatalf("%v:\n%s", err, manifest)
	}
	var bound []string
	roles := map[string]bool{}
	for _, i := range list.Items {
		switch i.Kind {
		case "ClusterRole":
			roles[i.Metadata.Name] = len(i.Rules) > 0
		case "RoleBinding":
			bound = append(bound, i.Metadata.Namespace)
			if !roles[i.RoleRef.Name] || fmt.Sprint(i.Subjects) != "[{ServiceAccount ci bot}]" {
				t.Errorf("%+v", i)
			}
		default:
			t.Errorf("kind %s", i.Kind)
		}
	}
	if strings.Join(bound, " ") != namespaces {
		t.Errorf("bound in %q, want %q", bound, namespaces)
	}
}

// TestNobodyKnows has reviews that the API server does not answer.
func TestNobodyKnows(t *testing.T) {
	w := newWorld(t)
	w.config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				rec := httptest.NewRecorder()
				forbidden()(rec, r)
				return rec.Result(), nil
			}
			return next.RoundTrip(r)
		})
	})
	if c := find(t, w.run(), "permissions of seal:*"); c.State != report.Unknown || !strings.Contains(c.Saw, "does not say what is allowed") {
		t.Errorf("%+v", c)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
