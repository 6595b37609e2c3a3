package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// NoArgoCD is for Options: a sandbox without Argo CD is smaller and there
// sooner.
const NoArgoCD Product = "none"

// The servers of Argo CD, for Stop, Start and Restart.
const (
	ArgoCDServer     = "argocd-server"
	ArgoCDRepoServer = "argocd-repo-server"
	ArgoCDController = "argocd-application-controller"
)

// ArgoCDNamespace is where Argo CD and its Applications are.
const ArgoCDNamespace = "argocd"

// The ports of Argo CD's Pods.
const (
	argocdServerPort = 8080
	argocdRepoPort   = 8081
)

// withArgoCD says whether the sandbox has an Argo CD; one that an earlier
// version has started does not.
func (s sandboxState) withArgoCD() bool { return s.ArgoCD != "" && s.ArgoCD != NoArgoCD }

// argocdServers returns the servers that Argo CD consists of, in the order in
// which they are started.
func (s sandboxState) argocdServers() []string {
	if !s.withArgoCD() {
		return nil
	}
	return []string{redis, ArgoCDRepoServer, ArgoCDServer, ArgoCDController}
}

// argocdProcesses runs Argo CD's servers as a Deployment of its own would, but
// for the addresses, and with the repository server's TLS off: it is as good as
// in one Pod with the others.
func argocdProcesses(l layout, s sandboxState, bin Binaries) []supervise.Process {
	if !s.withArgoCD() {
		return nil
	}
	client := []string{
		"--kubeconfig=" + l.config(argocd), "--redis=" + s.redis(),
		"--repo-server=" + loopback(s.Ports.ArgoCDRepo), "--repo-server-plaintext",
	}
	server := append(client,
		"--address=127.0.0.1", "--port="+strconv.Itoa(s.Ports.ArgoCD),
		"--metrics-address=127.0.0.1", "--metrics-port="+strconv.Itoa(s.Ports.ArgoCDMetrics),
	)
	if s.ArgoCDInsecure {
		server = append(server, "--insecure")
	}
	all := []supervise.Process{
		{Name: redis, Argv: []string{"-socket=" + s.redis()}},
		{Name: ArgoCDRepoServer, Argv: []string{
			"--redis=" + s.redis(), "--disable-tls",
			"--address=127.0.0.1", "--port=" + strconv.Itoa(s.Ports.ArgoCDRepo),
			"--metrics-address=127.0.0.1", "--metrics-port=" + strconv.Itoa(s.Ports.ArgoCDRepoMetrics),
		}},
		{Name: ArgoCDServer, Argv: server},
		{Name: ArgoCDController, Argv: append(client[:len(client):len(client)],
			"--metrics-port="+strconv.Itoa(s.Ports.ArgoCDControllerMetrics),
			"--app-resync=60", "--status-processors=4",
			// By itself it knows the fields of its own time, and takes
			// those of a newer Kubernetes for differences or mistakes.
			"--server-side-diff-enabled",
		)},
	}
	for i := range all {
		if all[i].Name != redis {
			all[i].Env = argocdEnv(l, s, bin)
		}
	}
	return all
}

// argocdEnv keeps everything that Argo CD reads and writes inside of the
// sandbox's directory.
func argocdEnv(l layout, s sandboxState, bin Binaries) []string {
	programs := []string{filepath.Dir(bin[gitAskPass]), filepath.Dir(bin[helm]), filepath.Dir(s.Git), "/usr/bin", "/bin"}
	return append(l.gitEnv(),
		"PATH="+strings.Join(programs, ":"),
		// The cluster that Applications call https://kubernetes.default.svc
		// is the kubeconfig's.
		"ARGOCD_FAKE_IN_CLUSTER=true", "KUBECONFIG="+l.config(argocd),
		"ARGOCD_ASK_PASS_SOCK="+s.askPass(),
		"ARGOCD_GPG_ENABLED=false", "ARGOCD_GNUPGHOME="+l.argocd("gnupg"),
		"ARGOCD_TLS_DATA_PATH="+l.argocd("tls"), "ARGOCD_SSH_DATA_PATH="+l.argocd("ssh"),
		"ARGOCD_APP_CONF_PATH="+l.argocd("config"), "ARGOCD_PLUGINSOCKFILEPATH="+l.argocd("plugins"),
	)
}

