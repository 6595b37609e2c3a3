package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// namespace looks whether the application's namespace is there.
func (f *finder) namespace() {
	n := finding{}
	switch o := f.space.Object; {
	case o == nil && f.space.Exists():
	case o == nil:
		if a := f.in.Argo; a == nil || a.Operation != nil {
			f.spaceMissing(n)
		}
	case o.Status.Phase == corev1.NamespaceTerminating:
		n.object, n.message = "Namespace "+f.in.Namespace, "it is being deleted, and nothing can be made in it"
		if o.DeletionTimestamp != nil {
			n.since = o.DeletionTimestamp.Time
		}
		n.gives = []string{"Namespace", "Operation"}
		n.fix = fix("wait until it is gone and sync then; if it hangs, `kubectl get namespace "+f.in.Namespace+" -o yaml` says which finalizer waits", f.sync()...)
		f.add("namespace-terminating", n)
	}
}

func (f *finder) spaceMissing(n finding) {
	n.object = "Namespace " + f.in.Namespace
	n.part = ""
	n.gives = append(n.gives, "Namespace", "Operation")
	n.message = "there is no such namespace"
	switch a := f.in.Argo; {
	case a == nil:
	case a.CreatesSpace:
		n.from = append(n.from, "Operation") // a sync makes it, unless something keeps it from that
	default:
		n.message += ", and the Application has no syncOption CreateNamespace=true"
		n.path, n.line = a.Path, 0
	}
	n.fix = fix("create it (or give the Application the syncOption CreateNamespace=true)", slices.Concat([]string{"kubectl create namespace " + f.in.Namespace}, f.sync())...)
	f.add("namespace-missing", n)
}

// resources looks at what is not healthy and that nothing above explains: then the
// words of whoever says so are all there is.
func (f *finder) resources() {
	f.rollouts()
	a := f.in.Argo
	if a == nil || a.Missing || a.Unseen != "" || !a.Deleting.IsZero() {
		return
	}
	for _, r := range a.Resources {
		if r.Hook || r.NeedsPruning || r.Health != "Degraded" && r.Health != "Progressing" {
			continue
		}
		n := finding{
			object: strings.TrimSuffix(r.Kind+" "+or(r.Namespace, f.in.Namespace)+"/"+r.Name, "/"), quiet: true,
			from:     []string{workload(r.Kind, r.Name), r.Kind + "/" + r.Name, "Sealed/" + r.Name, "Database/" + r.Name, "Operation"},
			message:  "Argo CD calls it " + r.Health,
			evidence: join(nil, []string{r.Message}),
		}
		if r.Message != "" {
			n.message += ": " + Quoted(r.Message)
		}
		o, _ := f.origin(r.Kind, r.Name)
		n.path, n.line = o.Path, o.Line
		if a.Operation != nil {
			n.since = or2(a.Operation.Finished, a.Operation.Started)
		}
		n.fix = fix("`" + f.kubectl("describe "+strings.ToLower(r.Kind)+" "+r.Name) + "` says more")
		if r.Kind == "Service" {
			n.message += "; a Service of type LoadBalancer waits for an address, which something in the cluster has to give"
		}
		rule := "resource-degraded"
		if r.Health == "Progressing" {
			rule = "resource-progressing"
			if !f.lasted(n.since, f.rules[rule].Grace) {
				continue // on its way
			}
		}
		f.add(rule, n)
	}
}

// forEver is when something began of which the time is over.
func forEver() time.Time { return time.Unix(0, 0) }

// rollouts looks at workloads that do not come up and whose Pods do not say why.
func (f *finder) rollouts() {
	for i := range f.space.Deployments {
		d := &f.space.Deployments[i]
		for _, c := range d.Status.Conditions {
			if c.Type != appsv1.DeploymentProgressing || c.Reason != "ProgressDeadlineExceeded" || wantedReplicas(d.Spec.Replicas) == 0 || f.satisfied(owner{kind: "Deployment", name: d.Name}) {
				continue
			}
			o := owner{kind: "Deployment", name: d.Name}
			n := finding{object: f.objectOf(o), since: forEver(), from: []string{o.key()}, quiet: true, evidence: []string{c.Reason + ": " + c.Message}}
			n.message = fmt.Sprintf("%d of %d Pods are available, and the deadline for more is over", d.Status.AvailableReplicas, wantedReplicas(d.Spec.Replicas))
			origin, _ := f.origin(o.kind, o.name)
			n.path, n.line = origin.Path, origin.Line
			n.fix = fix("`" + f.kubectl("describe deployment "+d.Name) + "` says more")
			f.add("rollout-stuck", n)
		}
	}
	for i := range f.space.StatefulSets {
		s := &f.space.StatefulSets[i]
		o := owner{kind: "StatefulSet", name: s.Name}
		if f.satisfied(o) || wantedReplicas(s.Spec.Replicas) == 0 {
			continue
		}
		n := finding{object: f.objectOf(o), since: s.CreationTimestamp.Time, from: []string{o.key()}, quiet: true}
		if !f.lasted(n.since, f.rules["rollout-stuck"].Grace) {
			continue
		}
		n.message = fmt.Sprintf("%d of %d Pods are ready; Argo CD never calls a StatefulSet Degraded", s.Status.ReadyReplicas, wantedReplicas(s.Spec.Replicas))
		origin, _ := f.origin(o.kind, o.name)
		n.path, n.line = origin.Path, origin.Line
		n.fix = fix("`" + f.kubectl("describe statefulset "+s.Name) + "` says more")
		f.add("rollout-stuck", n)
	}
}
