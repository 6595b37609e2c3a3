package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// TestArgoCD goes through the life of a sandbox with each Argo CD, and with its
// server in each mode.
func TestArgoCD(t *testing.T) {
	for _, o := range []Options{
		{ArgoCD: ArgoCD},
		{ArgoCD: ArgoCD3, ArgoCDInsecure: true},
	} {
		t.Run(string(o.ArgoCD), func(t *testing.T) {
			t.Parallel() // each waits more than it works
			newPlatformTest(t, o).parts([]part{
				{"Up", upWithArgoCD},
				{"OtherArgoCD", otherArgoCD},
				{"OnlyLoopback", onlyLoopback},
				{"Mode", serverMode},
				{"Deploy", deploy},
				{"NewCommit", newCommit},
				{"RestartServer", restartServer},
				{"StopServers", stopServers},
				{"Down", down},
			})
		})
	}
}

func upWithArgoCD(p *platformTest) {
	p.up()
	status := p.status()
	if !status.Running || len(status.Servers) != 11 {
		p.Errorf("status: %+v", status)
	}
	version := recipes()[p.options.ArgoCD].version
	for _, s := range status.Servers {
		if strings.HasPrefix(s.Name, "argocd-") && s.Version != version {
			p.Errorf("server: %+v", s)
		}
	}
	if said := p.run("", argocd, "version", "--client", "--short"); !strings.Contains(said, version) {
		p.Errorf("the command line client says %q", said)
	}
	if want := "file://" + filepath.Join(p.options.Dir, "repo.git"); p.sandbox.Repository != want {
		p.Errorf("its repository is %s, want %s", p.sandbox.Repository, want)
	}
}

func otherArgoCD(p *platformTest) {
	before := p.processes()
	same := p.options
	same.ArgoCDInsecure = !same.ArgoCDInsecure
	for _, o := range []Options{same, {Dir: p.options.Dir, ArgoCD: NoArgoCD}} {
		_, err := Up(p.ctx, o)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "it has Argo CD ") || e.Hint() == "" {
			p.Errorf("asked for %s: %v", o.describeArgoCD(), err)
		}
	}
	p.up()
	if after := p.processes(); !slices.Equal(before, after) {
		p.Errorf("the processes have changed: %v, %v", before, after)
	}
}

// serverMode asks as a client that wants to know the mode does.
func serverMode(p *platformTest) {
	want := http.StatusTemporaryRedirect
	if p.options.ArgoCDInsecure {
		want = http.StatusOK
	}
	for _, port := range []int{80, 443} {
		address := p.tunnel(ArgoCDNamespace, ArgoCDServer, port)
		if status, answer := get(p.T, "http://"+address+"/healthz"); status != want {
			p.Errorf("port %d answers %d, want %d: %s", port, status, want, answer)
		}
	}
}

// values are those of the Secrets that the two applications need.
func values() map[string]map[string]map[string]string {
	database := map[string]string{"username": "u", "password": "s3same"}
	return map[string]map[string]map[string]string{
		"litellm": {
			"litellm-secrets":                {"PROXY_MASTER_KEY": "s3same", "CA_VLLM_LOCAL_API_KEY": "s3same"},
			"litellm-salt":                   {"LITELLM_SALT_KEY": "s3same"},
			"cloudnative-pg-cluster-litellm": database,
		},
		"openwebui": {
			"openwebui-secrets":                {"OPENAI_API_KEY": "s3same", "WEBUI_SECRET_KEY": "s3same"},
			"cloudnative-pg-cluster-openwebui": database,
		},
	}
}

// deploy brings two of the project's own applications to life: between them
// they have hooks, waves, a Deployment, a StatefulSet with volumes, databases
// and SealedSecrets.
func deploy(p *platformTest) {
	r := newRepository(p.T, filepath.Join(filepath.Dir(p.options.Dir), "checkout"))
	for app, secrets := range values() {
		folder := filepath.Join(r.dir, "applications", app)
		if err := os.CopyFS(folder, os.DirFS(filepath.Join("../../applications", app))); err != nil {
			p.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(folder, "local-secrets")); err != nil {
			p.Fatal(err)
		}
		for name, values := range secrets {
			// Before all that needs them, as seal:all does it.
			first := strings.Replace(p.sealed(app, name, values), "\nmetadata:\n", "\nmetadata:\n  annotations: {argocd.argoproj.io/sync-wave: '-3'}\n", 1)
			r.write(filepath.Join("applications", app, "templates", "sealed-"+name+".yaml"), first)
		}
	}
	r.commit()
	p.register(r)
	for app := range values() {
		p.sync(app)
	}
	for app := range values() {
		p.wantDeployed(app, r.head())
	}
	job, err := p.client().BatchV1().Jobs("litellm").Get(p.ctx, "litellm-migrations", metav1.GetOptions{})
	if err != nil || job.Status.Succeeded != 1 {
		p.Errorf("the hook: %+v, %v", job.Status, err)
	}
}

