// Command kubelet is the kubelet of a sandbox: the real one over a runtime
// that only pretends to run containers. It mounts volumes, resolves
// environments and records events as on any node, so that a Pod with a missing
// ConfigMap or key fails here as it would there.
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

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	remote "k8s.io/cri-client/pkg"
	fakeremote "k8s.io/cri-client/pkg/fake"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
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
	flags.NodeIP = "127.0.0.1"
	// Nothing can be asked of pretended containers, so nothing listens.
	configuration.EnableServer = false
	configuration.Address = "127.0.0.1"
	configuration.SyncFrequency.Duration = 5 * time.Second
	configuration.NodeStatusUpdateFrequency.Duration = 5 * time.Second

	hollow := kubemark.NewHollowKubelet(flags, configuration, client, heartbeatClient,
		&cadvisortest.Fake{NodeName: node}, fake.ImageService, runtime, cm.NewStubContainerManager())
	// Without a recorder of its own the kubelet makes one that sends events
	// to the API server; the one that comes with kubemark drops them.
	hollow.KubeletDeps.Recorder = nil
	hollow.KubeletDeps.EventClient = client.CoreV1()
	hollow.Run(ctx)
	return nil
}
