package tunnel_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/tunnel"
)

func TestCut(t *testing.T) {
	a := newAPI(t)
	reached := make(chan struct{}, 100)
	a.pod("web-1", func(c *net.TCPConn) {
		reached <- struct{}{}
		named("one")(c)
	})
	tun, events := a.open(nil)
	address := listen(t, tun)
	inProcess, port, idle := dial(t, tun), connect(t, address), dial(t, tun)
	for range 3 {
		<-reached
	}
	ask(t, inProcess, "one")
	ask(t, port, "one")
	a.wires.each((*wire).cut)
	if e := events.await(tunnel.Lost); e.Pod != "web-1" || e.Err == nil {
		t.Errorf("event %+v", e)
	}
	events.await(tunnel.Restored)
	// Who was in the middle must not take this for the end.
	var failed *tunnel.ConnError
	if _, err := inProcess.Read(make([]byte, 1)); !errors.As(err, &failed) || failed.Refused {
		t.Errorf("in process: %v", err)
	}
	if _, err := port.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("port: %v, want a reset", err)
	}
	// Who had not begun goes on, and so does the port.
	<-reached
	ask(t, idle, "one")
	ask(t, connect(t, address), "one")
}

func TestConnectionsWait(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, events := a.open(nil)
	address := listen(t, tun)
	a.ready("web-1", corev1.ConditionFalse)
	a.wires.each((*wire).cut)
	events.await(tunnel.Lost)
	e := events.await(tunnel.Retrying)
	for !strings.Contains(e.Err.Error(), "no Pod is ready: web-1 is not ready") {
		e = events.await(tunnel.Retrying)
	}
	port := connect(t, address)
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := tun.Dial(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		ask(t, c, "one")
	})
	wg.Go(func() { ask(t, port, "one") })
	a.ready("web-1", corev1.ConditionTrue)
	events.await(tunnel.Restored)
	wg.Wait()
}

func TestConnectionsDoNotWaitForEver(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, events := a.open(func(o *tunnel.Options) { o.Wait = time.Millisecond })
	address := listen(t, tun)
	a.ready("web-1", corev1.ConditionFalse)
	a.wires.each((*wire).cut)
	for e := events.await(tunnel.Retrying); ; e = events.await(tunnel.Retrying) {
		var none *tunnel.NoPodError
		if errors.As(e.Err, &none) {
			break
		}
	}
	_, err := tun.Dial(t.Context())
	var waited *tunnel.WaitError
	var none *tunnel.NoPodError
	if !errors.As(err, &waited) || !errors.As(err, &none) || waited.Hint() == "" || !waited.Unavailable() {
		t.Errorf("in process: %v", err)
	}
	if err := answered(address); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("port: %v, want a reset", err)
	}
}

// answered is what becomes of a connection. A reset may come before it is made.
func answered(address string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	return err
}

func TestPodReplaced(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, events := a.open(nil)
	old := dial(t, tun)
	ask(t, old, "one")
	// It is on its way out, and what it still does it may finish.
	a.pod("web-2", named("two"))
	a.terminate("web-1", time.Now().Add(time.Hour))
	a.with(func() { a.backends["web-1"] = nil })
	ask(t, dial(t, tun), "two")
	if e := events.await(tunnel.Lost); e.Pod != "web-1" || e.Err.Error() != "the Pod is terminating" {
		t.Errorf("event %+v", e)
	}
	if e := events.await(tunnel.Restored); e.Pod != "web-2" {
		t.Errorf("event %+v", e)
	}
	ask(t, old, "one")
	// Once it is gone, its connections are too.
	second := dial(t, tun)
	ask(t, second, "two")
	a.pod("web-3", named("three"))
	a.remove("web-2")
	a.with(func() { a.backends["web-2"] = nil })
	ask(t, dial(t, tun), "three")
	if _, err := second.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestPodLooksAfterItself(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, events := a.open(func(o *tunnel.Options) { o.Recheck = time.Millisecond })
	a.pod("web-2", named("two"))
	a.remove("web-1")
	if e := events.await(tunnel.Lost); e.Err.Error() != "the Pod is gone" {
		t.Errorf("event %+v", e)
	}
	events.await(tunnel.Restored)
	ask(t, dial(t, tun), "two")
}

// TestSilentEnd has a kubelet that does not tell the end of a server, as KWOK: who
// waits for its answer learns of it when nothing listens there any more.
func TestSilentEnd(t *testing.T) {
	a := newAPI(t)
	a.deaf = true
	asked, gone := make(chan struct{}), make(chan struct{})
	a.pod("web-1", func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1))
		asked <- struct{}{}
		<-gone
	})
	tun, events := a.open(func(o *tunnel.Options) { o.Silence = time.Millisecond })
	waiting := dial(t, tun)
	if _, err := waiting.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	<-asked
	a.with(func() { a.refusals, a.backends["web-1"] = 1, named("one") })
	close(gone)
	ask(t, dial(t, tun), "one") // refused at first
	events.await(tunnel.Refusing)
	var failed *tunnel.ConnError
	if _, err := waiting.Read(make([]byte, 1)); !errors.As(err, &failed) || !strings.Contains(failed.Reason, "nothing listens in the Pod any more") {
		t.Errorf("got %v", err)
	}
	ask(t, dial(t, tun), "one")
	events.none(tunnel.Lost)
}

// TestTalkativeEnd has a server that listens no more and goes on with what it has.
func TestTalkativeEnd(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, events := a.open(func(o *tunnel.Options) { o.Silence = time.Hour })
	old := dial(t, tun)
	ask(t, old, "one")
	a.with(func() { a.refusals = 1 })
	ask(t, dial(t, tun), "one")
	events.await(tunnel.Refusing)
	ask(t, old, "one")
}

func TestDeadConnection(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, events := a.open(func(o *tunnel.Options) { o.KeepAlive = 100 * time.Millisecond })
	ask(t, dial(t, tun), "one")
	a.wires.each((*wire).freeze)
	e := events.await(tunnel.Lost)
	if !strings.Contains(e.Err.Error(), "no answer to pings for 300ms") {
		t.Errorf("event %+v", e)
	}
	a.wires.each((*wire).thaw)
	events.await(tunnel.Restored)
	ask(t, dial(t, tun), "one")
}
