package diagnose

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/report"
)

// unscheduled reports a Pod that no node takes. A message names a reason for each
// node; the one that says most comes first.
func (f *finder) unscheduled(p *corev1.Pod, o owner, c *corev1.PodCondition) {
	n := f.base(p, o, "")
	n.follows = []string{"Pod " + f.in.Namespace + "/" + p.Name + " is on no node"}
	n.evidence = []string{c.Reason + ": " + c.Message}
	origin, _ := f.origin(o.kind, o.name)
	n.path, n.line = origin.Path, origin.Line
	if c.Reason == "SchedulingGated" {
		var gates []string
		for _, g := range p.Spec.SchedulingGates {
			gates = append(gates, g.Name)
		}
		n.message = "its Pods are held back by scheduling gate " + strings.Join(gates, ", ")
		n.fix = fix("whoever set the gate has to take it away; is its controller running?")
		f.add("scheduling-gated", n)
		return
	}
	if c.Reason != corev1.PodReasonUnschedulable {
		return
	}
	m := c.Message
	n.hold = f.growing(p)
	switch {
	case holds(m, "persistentvolumeclaim"):
		f.unboundClaims(p, o, n)
	case holds(m, "volume node affinity conflict"):
		n.message = "its volume is bound to a node or zone on which it cannot run"
		n.fix = fix("free the node that has the volume, or delete claim and Pod to begin with an empty volume")
		f.add("volume-node-conflict", n)
	case holds(m, "didn't find available persistent volumes"):
		f.unboundClaims(p, o, n)
	case holds(m, "insufficient|too many pods"):
		f.insufficient(p, o, m, n)
	case holds(m, "didn't match pod's node affinity|didn't match pod affinity/selector|node(s) didn't match node selector|didn't match pod's node affinity/selector"):
		f.affinity(p, o, n)
	case holds(m, "didn't match pod anti-affinity|didn't satisfy existing pods anti-affinity|didn't match pod topology spread|didn't match pod affinity"):
		n.message = "its rules on how Pods spread over nodes leave no node: " + m
		n.fix = fix("loosen affinity or topologySpreadConstraints, or lower the replicas, in " + at(n.path, n.line))
		f.add("pod-affinity", n)
	case holds(m, "node.kubernetes.io/not-ready|node.kubernetes.io/unreachable|pressure|unschedulable"):
		n.message = "no node that it may run on is fit: " + m
		n.fix = fix("`" + f.in.Kubectl + " get nodes` and `" + f.in.Kubectl + " describe node` say what is the matter with the nodes")
		f.add("nodes-unfit", n)
	case holds(m, "untolerated taint|taint"):
		n.message = "every node has a taint that it does not tolerate: " + strings.Join(f.taints(m, p), ", ")
		n.fix = fix("add a toleration in " + at(n.path, n.line) + ", or take the taint from a node")
		f.add("taint", n)
	case holds(m, "no nodes available|0/0 nodes"):
		n.message = "the cluster has no node"
		n.fix = fix("add a node to the cluster")
		f.add("nodes-unfit", n)
	default:
		n.message = "no node takes its Pods: " + m
		n.fix = fix("`" + f.kubectl("describe pod "+p.Name) + "` says more")
		f.add("unschedulable", n)
	}
}

// growing says whether the cluster's autoscaler is adding a node for the Pod.
func (f *finder) growing(p *corev1.Pod) bool {
	for _, e := range f.events("Pod", &p.ObjectMeta) {
		if (e.Reason == "TriggeredScaleUp" || e.Reason == "Nominated") && f.in.Now.Sub(e.Last) < 15*time.Minute {
			return true
		}
	}
	return false
}

// taints are those that keep a Pod off the nodes: as the scheduler says, or (from
// Kubernetes 1.36 on it only counts them) as the nodes have them.
func (f *finder) taints(message string, p *corev1.Pod) (names []string) {
	for _, t := range regexp.MustCompile(`\{([^}]+)\}`).FindAllStringSubmatch(message, -1) {
		names = join(names, []string{strings.TrimSuffix(strings.TrimSpace(t[1]), ":")})
	}
	if len(names) > 0 {
		return names
	}
	for i := range f.in.State.Nodes {
		for _, t := range f.in.State.Nodes[i].Spec.Taints {
			tolerated := slices.ContainsFunc(p.Spec.Tolerations, func(x corev1.Toleration) bool { return x.ToleratesTaint(&t) })
			if t.Effect != corev1.TaintEffectPreferNoSchedule && !tolerated {
				names = join(names, []string{t.ToString()})
			}
		}
	}
	if names == nil {
		return []string{"`" + f.in.Kubectl + " describe nodes` shows them"}
	}
	return names
}

