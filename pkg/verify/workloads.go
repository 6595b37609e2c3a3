package verify

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/report"
)

// workload is how one of an application's Deployments, StatefulSets, DaemonSets and
// Jobs stands.
type workload struct {
	object
	state report.State
	note  string // what is not as it should be
}

// workloads are the application's own, in the order of the way: first the Jobs, which
// others wait for.
func (c *chain) workloads() (found []workload) {
	add := func(kind string, m *metav1.ObjectMeta, state report.State, note string) {
		if c.mine(kind, m.Name, m.Annotations) {
			found = append(found, workload{object{kind, m}, state, note})
		}
	}
	for i := range c.space.Jobs {
		j := &c.space.Jobs[i]
		if metav1.GetControllerOfNoCopy(&j.ObjectMeta) != nil {
			continue // a CronJob's, or the operator's: told of there
		}
		state, note := jobState(j)
		add("Job", &j.ObjectMeta, state, note)
	}
	for i := range c.space.Deployments {
		d := &c.space.Deployments[i]
		state, note := deploymentState(d)
		add("Deployment", &d.ObjectMeta, state, note)
	}
	for i := range c.space.StatefulSets {
		s := &c.space.StatefulSets[i]
		state, note := statefulSetState(s)
		add("StatefulSet", &s.ObjectMeta, state, note)
	}
	for i := range c.space.DaemonSets {
		d := &c.space.DaemonSets[i]
		state, note := daemonSetState(d)
		add("DaemonSet", &d.ObjectMeta, state, note)
	}
	return found
}

// workloadsLink is the link of all of them.
func (c *chain) workloadsLink() report.Link {
	if why := c.unseen("Deployment", "StatefulSet", "DaemonSet", "Job"); why != "" {
		return report.Link{State: report.Unknown, Summary: why}
	}
	list := c.workloads()
	if len(list) == 0 {
		return c.nothingRuns("no workload")
	}
	var t tally
	for _, w := range list {
		t.add(w.state, w.kind+" "+w.meta.Name+": "+w.note)
	}
	return t.link("rolled out")
}

// nothingRuns is the link of an application that has nothing of a kind: there is nothing
// wrong with that, and before the first sync it is no wonder.
func (c *chain) nothingRuns(what string) report.Link {
	if a := c.argo(); a == nil || a.Operation == nil {
		what += " in namespace " + c.src.Namespace + " yet"
	}
	return report.Link{State: report.Skipped, Summary: what}
}

func deploymentState(d *appsv1.Deployment) (report.State, string) {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	for _, cond := range d.Status.Conditions {
		if cond.Type == appsv1.DeploymentProgressing && cond.Reason == "ProgressDeadlineExceeded" {
			return report.Failed, fmt.Sprintf("%d of %d available, and the time for it is over", d.Status.AvailableReplicas, want)
		}
	}
	s := d.Status
	return rollout(d.Generation, s.ObservedGeneration, want, s.UpdatedReplicas, s.AvailableReplicas, s.Replicas)
}

// rollout judges by the numbers that all controllers have. existing counts those of
// earlier versions too.
func rollout(generation, observed int64, want, updated, available, existing int32) (report.State, string) {
	switch {
	case observed < generation:
		return report.Waiting, "its newest version was not looked at yet"
	case updated < want:
		return report.Waiting, fmt.Sprintf("%d of %d of the newest version", updated, want)
	case available < want:
		return report.Waiting, fmt.Sprintf("%d of %d available", available, want)
	case existing > want:
		return report.Waiting, fmt.Sprintf("%d of an earlier version left", existing-want)
	}
	return report.OK, ""
}

func statefulSetState(s *appsv1.StatefulSet) (report.State, string) {
	want := int32(1)
	if s.Spec.Replicas != nil {
		want = *s.Spec.Replicas
	}
	updated := s.Status.UpdatedReplicas
	if s.Status.CurrentRevision == s.Status.UpdateRevision || s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		updated = want // it counts none when there was no update
	}
	if p := s.Spec.UpdateStrategy.RollingUpdate; p != nil && p.Partition != nil && *p.Partition > 0 {
		updated = want // an update is held back on purpose
	}
	return rollout(s.Generation, s.Status.ObservedGeneration, want, updated, s.Status.ReadyReplicas, want)
}

func daemonSetState(d *appsv1.DaemonSet) (report.State, string) {
	s, updated := d.Status, d.Status.UpdatedNumberScheduled
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		updated = s.DesiredNumberScheduled
	}
	return rollout(d.Generation, s.ObservedGeneration, s.DesiredNumberScheduled, updated, s.NumberAvailable, s.DesiredNumberScheduled)
}

func jobState(j *batchv1.Job) (report.State, string) {
	for _, cond := range j.Status.Conditions {
		if cond.Status != corev1.ConditionTrue {
			continue
		}
		switch cond.Type {
		case batchv1.JobComplete, batchv1.JobSuccessCriteriaMet:
			return report.OK, ""
		case batchv1.JobFailed:
			return report.Failed, "failed: " + cond.Reason
		}
	}
	if j.Spec.Suspend != nil && *j.Spec.Suspend {
		return report.Skipped, "suspended"
	}
	return report.Waiting, "not done"
}

// podsLink is the link of the application's Pods, those of its database too.
func (c *chain) podsLink() report.Link {
	if why := c.unseen("Pod"); why != "" {
		return report.Link{State: report.Unknown, Summary: why}
	}
	var t tally
	for i := range c.space.Pods {
		p := &c.space.Pods[i]
		root := c.index.root("Pod", &p.ObjectMeta)
		if !c.mine(root.kind, root.meta.Name, root.meta.Annotations) || c.over(p) {
			continue
		}
		if ready(p) {
			t.add(report.OK, "")
			continue
		}
		t.add(report.Waiting, "Pod "+p.Name+" is not ready")
	}
	if t.total() == 0 {
		return c.nothingRuns("no Pod")
	}
	return t.link("ready")
}

// over says of a Pod that it is done, or about to be gone: whether it is ready says
// nothing. What became of a Job is the Job's to say.
func (c *chain) over(p *corev1.Pod) bool {
	if p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return true
	}
	owner := metav1.GetControllerOfNoCopy(p)
	return owner != nil && owner.Kind == "Job" && p.Status.Phase == corev1.PodRunning
}
