package tunnel_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sealway/sealway/pkg/tunnel"
)

// hinted is what the boundary asks of an error.
type hinted interface {
	error
	Hint() string
}

// open returns why a tunnel cannot be opened.
func (a *api) fails(change func(*tunnel.Options)) error {
	a.t.Helper()
	o := tunnel.Options{Config: a.config(), Namespace: "ns", Service: "web"}
	if change != nil {
		change(&o)
	}
	tun, err := tunnel.Open(a.t.Context(), o)
	if err == nil {
		tun.Close()
		a.t.Fatal("it could be opened")
	}
	return err
}

func TestForbidden(t *testing.T) {
	for _, c := range []struct{ resource, verb string }{
		{"services", "get"}, {"pods", "list"}, {"pods/portforward", "create"},
	} {
		t.Run(c.resource, func(t *testing.T) {
			a := newAPI(t)
			a.pod("web-1", echo)
			a.forbidden = c.resource
			err := a.fails(nil)
			var access *tunnel.AccessError
			if !errors.As(err, &access) || !access.Unavailable() {
				t.Fatalf("got %v", err)
			}
			if want := "Service ns/web: not allowed to " + c.verb + " " + c.resource + " in namespace ns"; err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
			if want := `resources ["` + c.resource + `"], verbs ["` + c.verb + `"], in namespace ns`; !strings.Contains(access.Hint(), want) {
				t.Errorf("hint %q, want %q in it", access.Hint(), want)
			}
		})
	}
}

func TestUnauthorized(t *testing.T) {
	a := newAPI(t)
	err := a.fails(func(o *tunnel.Options) { o.Config.BearerToken = "old" })
	if want := "Service ns/web: the API server does not accept these credentials"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nothing listens there now
	a := newAPI(t)
	err = a.fails(func(o *tunnel.Options) { o.Config.Host = "https://" + l.Addr().String() })
	var access *tunnel.AccessError
	if !errors.As(err, &access) || !strings.Contains(err.Error(), "connection refused") || access.Hint() == "" {
		t.Errorf("got %v", err)
	}
}

func TestNoService(t *testing.T) {
	err := newAPI(t).fails(func(o *tunnel.Options) { o.Service = "nope" })
	var missing *tunnel.MissingError
	if !errors.As(err, &missing) || err.Error() != "Service ns/nope: not found" || missing.Hint() == "" || !missing.Unavailable() {
		t.Errorf("got %v", err)
	}
}

