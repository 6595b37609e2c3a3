package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/report"
)

// workloads looks for Pods that were never made: the reason stands in conditions and
// events of what should have made them, and no Pod tells of it.
func (f *finder) workloads() {
	for i := range f.space.Deployments {
		f.deployment(&f.space.Deployments[i])
	}
	for i := range f.space.StatefulSets {
		s := &f.space.StatefulSets[i]
		if s.Status.Replicas < wantedReplicas(s.Spec.Replicas) {
			f.failedCreate(owner{kind: "StatefulSet", name: s.Name}, f.created("StatefulSet", &s.ObjectMeta), &s.Spec.Template.Spec)
		}
	}
	for i := range f.space.DaemonSets {
		if s := &f.space.DaemonSets[i]; s.Status.CurrentNumberScheduled < s.Status.DesiredNumberScheduled {
			f.failedCreate(owner{kind: "DaemonSet", name: s.Name}, f.created("DaemonSet", &s.ObjectMeta), &s.Spec.Template.Spec)
		}
	}
	for i := range f.space.Jobs {
		j := &f.space.Jobs[i]
		if is(j.Spec.Suspend) || j.Status.Active+j.Status.Succeeded+j.Status.Failed > 0 || jobCondition(j, batchv1.JobComplete) != nil {
			continue
		}
		o := owner{kind: "Job", name: j.Name, job: j.Name, database: j.Labels["cnpg.io/cluster"]}
		if up := metav1.GetControllerOf(j); up != nil {
			o.kind, o.name = up.Kind, up.Name
		}
		f.failedCreate(o, f.created("Job", &j.ObjectMeta), &j.Spec.Template.Spec)
	}
}

// failure is the newest word about Pods that could not be made.
type failure struct {
	message string
	since   time.Time
	object  string // key of the object that failed to make them
}

// created is the newest failure to make a Pod that no success came after.
func (f *finder) created(kind string, m *metav1.ObjectMeta) *failure {
	var last *failure
	for _, e := range f.events(kind, m) {
		switch e.Reason {
		case "FailedCreate":
			last = &failure{message: e.Message, since: e.First, object: kind + "/" + m.Name}
		case "SuccessfulCreate":
			last = nil
		}
	}
	return last
}

func (f *finder) deployment(d *appsv1.Deployment) {
	if wantedReplicas(d.Spec.Replicas) == 0 {
		return
	}
	r := f.newest(d.Name)
	if r == nil || r.Status.Replicas >= wantedReplicas(r.Spec.Replicas) {
		return
	}
	fail := f.created("ReplicaSet", &r.ObjectMeta)
	for _, c := range r.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			fail = &failure{message: c.Message, since: c.LastTransitionTime.Time, object: "ReplicaSet/" + r.Name}
		}
	}
	f.failedCreate(owner{kind: "Deployment", name: d.Name}, fail, &d.Spec.Template.Spec)
}

// failedCreate reports why the Pods of a workload cannot be made.
func (f *finder) failedCreate(o owner, fail *failure, spec *corev1.PodSpec) {
	if fail == nil {
		return
	}
	m := fail.message
	n := finding{
		object: f.objectOf(o), since: fail.since, evidence: []string{"FailedCreate: " + m},
		gives: []string{o.key(), fail.object}, follows: []string{o.String() + " has no Pod"},
	}
	origin, _ := f.origin(o.kind, o.name)
	n.path, n.line = origin.Path, origin.Line
	switch {
	case strings.Contains(m, "exceeded quota"):
		f.quota(m, o, spec, n)
	case strings.Contains(m, "failed quota"):
		n.message = "the namespace's quota asks for requests and limits that it does not set: " + after(m, "failed quota: ")
		n.fix = fix("set them in " + at(n.path, n.line))
		f.add("quota-wants-limits", n)
	case strings.Contains(m, "violates PodSecurity"):
		f.podSecurity(m, o, n)
	case strings.Contains(m, "serviceaccount") && strings.Contains(m, "not found"):
		f.noServiceAccount(o, spec, n)
	case strings.Contains(m, "admission webhook") && strings.Contains(m, "denied"):
		n.message = "an admission webhook refuses its Pods: " + after(m, "admission webhook ")
		n.fix = fix("correct what it names in " + at(n.path, n.line))
		f.add("webhook-denied", n)
	case strings.Contains(m, "failed calling webhook"):
		n.message = "an admission webhook does not answer, so no Pod can be made: " + after(m, "failed calling webhook ")
		n.fix = fix("is the webhook's server running? Without it, its configuration has to go")
		f.add("webhook-down", n)
	case holds(m, "maximum cpu usage|maximum memory usage|minimum cpu usage|minimum memory usage|per Container is|per Pod is"):
		n.message = "a LimitRange of the namespace refuses its Pods: " + limits(m)
		n.fix = fix("correct requests and limits in " + at(n.path, n.line))
		f.add("limit-range", n)
	case holds(m, "no PriorityClass with name|runtimeclass|RuntimeClass"):
		n.message = "it names a class that the cluster does not have: " + m
		n.fix = fix("correct priorityClassName or runtimeClassName in " + at(n.path, n.line))
		f.add("class-missing", n)
	case holds(m, "is invalid:"):
		n.message = "Kubernetes does not take its Pods: " + after(m, "is invalid: ")
		n.fix = fix("correct what it names in " + at(n.path, n.line))
		f.add("pod-invalid", n)
	default:
		n.message = "its Pods cannot be made: " + m
		n.fix = fix("correct what the message names in " + at(n.path, n.line))
		f.add("pods-not-made", n)
	}
}

