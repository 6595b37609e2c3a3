package diagnose

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/cluster"
)

// mounts reports what keeps the volumes and the network of a Pod from being set up,
// as far as it is nothing that the Pod refers to.
func (f *finder) mounts(p *corev1.Pod, o owner) {
	if !starting(p) {
		return
	}
	events := f.events("Pod", &p.ObjectMeta)
	var summary *cluster.Event
	for i := len(events) - 1; i >= 0; i-- {
		e := &events[i]
		if !e.Warning() {
			continue
		}
		switch {
		case e.Reason == "FailedCreatePodSandBox":
			f.sandbox(p, o, e)
			return
		case e.Reason == "FailedAttachVolume":
			f.attach(p, o, e)
			return
		case e.Reason == "FailedMount" && strings.HasPrefix(e.Message, "Unable to attach or mount volumes"):
			if summary == nil {
				summary = e // it hides the cause: an older event may tell it
			}
		case e.Reason == "FailedMount" && f.transient(e):
		case e.Reason == "FailedMount":
			f.mount(p, o, e)
			return
		}
	}
	if summary != nil && !f.explained(p) {
		f.mount(p, o, summary)
	}
}

// transient says whether a mount fails for a reason that passes: the kubelet's cache
// has not caught up, or what was missing is there by now.
func (f *finder) transient(e *cluster.Event) bool {
	race := holds(e.Message, "not registered|failed to sync configmap cache|failed to sync secret cache")
	return race && f.in.Now.Sub(e.First) < 2*time.Minute
}

func (f *finder) mount(p *corev1.Pod, o owner, e *cluster.Event) {
	if f.explained(p) || f.overtaken(e) {
		return
	}
	n := f.base(p, o, "mount")
	n.since, n.evidence = e.First, []string{e.Reason + ": " + e.Message}
	n.message = "a volume cannot be mounted: " + e.Message
	n.fix = fix("correct the volume in " + f.place(o) + ", or look at what the storage driver says")
	f.add("mount-failed", n)
}

// overtaken says whether an event tells of an object that is missing and is there now.
func (f *finder) overtaken(e *cluster.Event) bool {
	return f.space.Sees("ConfigMap") && f.space.Sees("Secret") &&
		holds(e.Message, `configmap "|secret "|non-existent config key|non-existent secret key|references non-existent`) && !strings.Contains(e.Message, "not registered")
}

func (f *finder) attach(p *corev1.Pod, o owner, e *cluster.Event) {
	n := f.base(p, o, "attach")
	n.since, n.evidence = e.First, []string{e.Reason + ": " + e.Message}
	if !strings.Contains(e.Message, "Multi-Attach") {
		n.message = "a volume cannot be attached to the node: " + e.Message
		n.fix = fix("look at what the storage driver says")
		f.add("attach-failed", n)
		return
	}
	n.message = "its volume can be used on one node at a time and is still in use on another"
	other := f.holder(p)
	if other == "" {
		n.fix = fix("wait until the old node lets go of it (six minutes when that node is gone), or set strategy: Recreate in " + f.place(o))
	} else {
		n.message += ", by Pod " + other
		n.fix = fix("delete the old Pod; with strategy: Recreate in "+f.place(o)+" it does not happen again", f.kubectl("delete pod "+other))
	}
	f.add("multi-attach", n)
}

// holder is another Pod that uses one of a Pod's claims.
func (f *finder) holder(p *corev1.Pod) string {
	for i := range f.space.Pods {
		other := &f.space.Pods[i]
		if other.Name == p.Name || other.Spec.NodeName == "" || other.Spec.NodeName == p.Spec.NodeName || other.Status.Phase == corev1.PodSucceeded {
			continue
		}
		for _, r := range references(&p.Spec) {
			if r.kind == "PersistentVolumeClaim" && slices.ContainsFunc(references(&other.Spec), func(x reference) bool { return x.kind == r.kind && x.name == r.name }) {
				return other.Name
			}
		}
	}
	return ""
}

func (f *finder) sandbox(p *corev1.Pod, o owner, e *cluster.Event) {
	n := f.base(p, o, "sandbox")
	n.since, n.evidence = e.First, []string{e.Reason + ": " + e.Message}
	n.message = "the node cannot set up the Pod's network: " + e.Message
	n.fix = fix("look at the network plugin on node " + p.Spec.NodeName)
	f.add("sandbox-failed", n)
}
