package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/report"
)

// container is one container of a Pod, of whatever sort.
type container struct {
	name, what string // what: "init container copy-app-data"
	init       bool
	sidecar    bool // an init container that goes on running
	ephemeral  bool
	spec       *corev1.Container
	status     *corev1.ContainerStatus
}

// containers are those of a Pod that the kubelet has looked at, in starting order.
// Argo CD's health does not look at init containers; the cause is there as often.
func containers(p *corev1.Pod) (out []container) {
	add := func(statuses []corev1.ContainerStatus, specs []corev1.Container, what string, init bool) {
		for i := range statuses {
			s := &statuses[i]
			for j := range specs {
				if c := &specs[j]; c.Name == s.Name {
					sidecar := init && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
					out = append(out, container{name: s.Name, what: what + " " + s.Name, init: init, sidecar: sidecar, spec: c, status: s})
				}
			}
		}
	}
	add(p.Status.InitContainerStatuses, p.Spec.InitContainers, "init container", true)
	add(p.Status.ContainerStatuses, p.Spec.Containers, "container", false)
	for i := range p.Status.EphemeralContainerStatuses {
		s := &p.Status.EphemeralContainerStatuses[i]
		for j := range p.Spec.EphemeralContainers {
			if c := &p.Spec.EphemeralContainers[j]; c.Name == s.Name {
				spec := corev1.Container(c.EphemeralContainerCommon)
				out = append(out, container{name: s.Name, what: "ephemeral container " + s.Name, ephemeral: true, spec: &spec, status: s})
			}
		}
	}
	return out
}

func allStatuses(p *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses)
}

// container looks at one container; true when those after it wait for it.
func (f *finder) container(p *corev1.Pod, o owner, c container) bool {
	if c.ephemeral {
		return false // somebody looks around; it holds up nothing
	}
	w, t := c.status.State.Waiting, c.status.State.Terminated
	switch {
	case w != nil && slices.Contains(imageReasons, w.Reason):
		f.image(p, o, c)
	case w != nil && w.Reason == "CreateContainerConfigError":
		f.configError(p, o, c, w.Message)
	case w != nil && slices.Contains([]string{"CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError", "StartError"}, w.Reason):
		f.startError(p, o, c, w.Reason, w.Message)
	case w != nil && w.Reason == "CrashLoopBackOff", f.crashing(c):
		f.crash(p, o, c)
	case t != nil && t.ExitCode != 0:
		f.crash(p, o, c)
	case c.status.State.Running != nil && (!c.init || c.sidecar):
		f.probes(p, o, c)
		return false
	case c.status.State.Running != nil:
		f.longInit(p, o, c)
		return true
	default:
		return false
	}
	return c.init && !c.sidecar
}

// crashing says whether a container that runs just now is between two crashes.
func (f *finder) crashing(c container) bool {
	last := c.status.LastTerminationState.Terminated
	return c.status.State.Running != nil && !c.status.Ready && c.status.RestartCount > 1 && last != nil &&
		last.ExitCode != 0 && f.in.Now.Sub(last.FinishedAt.Time) < 10*time.Minute
}

// configError reports what keeps a container from being set up. References are
// looked at before, so what remains is about the user it runs as, or unseen.
func (f *finder) configError(p *corev1.Pod, o owner, c container, message string) {
	n := f.base(p, o, c.name)
	n.evidence = []string{"CreateContainerConfigError: " + message}
	switch {
	case strings.Contains(message, "runAsNonRoot"):
		n.message = c.what + ": runAsNonRoot is set and the image runs as root, or as a user that has no number"
		old, file, line := f.locate(o.kind, o.name, "runAsNonRoot: true", "runAsNonRoot")
		n.path, n.line = file, line
		n.fix = fix(fmt.Sprintf("set runAsUser (and fsGroup) beside %s in %s to a user that the image knows, 1000 for instance", old, at(file, line)))
		f.add("run-as-root", n)
	case f.explained(p):
	case strings.Contains(message, "not found") || strings.Contains(message, "couldn't find key"):
		if f.space.Sees("Secret") && f.space.Sees("ConfigMap") {
			return // it is there by now, and the kubelet looks again within two minutes
		}
		n.message = c.what + ": " + message
		n.fix = fix("bring what is missing into the namespace")
		f.add("container-config", n)
	case strings.Contains(message, "cache"):
		return // a race of the kubelet
	default:
		n.message = c.what + " cannot be set up: " + message
		n.fix = fix("correct the container in " + f.place(o))
		f.add("container-config", n)
	}
}

// startError reports a container that the runtime cannot start.
func (f *finder) startError(p *corev1.Pod, o owner, c container, reason, message string) {
	n := f.base(p, o, c.name)
	n.evidence = []string{reason + ": " + message}
	origin, _ := f.origin(o.kind, o.name)
	n.path, n.line = origin.Path, origin.Line
	f.command(o, c, message, or(inQuotes(message), first(slices.Concat(c.spec.Command, c.spec.Args))), n)
}

// command tells apart why a command does not start. What the template does not name,
// for instance a program of the image's own start script, only its maker can mend.
func (f *finder) command(o owner, c container, message, command string, n finding) {
	e := report.Edit{}
	if command != "" {
		old, file, line := f.locate(o.kind, o.name, command)
		n.path, n.line = or(file, n.path), or0(line, n.line)
		e = report.Edit{Path: file, Line: line, Old: old}
	}
	named := "a program that it calls"
	if command != "" {
		named = fmt.Sprintf("command %q", command)
	}
	where := at(n.path, n.line)
	switch {
	case holds(message, "permission denied|not executable|exit code 126"):
		n.message = fmt.Sprintf("%s: %s may not be executed", c.what, named)
		n.fix = fix("correct the command in " + where + ", or make the file executable in the image")
		f.add("command-not-executable", n)
	case holds(message, "executable file not found|no such file or directory|not found|exit code 127"):
		n.message = fmt.Sprintf("%s: %s is not in image %s", c.what, named, c.spec.Image)
		n.fix = fix("correct the command in " + where + ", or the image")
		if e.Line != 0 {
			n.fix = f.change(e, "the command, or take an image that has it", o)
		}
		f.add("command-not-found", n)
	case holds(message, "exec format error"):
		n.message = fmt.Sprintf("%s: image %s is not built for this node's processor", c.what, c.spec.Image)
		n.fix = fix("take an image for the node's architecture in " + where)
		f.add("image-platform", n)
	default:
		n.message = c.what + " cannot be started: " + or(message, "the runtime does not say why")
		n.fix = fix("correct the container in " + where)
		f.add("container-start", n)
	}
}

// longInit reports an init container that runs and does not end.
func (f *finder) longInit(p *corev1.Pod, o owner, c container) {
	started := c.status.State.Running.StartedAt.Time
	if !f.lasted(started, 5*time.Minute) {
		return
	}
	n := f.base(p, o, c.name)
	n.since = started
	n.from = append(n.from, f.databaseOf(p)...)
	n.message = fmt.Sprintf("%s has run for %s, and everything after it waits", c.what, since(f.in.Now.Sub(started)))
	n.log = f.log(p, c, false)
	n.fix = fix("its log says what it waits for: `" + f.kubectl("logs "+p.Name+" -c "+c.name) + "`")
	f.add("init-runs-on", n)
}
