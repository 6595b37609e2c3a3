package front_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/front"
)

// guardedPair returns both ends of a connection that a guard has taken.
func guardedPair(t *testing.T) (near net.Conn, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err = front.Guard(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); near.Close() })
	return near, conn.(*net.TCPConn)
}

// TestGuardPasses wants every byte of what is let in, whatever it is.
func TestGuardPasses(t *testing.T) {
	post := "POST /api HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 4\r\n\r\nbody"
	cases := []struct{ name, reason, data string }{
		{"request", "the whole of it", post},
		{"two requests", "the first stands for all", post + "GET / HTTP/1.1\r\nHost: other\r\n\r\n"},
		{"gRPC", "HTTP/2 is no browser's without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00"},
		{"TLS", "the server decides what to do with it", "\x16\x03\x01\x00\x05hello"},
		{"long body", "far more than is looked at", post + strings.Repeat("x", 1<<20)},
		{"bare line feeds", "net/http takes them", "GET / HTTP/1.1\nHost: localhost\n\n"},
		{"half a request", "the server decides", "GET / HTTP/1.1\r\nHost: "},
		{"nothing", "an end is an end", ""},
	}
	for _, n := range names("8080") {
		if n.allowed {
			cases = append(cases, struct{ name, reason, data string }{n.host, n.reason, "GET / HTTP/1.1\r\nHost: " + n.host + "\r\n\r\n"})
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			near, far := guardedPair(t)
			go func() {
				_, _ = io.WriteString(far, c.data)
				_ = far.CloseWrite()
			}()
			got, err := io.ReadAll(near)
			if err != nil || string(got) != c.data {
				t.Errorf("%s: %d bytes of %d, %v", c.reason, len(got), len(c.data), err)
			}
		})
	}
}

// TestGuardWaits has a request that comes byte by byte.
func TestGuardWaits(t *testing.T) {
	data := "GET / HTTP/1.1\r\nHost: evil.example.com\r\n\r\n"
	near, far := guardedPair(t)
	_ = far.SetNoDelay(true)
	go func() {
		for _, b := range []byte(data) {
			_, _ = far.Write([]byte{b})
		}
	}()
	if got, err := io.ReadAll(near); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestGuardRefuses(t *testing.T) {
	cases := []struct{ name, reason, data, status string }{
		{"no name", "a browser always says one", "GET / HTTP/1.1\r\n\r\n", "403"},
		{"HTTP/1.0", "without a name", "GET / HTTP/1.0\r\n\r\n", "403"},
		{"WebSocket", "from a page of somebody else", "GET /terminal HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nOrigin: https://evil.example.com\r\n\r\n", "403"},
		{"own method", "a page may invent one", "patch / HTTP/1.1\r\nHost: evil.example.com\r\n\r\n", "403"},
		{"PRI", "a method of a page that looks like HTTP/2", "PRI /* HTTP/1.1\r\nHost: evil.example.com\r\n\r\n", "403"},
		{"no HTTP", "it begins like a word", "hello\r\n\r\n", "400"},
		{"long head", "the name may come behind it", "GET /" + strings.Repeat("x", 2<<20) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", "431"},
	}
	for _, n := range names("8080") {
		if !n.allowed {
			cases = append(cases, struct{ name, reason, data, status string }{n.host, n.reason, "GET / HTTP/1.1\r\nHost: " + n.host + "\r\n\r\n", "403"})
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			near, far := guardedPair(t)
			wrote := make(chan struct{})
			go func() {
				defer close(wrote)
				_, _ = io.WriteString(far, c.data)
			}()
			if got, err := io.ReadAll(near); err != nil || len(got) > 0 {
				t.Errorf("%s: %q came through, %v", c.reason, got, err)
			}
			answer := make([]byte, 1024)
			n, err := far.Read(answer)
			if want := "HTTP/1.1 " + c.status + " "; err != nil || !bytes.HasPrefix(answer[:n], []byte(want)) {
				t.Errorf("%s: answer %q, %v, want %q", c.reason, answer[:n], err, want)
			}
			near.Close()
			<-wrote
		})
	}
}
