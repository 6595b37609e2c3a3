// Command kubelet is the kubelet of a sandbox: the real one over a runtime
// that only pretends to run containers. It mounts volumes, resolves
// environments and records events as on any node, so that a Pod with a missing
// ConfigMap or key fails here as it would there.
//
// A pretended container runs until it is stopped, and its probes succeed; init
// containers and those of Jobs end well at once. Only one whose image is from the
// registry pretend.test can fare otherwise: its arguments say how (see interpret),
// its tag that it cannot be pulled (see refusal).
//
// Everything it writes goes below os.TempDir.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	cadvisorapi "github.com/google/cadvisor/lib/model"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	clientset "k8s.io/client-go/kubernetes"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	remote "k8s.io/cri-client/pkg"
	fakeremote "k8s.io/cri-client/pkg/fake"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubemark"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/mount-utils"
)

func main() {
	var s settings
	flag.StringVar(&s.kubeconfig, "kubeconfig", "", "path of the kubeconfig")
	flag.StringVar(&s.node, "node", "kubelet", "name of the Node")
	flag.IntVar(&s.port, "port", 0, "port on which it serves logs")
	flag.StringVar(&s.ca, "client-ca", "", "path of the certificate of whoever signs its clients'")
	flag.StringVar(&s.cert, "tls-cert", "", "path of its certificate")
	flag.StringVar(&s.key, "tls-key", "", "path of its key")
	flag.Parse()
	if err := run(context.Background(), s); err != nil {
		fmt.Fprintln(os.Stderr, "kubelet:", err)
		os.Exit(1)
	}
}

// settings are those of the command line.
type settings struct {
	kubeconfig, node string
	port             int
	ca, cert, key    string
}

// machine has room for whatever is pretended to run on it; kubemark's has one core
// and 3.75 GiB, which three applications fill.
type machine struct{ cadvisortest.Fake }

func (m *machine) MachineInfo(logger klog.Logger) (*cadvisorapi.MachineInfo, error) {
	info, err := m.Fake.MachineInfo(logger)
	if err == nil {
		info.NumCores, info.MemoryCapacity = 64, 256<<30
	}
	return info, err
}

// files looks at the volumes that the kubelet has made, for a mount of a part of one;
// kubemark's knows none.
type files struct{ *hostutil.FakeHostUtil }

func (files) PathExists(path string) (bool, error) { return mount.PathExists(path) }

func (files) GetMode(path string) (os.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}

func run(ctx context.Context, s settings) error {
	// An ordinary user's kubelet runs in a user namespace, where some files
	// of the machine are out of reach.
	if err := utilfeature.DefaultMutableFeatureGate.Set("KubeletInUserNamespace=true"); err != nil {
		return err
	}
	client, heartbeats, err := clients(s.kubeconfig)
	if err != nil {
		return err
	}
	endpoint := "unix://" + filepath.Join(os.TempDir(), "runtime.sock")
	fake := fakeremote.NewFakeRemoteRuntime()
	if err := fake.Start(endpoint); err != nil {
		return fmt.Errorf("fake runtime: %w", err)
	}
	defer fake.Stop()
	runtime, err := remote.NewRemoteRuntimeServiceBuilder().
		WithEndpoint(endpoint).
		WithConnectionTimeout(15 * time.Second).
		Build(ctx)
	if err != nil {
		return fmt.Errorf("fake runtime: %w", err)
	}

	flags, configuration := kubemark.GetHollowKubeletConfig(&kubemark.HollowKubeletOptions{
		NodeName: s.node,
		MaxPods:  200,
	})
	if err := configure(flags, configuration, s); err != nil {
		return err
	}
	containers := newContainers(runtime, fake.RuntimeService)
	hollow := kubemark.NewHollowKubelet(flags, configuration, client, heartbeats,
		&machine{cadvisortest.Fake{NodeName: s.node}}, images{fake.ImageService}, containers,
		cm.NewStubContainerManager())
	hollow.KubeletDeps.ProbeManager = &probes{
		containers: containers, recorder: recorder(ctx, client, s.node), told: map[string]time.Time{},
	}
	hollow.KubeletDeps.HostUtil = files{hostutil.NewFakeHostUtil(nil)}
	// Without a recorder of its own the kubelet makes one that sends events
	// to the API server; the one that comes with kubemark drops them.
	hollow.KubeletDeps.Recorder = nil
	hollow.KubeletDeps.EventClient = client.CoreV1()
	if err := serve(ctx, hollow, client, s.node); err != nil {
		return fmt.Errorf("serve logs: %w", err)
	}
	hollow.Run(ctx)
	return nil
}

