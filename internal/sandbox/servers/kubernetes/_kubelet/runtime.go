package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	apitest "k8s.io/cri-api/pkg/apis/testing"
	kubelettypes "k8s.io/kubelet/pkg/types"
)

// images gives every image, but those of the registry that ask for a refusal.
type images struct {
	internalapi.ImageManagerService
}

func (i images) PullImage(ctx context.Context, image *runtimeapi.ImageSpec, auth *runtimeapi.AuthConfig, sandbox *runtimeapi.PodSandboxConfig) (string, error) {
	if text := refusal(image.Image, auth != nil); text != "" {
		code := codes.Unknown
		if strings.HasSuffix(text, ": not found") {
			code = codes.NotFound
		}
		return "", status.Error(code, text)
	}
	return i.ImageManagerService.PullImage(ctx, image, auth, sandbox)
}

// containers pretends to run containers: it ends those that have something to get
// done, and plays what those of the registry ask for.
type containers struct {
	internalapi.RuntimeService
	fake *apitest.FakeRuntimeService

	mu       sync.Mutex
	pods     map[types.UID]*v1.Pod // those that the kubelet has at work
	outcomes map[string]outcome    // by the container's ID
}

func newContainers(runtime internalapi.RuntimeService, fake *apitest.FakeRuntimeService) *containers {
	return &containers{RuntimeService: runtime, fake: fake, pods: map[types.UID]*v1.Pod{}, outcomes: map[string]outcome{}}
}

func (c *containers) addPod(pod *v1.Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods[pod.UID] = pod
}

func (c *containers) removePod(uid types.UID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pods, uid)
}

func (c *containers) outcome(id string) outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outcomes[id]
}

// CreateContainer also makes the log, empty, where the kubelet will read it.
func (c *containers) CreateContainer(ctx context.Context, sandbox string, config *runtimeapi.ContainerConfig, sandboxConfig *runtimeapi.PodSandboxConfig) (string, error) {
	id, err := c.RuntimeService.CreateContainer(ctx, sandbox, config, sandboxConfig)
	if err != nil {
		return "", err
	}
	log := filepath.Join(sandboxConfig.LogDirectory, config.LogPath)
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		return "", err
	}
	c.fake.Lock()
	if container := c.fake.Containers[id]; container != nil {
		container.LogPath = log
	}
	c.fake.Unlock()
	if o := c.plan(config, sandboxConfig); o != nil {
		c.mu.Lock()
		c.outcomes[id] = *o
		c.mu.Unlock()
	}
	return id, nil
}

// plan says how the container will fare; nil when it just runs. The kubelet has
// told of the Pod before: nothing is asked of the API server here, whose answer
// could be missing when a container has started already, and so would its end.
func (c *containers) plan(config *runtimeapi.ContainerConfig, sandbox *runtimeapi.PodSandboxConfig) *outcome {
	c.mu.Lock()
	pod := c.pods[types.UID(sandbox.GetMetadata().GetUid())]
	c.mu.Unlock()
	var o outcome
	image := config.GetImage()
	asks := strings.HasPrefix(image.GetUserSpecifiedImage(), registry) || strings.HasPrefix(image.GetImage(), registry)
	if asks {
		o = interpret(config.Command, config.Args, config.GetLinux().GetResources().GetMemoryLimitInBytes())
	}
	if pod != nil && !o.ends && !o.stays && o.start == "" && finishes(pod, config.Labels[kubelettypes.KubernetesContainerNameLabel]) {
		o.exit(0, "Completed")
	} else if !asks {
		return nil
	}
	return &o
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

func (c *containers) StartContainer(ctx context.Context, id string) error {
	if err := c.RuntimeService.StartContainer(ctx, id); err != nil {
		return err
	}
	o := c.outcome(id)
	c.fake.Lock()
	defer c.fake.Unlock()
	container := c.fake.Containers[id]
	if container == nil {
		return fmt.Errorf("container %s: it is gone", id)
	}
	if err := writeLog(container.LogPath, o.lines); err != nil {
		return err
	}
	if o.start != "" {
		end(container, 128, "StartError")
		container.Message = o.start
		return status.Error(codes.Unknown, o.start)
	}
	if o.ends {
		end(container, o.code, o.reason)
	}
	return nil
}

func (c *containers) RemoveContainer(ctx context.Context, id string) error {
	c.mu.Lock()
	delete(c.outcomes, id)
	c.mu.Unlock()
	return c.RuntimeService.RemoveContainer(ctx, id)
}

func end(c *apitest.FakeContainer, code int32, reason string) {
	c.State = runtimeapi.ContainerState_CONTAINER_EXITED
	c.ExitCode, c.Reason = code, reason
	c.FinishedAt = time.Now().UnixNano()
}

// writeLog writes lines as every container runtime does.
func writeLog(path string, lines []string) error {
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "%s stdout F %s\n", time.Now().UTC().Format(time.RFC3339Nano), line)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}
