// Command kubelet is the kubelet of a sandbox: the real one over a runtime
// that only pretends to run containers. It mounts volumes, resolves
// environments and records events as on any node, so that a Pod with a missing
// ConfigMap or key fails here as it would there.
//
// A pretended container runs until it is stopped, and its probes succeed; init
// containers and those of Jobs end well at once.
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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	apitest "k8s.io/cri-api/pkg/apis/testing"
	remote "k8s.io/cri-client/pkg"
	fakeremote "k8s.io/cri-client/pkg/fake"
	"k8s.io/klog/v2"
	kubelettypes "k8s.io/kubelet/pkg/types"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	probetest "k8s.io/kubernetes/pkg/kubelet/prober/testing"
	"k8s.io/kubernetes/pkg/kubemark"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	node := flag.String("node", "kubelet", "name of the Node")
	flag.Parse()
	if err := run(context.Background(), *kubeconfig, *node); err != nil {
		fmt.Fprintln(os.Stderr, "kubelet:", err)
		os.Exit(1)
	}
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

func run(ctx context.Context, kubeconfig, node string) error {
	// An ordinary user's kubelet runs in a user namespace, where some files
	// of the machine are out of reach.
	if err := utilfeature.DefaultMutableFeatureGate.Set("KubeletInUserNamespace=true"); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.UserAgent = "kubelet"
	config.QPS, config.Burst = 50, 100
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return err
	}
	heartbeats := *config
	heartbeats.QPS, heartbeats.Timeout = -1, 10*time.Second
	heartbeatClient, err := clientset.NewForConfig(&heartbeats)
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
		NodeName: node,
		MaxPods:  200,
	})
	if err := move(flags, configuration); err != nil {
		return err
	}
	flags.NodeIP = "127.0.0.1"
	// Nobody asks it, but without one each Pod gets a warning.
	configuration.ClusterDNS = []string{"10.96.0.10"}
	// Nothing can be asked of pretended containers, so nothing listens.
	configuration.EnableServer = false
	configuration.Address = "127.0.0.1"
	configuration.SyncFrequency.Duration = 5 * time.Second
	configuration.NodeStatusUpdateFrequency.Duration = 5 * time.Second

	hollow := kubemark.NewHollowKubelet(flags, configuration, client, heartbeatClient,
		&machine{cadvisortest.Fake{NodeName: node}}, fake.ImageService,
		finisher{RuntimeService: runtime, fake: fake.RuntimeService, client: client},
		cm.NewStubContainerManager())
	hollow.KubeletDeps.ProbeManager = probes{}
	// Without a recorder of its own the kubelet makes one that sends events
	// to the API server; the one that comes with kubemark drops them.
	hollow.KubeletDeps.Recorder = nil
	hollow.KubeletDeps.EventClient = client.CoreV1()
	hollow.Run(ctx)
	return nil
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

// probes lets every probe of a running container succeed. The one that comes
// with kubemark also says that containers are ready which never started.
type probes struct{ probetest.FakeManager }

func (probes) UpdatePodStatus(_ context.Context, _ *v1.Pod, status *v1.PodStatus) {
	for i := range status.ContainerStatuses {
		c := &status.ContainerStatuses[i]
		running := c.State.Running != nil
		c.Ready, c.Started = running, &running
	}
	for i := range status.InitContainerStatuses {
		c := &status.InitContainerStatuses[i]
		running := c.State.Running != nil
		c.Started = &running
		c.Ready = running || c.State.Terminated != nil && c.State.Terminated.ExitCode == 0
	}
}

// finisher ends the containers that have something to get done.
type finisher struct {
	internalapi.RuntimeService
	fake   *apitest.FakeRuntimeService
	client clientset.Interface
}

func (f finisher) StartContainer(ctx context.Context, id string) error {
	if err := f.RuntimeService.StartContainer(ctx, id); err != nil {
		return err
	}
	labels := f.labels(id)
	pod, err := f.client.CoreV1().Pods(labels[kubelettypes.KubernetesPodNamespaceLabel]).
		Get(ctx, labels[kubelettypes.KubernetesPodNameLabel], metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("pod of container %s: %w", id, err)
	}
	if finishes(pod, labels[kubelettypes.KubernetesContainerNameLabel]) {
		f.finish(id)
	}
	return nil
}

// finishes says whether a container of the pod is one that ends by itself.
func finishes(pod *v1.Pod, container string) bool {
	for _, c := range pod.Spec.InitContainers {
		if c.Name == container {
			return c.RestartPolicy == nil || *c.RestartPolicy != v1.ContainerRestartPolicyAlways
		}
	}
	return pod.Spec.RestartPolicy != v1.RestartPolicyAlways
}

func (f finisher) labels(id string) map[string]string {
	f.fake.Lock()
	defer f.fake.Unlock()
	if c := f.fake.Containers[id]; c != nil {
		return c.Labels
	}
	return nil
}

func (f finisher) finish(id string) {
	f.fake.Lock()
	defer f.fake.Unlock()
	if c := f.fake.Containers[id]; c != nil {
		c.State = runtimeapi.ContainerState_CONTAINER_EXITED
		c.ExitCode, c.Reason = 0, "Completed"
		c.FinishedAt = time.Now().UnixNano()
	}
}
