package tunnel

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// Listener takes connections on a local port.
type Listener struct {
	t *Tunnel
	l net.Listener
}

// Listen takes a local port, such as "127.0.0.1:8080" (port 0: a free one). It
// stays taken, whatever becomes of the session, until the listener, the tunnel or
// the context ends. A port that is taken is a PortTakenError.
func (t *Tunnel) Listen(ctx context.Context, address string) (*Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, taken(address, err)
	}
	if err != nil {
		return nil, err
	}
	ln := &Listener{t: t, l: l}
	started := t.start(func() {
		select {
		case <-ctx.Done():
		case <-t.ctx.Done():
		}
		l.Close()
	})
	if started != nil {
		l.Close()
		return nil, started
	}
	return ln, nil
}

// Addr is the address that people connect to.
func (l *Listener) Addr() net.Addr { return l.l.Addr() }

// Close gives the port back; connections go on.
func (l *Listener) Close() error { return l.l.Close() }

// Serve takes connections until the listener ends. An end that somebody asked for
// is no error.
func (l *Listener) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.l.Close() })
	defer stop()
	for failures := 0; ; failures++ {
		conn, err := l.l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			// Out of file descriptors, mostly: that passes.
			pause(ctx, min(time.Duration(failures+1)*10*time.Millisecond, time.Second))
			continue
		}
		failures = 0
		n := tcpEnd{conn.(*net.TCPConn)}
		if l.t.start(func() { l.t.relay(l.t.ctx, n, func(error) {}) }) != nil {
			n.Abort(nil)
		}
	}
}

// tcpEnd is a connection that came in on a port.
type tcpEnd struct{ *net.TCPConn }

var _ near = tcpEnd{}

// Abort resets the connection.
func (e tcpEnd) Abort(error) {
	_ = e.SetLinger(0)
	_ = e.Close()
}
