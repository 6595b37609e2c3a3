package diagnose

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/report"
)

// probes reports a container that runs and is not ready.
func (f *finder) probes(p *corev1.Pod, o owner, c container) {
	if c.status.Ready {
		return
	}
	started := c.status.State.Running.StartedAt.Time
	budget, spec, name := time.Duration(0), c.spec.ReadinessProbe, "readinessProbe"
	if s := c.spec.StartupProbe; s != nil {
		budget = time.Duration(s.InitialDelaySeconds+max(1, s.FailureThreshold)*max(1, s.PeriodSeconds)) * time.Second
		if c.status.Started == nil || !*c.status.Started {
			spec, name = s, "startupProbe"
		}
	}
	last := f.unhealthy(p, c)
	if spec == nil || last == "" && !f.lasted(started, budget+5*time.Minute) {
		return
	}
	n := f.base(p, o, c.name)
	n.since, n.evidence = started, join(nil, []string{last})
	n.from = append(n.from, f.databaseOf(p)...)
	n.hold = !f.lasted(started, budget+time.Minute)
	n.message = fmt.Sprintf("%s runs and does not become ready: %s fails", c.what, probe(spec))
	_, n.path, n.line = f.locate(o.kind, o.name, name)
	n.fix = fix("its log says what it waits for: `" + f.kubectl("logs "+p.Name+" -c "+c.name) + "`")
	f.wrongPort(spec, name, o, c, &n)
	if n.hold {
		n.message += fmt.Sprintf("; it has %s left to start", since(budget+time.Minute-f.in.Now.Sub(started)))
	}
	f.add("probe-fails", n)
}

// wrongPort says when a probe asks a port that the container does not declare.
func (f *finder) wrongPort(spec *corev1.Probe, name string, o owner, c container, n *finding) {
	var port, field string
	switch {
	case spec.HTTPGet != nil:
		port, field = spec.HTTPGet.Port.String(), name+".httpGet.port"
	case spec.TCPSocket != nil:
		port, field = spec.TCPSocket.Port.String(), name+".tcpSocket.port"
	default:
		return
	}
	var declared []string
	for _, p := range c.spec.Ports {
		if p.Name == port || fmt.Sprint(p.ContainerPort) == port {
			return
		}
		declared = append(declared, strings.TrimPrefix(fmt.Sprintf("%s (%d)", p.Name, p.ContainerPort), " "))
	}
	if len(declared) > 0 && (strings.Contains(strings.Join(n.evidence, ""), "refused") || strings.Trim(port, "0123456789") != "") {
		n.message += fmt.Sprintf(": the container declares %s", strings.Join(declared, ", "))
		_, file, line := f.locateField(o.kind, o.name, field, port)
		n.path, n.line = or(file, n.path), or0(line, n.line)
		e := report.Edit{Path: n.path, Line: line, Old: port}
		if len(c.spec.Ports) == 1 {
			e.New = fmt.Sprint(c.spec.Ports[0].ContainerPort)
		}
		n.fix = f.change(e, "the probe's port", o)
	}
}

// unhealthy is the newest word of the kubelet about a container's probes.
func (f *finder) unhealthy(p *corev1.Pod, c container) (text string) {
	for _, e := range f.events("Pod", &p.ObjectMeta) {
		if (e.Reason == "Unhealthy" || e.Reason == "ProbeWarning") && (e.Field == "" || strings.Contains(e.Field, "{"+c.name+"}")) {
			text = e.Reason + ": " + e.Message
		}
	}
	return text
}

// probe is a probe in words.
func probe(p *corev1.Probe) string {
	switch {
	case p == nil:
		return "its probe"
	case p.HTTPGet != nil:
		return fmt.Sprintf("GET %s on port %s", or(p.HTTPGet.Path, "/"), p.HTTPGet.Port.String())
	case p.TCPSocket != nil:
		return "a connection to port " + p.TCPSocket.Port.String()
	case p.GRPC != nil:
		return fmt.Sprintf("gRPC on port %d", p.GRPC.Port)
	}
	return "its command"
}
