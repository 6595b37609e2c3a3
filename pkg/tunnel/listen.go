package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Listen takes a local port for Tunnel.Serve, such as "127.0.0.1:8080" (port 0: a
// free one). It needs no tunnel: whoever finds the port taken has not bothered
// the cluster. A port that is taken is a PortTakenError.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, taken(address, err)
	}
	return l, err
}

// Serve carries the connections that come in on a port until the listener, the
// tunnel or the context ends, and then closes the listener; whatever becomes of
// the session, the port stays open. An end that somebody asked for is no error.
//
// The connections have to be TCP's, or wrap one so that its CloseWrite and
// SetLinger are theirs.
func (t *Tunnel) Serve(ctx context.Context, l net.Listener) error {
	defer l.Close()
	for _, over := range []context.Context{ctx, t.ctx} {
		stop := context.AfterFunc(over, func() { l.Close() }) //nolint:contextcheck // the tunnel has its own
		defer stop()
	}
	for failures := 0; ; failures++ {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			// Out of file descriptors, mostly: that passes.
			pause(ctx, min(time.Duration(failures+1)*10*time.Millisecond, time.Second))
			continue
		}
		failures = 0
		c, ok := conn.(tcp)
		if !ok {
			conn.Close()
			return fmt.Errorf("tunnel: cannot serve connections of type %T", conn)
		}
		n := tcpEnd{c}
		if t.start(func() { t.relay(t.ctx, n, func(error) {}) }) != nil {
			n.Abort(nil)
		}
	}
}

// tcp is what net.TCPConn has.
type tcp interface {
	net.Conn
	CloseWrite() error
	SetLinger(seconds int) error
}

// tcpEnd is a connection that came in on a port.
type tcpEnd struct{ tcp }

var _ near = tcpEnd{}

// Abort resets the connection.
func (e tcpEnd) Abort(error) {
	_ = e.SetLinger(0)
	_ = e.Close()
}