func after(s, mark string) string {
	if _, rest, ok := strings.Cut(s, mark); ok {
		return rest
	}
	return s
}

func limits(m string) string {
	if i := strings.LastIndex(m, "forbidden: "); i >= 0 {
		return m[i+len("forbidden: "):]
	}
	return m
}

// quota reports what a ResourceQuota of the namespace leaves no room for.
func (f *finder) quota(m string, o owner, spec *corev1.PodSpec, n finding) {
	parts := regexp.MustCompile(`exceeded quota: ([^,]+), requested: (.+?), used: (.+?), limited: (.+)$`).FindStringSubmatch(m)
	if parts == nil {
		n.message = "a quota of the namespace leaves no room for its Pods: " + m
		n.fix = fix("ask for less in " + at(n.path, n.line) + ", or raise the quota")
		f.add("quota-exceeded", n)
		return
	}
	quota := parts[1]
	n.message = fmt.Sprintf("quota %s leaves no room for its Pods: they ask for %s, %s is in use, %s is the limit", quota, parts[2], parts[3], parts[4])
	key, most, _ := strings.Cut(strings.Split(parts[4], ",")[0], "=")
	if own, _ := f.origin("ResourceQuota", quota); own.Found {
		f.ownQuota(quota, key, most, n)
		return
	}
	raise := "or raise ResourceQuota " + quota + ": `" + f.kubectl("edit resourcequota "+quota) + "`"
	n.fix = fix("ask for less in " + at(n.path, n.line) + ", " + raise)
	field, resource := counted(key)
	if asked := quantity(spec, field, resource); asked != "" {
		old, file, line := f.locateField(o.kind, o.name, field+"."+resource, resource+": "+asked, resource+`: "`+asked+`"`, asked)
		if line != 0 {
			n.path, n.line = file, line
			n.fix = f.change(report.Edit{Path: file, Line: line, Old: value(old)}, "ask for less, "+raise, owner{})
		}
	}
	f.add("quota-exceeded", n)
}

// ownQuota is quota for one that the application's chart has.
func (f *finder) ownQuota(quota, key, most string, n finding) {
	old, file, line := f.locate("ResourceQuota", quota, key+": "+most, key+`: "`+most+`"`, most)
	less := at(n.path, n.line)
	n.path, n.line = or(file, n.path), line
	n.fix = f.change(report.Edit{Path: file, Line: line, Old: value(old)}, "raise "+key+", or ask for less in "+less, owner{})
	f.add("quota-exceeded", n)
}

// counted is the field of a container that a key of a quota counts: "requests.memory"
// and "memory" are the same.
func counted(key string) (field, resource string) {
	if field, resource, ok := strings.Cut(key, "."); ok && (field == "requests" || field == "limits") {
		return field, resource
	}
	return "requests", key
}

// quantity is the largest that a container of a Pod asks for, as its chart has it;
// empty when none does.
func quantity(spec *corev1.PodSpec, field, resource string) string {
	var most apiresource.Quantity
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		list := c.Resources.Requests
		if field == "limits" {
			list = c.Resources.Limits
		}
		if q := list[corev1.ResourceName(resource)]; q.Cmp(most) > 0 {
			most = q.DeepCopy()
		}
	}
	if most.IsZero() {
		return ""
	}
	return most.String()
}

