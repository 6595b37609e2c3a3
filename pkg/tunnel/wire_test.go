package tunnel_test

import (
	"net"
	"sync"
	"testing"
)

// wires are the connections to the API server.
type wires struct {
	net.Listener
	mu  sync.Mutex
	all map[*wire]bool
}

func (l *wires) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: conn, l: l, frozen: make(chan struct{})}
	close(w.frozen)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[w] = true
	return w, nil
}

func (l *wires) each(f func(*wire)) {
	l.mu.Lock()
	all := make([]*wire, 0, len(l.all))
	for w := range l.all {
		all = append(all, w)
	}
	l.mu.Unlock()
	for _, w := range all {
		f(w)
	}
}

// wire can be cut, and can be frozen: then it stays open and nothing goes over it.
type wire struct {
	net.Conn
	l      *wires
	mu     sync.Mutex
	frozen chan struct{} // closed: it is not
	ice    bool
}

func (w *wire) cut() { w.Conn.Close() }

func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen, w.ice = make(chan struct{}), true
}

func (w *wire) thaw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ice {
		close(w.frozen)
		w.ice = false
	}
}

func (w *wire) flow() {
	w.mu.Lock()
	frozen := w.frozen
	w.mu.Unlock()
	<-frozen
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.flow()
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	w.flow()
	return w.Conn.Write(p)
}

func (w *wire) Close() error {
	w.l.mu.Lock()
	delete(w.l.all, w)
	w.l.mu.Unlock()
	return w.Conn.Close()
}

// tcpPair returns the two ends of a connection.
func tcpPair(t *testing.T) (*net.TCPConn, *net.TCPConn) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	defer l.Close()
	a, err := net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	b, err := l.AcceptTCP()
	if err != nil {
		t.Error(err)
	}
	return a, b
}
