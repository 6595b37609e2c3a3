package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pods looks at every Pod that should be ready and is not.
func (f *finder) pods() {
	for i := range f.space.Pods {
		if p := &f.space.Pods[i]; f.concerns(p) {
			f.pod(p, f.owner(p))
		}
	}
}

// concerns says whether a Pod can be the reason why the application is not healthy.
func (f *finder) concerns(p *corev1.Pod) bool {
	switch {
	case p.DeletionTimestamp != nil, p.Status.Phase == corev1.PodSucceeded, ready(p), f.outdated(p):
		return false
	}
	o := f.owner(p)
	if o.job != "" {
		j := f.job(o.job)
		return j != nil && jobCondition(j, batchv1.JobComplete) == nil && jobCondition(j, batchv1.JobFailed) == nil && p.Status.Phase != corev1.PodFailed
	}
	if p.Status.Phase == corev1.PodFailed {
		return !f.satisfied(o)
	}
	return o.kind != "Pod" || f.ours("Pod", p.Name)
}

// ours says whether Argo CD knows an object as the application's; where nothing is
// known it counts as ours.
func (f *finder) ours(kind, name string) bool {
	a := f.in.Argo
	if a == nil || a.Missing || a.Unseen != "" {
		return true
	}
	if slices.ContainsFunc(a.Resources, func(r Resource) bool { return r.Kind == kind && r.Name == name }) {
		return true
	}
	return a.Operation != nil && slices.ContainsFunc(a.Operation.Results, func(r Result) bool { return r.Kind == kind && r.Name == name })
}

// satisfied says whether a workload has as many ready Pods as it wants: a Pod of it
// that was evicted once is history.
func (f *finder) satisfied(o owner) bool {
	for i := range f.space.Deployments {
		if d := &f.space.Deployments[i]; o.kind == "Deployment" && d.Name == o.name {
			return d.Status.ReadyReplicas >= wantedReplicas(d.Spec.Replicas)
		}
	}
	for i := range f.space.StatefulSets {
		if d := &f.space.StatefulSets[i]; o.kind == "StatefulSet" && d.Name == o.name {
			return d.Status.ReadyReplicas >= wantedReplicas(d.Spec.Replicas)
		}
	}
	for i := range f.space.DaemonSets {
		if d := &f.space.DaemonSets[i]; o.kind == "DaemonSet" && d.Name == o.name {
			return d.Status.NumberReady >= d.Status.DesiredNumberScheduled
		}
	}
	return false
}

func wantedReplicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// pod looks at one Pod that is not ready.
func (f *finder) pod(p *corev1.Pod, o owner) {
	if p.Status.Phase == corev1.PodFailed {
		f.failedPod(p, o)
		return
	}
	defer f.replaced(p, o)
	c := condition(p, corev1.PodScheduled)
	if c != nil && c.Status == corev1.ConditionFalse {
		f.unscheduled(p, o, c)
	}
	if starting(p) {
		f.missing(p, o)
	}
	if p.Spec.NodeName != "" {
		if f.node(p, o) {
			return
		}
		f.mounts(p, o)
	}
	for _, c := range containers(p) {
		if f.container(p, o, c) {
			return // what comes after an init container waits for it
		}
	}
}

// starting says whether a Pod still waits for what it refers to: a container that
// runs has got all of it.
func starting(p *corev1.Pod) bool {
	statuses := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
	if len(statuses) == 0 {
		return true
	}
	return slices.ContainsFunc(statuses, func(s corev1.ContainerStatus) bool {
		w := s.State.Waiting
		return w != nil && slices.Contains([]string{"", "ContainerCreating", "PodInitializing", "CreateContainerConfigError"}, w.Reason)
	})
}

// base is a finding about a Pod, told of its workload.
func (f *finder) base(p *corev1.Pod, o owner, part string) finding {
	n := finding{
		object: f.objectOf(o), part: part, since: p.CreationTimestamp.Time,
		gives: []string{"Pod/" + p.Name, o.key()}, from: o.broken(),
	}
	if o.job == "" { // a Job's Pod need not be ready
		n.follows = []string{"Pod " + f.in.Namespace + "/" + p.Name + " is not ready"}
	}
	return n
}

// explained says whether something is known already that a Pod waits for.
func (f *finder) explained(p *corev1.Pod) bool {
	return f.blamed("Pod/" + p.Name)
}

// place is the template of a workload.
func (f *finder) place(o owner) string {
	origin, _ := f.origin(o.kind, o.name)
	if origin.Path == "" {
		return o.String()
	}
	return at(origin.Path, origin.Line)
}

func (f *finder) databaseOf(p *corev1.Pod) []string {
	if d := f.reaches(p); d != nil {
		return []string{"Database/" + d.Name}
	}
	return nil
}

func since(d time.Duration) string { return d.Round(time.Second).String() }

