package tunnel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gwebsocket "github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
	tunneling "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"

	"github.com/sealway/sealway/pkg/tunnel"
)

// api stands for an API server with a kubelet behind it: it speaks the real
// protocols, and does wrong what a test asks for.
type api struct {
	t      *testing.T
	server *httptest.Server
	wires  *wires

	mu          sync.Mutex
	service     *corev1.Service
	pods        map[string]*corev1.Pod
	backends    map[string]func(*net.TCPConn)
	forbidden   string        // a resource
	noWebSocket bool          // the upgrade is refused
	refusals    int           // so many connections find nothing that listens
	rejections  int           // so many streams are not taken
	troubles    int           // so many upgrades fail at the kubelet
	deaf        bool          // the kubelet does not tell that a backend has ended
	hold        chan struct{} // upgrades wait for it
	seen        []string      // the Pods of sessions, in order
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{t: t, pods: map[string]*corev1.Pod{}, backends: map[string]func(*net.TCPConn){}}
	a.service = &corev1.Service{
		TypeMeta:   metav1.TypeMeta{Kind: "Service", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "web"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web"},
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80}},
		},
	}
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.wires = &wires{Listener: a.server.Listener, all: map[*wire]bool{}}
	a.server.Listener = a.wires
	a.server.Config.ErrorLog = log.New(io.Discard, "", 0) // it is cut off on purpose
	a.server.StartTLS()
	t.Cleanup(func() {
		a.wires.each((*wire).thaw)
		a.wires.each((*wire).cut)
		a.server.Close()
	})
	return a
}

// with changes the state.
func (a *api) with(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// pod adds a Ready Pod. The newer of two is the one that was added later.
func (a *api) pod(name string, backend func(*net.TCPConn)) {
	a.with(func() {
		a.backends[name] = backend
		a.pods[name] = &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, UID: types.UID(name + "-uid")},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{
				Type: corev1.PodReady, Status: corev1.ConditionTrue,
				LastTransitionTime: metav1.NewTime(time.Unix(int64(len(a.pods)), 0)),
			}}},
		}
	})
}

func (a *api) ready(name string, yes corev1.ConditionStatus) {
	a.with(func() {
		p := a.pods[name].DeepCopy()
		p.Status.Conditions[0].Status = yes
		a.pods[name] = p
	})
}

func (a *api) terminate(name string, end time.Time) {
	a.with(func() {
		p := a.pods[name].DeepCopy()
		p.DeletionTimestamp = &metav1.Time{Time: end}
		a.pods[name] = p
	})
}

func (a *api) remove(name string) { a.with(func() { delete(a.pods, name) }) }

func (a *api) config() *rest.Config {
	return &rest.Config{Host: a.server.URL, BearerToken: "token", TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
}

// open opens a tunnel whose events are recorded.
func (a *api) open(change func(*tunnel.Options)) (*tunnel.Tunnel, *recorder) {
	a.t.Helper()
	r := &recorder{t: a.t, events: make(chan tunnel.Event, 10000)}
	o := tunnel.Options{Config: a.config(), Namespace: "ns", Service: "web", Events: r.note, MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond}
	if change != nil {
		change(&o)
	}
	tun, err := tunnel.Open(a.t.Context(), o)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { tun.Close() })
	r.await(tunnel.Connected)
	return tun, r
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer token" {
		status(w, apierrors.NewUnauthorized("no"))
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/ns/")
	a.mu.Lock()
	forbidden, service, noWebSocket, hold := a.forbidden, a.service, a.noWebSocket, a.hold
	a.mu.Unlock()
	parts := strings.Split(path, "/")
	resource := parts[0]
	if len(parts) == 3 {
		resource += "/" + parts[2]
	}
	switch {
	case resource == forbidden:
		status(w, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "web", errors.New("no")))
	case path == "services/web" && service != nil:
		reply(w, service)
	case path == "pods":
		reply(w, a.list(r.URL.Query().Get("fieldSelector")))
	case resource == "pods/portforward":
		if hold != nil {
			<-hold
		}
		trouble := false
		a.with(func() {
			if trouble = a.troubles > 0; trouble {
				a.troubles--
			}
		})
		if trouble {
			status(w, apierrors.NewInternalError(errors.New("error dialing backend")))
			return
		}
		if noWebSocket && r.Method == http.MethodGet {
			status(w, apierrors.NewBadRequest("no upgrade to WebSocket"))
			return
		}
		a.forward(w, r, parts[1])
	default:
		status(w, apierrors.NewNotFound(schema.GroupResource{Resource: resource}, path))
	}
}

func (a *api) list(field string) *corev1.PodList {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := &corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}}
	for name, p := range a.pods {
		if field == "" || field == "metadata.name="+name {
			list.Items = append(list.Items, *p)
		}
	}
	return list
}

