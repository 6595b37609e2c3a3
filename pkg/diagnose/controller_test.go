package diagnose

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/cluster"
)

func TestControllerIn(t *testing.T) {
	const name = "sealed-secrets-controller"
	zero := int32(0)
	selector := map[string]string{"name": name}
	service := corev1.Service{ObjectMeta: metaOf(name), Spec: corev1.ServiceSpec{Selector: selector}}
	pod := func(ready corev1.ConditionStatus) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metaOf(name + "-x"), Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}}}
		p.Labels = selector
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}}
		return p
	}
	for _, c := range []struct {
		reason         string
		space          cluster.Space
		known, running bool
		why            string
	}{
		{reason: "a ready Pod behind the Service", space: cluster.Space{Services: []corev1.Service{service}, Pods: []corev1.Pod{pod(corev1.ConditionTrue)}}, known: true, running: true},
		{reason: "a Pod that is not ready", space: cluster.Space{Services: []corev1.Service{service}, Pods: []corev1.Pod{pod(corev1.ConditionFalse)}}, known: true, why: "Pod sealed-secrets-controller-x is not ready: ImagePullBackOff"},
		{reason: "scaled to 0", space: cluster.Space{Deployments: []appsv1.Deployment{{ObjectMeta: metaOf(name), Spec: appsv1.DeploymentSpec{Replicas: &zero}}}}, known: true, why: "it is scaled to 0"},
		{reason: "a ready Deployment", space: cluster.Space{Deployments: []appsv1.Deployment{{ObjectMeta: metaOf(name), Status: appsv1.DeploymentStatus{ReadyReplicas: 1}}}}, known: true, running: true, why: "none of its Pods is ready"},
		{reason: "nothing of it", space: cluster.Space{Name: "kube-system"}, known: true, why: "namespace kube-system has no Deployment and no ready Pod of that name"},
		{reason: "not to be seen", space: cluster.Space{Unseen: map[string]string{"Pod": "forbidden"}}},
	} {
		got := ControllerIn(&c.space, name)
		if got.Known != c.known || got.Running != c.running || got.Why != c.why && !c.running {
			t.Errorf("%s: %+v", c.reason, got)
		}
	}
}