func (p *platformTest) register(r *repository) {
	p.Helper()
	names, err := p.sandbox.Register(p.ctx, r.dir)
	if want := []string{"litellm", "openwebui"}; err != nil || !slices.Equal(names, want) {
		p.Fatalf("registered %v, %v; want %v", names, err, want)
	}
}

func (p *platformTest) applications() dynamic.ResourceInterface {
	return p.cluster.dynamic.Resource(resourceOf("argoproj.io/v1alpha1", "Application")).Namespace(ArgoCDNamespace)
}

// sync starts an operation as Argo CD's server does.
func (p *platformTest) sync(app string) {
	p.Helper()
	p.kubectl("", "-n", ArgoCDNamespace, "patch", "application", app, "--type=merge",
		`-p={"operation":{"sync":{"syncStrategy":{"hook":{}},"syncOptions":["CreateNamespace=true","ServerSideApply=true"]}}}`)
}

// wantDeployed waits until Argo CD says that all of an application is as in a
// commit, and healthy.
func (p *platformTest) wantDeployed(app, commit string) {
	p.Helper()
	p.eventually(app+" is Synced and Healthy", func() error {
		live, err := p.applications().Get(p.ctx, app, metav1.GetOptions{})
		if err != nil {
			return err
		}
		field := func(path ...string) string {
			value, _, _ := unstructured.NestedString(live.Object, append([]string{"status"}, path...)...)
			return value
		}
		got := []string{field("sync", "status"), field("health", "status"), field("sync", "revision"), field("operationState", "phase")}
		if want := []string{"Synced", "Healthy", commit, "Succeeded"}; !slices.Equal(got, want) {
			conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
			return fmt.Errorf("%v, want %v: %s %v", got, want, field("operationState", "message"), conditions)
		}
		return nil
	})
}

// newCommit brings a change of the repository to life.
func newCommit(p *platformTest) {
	r := &repository{p.T, filepath.Join(filepath.Dir(p.options.Dir), "checkout")}
	r.write("applications/litellm/templates/more.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n")
	r.commit()
	p.register(r)
	p.kubectl("", "-n", ArgoCDNamespace, "annotate", "application", "litellm", "argocd.argoproj.io/refresh=normal")
	p.eventually("the change is noticed", func() error {
		live, err := p.applications().Get(p.ctx, "litellm", metav1.GetOptions{})
		if err != nil {
			return err
		}
		revision, _, _ := unstructured.NestedString(live.Object, "status", "sync", "revision")
		if revision != r.head() {
			err = fmt.Errorf("it is at %s", revision)
		}
		return err
	})
	p.sync("litellm")
	p.wantDeployed("litellm", r.head())
}

// pods returns the Pods that stand for a server.
func (p *platformTest) pods(server string) []corev1.Pod {
	p.Helper()
	list, err := p.client().CoreV1().Pods(ArgoCDNamespace).List(p.ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + server})
	if err != nil {
		p.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
}

func restartServer(p *platformTest) {
	before, ids := p.pods(ArgoCDServer), p.processes()
	if err := p.sandbox.Restart(p.ctx, ArgoCDServer); err != nil {
		p.Fatal(err)
	}
	after := p.pods(ArgoCDServer)
	if len(before) != 1 || len(after) != 1 || before[0].Name == after[0].Name || after[0].Status.PodIP == "" {
		p.Errorf("before: %v\nafter: %v", before, after)
	}
	if now := p.processes(); slices.Equal(ids, now) {
		p.Errorf("the process is the same: %v", ids)
	}
	serverMode(p)
}

// stopServers has each of Argo CD's servers down, and comes back.
func stopServers(p *platformTest) {
	for _, server := range []string{ArgoCDServer, ArgoCDRepoServer, ArgoCDController} {
		if err := p.sandbox.Stop(p.ctx, server); err != nil {
			p.Fatal(err)
		}
		p.eventually("another Pod is pending", func() error {
			pods := p.pods(server)
			if len(pods) != 1 || pods[0].Status.Phase != corev1.PodPending {
				return fmt.Errorf("there are %d", len(pods))
			}
			return nil
		})
		for _, s := range p.status().Servers {
			if want := map[bool]supervise.State{true: supervise.Stopped, false: supervise.Running}[s.Name == server]; s.State != want {
				p.Errorf("%s stopped: %s is %s", server, s.Name, s.State)
			}
		}
		if server == ArgoCDServer && p.cluster.argocdHealth(p.ctx, p.options.ArgoCDInsecure) == nil {
			p.Error("the server can still be reached")
		}
		// Another one restarts while this is down.
		if err := p.sandbox.RestartController(p.ctx); err != nil {
			p.Errorf("with %s down: %v", server, err)
		}
		if err := p.sandbox.Start(p.ctx, server); err != nil {
			p.Fatal(err)
		}
		if pods := p.pods(server); len(pods) != 1 || pods[0].Status.Phase != corev1.PodRunning {
			p.Errorf("%s started: %v", server, pods)
		}
	}
	if !p.status().Running {
		p.Errorf("status: %+v", p.status())
	}
}
