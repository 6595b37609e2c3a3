package supervise

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Routes maps the address of a Pod ("10.244.0.5:8080") to the address of the
// process that stands for it ("127.0.0.1:41234").
type Routes map[string]string

// Fault says what is to go wrong with connections to one address. Those that
// exist when a fault is set are closed, as the API server uses them again.
type Fault struct {
	// Refuse answers that the address cannot be reached.
	Refuse bool
	// Delay is waited before the connection is made.
	Delay time.Duration
	// Cut closes the connection when CutAfter bytes have come back.
	Cut      bool
	CutAfter int64
}

// Faults maps the address of a Pod to what is to go wrong with it.
type Faults map[string]Fault

// egress is an HTTP CONNECT proxy. Loopback addresses are dialled as they
// are, Pod addresses by their route; there is no way to anything else.
type egress struct {
	dialer net.Dialer

	mu     sync.Mutex
	routes Routes
	faults Faults
	// open holds the connections per address, to cut them.
	open map[net.Conn]string
}

func newEgress() *egress {
	return &egress{open: map[net.Conn]string{}}
}

// setRoutes replaces all routes.
func (e *egress) setRoutes(r Routes) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.routes = r
}

// setFaults replaces all faults and closes the connections that they concern.
func (e *egress) setFaults(f Faults) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = f
	for conn, address := range e.open {
		if f[address] != (Fault{}) {
			conn.Close()
		}
	}
}

// serve accepts connections until the listener is closed.
func (e *egress) serve(ctx context.Context, l net.Listener) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go e.handle(ctx, conn)
	}
}

func (e *egress) handle(ctx context.Context, client net.Conn) {
	defer client.Close()
	reader := bufio.NewReader(client)
	req, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	if req.Method != http.MethodConnect {
		fmt.Fprint(client, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
		return
	}
	server, fault, err := e.dial(ctx, req.Host)
	if err != nil {
		text := err.Error() + "\n"
		fmt.Fprintf(client, "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		return
	}
	defer server.Close()
	defer e.forget(server)
	if _, err := fmt.Fprint(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	join(client, reader, server, fault)
}

// dial connects to what stands for the address.
func (e *egress) dial(ctx context.Context, address string) (net.Conn, Fault, error) {
	target, fault, err := e.lookup(address)
	if err != nil {
		return nil, fault, err
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-ctx.Done():
			return nil, fault, ctx.Err()
		}
	}
	conn, err := e.dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		return nil, fault, fmt.Errorf("%s: connect: %w", address, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open[conn] = address
	return conn, fault, nil
}

func (e *egress) lookup(address string) (target string, fault Fault, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fault = e.faults[address]
	if fault.Refuse {
		return "", fault, fmt.Errorf("%s: connect: refused by an injected fault", address)
	}
	if target, ok := e.routes[address]; ok {
		return target, fault, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", fault, fmt.Errorf("%s: connect: %w", address, err)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return address, fault, nil
	}
	return "", fault, fmt.Errorf("%s: connect: no process stands for this address", address)
}

func (e *egress) forget(conn net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, conn)
}

// join carries bytes both ways until either side is done in both directions.
func join(client net.Conn, fromClient io.Reader, server net.Conn, fault Fault) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, fromClient)
		closeWrite(server)
	}()
	if fault.Cut {
		_, _ = io.CopyN(client, server, fault.CutAfter)
		client.Close()
		server.Close()
	} else {
		_, _ = io.Copy(client, server)
		closeWrite(client)
	}
	<-done
}

// closeWrite tells the other side that nothing more comes, and leaves the
// way back open.
func closeWrite(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}
