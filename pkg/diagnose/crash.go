package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/report"
)

// crash reports a container that ends with an error: by its exit code, and by what
// it said last.
func (f *finder) crash(p *corev1.Pod, o owner, c container) {
	t, previous := c.status.State.Terminated, false
	if t == nil {
		t, previous = c.status.LastTerminationState.Terminated, true
	}
	n := f.base(p, o, c.name)
	if t == nil {
		n.message = c.what + " does not start, and the node does not say why"
		n.fix = fix("`" + f.kubectl("describe pod "+p.Name) + "` says more")
		f.add("crash", n)
		return
	}
	n.since = t.FinishedAt.Time
	if c.status.RestartCount > 2 {
		n.since = p.CreationTimestamp.Time // it goes on since then
	}
	code := fmt.Sprintf("exit code %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" {
		code += ", " + t.Reason
	}
	n.evidence = []string{fmt.Sprintf("%s ended with %s%s", c.what, code, restarts(c.status.RestartCount))}
	origin, _ := f.origin(o.kind, o.name)
	n.path, n.line = origin.Path, origin.Line
	if f.killed(p, o, c, t, n) {
		return
	}
	said := f.log(p, c, previous)
	n.log = said
	if f.patterns(p, o, c, said, n) {
		return
	}
	f.plainCrash(p, o, c, t, said, n)
}

// killed reports containers that the kernel, the runtime or the kubelet has ended.
func (f *finder) killed(p *corev1.Pod, o owner, c container, t *corev1.ContainerStateTerminated, n finding) bool {
	switch {
	case t.Reason == "OOMKilled":
		f.outOfMemory(o, c, n)
	case t.ExitCode == 126:
		f.commandExit(p, o, c, "exit code 126", n)
	case t.ExitCode == 127:
		f.commandExit(p, o, c, "exit code 127", n)
	case t.Reason == "StartError" || t.Reason == "ContainerCannotRun" || t.ExitCode == 128:
		f.commandExit(p, o, c, t.Message, n)
	case (t.ExitCode == 137 || t.ExitCode == 143) && f.liveness(p, c) != "":
		n.evidence = append(n.evidence, f.liveness(p, c))
		n.from = append(n.from, f.databaseOf(p)...)
		n.message = fmt.Sprintf("%s is ended by its own liveness probe: %s", c.what, probe(c.spec.LivenessProbe))
		_, n.path, n.line = f.locate(o.kind, o.name, "livenessProbe")
		n.fix = fix("correct the probe, or give the container a startupProbe that fits, in " + at(n.path, n.line))
		f.add("liveness-kills", n)
	case t.ExitCode == 137:
		n.message = c.what + " was killed (exit code 137): by the node for want of memory, or because it did not end in time"
		n.fix = fix("look at the node's memory, and at the limits in " + f.place(o))
		f.add("killed", n)
	case t.ExitCode == 139:
		n.message = c.what + " crashed with a segmentation fault (exit code 139): a fault of the program, or of an image for another processor"
		n.log = f.log(p, c, c.status.State.Terminated == nil)
		n.fix = fix("take another version of image " + c.spec.Image + " in " + f.place(o))
		f.add("segfault", n)
	case t.ExitCode == 143:
		n.message = c.what + " was asked to end (exit code 143) and does not stay up"
		n.fix = fix("`" + f.kubectl("describe pod "+p.Name) + "` says who asked")
		f.add("terminated", n)
	default:
		return false
	}
	return true
}

// commandExit reports a container that has ended with 126, 127 or 128: a program was
// not there, or may not be executed. The runtime says which, or a shell in its log.
func (f *finder) commandExit(p *corev1.Pod, o owner, c container, message string, n finding) {
	said := f.log(p, c, c.status.State.Terminated == nil)
	n.log = said
	program := inQuotes(message)
	for i := len(said) - 1; i >= 0 && program == ""; i-- {
		if m := shellMisses.FindStringSubmatch(said[i]); m != nil {
			program = m[1]
		}
	}
	f.command(o, c, message, or(program, first(c.spec.Command)), n)
}

// shellMisses is how dash, bash and busybox say that there is no such program, or that
// it may not be executed.
var shellMisses = regexp.MustCompile(`(?:^|[\s:'"])([\w./-]+)['"]?: (?:command not found|not found|[Nn]o such file or directory|[Pp]ermission denied)\s*$`)

// inQuotes is the program that a runtime names: exec: "shopd": executable file not
// found in $PATH.
func inQuotes(message string) string {
	if m := regexp.MustCompile(`exec: "([^"]+)"`).FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}

func (f *finder) outOfMemory(o owner, c container, n finding) {
	limit := c.spec.Resources.Limits.Memory()
	if limit.IsZero() {
		n.message = c.what + " needs more memory than its node has"
		n.fix = fix("give it a memory request that fits in " + f.place(o))
		f.add("out-of-memory", n)
		return
	}
	old, file, line := f.locateField(o.kind, o.name, "limits.memory", "memory: "+limit.String(), `memory: "`+limit.String()+`"`, limit.String())
	n.path, n.line = or(file, n.path), line
	n.message = fmt.Sprintf("%s needs more memory than its limit of %s", c.what, limit)
	more := limit.DeepCopy()
	more.Add(*limit)
	n.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: strings.Replace(old, limit.String(), more.String(), 1)}, "twice the limit", o)
	f.add("out-of-memory", n)
}

// liveness is what the kubelet said when it ended a container for its probe.
func (f *finder) liveness(p *corev1.Pod, c container) (text string) {
	for _, e := range f.events("Pod", &p.ObjectMeta) {
		if strings.Contains(e.Field, "{"+c.name+"}") || strings.Contains(e.Message, "Container "+c.name+" failed") {
			if strings.Contains(e.Message, "iveness probe failed") || strings.Contains(e.Message, "failed liveness probe") || strings.Contains(e.Message, "failed startup probe") {
				text = e.Reason + ": " + e.Message
			}
		}
	}
	return text
}

// restart has a workload make its Pods anew.
func (f *finder) restart(p *corev1.Pod, o owner) []string {
	switch o.kind {
	case "Deployment", "DaemonSet":
		return []string{f.kubectl("rollout restart " + strings.ToLower(o.kind) + "/" + o.name)}
	}
	return f.again(p, o)
}

func (f *finder) plainCrash(p *corev1.Pod, o owner, c container, t *corev1.ContainerStateTerminated, said []string, n finding) {
	look := f.kubectl("logs " + p.Name + " -c " + c.name + " --previous")
	if c.status.State.Terminated != nil {
		look = f.kubectl("logs " + p.Name + " -c " + c.name)
	}
	if t.ExitCode == 0 {
		n.message = c.what + " ends by itself without an error; a workload that runs on must not"
		n.fix = fix("correct its command in " + f.place(o) + ", or make a Job of it")
		f.add("container-ends", n)
		return
	}
	n.from = append(n.from, f.databaseOf(p)...)
	n.message = fmt.Sprintf("%s crashes with exit code %d", c.what, t.ExitCode)
	if len(said) > 0 {
		n.message += ": " + clip(said[len(said)-1])
	}
	n.fix = fix("its log says why: `" + look + "`")
	if len(said) > 0 {
		n.fix = fix("put right what its log says; `" + look + "` shows all of it")
	}
	f.add("crash", n)
}

func restarts(n int32) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", restarted once"
	}
	return fmt.Sprintf(", restarted %d times", n)
}