// literal are lines that break the Pod security standards by themselves, with what
// has to stand there; the order is that of the standard.
var literal = []struct{ old, becomes string }{
	{"hostNetwork: true", "hostNetwork: false"},
	{"hostPID: true", "hostPID: false"},
	{"hostIPC: true", "hostIPC: false"},
	{"privileged: true", "privileged: false"},
	{"allowPrivilegeEscalation: true", "allowPrivilegeEscalation: false"},
	{"runAsNonRoot: false", "runAsNonRoot: true"},
	{"runAsUser: 0", "runAsUser: 1000"},
	{"type: Unconfined", "type: RuntimeDefault"},
}

// podSecurity reports Pods that break the namespace's Pod security standard.
func (f *finder) podSecurity(m string, o owner, n finding) {
	level, what := "", m
	if parts := regexp.MustCompile(`violates PodSecurity "([^"]+)": (.+)$`).FindStringSubmatch(m); parts != nil {
		level, what = parts[1], parts[2]
	}
	n.message = fmt.Sprintf("namespace %s enforces Pod security %s, which its Pods break: %s", f.in.Namespace, level, what)
	lower := fmt.Sprintf("%s label namespace %s pod-security.kubernetes.io/enforce=%s --overwrite", f.in.Kubectl, f.in.Namespace, lowerLevel(level))
	for _, l := range literal {
		field, _, _ := strings.Cut(l.old, ":")
		if !strings.Contains(what, field) && (!strings.HasPrefix(field, "host") || !strings.Contains(what, "host namespaces")) && (field != "type" || !strings.Contains(what, "seccompProfile")) {
			continue
		}
		old, file, line := f.locate(o.kind, o.name, l.old)
		if line != 0 {
			n.path, n.line = file, line
			n.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: l.becomes}, "the security context", owner{})
			f.add("pod-security", n)
			return
		}
	}
	n.fix = fix(fmt.Sprintf("set %s in %s; or, if the namespace may allow it, `%s`", or(strings.Join(obeying(what), ", "), "what the message names"), at(n.path, n.line), lower))
	f.add("pod-security", n)
}

// obeying are the settings with which a Pod keeps to what it breaks.
func obeying(what string) (out []string) {
	for _, s := range []struct{ sign, setting string }{
		{"privileged (", "privileged: false"},
		{"allowPrivilegeEscalation", "allowPrivilegeEscalation: false"},
		{"unrestricted capabilities", "capabilities: {drop: [ALL]}"},
		{"runAsNonRoot", "runAsNonRoot: true"},
		{"runAsUser", "runAsUser: 1000"},
		{"seccompProfile", "seccompProfile: {type: RuntimeDefault}"},
		{"host namespaces", "hostNetwork, hostPID and hostIPC to false"},
		{"hostPort", "no hostPort"},
		{"hostPath", "no hostPath volume"},
	} {
		if strings.Contains(what, s.sign) {
			out = append(out, s.setting)
		}
	}
	return out
}

func lowerLevel(level string) string {
	if strings.HasPrefix(level, "restricted") {
		return "baseline"
	}
	return "privileged"
}

// noServiceAccount reports a ServiceAccount that there is not.
func (f *finder) noServiceAccount(o owner, spec *corev1.PodSpec, n finding) {
	name := spec.ServiceAccountName
	r := reference{kind: "ServiceAccount", name: name, where: "serviceAccountName"}
	if state, _ := f.lookup(r.kind, name); state == present {
		return // it is there by now, and the controller tries again
	}
	n.gives = append(n.gives, "ServiceAccount/"+name)
	f.object404(r, o, r.where+" of "+o.String()+" needs it", nil, n)
}

// jobs looks at Jobs that have failed or run too long. Those of a CronJob matter
// only when it is the newest run.
func (f *finder) jobs() {
	for i := range f.space.Jobs {
		j := &f.space.Jobs[i]
		failed := jobCondition(j, batchv1.JobFailed)
		if failed == nil || j.DeletionTimestamp != nil || j.Labels["cnpg.io/cluster"] != "" {
			continue
		}
		if up := metav1.GetControllerOf(j); up != nil && up.Kind == "CronJob" {
			if f.newestRun(up.Name) == j {
				f.failedJob(j, owner{kind: "CronJob", name: up.Name, job: j.Name}, failed)
			}
			continue
		}
		if f.ours("Job", j.Name) {
			f.failedJob(j, owner{kind: "Job", name: j.Name, job: j.Name}, failed)
		}
	}
}

