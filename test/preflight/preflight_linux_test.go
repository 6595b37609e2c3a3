// Package preflight runs verify:cluster on the sandbox: where all is well, with few
// rights, and with one thing after the other broken.
package preflight

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/report"
)

// platform is the sandbox that all tests share; each leaves it as it was.
var platform struct {
	up      *sandbox.Sandbox
	cluster *kube.Cluster
	client  kubernetes.Interface
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	gittest.Isolate()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Minute) // it may have to build
	defer cancel()
	dir, err := os.MkdirTemp("", "sealway-preflight-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	o := sandbox.Options{Dir: filepath.Join(dir, "sandbox"), Timeout: 5 * time.Minute}
	defer func() {
		if err := sandbox.Down(context.WithoutCancel(ctx), o); err != nil {
			code = fail(err)
		}
	}()
	if platform.up, err = sandbox.Up(ctx, o); err != nil {
		return fail(err)
	}
	if platform.cluster, err = kube.LoadFile(platform.up.Kubeconfig); err != nil {
		return fail(err)
	}
	if platform.client, err = kubernetes.NewForConfig(platform.cluster.Config); err != nil {
		return fail(err)
	}
	return scripttest.Main(m)
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// world is a repository that Argo CD follows, with the certificate pinned.
type world struct {
	*testing.T
	work *gittest.Repo
}

const shop = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  project: default
  source: {repoURL: "file://%s", targetRevision: main, path: applications/shop}
  destination: {server: https://kubernetes.default.svc, namespace: shop}
`

func newWorld(t *testing.T) *world {
	t.Helper()
	remote := gittest.Bare(t)
	w := &world{t, remote.Clone()}
	w.work.Git("switch", "--quiet", "-C", "main")
	w.work.Write(".gitignore", "local-secrets/\n")
	w.work.Write("../bin/task", "#!/bin/sh\n") // one of the optional tools, which is never run
	if err := os.Chmod(filepath.Join(w.work.Dir, "../bin/task"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.work.Write("applications/shop/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\n")
	w.mage(0, "", "seal:cert", "-accept")
	w.work.Git("add", "--all")
	w.work.Git("commit", "--quiet", "-m", "first")
	w.work.Git("push", "--quiet", "--set-upstream", "origin", "main")
	if err := platform.cluster.EnsureNamespace(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	w.apply("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications", "shop", []byte(fmt.Sprintf(shop, remote.Dir)))
	t.Cleanup(func() {
		err := platform.cluster.Core.Delete().AbsPath("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop").Do(context.Background()).Error()
		if err != nil {
			t.Error(err)
		}
	})
	return w
}

// apply applies an object server-side.
func (w *world) apply(collection, name string, text []byte) {
	w.Helper()
	err := platform.cluster.Core.Patch(types.ApplyPatchType).AbsPath(collection, name).Param("fieldManager", "test").Param("force", "true").Body(text).Do(w.Context()).Error()
	if err != nil {
		w.Fatalf("%s: %v\n%s", name, err, text)
	}
}

// mage runs a target that has to end with the given status; no kubeconfig is the
// sandbox's.
func (w *world) mage(status int, kubeconfig string, args ...string) (stdout, stderr string) {
	w.Helper()
	if kubeconfig == "" {
		kubeconfig = platform.up.Kubeconfig
	}
	ctx, cancel := context.WithTimeout(w.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, scripttest.Mage(w), args...)
	cmd.Dir = w.work.Dir
	cmd.Env = []string{"PATH=" + filepath.Join(w.work.Dir, "../bin") + ":" + os.Getenv("PATH"), "HOME=" + filepath.Dir(w.work.Dir), "KUBECONFIG=" + kubeconfig}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "GIT_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		w.Fatalf("mage %v: exit status %d, want %d\n%s%s", args, got, status, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// checks runs verify:cluster.
func (w *world) checks(status int, kubeconfig string) map[string]report.Check {
	w.Helper()
	stdout, _ := w.mage(status, kubeconfig, "verify:cluster", "-json")
	var r report.Report
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || r.Command != "verify:cluster" || d.More() {
		w.Fatalf("%v: %s", err, stdout)
	}
	all := map[string]report.Check{}
	for _, c := range r.Checks {
		all[c.Name] = c
	}
	if len(all) != 18 {
		w.Errorf("%d checks", len(all))
	}
	return all
}

// stands checks that every check is ok but the named ones.
func (w *world) stands(all map[string]report.Check, others map[string]report.State) {
	w.Helper()
	for name, c := range all {
		want, named := others[name]
		if !named {
			want = report.OK
		}
		optional := name == "optional tools" && c.State == report.Skipped // as the machine is
		if c.State != want && !optional {
			w.Errorf("%s: %s, want %s: %s", name, c.State, want, c.Saw)
		}
	}
	for name := range others {
		if _, there := all[name]; !there {
			w.Errorf("no check %q", name)
		}
	}
}

func (w *world) has(c report.Check, saw, fix string) {
	w.Helper()
	if !strings.Contains(c.Saw, saw) {
		w.Errorf("%s: what was seen has no %q: %s", c.Name, saw, c.Saw)
	}
	if !strings.Contains(c.Fix, fix) {
		w.Errorf("%s: the fix has no %q: %s", c.Name, fix, c.Fix)
	}
}

// none of the applications here has a database.
func with(more map[string]report.State) map[string]report.State {
	all := map[string]report.State{"CloudNativePG": report.Skipped}
	for name, s := range more {
		all[name] = s
	}
	return all
}

// diff says in Argo CD's settings what the sandbox has as an argument.
func (w *world) diff() {
	w.apply("/api/v1/namespaces/argocd/configmaps", "argocd-cmd-params-cm",
		[]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\ndata: {controller.diff.server.side: \"true\"}\n"))
}

func TestAllIsWell(t *testing.T) {
	w := newWorld(t)
	w.diff()
	all := w.checks(0, "")
	w.stands(all, with(nil))
	w.has(all["API server"], "Kubernetes v1.", "")
	w.has(all["Argo CD's server"], "Argo CD v2.14.", "")
	w.has(all["Sealed Secrets Pods"], "version 0.40.0", "")
	w.has(all["pinned certificate"], "the controller's own", "")
	w.has(all["branch that Argo CD follows"], "shop follows main of origin, which is at HEAD", "")
	stdout, stderr := w.mage(0, "", "verify:cluster")
	if stderr != "" || !strings.HasPrefix(stdout, " 1  ok   kubeconfig                   context sealway-sandbox (https://127.0.0.1:") || !strings.Contains(stdout, "\n18 checks, ") {
		t.Errorf("stdout:\n%s\nstderr:\n%s", stdout, stderr)
	}
}

// TestFewRights has a ServiceAccount that may do nothing, and then what the roles
// say that verify:cluster shows.
func TestFewRights(t *testing.T) {
	w := newWorld(t)
	w.diff()
	bot := w.account()
	all := w.checks(3, bot)
	w.stands(all, with(map[string]report.State{
		"permissions of seal:*": report.Warned, "permissions of gitops:*": report.Failed, "permissions of verify:*": report.Failed,
		"Argo CD": report.Failed, "Argo CD's server": report.Skipped, "Argo CD's Pods": report.Skipped, "branch that Argo CD follows": report.Skipped,
		"Sealed Secrets Pods": report.Unknown,
	}))
	w.has(all["permissions of seal:*"], "not allowed: get sealedsecrets.bitnami.com, secrets in namespace shop (seal:all proves in a fresh clone what is unchanged", "kubectl apply -f -")
	w.has(all["permissions of gitops:*"], "create pods/portforward in namespace argocd (the tunnel)", "{kind: ServiceAccount, namespace: ci, name: bot}")
	w.has(all["permissions of verify:*"], "list pods, events, configmaps, secrets, ", "resources: [pods/log], verbs: [get]")
	w.has(all["Argo CD"], "not allowed to get services in namespace argocd", "")
	granted := 0
	for _, name := range []string{"permissions of seal:*", "permissions of gitops:*", "permissions of verify:*"} {
		_, manifest, _ := strings.Cut(all[name].Fix, ":\n")
		granted += w.grant(manifest)
	}
	if granted < 10 {
		t.Errorf("only %d objects", granted)
	}
	w.eventually("the API server knows the roles", func(ctx context.Context) (bool, error) { // their last is for this
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:               "system:serviceaccount:ci:bot",
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: "shop", Verb: "list", Resource: "pods"},
		}}
		review, err := platform.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed, err
	})
	w.stands(w.checks(0, bot), with(nil))
}

// account makes a ServiceAccount and returns a kubeconfig with its token.
func (w *world) account() string {
	w.Helper()
	ctx := w.Context()
	if err := platform.cluster.EnsureNamespace(ctx, "ci"); err != nil {
		w.Fatal(err)
	}
	accounts := platform.client.CoreV1().ServiceAccounts("ci")
	if _, err := accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "bot"}}, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := accounts.Delete(context.Background(), "bot", metav1.DeleteOptions{}); err != nil {
			w.Error(err)
		}
	})
	token, err := accounts.CreateToken(ctx, "bot", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return w.kubeconfig(func(text string) string {
		head, _, _ := strings.Cut(text, "users:\n")
		return head + "users:\n- name: sandbox-admin\n  user: {token: " + token.Status.Token + "}\n"
	})
}

// kubeconfig is the sandbox's with a change.
func (w *world) kubeconfig(change func(string) string) string {
	w.Helper()
	data, err := os.ReadFile(platform.up.Kubeconfig)
	if err != nil {
		w.Fatal(err)
	}
	changed := change(string(data))
	if changed == string(data) {
		w.Fatal("the kubeconfig has another form")
	}
	path := filepath.Join(w.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// grant applies the roles of a fix, and takes them away with the test.
func (w *world) grant(manifest string) int {
	w.Helper()
	var list struct{ Items []map[string]any }
	if err := yaml.Unmarshal([]byte(manifest), &list); err != nil {
		w.Fatalf("%v\n%s", err, manifest)
	}
	for _, o := range list.Items {
		meta := o["metadata"].(map[string]any)
		collection := "/apis/rbac.authorization.k8s.io/v1/"
		if ns, ok := meta["namespace"].(string); ok {
			collection += "namespaces/" + ns + "/"
		}
		collection += strings.ToLower(o["kind"].(string)) + "s"
		data, err := json.Marshal(o)
		if err != nil {
			w.Fatal(err)
		}
		name := meta["name"].(string)
		w.apply(collection, name, data)
		w.Cleanup(func() {
			if err := platform.cluster.Core.Delete().AbsPath(collection, name).Do(context.Background()).Error(); err != nil {
				w.Error(err)
			}
		})
	}
	return len(list.Items)
}

// TestControllerScaled has no Pod of the controller.
func TestControllerScaled(t *testing.T) {
	w := newWorld(t)
	w.diff()
	w.scale(0)
	t.Cleanup(func() {
		w.scale(1)
		if err := platform.up.RestartController(context.Background()); err != nil { // and wait
			t.Error(err)
		}
	})
	all := w.checks(3, "")
	w.stands(all, with(map[string]report.State{"Sealed Secrets Pods": report.Failed, "sealing certificate": report.Failed}))
	w.has(all["Sealed Secrets Pods"], "Deployment kube-system/sealed-secrets-controller is scaled to zero: nothing unseals", "`kubectl -n kube-system scale deployment sealed-secrets-controller --replicas=1`")
	w.has(all["sealing certificate"], "does not hand it out", "")
	w.has(all["pinned certificate"], "not compared with the controller's", "")
}

// scale scales the controller, and waits until its Service leads to as many Pods.
func (w *world) scale(replicas int) {
	patch := fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)
	_, err := platform.client.AppsV1().Deployments("kube-system").Patch(context.Background(), "sealed-secrets-controller", types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		w.Fatal(err)
	}
	w.eventually("the endpoints of the controller", func(ctx context.Context) (bool, error) {
		list, err := platform.client.DiscoveryV1().EndpointSlices("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=sealed-secrets-controller"})
		if err != nil {
			return false, err
		}
		n := 0
		for _, slice := range list.Items {
			for _, e := range slice.Endpoints {
				if e.Conditions.Ready == nil || *e.Conditions.Ready {
					n++
				}
			}
		}
		return n == replicas, nil
	})
}

// eventually polls a condition.
func (w *world) eventually(what string, met func(context.Context) (bool, error)) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // a test that has ended waits, too
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := met(ctx)
		if done {
			return
		}
		if err != nil {
			w.Fatalf("%s: %v", what, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.Fatalf("%s: not in time", what)
		}
	}
}

// TestArgoCDStopped has no ready Pod of Argo CD's server.
func TestArgoCDStopped(t *testing.T) {
	w := newWorld(t)
	w.diff()
	if err := platform.up.Stop(t.Context(), sandbox.ArgoCDServer); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := platform.up.Start(context.Background(), sandbox.ArgoCDServer); err != nil {
			t.Error(err)
		}
	})
	all := w.checks(3, "")
	w.stands(all, with(map[string]report.State{"Argo CD's server": report.Failed, "Argo CD's Pods": report.Failed}))
	w.has(all["Argo CD's server"], "argocd-server argocd/argocd-server does not answer", "kubectl -n argocd get endpointslices")
	w.has(all["Argo CD's Pods"], "argocd-server: no Pod is ready: Pod argocd-server-", "kubectl -n argocd describe pod argocd-server-")
}

// TestWrongCluster has kubeconfigs that lead nowhere.
func TestWrongCluster(t *testing.T) {
	w := newWorld(t)
	w.work.Write(".sealway.yaml", "context: nope\n")
	all := w.checks(4, "")
	w.has(all["kubeconfig"], "the setting `context` names nope, which the kubeconfig does not have; there are: sealway-sandbox", "SEALWAY_CONTEXT")
	w.has(all["API server"], "not looked at, because there is no usable kubeconfig", "")
	w.work.Write(".sealway.yaml", "context: sealway-sandbox\n")

	all = w.checks(4, w.kubeconfig(func(text string) string {
		return regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "127.0.0.1:1")
	}))
	w.has(all["API server"], "nothing listens at 127.0.0.1:1", "is the cluster up")
	all = w.checks(4, w.kubeconfig(func(text string) string {
		return regexp.MustCompile(`certificate-authority-data: .*`).ReplaceAllString(text, "insecure-skip-tls-verify: false")
	}))
	w.has(all["API server"], "its certificate comes from an authority that the kubeconfig does not have", "get the kubeconfig anew")
	all = w.checks(4, filepath.Join(t.TempDir(), "none"))
	w.has(all["kubeconfig"], "no kubeconfig names one", "set KUBECONFIG")

	other := w.kubeconfig(func(text string) string {
		return strings.Replace(text, "current-context: sealway-sandbox", "current-context: other", 1) // a context of another cluster
	})
	all = w.checks(0, other)
	w.has(all["kubeconfig"], "the setting `context` names sealway-sandbox, and kubectl's current context is other", "use-context")
}
