package sandbox

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// supervisorID names the supervisor's process for good.
type supervisorID = supervise.ID

// The names of the two Nodes: the platform's own Pods are on KWOK, which only
// says that they run; the applications are on the kubelet.
const (
	kwokNode    = "kwok"
	kubeletNode = "kubelet"
)

// ports are what the servers listen on, on 127.0.0.1.
type ports struct {
	APIServer, KWOK, Kubelet, SealedSecrets, SealedSecretsMetrics int

	ArgoCD, ArgoCDMetrics, ArgoCDRepo, ArgoCDRepoMetrics, ArgoCDControllerMetrics int
}

// freePorts finds ports that are free now. Another process may take one before
// its server does; then Up tries again with others.
func freePorts(ctx context.Context) (ports, error) {
	var p ports
	for _, port := range []*int{
		&p.APIServer, &p.KWOK, &p.Kubelet, &p.SealedSecrets, &p.SealedSecretsMetrics,
		&p.ArgoCD, &p.ArgoCDMetrics, &p.ArgoCDRepo, &p.ArgoCDRepoMetrics, &p.ArgoCDControllerMetrics,
	} {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		// All stay open until the last is found, or two could be the same.
		defer l.Close()
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// controlPlane are the servers that make a cluster; the others need objects in
// it before they can start.
func controlPlane() []string { return []string{etcdProgram, apiServer} }

// processes returns all servers in the order in which they can be started.
func processes(l layout, s sandboxState, bin Binaries) []supervise.Process {
	all := []supervise.Process{
		etcdProcess(l, s),
		apiServerProcess(l, s),
		{Name: controllerManager, Argv: []string{
			"--kubeconfig=" + l.config(controllerManager),
			"--service-account-private-key-file=" + l.pki("accounts.key"),
			"--root-ca-file=" + l.pki("ca.crt"),
			"--use-service-account-credentials=false",
			"--controllers=*,-node-ipam-controller",
			"--leader-elect=false", "--secure-port=0", "--profiling=false",
			"--kube-api-qps=200", "--kube-api-burst=400",
		}},
		{Name: scheduler, Argv: []string{
			"--kubeconfig=" + l.config(scheduler),
			"--leader-elect=false", "--secure-port=0", "--profiling=false",
		}},
		{
			Name: kubelet,
			Argv: []string{
				"-kubeconfig=" + l.config(kubelet), "-node=" + kubeletNode,
				fmt.Sprintf("-port=%d", s.Ports.Kubelet), "-client-ca=" + l.pki("ca.crt"),
				"-tls-cert=" + l.pki("server.crt"), "-tls-key=" + l.pki("server.key"),
			},
			Env:     []string{"TMPDIR=/run/kubelet"},
			Isolate: true, Dirs: []string{"/run/kubelet"}, UserNamespace: !canReadKernelLog(),
		},
		{Name: kwok, Argv: []string{
			"--kubeconfig=" + l.config(kwok),
			"--config=" + l.config("kwok.yaml"),
			"--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
			"--server-address=" + loopback(s.Ports.KWOK),
			"--node-ip=127.0.0.1", fmt.Sprintf("--node-port=%d", s.Ports.KWOK),
			"--tls-cert-file=" + l.pki("server.crt"), "--tls-private-key-file=" + l.pki("server.key"),
			"--cidr=10.244.0.0/24",
			"--enable-crds=PortForward,ClusterPortForward",
		}},
		sealedSecretsProcess(l, s),
	}
	all = append(all, argocdProcesses(l, s, bin)...)
	for i := range all {
		p := &all[i]
		p.Argv = append([]string{bin[p.Name]}, p.Argv...)
		p.Log = l.log(p.Name)
		p.Env = withDefaults(p.Env, "HOME="+l.tmp(), "PATH=/usr/bin:/bin", "TMPDIR="+l.tmp())
	}
	return all
}

// withDefaults adds variables that are not set yet: of two with the same name,
// some programs take the first.
func withDefaults(env []string, defaults ...string) []string {
	for _, d := range defaults {
		name, _, _ := strings.Cut(d, "=")
		if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") }) {
			env = append(env, d)
		}
	}
	return env
}

// etcdProcess listens on Unix sockets alone: it has no notion of users, and
// everything that the cluster knows is in it.
func etcdProcess(l layout, s sandboxState) supervise.Process {
	peer := "unix://" + s.peer()
	return supervise.Process{Name: etcdProgram, Argv: []string{
		"--name=sandbox", "--data-dir=" + l.etcd(),
		"--listen-client-urls=unix://" + s.etcd(), "--advertise-client-urls=unix://" + s.etcd(),
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=sandbox=" + peer,
		// The data is gone with the sandbox anyway.
		"--unsafe-no-fsync",
		"--log-level=warn",
	}}
}

func apiServerProcess(l layout, s sandboxState) supervise.Process {
	return supervise.Process{Name: apiServer, Argv: append(s.auditFlags(l), []string{
		"--etcd-servers=unix://" + s.etcd(),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", s.Ports.APIServer),
		// Nothing reaches the API server by its Service, and it would not
		// take a loopback address for one of its endpoints.
		"--endpoint-reconciler-type=none",
		"--cert-dir=" + l.tmp(),
		"--tls-cert-file=" + l.pki("server.crt"), "--tls-private-key-file=" + l.pki("server.key"),
		"--client-ca-file=" + l.pki("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + l.pki("accounts.key"),
		"--service-account-signing-key-file=" + l.pki("accounts.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--allow-privileged",
		"--egress-selector-config-file=" + l.config("egress.yaml"),
		// For logs: the kubelet serves those to nobody else.
		"--kubelet-client-certificate=" + l.pki("kubelet-client.crt"), "--kubelet-client-key=" + l.pki("kubelet-client.key"),
		"--kubelet-certificate-authority=" + l.pki("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--profiling=false",
		"--shutdown-delay-duration=0s",
	}...)}
}

// auditFlags make the API server write down each request.
func (s sandboxState) auditFlags(l layout) []string {
	if !s.Audit {
		return nil
	}
	return []string{
		"--audit-policy-file=" + l.config("audit.yaml"), "--audit-log-path=" + l.audit(),
		// The tests that read it look for one file that is whole at once.
		"--audit-log-mode=blocking", "--audit-log-maxsize=1000",
	}
}

// sealedSecretsProcess reads the credentials of its service account from the
// path that it has in every container, so it gets a /run of its own.
func sealedSecretsProcess(l layout, s sandboxState) supervise.Process {
	const account = "/run/secrets/kubernetes.io/serviceaccount/"
	return supervise.Process{
		Name: sealedSecrets,
		Argv: []string{
			"--listen-addr=" + loopback(s.Ports.SealedSecrets),
			"--listen-metrics-addr=" + loopback(s.Ports.SealedSecretsMetrics),
		},
		Env: []string{
			"KUBERNETES_SERVICE_HOST=127.0.0.1", fmt.Sprintf("KUBERNETES_SERVICE_PORT=%d", s.Ports.APIServer),
			"POD_NAMESPACE=" + controllerNamespace, "TMPDIR=/run",
		},
		Isolate: true,
		Files: []supervise.File{
			{From: l.pki("sealed-secrets.token"), To: account + "token"},
			{From: l.pki("ca.crt"), To: account + "ca.crt"},
		},
	}
}

// canReadKernelLog says whether the kubelet finds what it insists on outside
// of a user namespace.
func canReadKernelLog() bool {
	f, err := os.Open("/dev/kmsg")
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// writeConfigs writes the files that the servers are started with.
func writeConfigs(l layout, s sandboxState, stageFiles []string) error {
	egress := fmt.Sprintf(egressConfig, s.egress())
	if err := os.WriteFile(l.config("egress.yaml"), []byte(egress), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(l.config("audit.yaml"), []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	documents := []string{kwokConfig, clusterStage}
	for _, file := range stageFiles {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		documents = append(documents, string(data))
	}
	return os.WriteFile(l.config("kwok.yaml"), []byte(strings.Join(documents, "\n---\n")), 0o600)
}