// TestSlowPod has a kubelet that does not answer.
func TestSlowPod(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", echo)
	a.hold = make(chan struct{})
	defer close(a.hold)
	err := a.fails(func(o *tunnel.Options) { o.Connect = 100 * time.Millisecond })
	var access *tunnel.AccessError
	if !errors.As(err, &access) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestNoPod(t *testing.T) {
	waiting := func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "server", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}
	}
	for _, c := range []struct {
		name, want string
		change     func(*corev1.Pod)
	}{
		{"no Pod", "Service ns/web: no Pod matches app=web", nil},
		{"not ready", "Service ns/web: no Pod is ready: web-1 is not ready", func(*corev1.Pod) {}},
		{"message", "Service ns/web: no Pod is ready: web-1 is not ready: containers with unready status: [server]", func(p *corev1.Pod) {
			p.Status.Conditions[0].Message = "containers with unready status: [server]"
		}},
		{"container", "Service ns/web: no Pod is ready: web-1 is not ready: container server: CrashLoopBackOff", waiting},
		{"scheduling", "Service ns/web: no Pod is ready: web-1 is not scheduled: 0/3 nodes are available", func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available"}}
		}},
		{"terminating", "Service ns/web: no Pod is ready: web-1 is terminating", func(p *corev1.Pod) {
			p.Status.Conditions[0].Status = corev1.ConditionTrue
			p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
		}},
		{"ended", "Service ns/web: no Pod is ready: web-1 has ended (Succeeded)", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAPI(t)
			if c.change != nil {
				a.pod("web-1", echo)
				a.ready("web-1", corev1.ConditionFalse)
				c.change(a.pods["web-1"])
			}
			err := a.fails(nil)
			var none *tunnel.NoPodError
			if !errors.As(err, &none) || err.Error() != c.want || none.Hint() == "" || !none.Unavailable() {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestPorts(t *testing.T) {
	named := intstr.FromString("web")
	for _, c := range []struct {
		name, port string
		ports      []corev1.ServicePort
		container  int32
		selector   map[string]string
		want       int
		err, hint  string
	}{
		{name: "the only one", ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}, want: 8080},
		{name: "by name", port: "https", ports: []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "https", Port: 443, TargetPort: intstr.FromInt32(8443)}}, want: 8443},
		{name: "by number", port: "443", ports: []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "https", Port: 443, TargetPort: intstr.FromInt32(8443)}}, want: 8443},
		{name: "no target", ports: []corev1.ServicePort{{Port: 80}}, want: 80},
		{name: "named target", ports: []corev1.ServicePort{{Port: 80, TargetPort: named}}, container: 3000, want: 3000},
		{name: "named target that is not there", ports: []corev1.ServicePort{{Port: 80, TargetPort: named}}, err: `Service ns/web: no container of Pod web-1 has a port named "web"`},
		{name: "several", ports: []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "https", Port: 443}}, err: "Service ns/web: it has several ports and none was named", hint: "its ports are http (80), https (443)"},
		{name: "unknown", port: "grpc", ports: []corev1.ServicePort{{Port: 80}}, err: "Service ns/web: port grpc: it has no such TCP port", hint: "its ports are (80)"},
		{name: "UDP", ports: []corev1.ServicePort{{Port: 53, Protocol: corev1.ProtocolUDP}}, err: "Service ns/web: it has no TCP port"},
		{name: "no selector", ports: []corev1.ServicePort{{Port: 80}}, selector: map[string]string{}, err: "Service ns/web: it selects no Pods, so there is nothing to forward to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAPI(t)
			a.pod("web-1", echo)
			a.pods["web-1"].Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: c.container}}}}
			if c.container == 0 {
				a.pods["web-1"].Spec.Containers = nil
			}
			a.service.Spec.Ports = c.ports
			if c.selector != nil {
				a.service.Spec.Selector = c.selector
			}
			if c.err != "" {
				err := a.fails(func(o *tunnel.Options) { o.Port = c.port })
				var h hinted
				if err.Error() != c.err || !errors.As(err, &h) || h.Hint() != c.hint {
					t.Errorf("got %v (%s), want %s", err, h.Hint(), c.err)
				}
				return
			}
			var got int
			_, _ = a.open(func(o *tunnel.Options) {
				next := o.Events
				o.Port, o.Events = c.port, func(e tunnel.Event) { got = e.Port; next(e) }
			})
			if got != c.want {
				t.Errorf("port %d, want %d", got, c.want)
			}
		})
	}
}

func TestNewestPodIsChosen(t *testing.T) {
	a := newAPI(t)
	a.pod("b-old", named("old"))
	a.pod("c-new", named("new"))
	a.pod("a-broken", nil)
	a.ready("a-broken", corev1.ConditionFalse)
	tun, _ := a.open(nil)
	ask(t, dial(t, tun), "new")
}

func TestIncomplete(t *testing.T) {
	if _, err := tunnel.Open(t.Context(), tunnel.Options{}); err == nil {
		t.Error("it could be opened")
	}
}

func TestEvents(t *testing.T) {
	cause := errors.New("the API server closed the connection")
	for _, c := range []struct {
		event tunnel.Event
		want  string
	}{
		{tunnel.Event{Kind: tunnel.Connected, Pod: "web-1", Port: 80}, "ns/web: connected to Pod web-1, port 80"},
		{tunnel.Event{Kind: tunnel.Lost, Pod: "web-1", Err: cause}, "ns/web: lost Pod web-1: the API server closed the connection"},
		{tunnel.Event{Kind: tunnel.Retrying, Delay: 1234567 * time.Nanosecond, Err: cause}, "ns/web: next attempt in 1ms: the API server closed the connection"},
		{tunnel.Event{Kind: tunnel.Restored, Pod: "web-2", Port: 80}, "ns/web: restored through Pod web-2, port 80"},
		{tunnel.Event{Kind: tunnel.Refusing, Pod: "web-1", Port: 80}, "ns/web: nothing listens on port 80 of Pod web-1: connections wait"},
	} {
		c.event.Service = "ns/web"
		if got := c.event.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
