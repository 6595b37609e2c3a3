package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/record"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/kubelet/events"
	probetest "k8s.io/kubernetes/pkg/kubelet/prober/testing"
)

// probes lets every probe of a running container succeed, but those that the
// container's arguments make fail. The one that comes with kubemark also says that
// containers are ready which never started.
type probes struct {
	probetest.FakeManager

	containers *containers
	recorder   record.EventRecorder

	mu   sync.Mutex
	told map[string]time.Time // when a container's failure was told last
}

// AddPod is called before each attempt to bring the Pod's containers up.
func (p *probes) AddPod(_ context.Context, pod *v1.Pod) { p.containers.addPod(pod) }

// RemovePod is called when the Pod has ended.
func (p *probes) RemovePod(pod *v1.Pod) { p.containers.removePod(pod.UID) }

// CleanupPods is called now and then.
func (p *probes) CleanupPods(desired map[types.UID]sets.Empty) {
	p.containers.mu.Lock()
	defer p.containers.mu.Unlock()
	for uid := range p.containers.pods {
		if _, ok := desired[uid]; !ok {
			delete(p.containers.pods, uid)
		}
	}
}

// UpdatePodStatus fills in what probes decide.
func (p *probes) UpdatePodStatus(_ context.Context, pod *v1.Pod, status *v1.PodStatus) {
	for i := range status.ContainerStatuses {
		c := &status.ContainerStatuses[i]
		running := c.State.Running != nil
		started, ready := running, running
		if running {
			started, ready = p.probe(pod, c)
		}
		c.Ready, c.Started = ready, &started
	}
	for i := range status.InitContainerStatuses {
		c := &status.InitContainerStatuses[i]
		running := c.State.Running != nil
		c.Started = &running
		c.Ready = running || c.State.Terminated != nil && c.State.Terminated.ExitCode == 0
	}
}

// probe says whether the startup probe and the readiness probe of a running
// container succeed.
func (p *probes) probe(pod *v1.Pod, status *v1.ContainerStatus) (started, ready bool) {
	i := slices.IndexFunc(pod.Spec.Containers, func(c v1.Container) bool { return c.Name == status.Name })
	if i < 0 {
		return true, true
	}
	container := &pod.Spec.Containers[i]
	_, id, _ := strings.Cut(status.ContainerID, "://")
	o := p.containers.outcome(id)
	since := status.State.Running.StartedAt.Time
	if text := o.fails(container, container.StartupProbe); text != "" {
		p.tell(pod, container, container.StartupProbe, id, since, "Startup probe failed: "+text)
		return false, false
	}
	if text := o.fails(container, container.ReadinessProbe); text != "" {
		p.tell(pod, container, container.ReadinessProbe, id, since, "Readiness probe failed: "+text)
		return true, false
	}
	return true, true
}

// tell records the failure as often as the probe is due, at most as often as the
// kubelet looks at the Pod.
func (p *probes) tell(pod *v1.Pod, container *v1.Container, probe *v1.Probe, id string, since time.Time, text string) {
	period := max(time.Duration(probe.PeriodSeconds)*time.Second, time.Second)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(since) < time.Duration(probe.InitialDelaySeconds)*time.Second || now.Sub(p.told[id]) < period {
		return
	}
	p.told[id] = now
	if ref, err := kubecontainer.GenerateContainerRef(pod, container); err == nil {
		p.recorder.Event(ref, v1.EventTypeWarning, events.ContainerUnhealthy, text)
	}
}

// fails says why a probe does not succeed, in the kubelet's words, and nothing
// when it does.
func (o outcome) fails(container *v1.Container, probe *v1.Probe) string {
	if probe == nil {
		return ""
	}
	if web := probe.HTTPGet; web != nil {
		port := portOf(container, web.Port)
		if !o.listens(port) {
			scheme := strings.ToLower(string(web.Scheme))
			return fmt.Sprintf("Get %q: dial tcp %s: connect: connection refused", scheme+"://"+address(port)+web.Path, address(port))
		}
		if o.health != 0 && (o.health < 200 || o.health >= 400) {
			return fmt.Sprintf("HTTP probe failed with statuscode: %d", o.health)
		}
	}
	if socket := probe.TCPSocket; socket != nil {
		if port := portOf(container, socket.Port); !o.listens(port) {
			return fmt.Sprintf("dial tcp %s: connect: connection refused", address(port))
		}
	}
	return ""
}

func (o outcome) listens(port int) bool { return o.ports == nil || slices.Contains(o.ports, port) }

// address is that of every Pod, as the fake runtime gives all the same.
func address(port int) string { return net.JoinHostPort("192.168.192.168", strconv.Itoa(port)) }

func portOf(container *v1.Container, port intstr.IntOrString) int {
	if port.Type == intstr.Int {
		return port.IntValue()
	}
	for _, p := range container.Ports {
		if p.Name == port.StrVal {
			return int(p.ContainerPort)
		}
	}
	return 0
}