func (f *finder) newestRun(cronJob string) (newest *batchv1.Job) {
	for i := range f.space.Jobs {
		j := &f.space.Jobs[i]
		if c := metav1.GetControllerOf(j); c == nil || c.Kind != "CronJob" || c.Name != cronJob {
			continue
		}
		if newest == nil || newest.CreationTimestamp.Before(&j.CreationTimestamp) {
			newest = j
		}
	}
	return newest
}

// failedJob reports a Job that will not be tried again; its last Pod says why.
func (f *finder) failedJob(j *batchv1.Job, o owner, failed *batchv1.JobCondition) {
	before := len(f.found)
	for _, p := range f.podsOf(j) {
		for _, c := range containers(p) {
			t := c.status.State.Terminated
			if t == nil {
				t = c.status.LastTerminationState.Terminated
			}
			if t != nil && t.ExitCode != 0 && !c.ephemeral {
				f.crash(p, o, c)
			}
		}
		if len(f.found) > before {
			break
		}
	}
	what := "the Job"
	if h := hookOf(j); h != "" {
		what = "the " + h + " hook"
	}
	n := finding{
		object: f.object("Job", j.Name), since: failed.LastTransitionTime.Time,
		gives:    []string{"Job/" + j.Name, workload("Job", j.Name)},
		message:  fmt.Sprintf("%s has failed and is not tried again: %s", what, strings.TrimSuffix(failed.Reason+": "+failed.Message, ": ")),
		evidence: []string{failed.Reason + ": " + failed.Message},
	}
	if o.kind == "Job" {
		if crash := f.takeCrash(before); crash != nil {
			n.message = what + " has failed and is not tried again: " + crash.message
			n.evidence, n.log = join(crash.evidence, n.evidence), crash.log
		}
	}
	origin, _ := f.origin("Job", j.Name)
	n.path, n.line = origin.Path, origin.Line
	n.symptom = n.object + ": " + n.message
	again := f.sync()
	if o.kind == "CronJob" {
		n.fix = fix("its next run may succeed; its Pods' logs say why this one did not")
		n.from = []string{o.key()}
		n.gives = append(n.gives, o.key())
		f.add("cronjob-failed", n)
		return
	}
	if hookOf(j) == "" {
		again = slices.Concat([]string{f.kubectl("delete job " + j.Name)}, again)
	}
	if len(f.found) > before {
		n.from = []string{o.key()}
		for _, c := range f.found[before:] { // the cause is in its Pod: put right, it has to run again
			if len(c.fix.Commands) == 0 {
				c.fix = fix(c.fix.Text, again...)
			}
		}
	}
	n.fix = fix(f.jobFix(j, n), again...)
	if failed.Reason == "DeadlineExceeded" {
		n.message = what + " did not end within its activeDeadlineSeconds"
	}
	f.add("job-failed", n)
}

// takeCrash takes back that a container of a Job has crashed for a reason that nothing is
// known of: with the Job's own words it is one finding, not two.
func (f *finder) takeCrash(from int) *finding {
	for i, n := range f.found[from:] {
		if n.rule.ID == "crash" {
			f.found = slices.Delete(f.found, from+i, from+i+1)
			delete(f.byKey, n.key())
			return n
		}
	}
	return nil
}

// jobFix is what to do about a failed Job beside having it run again.
func (f *finder) jobFix(j *batchv1.Job, n finding) string {
	look := "`" + f.kubectl("logs job/"+j.Name+" --all-containers") + "` says why; put that right"
	if len(n.log) > 0 {
		look = "put right what its log says"
	}
	if len(f.podsOf(j)) == 0 {
		look = "its Pods are gone and their logs with them; put right what it needs"
	}
	if n.path != "" {
		look += " (if it is in " + at(n.path, n.line) + ", commit and push it)"
	}
	return look + ", and have it run again"
}

// jobLog are the last words of a Job's newest Pod.
func (f *finder) jobLog(j *batchv1.Job) []string {
	for _, p := range f.podsOf(j) {
		for _, c := range containers(p) {
			if t := c.status.State.Terminated; t != nil && t.ExitCode != 0 {
				return f.log(p, c, false)
			}
		}
	}
	return nil
}