func reply(w http.ResponseWriter, object any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object)
}

func status(w http.ResponseWriter, err *apierrors.StatusError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(err.ErrStatus.Code))
	err.ErrStatus.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	_ = json.NewEncoder(w).Encode(err.ErrStatus)
}

// forward is the server side of port-forwarding.
func (a *api) forward(w http.ResponseWriter, r *http.Request, pod string) {
	a.with(func() { a.seen = append(a.seen, pod) })
	s := &sessions{api: a, pod: pod, halves: map[string]httpstream.Stream{}}
	if r.Method == http.MethodGet {
		up := gwebsocket.Upgrader{Subprotocols: []string{tunneling.WebsocketsSPDYTunnelingPrefix + portforward.PortForwardProtocolV1Name}}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		conn := portforward.NewTunnelingConnection("server", ws)
		session, err := spdy.NewServerConnection(conn, s.take)
		if err == nil {
			<-session.CloseChan()
			conn.Close()
		}
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardProtocolV1Name}); err != nil {
		return
	}
	if session := spdy.NewResponseUpgrader().UpgradeResponse(w, r, s.take); session != nil {
		<-session.CloseChan()
		session.Close()
	}
}

// sessions pairs the streams of one session.
type sessions struct {
	api *api
	pod string

	mu     sync.Mutex
	halves map[string]httpstream.Stream
}

func (s *sessions) take(stream httpstream.Stream, replied <-chan struct{}) error {
	rejected := false
	s.api.with(func() {
		if rejected = s.api.rejections > 0; rejected {
			s.api.rejections--
		}
	})
	if rejected {
		return errors.New("not today")
	}
	id := stream.Headers().Get(corev1.PortForwardRequestIDHeader)
	s.mu.Lock()
	defer s.mu.Unlock()
	other, ok := s.halves[id]
	if !ok {
		s.halves[id] = stream
		return nil
	}
	delete(s.halves, id)
	if stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
		stream, other = other, stream
	}
	go func() {
		<-replied
		s.run(stream, other)
	}()
	return nil
}

func (s *sessions) run(data, errs httpstream.Stream) {
	defer data.Close()
	defer errs.Close()
	port := data.Headers().Get(corev1.PortHeader)
	if err := s.connect(data, port); err != nil {
		fmt.Fprintf(errs, "error forwarding port %s to pod %s: %v", port, s.pod, err)
		_ = data.Reset()
		_ = errs.Reset()
	}
}

// connect carries data between a stream and what stands for the Pod.
func (s *sessions) connect(data io.ReadWriteCloser, port string) error {
	var backend func(*net.TCPConn)
	deaf := false
	s.api.with(func() {
		deaf = s.api.deaf
		if s.api.refusals > 0 {
			s.api.refusals--
			return
		}
		backend = s.api.backends[s.pod]
	})
	if backend == nil {
		return errors.New("dial tcp 127.0.0.1:" + port + ": connect: connection refused")
	}
	near, far := tcpPair(s.api.t)
	go func() {
		defer far.Close()
		backend(far)
	}()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _ = io.Copy(near, data)
		_ = near.CloseWrite()
	}()
	defer near.Close()
	_, err := io.Copy(data, near)
	if deaf {
		<-asked
	}
	return err
}

// recorder keeps the events.
type recorder struct {
	t      *testing.T
	events chan tunnel.Event
}

func (r *recorder) note(e tunnel.Event) { r.events <- e }

// await returns the next event of the kind, past others.
func (r *recorder) await(k tunnel.Kind) tunnel.Event {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	for {
		select {
		case e := <-r.events:
			if e.Kind == k {
				return e
			}
		case <-ctx.Done():
			r.t.Fatalf("no event %q within a minute", k)
		}
	}
}

// none wants no event of the kind among those that have come.
func (r *recorder) none(k tunnel.Kind) {
	r.t.Helper()
	for {
		select {
		case e := <-r.events:
			if e.Kind == k {
				r.t.Errorf("event %+v", e)
			}
		default:
			return
		}
	}
}

// echo sends back what comes, to the end.
func echo(c *net.TCPConn) { _, _ = io.Copy(c, c) }

// named answers each line with a name.
func named(name string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		buf := make([]byte, 1)
		for {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			if _, err := io.WriteString(c, name); err != nil {
				return
			}
		}
	}
}

// web answers HTTP requests with the number of the request.
func web() func(*net.TCPConn) {
	var mu sync.Mutex
	n := 0
	return func(c *net.TCPConn) {
		mu.Lock()
		n++
		body := strconv.Itoa(n)
		mu.Unlock()
		buf := make([]byte, 4096)
		for !strings.Contains(string(buf), "\r\n\r\n") {
			if _, err := c.Read(buf); err != nil {
				return
			}
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}