// insufficient compares what a Pod asks for with the largest node.
func (f *finder) insufficient(p *corev1.Pod, o owner, message string, n finding) {
	for _, name := range []corev1.ResourceName{corev1.ResourceMemory, corev1.ResourceCPU, corev1.ResourceEphemeralStorage} {
		if !strings.Contains(message, "Insufficient "+string(name)) {
			continue
		}
		asked, container, most := requests(p, name), quantity(&p.Spec, "requests", string(name)), f.largest(name)
		wants := asked.String() + " of " + string(name)
		if name == corev1.ResourceCPU {
			wants = asked.String() + " CPU"
		}
		n.message = "asks for " + wants + ", and no node has so much free"
		n.fix = fix(fmt.Sprintf("ask for less %s in %s, or give the cluster more", name, at(n.path, n.line)))
		old, file, line := f.locateField(o.kind, o.name, "requests."+string(name), string(name)+": "+container, string(name)+`: "`+container+`"`, container)
		if line != 0 {
			n.path, n.line = file, line
			n.fix = f.change(report.Edit{Path: file, Line: line, Old: value(old)}, "ask for less "+string(name)+", or give the cluster more", o)
		}
		if most != nil && asked.Cmp(*most) > 0 {
			n.message = fmt.Sprintf("asks for %s, and the largest node has %s at all", wants, most)
			n.since = forEver()
		}
		f.add("insufficient-resources", n)
		return
	}
	n.message = "no node has room for its Pods: " + message
	n.fix = fix("give the cluster more room, or correct the requests in " + at(n.path, n.line))
	f.add("insufficient-resources", n)
}

// requests is what a Pod asks for: its containers together, or its greediest init
// container.
func requests(p *corev1.Pod, name corev1.ResourceName) resource.Quantity {
	var sum resource.Quantity
	for _, c := range p.Spec.Containers {
		sum.Add(c.Resources.Requests[name])
	}
	for _, c := range p.Spec.InitContainers {
		if q := c.Resources.Requests[name]; q.Cmp(sum) > 0 {
			sum = q.DeepCopy()
		}
	}
	return sum
}

// largest is what the largest node has to give, nil when nodes cannot be seen.
func (f *finder) largest(name corev1.ResourceName) (most *resource.Quantity) {
	for i := range f.in.State.Nodes {
		if q, ok := f.in.State.Nodes[i].Status.Allocatable[name]; ok && (most == nil || q.Cmp(*most) > 0) {
			most = &q
		}
	}
	return most
}

// affinity looks for the label of the node selector that no node has.
func (f *finder) affinity(p *corev1.Pod, o owner, n finding) {
	n.message = "no node has the labels that it asks for"
	n.fix = fix("correct nodeSelector or affinity in " + at(n.path, n.line) + ", or label a node")
	for _, key := range slices.Sorted(maps.Keys(p.Spec.NodeSelector)) {
		value := p.Spec.NodeSelector[key]
		var values []string
		for i := range f.in.State.Nodes {
			if v, ok := f.in.State.Nodes[i].Labels[key]; ok {
				values = join(values, []string{v})
			}
		}
		if slices.Contains(values, value) || len(f.in.State.Nodes) == 0 {
			continue
		}
		n.message = fmt.Sprintf("no node has the label %s=%s", key, value)
		old, file, line := f.locate(o.kind, o.name, key+": "+value, value)
		if v := near(value, values, nil); v != "" && line != 0 {
			n.path, n.line = file, line
			n.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: strings.Replace(old, value, v, 1)}, "the node's label", o)
			break
		}
		n.path, n.line = or(file, n.path), or0(line, n.line)
		n.fix = fix("correct nodeSelector in " + at(n.path, n.line) + nodesHave(key, values))
		if name, _, _ := strings.Cut(key, "/"); values == nil && !strings.HasSuffix(name, "kubernetes.io") && !strings.HasSuffix(name, "k8s.io") {
			n.fix = fix("correct nodeSelector in "+at(n.path, n.line)+", or label a node", f.in.Kubectl+" label node "+f.in.State.Nodes[0].Name+" "+key+"="+value)
		}
		break
	}
	f.add("node-affinity", n)
}

// nodesHave says which values of a label nodes have. What a label of Kubernetes says of
// a node is so; another value would be a lie.
func nodesHave(key string, values []string) string {
	if len(values) == 0 {
		return "; no node has " + key
	}
	return "; the nodes have " + strings.Join(values, ", ")
}