// clients are the kubelet's two: its heartbeats do not wait for anything else.
func clients(kubeconfig string) (client, heartbeats *clientset.Clientset, err error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.UserAgent = "kubelet"
	config.QPS, config.Burst = 50, 100
	if client, err = clientset.NewForConfig(config); err != nil {
		return nil, nil, err
	}
	quick := *config
	quick.QPS, quick.Timeout = -1, 10*time.Second
	heartbeats, err = clientset.NewForConfig(&quick)
	return client, heartbeats, err
}

func configure(flags *options.KubeletFlags, configuration *kubeletconfig.KubeletConfiguration, s settings) error {
	if err := move(flags, configuration); err != nil {
		return err
	}
	flags.NodeIP = "127.0.0.1"
	// Nobody asks it, but without one each Pod gets a warning.
	configuration.ClusterDNS = []string{"10.96.0.10"}
	configuration.SyncFrequency.Duration = 5 * time.Second
	configuration.NodeStatusUpdateFrequency.Duration = 5 * time.Second
	// No registry is spared by a limit, and with the default the last of a dozen
	// Pods that come at once waits for its images for seconds.
	configuration.RegistryPullQPS, configuration.RegistryBurst = 0, 0

	configuration.EnableServer = true
	configuration.Address = "127.0.0.1"
	configuration.Port = int32(s.port)
	configuration.TLSCertFile, configuration.TLSPrivateKeyFile = s.cert, s.key
	configuration.Authentication.Anonymous.Enabled = false
	configuration.Authentication.Webhook.Enabled = true
	configuration.Authentication.X509.ClientCAFile = s.ca
	configuration.Authorization.Mode = kubeletconfig.KubeletAuthorizationModeWebhook
	return nil
}

// serve makes the kubelet ask who wants something of it, as any does: kubemark's
// answers everybody.
func serve(ctx context.Context, hollow *kubemark.HollowKubelet, client clientset.Interface, node string) error {
	auth, reload, err := app.BuildAuth(types.NodeName(node), client, *hollow.KubeletConfiguration)
	if err != nil {
		return err
	}
	reload(ctx.Done())
	hollow.KubeletDeps.Auth = auth
	hollow.KubeletDeps.TLSOptions, err = app.InitializeTLS(ctx, hollow.KubeletFlags, hollow.KubeletConfiguration)
	return err
}

// recorder sends the events of probes, under the kubelet's name.
func recorder(ctx context.Context, client clientset.Interface, node string) record.EventRecorder {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcore.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return broadcaster.NewRecorder(legacyscheme.Scheme, v1.EventSource{Component: "kubelet", Host: node})
}

// move puts all that the kubelet writes below os.TempDir: the folder that
// kubemark has made is always in /tmp, where Secrets would be left.
func move(flags *options.KubeletFlags, configuration *kubeletconfig.KubeletConfiguration) error {
	if err := os.RemoveAll(flags.RootDirectory); err != nil {
		return err
	}
	flags.RootDirectory = filepath.Join(os.TempDir(), "root")
	configuration.StaticPodPath = filepath.Join(os.TempDir(), "static-pods")
	configuration.PodLogsDir = filepath.Join(os.TempDir(), "pod-logs")
	for _, dir := range []string{flags.RootDirectory, configuration.StaticPodPath, configuration.PodLogsDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}
