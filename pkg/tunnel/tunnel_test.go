package tunnel_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sealway/sealway/pkg/tunnel"
)

// ask writes one byte and reads a name of that many bytes.
func ask(t *testing.T, c net.Conn, want string) {
	t.Helper()
	if _, err := c.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("answer %q, %v, want %q", got, err, want)
	}
}

func dial(t *testing.T, tun *tunnel.Tunnel) net.Conn {
	t.Helper()
	c, err := tun.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// listen serves a port and returns its address.
func listen(t *testing.T, tun *tunnel.Tunnel) string {
	t.Helper()
	l, err := tunnel.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- tun.Serve(t.Context(), l) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func connect(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func TestTransports(t *testing.T) {
	for _, c := range []struct {
		want, reason string
		noWebSocket  bool
	}{
		{want: "websocket", reason: "the newer one comes first"},
		{want: "spdy", reason: "a server that refuses the upgrade", noWebSocket: true},
	} {
		t.Run(c.want, func(t *testing.T) {
			a := newAPI(t)
			a.noWebSocket = c.noWebSocket
			a.pod("web-1", web())
			transport := ""
			tun, _ := a.open(func(o *tunnel.Options) {
				next := o.Events
				o.Events = func(e tunnel.Event) { transport = e.Transport; next(e) }
			})
			if transport != c.want {
				t.Errorf("%s: over %q", c.reason, transport)
			}
			client := &http.Client{Transport: &http.Transport{DialContext: tun.DialContext}}
			defer client.CloseIdleConnections()
			for _, want := range []string{"1", "2"} {
				resp, err := client.Get("http://web/")
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(body) != want || err != nil {
					t.Errorf("answer %q, %v, want %q", body, err, want)
				}
			}
		})
	}
}

// TestKubeletStarts has an API server that does not reach the kubelet at first.
func TestKubeletStarts(t *testing.T) {
	a := newAPI(t)
	a.troubles = 3
	a.pod("web-1", named("one"))
	tun, _ := a.open(nil)
	ask(t, dial(t, tun), "one")
}

func TestManyConnections(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", echo)
	tun, _ := a.open(nil)
	address := listen(t, tun)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			var c net.Conn
			var err error
			if i%2 == 0 {
				c, err = tun.Dial(t.Context())
			} else {
				c, err = net.Dial("tcp", address)
			}
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			want := bytes.Repeat([]byte{byte(i)}, 50_000)
			roundTrip(t, c, want)
		})
	}
	wg.Wait()
}

// TestStoppedReader has connections that are not read, next to one that is.
func TestStoppedReader(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", echo)
	tun, _ := a.open(nil)
	address := listen(t, tun)
	flood := make([]byte, 1<<20) // 1 MiB
	for _, c := range []net.Conn{dial(t, tun), connect(t, address)} {
		go func() {
			for {
				if _, err := c.Write(flood); err != nil {
					return
				}
			}
		}()
		if _, err := io.ReadFull(c, make([]byte, 10)); err != nil { // and no more
			t.Fatal(err)
		}
	}
	roundTrip(t, dial(t, tun), flood)
	roundTrip(t, connect(t, address), flood)
}

// TestSessionsAreUsedAgain makes connections one after the other.
func TestSessionsAreUsedAgain(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", echo)
	tun, _ := a.open(nil)
	for range 10 {
		c := dial(t, tun)
		roundTrip(t, c, []byte("data"))
		c.Close()
	}
	if len(a.seen) > 2 { // the next may come before the last has been given back
		t.Errorf("%d sessions", len(a.seen))
	}
}

// roundTrip sends data, ends its half and wants the same data back.
func roundTrip(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	go func() {
		_, _ = c.Write(want)
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back of %d: %v", len(got), len(want), err)
	}
}

// TestMuchData is far more than all buffers on the way hold, both ways at once.
func TestMuchData(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", echo)
	tun, _ := a.open(nil)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	t.Run("in process", func(t *testing.T) { roundTrip(t, dial(t, tun), data) })
	t.Run("port", func(t *testing.T) { roundTrip(t, connect(t, listen(t, tun)), data) })
}

// TestHalfClose wants an answer that only comes when all has been asked.
func TestHalfClose(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", func(c *net.TCPConn) {
		data, _ := io.ReadAll(c)
		_, _ = c.Write(bytes.ToUpper(data))
	})
	tun, _ := a.open(nil)
	for name, c := range map[string]net.Conn{"in process": dial(t, tun), "port": connect(t, listen(t, tun))} {
		if _, err := io.WriteString(c, "all"); err != nil {
			t.Fatal(err)
		}
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); string(got) != "ALL" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestRefusedConnectionIsItsOwn(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, events := a.open(func(o *tunnel.Options) { o.Refused = -1 })
	first := dial(t, tun)
	ask(t, first, "one")
	a.with(func() { a.refusals = 1 })
	_, err := dial(t, tun).Read(make([]byte, 1))
	var failed *tunnel.ConnError
	if !errors.As(err, &failed) || !failed.Refused || failed.Pod != "web-1" || failed.Port != 80 || !strings.Contains(failed.Hint(), "nothing listens on its port 80") {
		t.Errorf("got %v", err)
	}
	ask(t, first, "one")
	ask(t, dial(t, tun), "one")
	events.none(tunnel.Lost)
}

func TestRefusedConnectionIsTriedAgain(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", web())
	tun, events := a.open(nil)
	a.with(func() { a.refusals = 3 })
	resp, err := (&http.Client{Transport: &http.Transport{DialContext: tun.DialContext, DisableKeepAlives: true}}).Get("http://web/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "1" {
		t.Errorf("answer %q: the request came more than once", body)
	}
	if e := events.await(tunnel.Refusing); e.Pod != "web-1" || e.Port != 80 {
		t.Errorf("event %+v", e)
	}
	events.await(tunnel.Restored)
}

func TestRefusedForTooLong(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", nil)
	tun, _ := a.open(func(o *tunnel.Options) { o.Refused = time.Millisecond })
	_, err := dial(t, tun).Read(make([]byte, 1))
	var failed *tunnel.ConnError
	if !errors.As(err, &failed) || !failed.Refused {
		t.Errorf("in process: %v", err)
	}
	if err := answered(listen(t, tun)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("port: %v, want a reset", err)
	}
}

func TestRejectedStream(t *testing.T) {
	a := newAPI(t)
	a.pod("web-1", named("one"))
	tun, events := a.open(nil)
	first := dial(t, tun)
	ask(t, first, "one")
	a.with(func() { a.rejections = 2 }) // both of one connection
	ask(t, dial(t, tun), "one")
	ask(t, first, "one")
	events.none(tunnel.Lost)
}

// TestCloseInProcess ends a connection of which nobody reads the answer: the Pod
// gets all that was written, and then the end.
func TestCloseInProcess(t *testing.T) {
	a := newAPI(t)
	got := make(chan string, 2)
	a.pod("web-1", func(c *net.TCPConn) {
		data, _ := io.ReadAll(c)
		got <- string(data)
		_, _ = c.Read(make([]byte, 1)) // never ends by itself
	})
	tun, _ := a.open(nil)
	for _, half := range []bool{false, true} {
		c := dial(t, tun)
		if _, err := io.WriteString(c, "data"); err != nil {
			t.Fatal(err)
		}
		if half {
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
		}
		c.Close()
		if s := <-got; s != "data" {
			t.Errorf("the Pod got %q", s)
		}
	}
}