// unboundClaims blames the claims of a Pod that have no volume.
func (f *finder) unboundClaims(p *corev1.Pod, o owner, n finding) {
	found := false
	for _, r := range references(&p.Spec) {
		if r.kind != "PersistentVolumeClaim" {
			continue
		}
		c := f.claim(r.name)
		switch {
		case c == nil:
			found = true // missing reports it
		case c.Status.Phase != corev1.ClaimBound:
			found = f.pendingClaim(c, &owner{kind: o.kind, name: o.name, database: o.database, pod: p.Name}) || found
		}
	}
	if !found {
		n.message = "its Pods wait for a volume"
		n.fix = fix("`" + f.kubectl("get persistentvolumeclaims") + "` shows the claims")
		f.add("pvc-unbound", n)
	}
}

func (f *finder) claim(name string) *corev1.PersistentVolumeClaim {
	for i := range f.space.Claims {
		if c := &f.space.Claims[i]; c.Name == name {
			return c
		}
	}
	return nil
}

// claims looks at claims that no Pod has been blamed for: one whose class is missing
// or whose volume is lost holds up its application whoever uses it.
func (f *finder) claims() {
	for i := range f.space.Claims {
		c := &f.space.Claims[i]
		if c.DeletionTimestamp != nil {
			continue
		}
		if c.Status.Phase == corev1.ClaimLost || c.Status.Phase == corev1.ClaimPending && f.class(c) == "" && c.Spec.StorageClassName != nil && *c.Spec.StorageClassName != "" && f.in.State.Sees("StorageClass") {
			f.pendingClaim(c, nil)
		}
	}
}

// class is the name of a claim's storage class if there is such a class.
func (f *finder) class(c *corev1.PersistentVolumeClaim) string {
	for i := range f.in.State.StorageClasses {
		s := &f.in.State.StorageClasses[i]
		if n := c.Spec.StorageClassName; n != nil && *n == s.Name || n == nil && s.Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			return s.Name
		}
	}
	return ""
}

// claimant is the object of the chart that a claim comes of: a StatefulSet, a
// database, or the claim itself.
func (f *finder) claimant(c *corev1.PersistentVolumeClaim) owner {
	if d := c.Labels["cnpg.io/cluster"]; d != "" {
		return owner{kind: "Cluster", name: d, database: d}
	}
	for i := range f.space.StatefulSets {
		s := &f.space.StatefulSets[i]
		for _, t := range s.Spec.VolumeClaimTemplates {
			if rest, ok := strings.CutPrefix(c.Name, t.Name+"-"+s.Name+"-"); ok && strings.Trim(rest, "0123456789") == "" {
				return owner{kind: "StatefulSet", name: s.Name, pod: s.Name + "-" + rest}
			}
		}
	}
	if up := metav1.GetControllerOf(c); up != nil {
		return owner{kind: up.Kind, name: up.Name}
	}
	return owner{kind: "PersistentVolumeClaim", name: c.Name}
}

// pendingClaim reports why a claim has no volume; false when it is nobody's fault.
func (f *finder) pendingClaim(c *corev1.PersistentVolumeClaim, by *owner) bool {
	o := f.claimant(c)
	n := finding{
		object: f.object("PersistentVolumeClaim", c.Name), since: c.CreationTimestamp.Time,
		gives: []string{"PersistentVolumeClaim/" + c.Name, o.key()},
	}
	if by != nil {
		n.gives = append(n.gives, "Pod/"+by.pod, by.key())
		n.follows = []string{fmt.Sprintf("Pod %s/%s waits for it", f.in.Namespace, by.pod)}
		o.pod = by.pod
	}
	said := ""
	for _, e := range f.events("PersistentVolumeClaim", &c.ObjectMeta) {
		if e.Warning() || e.Reason == "FailedBinding" || e.Reason == "ExternalProvisioning" || e.Reason == "WaitForFirstConsumer" {
			said = e.Message
			n.evidence = join(n.evidence, []string{e.Reason + ": " + e.Message})
		}
	}
	origin, _ := f.origin(o.kind, o.name)
	n.path, n.line = origin.Path, origin.Line
	class := ""
	if c.Spec.StorageClassName != nil {
		class = *c.Spec.StorageClassName
	}
	switch {
	case c.Status.Phase == corev1.ClaimLost:
		n.message = "its volume " + or(c.Spec.VolumeName, "(it names none)") + " is gone, and with it the data"
		n.fix = fix("restore the data from a backup; a new claim begins empty")
		f.add("volume-lost", n)
	case class != "" && f.static(class):
		n.message = "no PersistentVolume of class " + class + " is free and fits, and nothing makes one"
		n.fix = fix("make a PersistentVolume of that class, or ask for what one has (size, access mode) in " + at(n.path, n.line))
		f.add("no-volume", n)
	case class != "" && f.in.State.Sees("StorageClass") && f.class(c) == "":
		f.noClass(c, o, class, n)
	case c.Spec.StorageClassName == nil && f.in.State.Sees("StorageClass") && f.class(c) == "":
		n.message = "it names no storage class and the cluster has no default one"
		n.fix = fix("name one in " + at(n.path, n.line) + ", or make one the default")
		if names := f.classes(); len(names) > 1 {
			n.fix = fix("name one in " + at(n.path, n.line) + ", or make one the default: there is " + strings.Join(names, ", "))
		} else if len(names) == 1 {
			n.fix = fix("name one in "+at(n.path, n.line)+", or make one the default",
				f.in.Kubectl+" annotate storageclass "+names[0]+" storageclass.kubernetes.io/is-default-class=true --overwrite")
		}
		f.add("storageclass-default", n)
	case holds(said, "ProvisioningFailed|failed to provision|error") || slices.ContainsFunc(n.evidence, func(s string) bool { return strings.HasPrefix(s, "ProvisioningFailed") }):
		n.message = "no volume can be made: " + said
		n.fix = fix("look at what the storage driver says; class, size and access mode stand in " + at(n.path, n.line))
		f.add("provisioning-failed", n)
	case holds(said, "no persistent volumes available"):
		n.message = "there is no PersistentVolume that fits, and nothing makes one"
		n.fix = fix("make a PersistentVolume, or name a class that provisions in " + at(n.path, n.line))
		f.add("no-volume", n)
	case holds(said, "external provisioner|waiting for a volume to be created"):
		n.message = "the storage driver has not made its volume: " + said
		n.fix = fix("is the driver of class " + class + " running?")
		f.add("provisioner-silent", n)
	default:
		return false
	}
	return true
}