// replaced reports a Pod of a StatefulSet that is of an older revision and was never
// ready: the controller waits for it before it looks at the new one, for ever
// (kubernetes#67250).
func (f *finder) replaced(p *corev1.Pod, o owner) {
	s := f.statefulSet(o)
	if s == nil || s.Spec.PodManagementPolicy == appsv1.ParallelPodManagement {
		return
	}
	revision := p.Labels[appsv1.ControllerRevisionHashLabelKey]
	if revision == "" || s.Status.UpdateRevision == "" || revision == s.Status.UpdateRevision || s.Status.ObservedGeneration < s.Generation {
		return
	}
	if !f.hopeless(p) && !f.lasted(p.CreationTimestamp.Time, minutes10) {
		return // it may become ready yet, and is replaced then
	}
	f.add("statefulset-stuck", finding{
		object: f.objectOf(o), since: p.CreationTimestamp.Time,
		message: fmt.Sprintf("Pod %s is of the revision before the last change and never became ready; the StatefulSet waits for it and does not replace it", p.Name),
		fix:     fix("delete the Pod; the new one is of the new revision", f.kubectl("delete pod "+p.Name)),
		gives:   []string{"Stuck/" + o.name, o.key(), "Pod/" + p.Name},
	})
}

// hopeless says whether something final is known of a Pod.
func (f *finder) hopeless(p *corev1.Pod) bool {
	return slices.ContainsFunc(f.found, func(n *finding) bool { return slices.Contains(n.gives, "Pod/"+p.Name) && f.final(n) })
}

func (f *finder) statefulSet(o owner) *appsv1.StatefulSet {
	for i := range f.space.StatefulSets {
		if s := &f.space.StatefulSets[i]; o.kind == "StatefulSet" && s.Name == o.name {
			return s
		}
	}
	return nil
}

// failedPod reports a Pod that has ended with an error and that nothing replaced.
func (f *finder) failedPod(p *corev1.Pod, o owner) {
	n := f.base(p, o, "")
	n.message = fmt.Sprintf("Pod %s was ended: %s", p.Name, strings.TrimSuffix(or(p.Status.Reason, "Failed")+": "+p.Status.Message, ": "))
	switch {
	case p.Status.Reason == "Evicted" || holds(p.Status.Message, "node was low on resource|pressure|exceeds the limit|Usage of EmptyDir"):
		n.fix = fix("give the containers requests and limits that fit, or the node more room, in " + f.place(o))
		f.add("pod-evicted", n)
	case slices.Contains([]string{"NodeShutdown", "Terminated", "NodeLost", "Shutdown", "NodeAffinity", "UnexpectedAdmissionError"}, p.Status.Reason), strings.HasPrefix(p.Status.Reason, "OutOf"):
		n.fix = fix("delete the Pod, so that it is made anew", f.again(p, o)...)
		f.add("pod-lost", n)
	default:
		for _, c := range containers(p) {
			if t := c.status.State.Terminated; t != nil && t.ExitCode != 0 && !c.ephemeral {
				f.crash(p, o, c)
			}
		}
	}
}

// again has a Pod made anew by what made it; without that only a sync does.
func (f *finder) again(p *corev1.Pod, o owner) []string {
	commands := []string{f.kubectl("delete pod " + p.Name)}
	if o.kind == "Pod" {
		commands = append(commands, f.sync()...)
	}
	return commands
}

// node reports that the Pod's node does not answer.
func (f *finder) node(p *corev1.Pod, o owner) bool {
	for i := range f.in.State.Nodes {
		node := &f.in.State.Nodes[i]
		if node.Name != p.Spec.NodeName {
			continue
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
				f.add("node-not-ready", finding{
					object: "Node " + node.Name, since: c.LastTransitionTime.Time,
					message:  fmt.Sprintf("not ready: %s", strings.TrimSuffix(c.Reason+": "+c.Message, ": ")),
					evidence: []string{"Ready=" + string(c.Status) + ": " + c.Message},
					fix:      fix("`" + f.in.Kubectl + " describe node " + node.Name + "` says more; the Pods move when the node is drained or deleted"),
					gives:    []string{"Pod/" + p.Name, o.key(), "Node/" + node.Name},
					follows:  []string{"Pod " + f.in.Namespace + "/" + p.Name + " runs there"},
				})
				return true
			}
		}
	}
	return false
}

func (f *finder) job(name string) *batchv1.Job {
	for i := range f.space.Jobs {
		if j := &f.space.Jobs[i]; j.Name == name {
			return j
		}
	}
	return nil
}

func jobCondition(j *batchv1.Job, t batchv1.JobConditionType) *batchv1.JobCondition {
	for i := range j.Status.Conditions {
		if c := &j.Status.Conditions[i]; c.Type == t && c.Status == corev1.ConditionTrue {
			return c
		}
	}
	return nil
}

// podsOf are the Pods of a Job, the newest first.
func (f *finder) podsOf(j *batchv1.Job) (out []*corev1.Pod) {
	for i := range f.space.Pods {
		p := &f.space.Pods[i]
		if c := metav1.GetControllerOf(p); c != nil && c.Kind == "Job" && c.Name == j.Name {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	return out
}
