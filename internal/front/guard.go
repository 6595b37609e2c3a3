package front

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// refuse says why a request is not let in; empty when it is. The port does not
// matter: what makes a page one of this machine is the name alone, and another
// port may lead here (`ssh -L`).
func refuse(r *http.Request) string {
	switch name := (&url.URL{Host: r.Host}).Hostname(); strings.ToLower(name) {
	case "localhost", "127.0.0.1", "::1":
	default:
		return fmt.Sprintf("this address is for localhost alone, and the request is for %q", r.Host)
	}
	// Browsers let any page open a WebSocket to here, and argocd-server does not
	// look where it comes from.
	origin := r.Header.Get("Origin")
	if origin == "" || r.Header.Get("Upgrade") == "" {
		return ""
	}
	if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, r.Host) {
		return fmt.Sprintf("a page of %q cannot open a connection to here", origin)
	}
	return ""
}

// Guard looks at the first request of each connection that the listener takes,
// and passes all bytes on as they are: for Tunnel.Serve in front of a server that
// speaks plaintext. The first stands for all: a browser never uses a connection
// for two names. What is not HTTP/1.x passes; browsers speak nothing else here.
func Guard(l net.Listener) net.Listener { return &guard{l} }

type guard struct{ net.Listener }

// Accept returns a connection whose Read looks first.
func (g *guard) Accept() (net.Conn, error) {
	conn, err := g.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &guarded{TCPConn: tcp}, err
	}
	return conn, err
}

// guarded is one connection. One goroutine at a time reads it.
type guarded struct {
	*net.TCPConn
	looked bool
	head   []byte // read, and not yet passed on
}

// Read returns what was read to look at it, and then what comes. A connection that
// is refused has been answered, and looks as if it had been empty.
func (g *guarded) Read(p []byte) (int, error) {
	if !g.looked {
		g.looked = true
		if err := g.look(); err != nil {
			return 0, err
		}
	}
	if len(g.head) > 0 {
		n := copy(p, g.head)
		if g.head = g.head[n:]; len(g.head) == 0 {
			g.head = nil
		}
		return n, nil
	}
	return g.TCPConn.Read(p)
}

// maxHead bounds the head of a request, as net/http does: 1 MiB.
const maxHead = 1 << 20

// look reads the head of the first request.
func (g *guarded) look() error {
	buf := make([]byte, 4<<10) // 4 KiB
	for {
		n, err := g.TCPConn.Read(buf)
		g.head = append(g.head, buf[:n]...)
		switch end := headEnd(g.head); {
		case !isHTTP1(g.head), err != nil && len(g.head) > 0: // the end itself is read once more
			return nil
		case err != nil:
			return err
		case end > 0:
			return g.judge(g.head[:end])
		case len(g.head) > maxHead:
			return g.answer(http.StatusRequestHeaderFieldsTooLarge, "the head of the request is too long")
		}
	}
}

// headEnd is where the body begins; 0 if that has not come yet.
func headEnd(data []byte) int {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(data, []byte(end)); i >= 0 {
			return i + len(end)
		}
	}
	return 0
}

// preface is how HTTP/2 begins.
const preface = "PRI * HTTP/2.0\r\n"

// isHTTP1 says whether a request can go on in this way: a method begins with a
// visible character, TLS does not, and HTTP/2 begins with its preface.
func isHTTP1(data []byte) bool {
	return len(data) == 0 || data[0] > ' ' && data[0] < 0x7f && !bytes.HasPrefix(data, []byte(preface))
}

func (g *guarded) judge(head []byte) error {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return g.answer(http.StatusBadRequest, "this is no HTTP request")
	}
	if why := refuse(r); why != "" {
		return g.answer(http.StatusForbidden, why)
	}
	return nil
}

// answer ends the connection with an answer of its own.
func (g *guarded) answer(status int, text string) error {
	g.head = nil
	_, err := fmt.Fprintf(g.TCPConn, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s\n",
		status, http.StatusText(status), len(text)+1, text)
	if err := errors.Join(err, g.CloseWrite()); err != nil {
		return err
	}
	return io.EOF
}
