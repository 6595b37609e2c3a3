package diagnose

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/cluster"
)

// owner is the object of the chart that a Pod comes of.
type owner struct {
	kind, name string
	job        string // the Job between a CronJob and its Pod, or the Job itself
	pod        string // the Pod in question, if there is one
	database   string // the CloudNativePG Cluster that the Pod is an instance or a Job of
}

// key names the owner in findings.
func (o owner) key() string { return workload(o.kind, o.name) }

func workload(kind, name string) string { return "Workload/" + kind + "/" + name }

// String is the owner as a sentence has it: "Deployment litellm".
func (o owner) String() string { return o.kind + " " + o.name }

// object is the owner as Cause.Object has it.
func (f *finder) object(kind, name string) string { return kind + " " + f.in.Namespace + "/" + name }

func (f *finder) objectOf(o owner) string { return f.object(o.kind, o.name) }

// owner follows the controllers of a Pod up to the object that the chart renders.
func (f *finder) owner(p *corev1.Pod) owner {
	o := f.top(&p.ObjectMeta)
	if o.kind == "" {
		o.kind, o.name = "Pod", p.Name
	}
	o.pod = p.Name
	o.database = p.Labels["cnpg.io/cluster"]
	return o
}

func (f *finder) top(m *metav1.ObjectMeta) owner {
	c := metav1.GetControllerOf(m)
	if c == nil {
		return owner{}
	}
	switch c.Kind {
	case "ReplicaSet":
		if r := f.replicaSet(c.Name); r != nil {
			if d := metav1.GetControllerOf(r); d != nil {
				return owner{kind: d.Kind, name: d.Name}
			}
		}
	case "Job":
		o := owner{kind: c.Kind, name: c.Name, job: c.Name}
		for i := range f.space.Jobs {
			if j := &f.space.Jobs[i]; j.Name == c.Name {
				if up := metav1.GetControllerOf(j); up != nil {
					o.kind, o.name = up.Kind, up.Name
				}
			}
		}
		return o
	}
	return owner{kind: c.Kind, name: c.Name}
}

func (f *finder) replicaSet(name string) *appsv1.ReplicaSet {
	for i := range f.space.ReplicaSets {
		if r := &f.space.ReplicaSets[i]; r.Name == name {
			return r
		}
	}
	return nil
}

// revisionOf is the number of a ReplicaSet's revision.
func revisionOf(r *appsv1.ReplicaSet) int {
	n, err := strconv.Atoi(r.Annotations["deployment.kubernetes.io/revision"])
	if err != nil {
		return 0
	}
	return n
}

// newest is the ReplicaSet of a Deployment's newest revision, nil when there is none.
func (f *finder) newest(deployment string) (newest *appsv1.ReplicaSet) {
	for i := range f.space.ReplicaSets {
		r := &f.space.ReplicaSets[i]
		c := metav1.GetControllerOf(r)
		if c == nil || c.Kind != "Deployment" || c.Name != deployment {
			continue
		}
		if newest == nil || revisionOf(r) > revisionOf(newest) {
			newest = r
		}
	}
	return newest
}

// outdated says whether a Pod is of a revision that a newer one has replaced: then
// it is on its way out, and what is wrong with it is over.
func (f *finder) outdated(p *corev1.Pod) bool {
	c := metav1.GetControllerOf(p)
	if c == nil || c.Kind != "ReplicaSet" {
		return false
	}
	r := f.replicaSet(c.Name)
	if r == nil {
		return false
	}
	if r.Spec.Replicas != nil && *r.Spec.Replicas == 0 {
		return true
	}
	d := metav1.GetControllerOf(r)
	return d != nil && d.Kind == "Deployment" && f.newest(d.Name) != r
}

// events are those about an object that is there now, oldest first.
func (f *finder) events(kind string, m *metav1.ObjectMeta) []cluster.Event {
	return f.space.EventsOf(kind, m.Name, string(m.UID))
}

// ready says whether a Pod is ready.
func ready(p *corev1.Pod) bool {
	c := condition(p, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

func condition(p *corev1.Pod, t corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if c := &p.Status.Conditions[i]; c.Type == t {
			return c
		}
	}
	return nil
}
