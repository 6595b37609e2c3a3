package verify

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/cluster"
)

// object names a live object of a namespace.
type object struct {
	kind string
	meta *metav1.ObjectMeta
}

// index finds the owners of a namespace's objects.
type index map[string]object // by UID

func newIndex(s *cluster.Space) index {
	x := index{}
	put := func(kind string, m *metav1.ObjectMeta) { x[string(m.UID)] = object{kind, m} }
	for i := range s.ReplicaSets {
		put("ReplicaSet", &s.ReplicaSets[i].ObjectMeta)
	}
	for i := range s.Deployments {
		put("Deployment", &s.Deployments[i].ObjectMeta)
	}
	for i := range s.StatefulSets {
		put("StatefulSet", &s.StatefulSets[i].ObjectMeta)
	}
	for i := range s.DaemonSets {
		put("DaemonSet", &s.DaemonSets[i].ObjectMeta)
	}
	for i := range s.Jobs {
		put("Job", &s.Jobs[i].ObjectMeta)
	}
	for i := range s.CronJobs {
		put("CronJob", &s.CronJobs[i].ObjectMeta)
	}
	return x
}

// root is the object at the top of the owners: of a Pod its Deployment. An owner that
// is of a kind that is not read (a database's Cluster) is the top, and has no more
// than a kind and a name.
func (x index) root(kind string, m *metav1.ObjectMeta) object {
	for range 5 { // Pod, ReplicaSet, Deployment and what may own that
		owner := metav1.GetControllerOfNoCopy(m)
		if owner == nil {
			break
		}
		next, known := x[string(owner.UID)]
		if !known {
			return object{owner.Kind, &metav1.ObjectMeta{Namespace: m.Namespace, Name: owner.Name, UID: owner.UID}}
		}
		kind, m = next.kind, next.meta
	}
	return object{kind, m}
}

// ready says whether a Pod takes part.
func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