// argocdForward makes a port-forward to one of Argo CD's Pods reach its
// process.
func argocdForward(p ports) []byte {
	return fmt.Appendf(nil, `apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterPortForward
metadata:
  name: argocd
spec:
  selector:
    matchNamespaces: [%s]
  forwards:
  - ports: [%d]
    target: {address: 127.0.0.1, port: %d}
  - ports: [%d]
    target: {address: 127.0.0.1, port: %d}
`, ArgoCDNamespace, argocdServerPort, p.ArgoCD, argocdRepoPort, p.ArgoCDRepo)
}

// populateArgoCD makes the objects of Argo CD.
func (s *Sandbox) populateArgoCD(ctx context.Context, c *cluster, entries []entry) error {
	if !s.state.withArgoCD() {
		return nil
	}
	if _, err := c.apply(ctx, argocdManifests); err != nil {
		return err
	}
	if err := c.applyFiles(ctx, manifests(entries, argocdObjects), ArgoCDNamespace); err != nil {
		return err
	}
	// The server would make it, but the controller may look first.
	if err := c.applyObject(ctx, argocdConfig("Secret", "argocd-secret", "server.secretkey", rand.Text())); err != nil {
		return err
	}
	if !s.state.ArgoCDInsecure {
		return nil
	}
	// Where an installation says so; the process has it as an argument.
	return c.applyObject(ctx, argocdConfig("ConfigMap", "argocd-cmd-params-cm", "server.insecure", "true"))
}

// argocdConfig is one of Argo CD's settings.
func argocdConfig(kind, name, key, value string) *unstructured.Unstructured {
	field := map[string]string{"Secret": "stringData", "ConfigMap": "data"}[kind]
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": kind,
		"metadata": map[string]any{
			"name": name, "namespace": ArgoCDNamespace,
			"labels": map[string]any{"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "argocd"},
		},
		field: map[string]any{key: value},
	}}
}

// argocdConditions are those under which Argo CD is ready.
func (s *Sandbox) argocdConditions(c *cluster) []condition {
	if !s.state.withArgoCD() {
		return nil
	}
	var all []condition
	for _, server := range []struct {
		name string
		port int
		path string
	}{
		{ArgoCDRepoServer, s.state.Ports.ArgoCDRepoMetrics, "/healthz?full=true"},
		{ArgoCDServer, s.state.Ports.ArgoCD, "/healthz"},
		{ArgoCDController, s.state.Ports.ArgoCDControllerMetrics, "/healthz"},
	} {
		all = append(all,
			condition{server.name, server.name, func(ctx context.Context) error { return healthy(ctx, server.port, server.path) }},
			condition{"the Pod of " + server.name, server.name, func(ctx context.Context) error { return c.admit(ctx, ArgoCDNamespace, server.name) }},
		)
	}
	return append(all,
		condition{"the password of Argo CD", ArgoCDServer, func(ctx context.Context) error {
			return c.exists(ctx, "v1", "Secret", ArgoCDNamespace, "argocd-initial-admin-secret")
		}},
		condition{"the project of Argo CD", ArgoCDServer, func(ctx context.Context) error {
			return c.exists(ctx, "argoproj.io/v1alpha1", "AppProject", ArgoCDNamespace, "default")
		}},
	)
}

// healthy asks a process itself whether it is healthy. A redirect is a yes too:
// it is what a server with TLS says to plain HTTP.
func healthy(ctx context.Context, port int, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+loopback(port)+path, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s: answers %s", path, resp.Status)
	}
	return nil
}

func (o Options) describeArgoCD() string { return describeArgoCD(o.ArgoCD, o.ArgoCDInsecure) }

func (s sandboxState) describeArgoCD() string { return describeArgoCD(s.ArgoCD, s.ArgoCDInsecure) }

// describeArgoCD names an Argo CD in a sentence.
func describeArgoCD(product Product, insecure bool) string {
	recipe, ok := recipes()[product]
	switch {
	case !ok:
		return "no Argo CD"
	case insecure:
		return "Argo CD " + recipe.version + " without TLS"
	}
	return "Argo CD " + recipe.version
}
