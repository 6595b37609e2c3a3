package tunnel_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/tunnel"
)

// ours returns the goroutines that the package has, and those of SPDY sessions
// that it does not wait for itself.
func ours() (found []string) {
	buf := make([]byte, 16<<20) // 16 MiB
	buf = buf[:runtime.Stack(buf, true)]
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(g, "sealway/pkg/tunnel.") || strings.Contains(g, "idleAwareFramer).monitor") {
			found = append(found, g)
		}
	}
	return found
}

// sockets counts the sockets of this process; -1 where there is no /proc.
func sockets() int {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	n := 0
	for _, fd := range fds {
		if link, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(link, "socket:") {
			n++
		}
	}
	return n
}

// TestNothingIsLeft ends a tunnel with all it can have: connections that idle,
// that nobody reads, that wait, and a port.
func TestNothingIsLeft(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		end          func(*tunnel.Tunnel, context.CancelFunc)
	}{
		{"close", "closed with everything open", func(tun *tunnel.Tunnel, _ context.CancelFunc) { tun.Close() }},
		{"cancel", "the context alone ends it", func(tun *tunnel.Tunnel, cancel context.CancelFunc) { cancel(); tun.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := sockets()
			t.Run("use", func(t *testing.T) { useAndEnd(t, c.end) })
			settle(t, c.reason, before)
		})
	}
}

func useAndEnd(t *testing.T, end func(*tunnel.Tunnel, context.CancelFunc)) {
	a := newAPI(t)
	flood := make([]byte, 1<<20)
	a.pod("web-1", func(c *net.TCPConn) {
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			return
		}
		for {
			if _, err := c.Write(flood); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := &recorder{t: t, events: make(chan tunnel.Event, 10000)}
	client := &tunnel.Options{Config: a.config(), Namespace: "ns", Service: "web", Events: events.note, MinDelay: time.Millisecond, MaxDelay: time.Millisecond}
	tun, err := tunnel.Open(ctx, *client)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tunnel.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- tun.Serve(ctx, l) }()
	for range 3 {
		for _, conn := range []net.Conn{dial(t, tun), connect(t, l.Addr().String())} {
			defer conn.Close()
			if _, err := io.WriteString(conn, "?"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, make([]byte, 10)); err != nil { // and no more
				t.Fatal(err)
			}
		}
	}
	idle := dial(t, tun)
	// A second session, next to connections that hang on the first.
	a.pod("web-2", echo)
	a.ready("web-1", corev1.ConditionFalse)
	a.with(func() { a.backends["web-1"] = nil })
	roundTrip(t, dial(t, tun), []byte("data"))
	end(tun, cancel)
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := idle.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a connection that was cut reads %v", err)
	}
	if _, err := tun.Dial(t.Context()); !errors.Is(err, tunnel.ErrClosed) {
		t.Errorf("a closed tunnel says %v", err)
	}
}

// settle waits until all is gone, the server's side too: it ends by itself.
func settle(t *testing.T, reason string, sock int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		found := ours()
		if len(found) == 0 && sockets() <= sock {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: %d sockets of %d before, goroutines:\n%s", reason, sockets(), sock, strings.Join(found, "\n\n"))
		}
	}
}

func TestDialGivesUp(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", echo)
	tun, events := a.open(nil)
	a.ready("web-1", corev1.ConditionFalse)
	a.wires.each((*wire).cut)
	events.await(tunnel.Retrying)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tun.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestDialOutlivesItsContext wants a connection to live on when the context of
// Dial ends, as net.Dialer's do.
func TestDialOutlivesItsContext(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, _ := a.open(nil)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := tun.Dial(ctx)
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask(t, c, "one")
}

func TestWith(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	wanted := errors.New("the function's own")
	var leaked *tunnel.Tunnel
	err := tunnel.With(t.Context(), tunnel.Options{Config: a.config(), Namespace: "ns", Service: "web"}, func(_ context.Context, tun *tunnel.Tunnel) error {
		leaked = tun
		ask(t, dial(t, tun), "one")
		return wanted
	})
	if !errors.Is(err, wanted) {
		t.Errorf("got %v", err)
	}
	if _, err := leaked.Dial(t.Context()); !errors.Is(err, tunnel.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestPortTaken(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", echo)
	tun, _ := a.open(nil)
	address := listen(t, tun)
	_, err := tunnel.Listen(t.Context(), address)
	var taken *tunnel.PortTakenError
	if !errors.As(err, &taken) || taken.Address != address || taken.Hint() == "" {
		t.Fatalf("got %v", err)
	}
	if runtime.GOOS == "linux" && (taken.PID != os.Getpid() || taken.Process == "") {
		t.Errorf("taken by %d %q, want %d", taken.PID, taken.Process, os.Getpid())
	}
}

// TestServeEnds has a tunnel that is closed before its port is served.
func TestServeEnds(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", echo)
	tun, _ := a.open(nil)
	l, err := tunnel.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tun.Close()
	if err := tun.Serve(t.Context(), l); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the port is still open")
	}
}

// pipes is a listener whose connections have no halves.
type pipes struct{ net.Listener }

func (pipes) Accept() (net.Conn, error) {
	near, _ := net.Pipe()
	return near, nil
}

func TestServeWantsTCP(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", echo)
	tun, _ := a.open(nil)
	l, err := tunnel.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := tun.Serve(t.Context(), pipes{l}); err == nil || !strings.Contains(err.Error(), "*net.pipe") {
		t.Errorf("got %v", err)
	}
}

func TestDeadlines(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, _ := a.open(nil)
	c := dial(t, tun)
	past := time.Unix(1, 0)
	for _, set := range []func(time.Time) error{c.SetReadDeadline, c.SetDeadline} {
		if err := set(past); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
	}
	if _, err := c.Write([]byte("?")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ask(t, c, "one")
	if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
}
