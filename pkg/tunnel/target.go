package tunnel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// target is a port of a Pod.
type target struct {
	pod  string
	uid  types.UID
	port int
}

// choose resolves the Service to one of its usable Pods, the one that became
// Ready last; each further attempt in a row takes the next.
func (o Options) choose(ctx context.Context, attempt int) (target, error) {
	svc := &corev1.Service{}
	err := o.Core.Get().Namespace(o.Namespace).Resource("services").Name(o.Service).Do(ctx).Into(svc)
	switch {
	case apierrors.IsNotFound(err):
		return target{}, &MissingError{o.Namespace, o.Service}
	case err != nil:
		return target{}, o.access(err, "get", "services")
	}
	port, err := o.servicePort(svc)
	if err != nil {
		return target{}, err
	}
	pods, err := o.pods(ctx, "labelSelector", labels.FormatLabels(svc.Spec.Selector))
	if err != nil {
		return target{}, o.access(err, "list", "pods")
	}
	usable, states := split(pods)
	if len(usable) == 0 {
		return target{}, &NoPodError{o.Namespace, o.Service, labels.FormatLabels(svc.Spec.Selector), states}
	}
	pod := usable[attempt%len(usable)]
	number, err := o.podPort(port, pod)
	return target{pod.Name, pod.UID, number}, err
}

func (o Options) access(err error, verb, resource string) error {
	return &AccessError{Object: o.object(), Verb: verb, Resource: resource, Namespace: o.Namespace, Cause: err}
}

// pods lists those that a label or field selector picks.
func (o Options) pods(ctx context.Context, kind, selector string) ([]corev1.Pod, error) {
	var list corev1.PodList
	err := o.Core.Get().Namespace(o.Namespace).Resource("pods").Param(kind, selector).Do(ctx).Into(&list)
	return list.Items, err
}

// servicePort finds the port by name, by number, or as the only one.
func (o Options) servicePort(svc *corev1.Service) (*corev1.ServicePort, error) {
	e := &PortError{Namespace: o.Namespace, Service: o.Service, Port: o.Port}
	var found []*corev1.ServicePort
	for i := range svc.Spec.Ports {
		p := &svc.Spec.Ports[i]
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
			continue
		}
		number := strconv.Itoa(int(p.Port))
		e.Ports = append(e.Ports, strings.TrimSpace(p.Name+" ("+number+")"))
		if o.Port == "" || o.Port == p.Name || o.Port == number {
			found = append(found, p)
		}
	}
	switch {
	case len(svc.Spec.Selector) == 0:
		e.Reason, e.Ports = "it selects no Pods, so there is nothing to forward to", nil
	case len(found) == 0 && o.Port == "":
		e.Reason = "it has no TCP port"
	case len(found) == 0:
		e.Reason = "it has no such TCP port"
	case len(found) > 1:
		e.Reason = "it has several ports and none was named"
	default:
		return found[0], nil
	}
	return nil, e
}

// podPort turns the Service port's target into a number: a named one stands in
// the Pod's containers, sidecars included.
func (o Options) podPort(port *corev1.ServicePort, pod *corev1.Pod) (int, error) {
	t := port.TargetPort
	if t.Type == intstr.Int {
		return cmp.Or(t.IntValue(), int(port.Port)), nil
	}
	for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		for _, p := range c.Ports {
			if p.Name == t.StrVal && (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP) {
				return int(p.ContainerPort), nil
			}
		}
	}
	return 0, &PortError{Namespace: o.Namespace, Service: o.Service, Port: o.Port,
		Reason: fmt.Sprintf("no container of Pod %s has a port named %q", pod.Name, t.StrVal)}
}

// split sorts the Pods into those that can be used, the one that became Ready
// last first, and those that cannot, each with the reason.
func split(pods []corev1.Pod) (usable []*corev1.Pod, states []PodState) {
	for i := range pods {
		if reason := unusable(&pods[i]); reason != "" {
			states = append(states, PodState{pods[i].Name, reason})
			continue
		}
		usable = append(usable, &pods[i])
	}
	slices.SortFunc(usable, func(a, b *corev1.Pod) int {
		return cmp.Or(readySince(b).Compare(readySince(a)), cmp.Compare(a.Name, b.Name))
	})
	return usable, states
}

// unusable says why nothing can be forwarded to a Pod; empty when it can.
func unusable(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return "is terminating"
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return "has ended (" + string(pod.Status.Phase) + ")"
	}
	c := ready(pod)
	if c != nil && c.Status == corev1.ConditionTrue {
		return ""
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil && w.Reason != "" {
			return fmt.Sprintf("is not ready: container %s: %s", c.Name, w.Reason)
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return "is not scheduled: " + c.Message
		}
	}
	if c != nil && c.Message != "" {
		return "is not ready: " + c.Message
	}
	return "is not ready"
}

func ready(pod *corev1.Pod) *corev1.PodCondition {
	i := slices.IndexFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady })
	if i < 0 {
		return nil
	}
	return &pod.Status.Conditions[i]
}

func readySince(pod *corev1.Pod) time.Time {
	if c := ready(pod); c != nil && !c.LastTransitionTime.IsZero() {
		return c.LastTransitionTime.Time
	}
	return pod.CreationTimestamp.Time
}

// verdict is what a look at a connected Pod has shown.
type verdict struct {
	err error     // why it is to be used no longer
	end time.Time // when it is gone; zero: nobody knows
}

// inspect looks whether the Pod of a session can still be used. What cannot be
// known does not speak against it.
func (o Options) inspect(ctx context.Context, t target) verdict {
	pod, err := o.pod(ctx, t)
	switch {
	case errors.Is(err, errNoPod) || err == nil && pod.UID != t.uid:
		return verdict{err: &GoneError{t.pod, "is gone"}, end: o.Now()}
	case err != nil:
		return verdict{}
	}
	reason := unusable(pod)
	if reason == "" {
		return verdict{}
	}
	v := verdict{err: &GoneError{t.pod, reason}}
	if pod.DeletionTimestamp != nil {
		v.end = pod.DeletionTimestamp.Time
	}
	return v
}

var errNoPod = errors.New("no such Pod")

// pod lists instead of getting: no other permission is needed than to choose.
func (o Options) pod(ctx context.Context, t target) (*corev1.Pod, error) {
	list, err := o.pods(ctx, "fieldSelector", "metadata.name="+t.pod)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(list, func(p corev1.Pod) bool { return p.Name == t.pod }); i >= 0 {
		return &list[i], nil
	}
	return nil, errNoPod
}