func (f *finder) classes() (out []string) {
	for i := range f.in.State.StorageClasses {
		out = append(out, f.in.State.StorageClasses[i].Name)
	}
	return out
}

// noClass reports a storage class that there is not. A claim cannot be changed, nor
// the claims of a StatefulSet: what was made with the wrong name has to go. It never
// held any data.
func (f *finder) noClass(c *corev1.PersistentVolumeClaim, o owner, class string, n finding) {
	names := f.classes()
	n.message = fmt.Sprintf("there is no storage class %s; there is %s", class, or(strings.Join(names, ", "), "none"))
	old, file, line := f.locate(o.kind, o.name, "storageClass: "+class, "storageClassName: "+class, class)
	if line != 0 {
		n.path, n.line = file, line
	}
	becomes := near(class, names, nil)
	if becomes == "" && len(names) == 1 {
		becomes = names[0]
	}
	if line == 0 {
		n.fix = fix("name one that there is in " + at(n.path, n.line))
		f.add("storageclass-missing", n)
		return
	}
	e := report.Edit{Path: file, Line: line, Old: value(old), New: becomes}
	commands := f.publish("correct the storage class", file)
	var gone []string
	switch o.kind {
	case "StatefulSet":
		// Its other Pods run on, and so do the claims that whenDeleted: Delete would take along.
		gone = []string{f.kubectl("delete statefulset " + o.name + " --cascade=orphan")}
		if f.podNamed(o.pod) {
			gone = append(gone, f.kubectl("delete pod "+o.pod))
		}
	case "Cluster":
		// With the Cluster all its claims go, so never where one may hold data: then
		// the claim alone, and the operator makes that instance anew.
		if !f.bound(o.name) {
			gone = []string{f.kubectl("delete clusters.postgresql.cnpg.io " + o.name)}
		}
	}
	gone = append(gone, f.kubectl("delete persistentvolumeclaim "+c.Name+" --ignore-not-found --wait=false"))
	last := len(commands) - 1
	n.fix = edit(e, "this claim holds no data yet", slices.Concat(commands[:last], gone, commands[last:])...)
	f.add("storageclass-missing", n)
}

// static says whether a class is but a name that volumes made by hand have: there need
// not be a StorageClass of it.
func (f *finder) static(class string) bool {
	return !slices.Contains(f.classes(), class) &&
		slices.ContainsFunc(f.in.State.Volumes, func(v corev1.PersistentVolume) bool { return v.Spec.StorageClassName == class })
}

func (f *finder) podNamed(name string) bool {
	return slices.ContainsFunc(f.space.Pods, func(p corev1.Pod) bool { return p.Name == name })
}

// bound says whether a claim of the PostgreSQL cluster has a volume, or may have one.
func (f *finder) bound(database string) bool {
	if !f.space.Sees("PersistentVolumeClaim") {
		return true
	}
	for i := range f.space.Claims {
		c := &f.space.Claims[i]
		if c.Labels["cnpg.io/cluster"] == database && (c.Spec.VolumeName != "" || c.Status.Phase != corev1.ClaimPending) {
			return true
		}
	}
	return false
}
