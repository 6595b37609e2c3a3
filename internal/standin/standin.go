// Package standin stands for argocd-server in tests, as far as its one port
// shows: HTTP/1.x and gRPC, with TLS or without, and what each mode does with
// clients of the other (upstream's ArgoCDServer.Listen and Run). It can be
// restarted as fast as a test wants, and found in a sandbox (see Install).
package standin

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options say what the server is like.
type Options struct {
	TLS     bool
	Handler http.Handler // answers all but /healthz; default: nothing is found
}

// Server listens on a port of 127.0.0.1, which it keeps from one start to the next.
type Server struct {
	o    Options
	cert *tls.Certificate
	addr string

	mu      sync.Mutex
	running *run
}

const anyPort = "127.0.0.1:0"

// Start starts a server with a certificate of its own.
func Start(o Options) (*Server, error) {
	cert, err := certificate()
	if err != nil {
		return nil, err
	}
	if o.Handler == nil {
		o.Handler = http.NotFoundHandler()
	}
	s := &Server{o: o, cert: cert, addr: anyPort}
	return s, s.Start()
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.addr }

// Port is the number of its port.
func (s *Server) Port() int {
	addr, _ := net.ResolveTCPAddr("tcp", s.addr)
	return addr.Port
}

// Certificate is its certificate in PEM.
func (s *Server) Certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Certificate[0]})
}

// Dial opens a connection to it.
func (s *Server) Dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", s.addr)
}

// Start starts it again, on the same port.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", s.addr)
	if err != nil {
		return err
	}
	if s.addr == anyPort {
		s.addr = l.Addr().String()
	}
	s.running = s.run(l)
	return nil
}

// Stop ends it as a kill does: connections break off, new ones are refused.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		s.running.stop()
		s.running = nil
	}
}

// run is the server from one start to the next stop.
type run struct {
	listener      net.Listener
	plain, secure *http.Server
	toPlain       *handed
	toSecure      *handed
	tls           bool
	wg            sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // nil: it has ended
}

func (s *Server) run(l net.Listener) *run {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.Handle("/", s.o.Handler)
	r := &run{listener: l, tls: s.o.TLS, conns: map[net.Conn]bool{}, toPlain: newHanded(l.Addr()), toSecure: newHanded(l.Addr())}
	quiet := log.New(io.Discard, "", 0)
	r.plain = &http.Server{Handler: mux, ErrorLog: quiet, Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute}
	r.plain.Protocols.SetHTTP1(true)
	r.plain.Protocols.SetUnencryptedHTTP2(!s.o.TLS)
	if s.o.TLS {
		r.plain.Handler = http.HandlerFunc(toHTTPS)
	}
	r.secure = &http.Server{Handler: mux, ErrorLog: quiet, ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{*s.cert}, NextProtos: []string{"http/1.1", "h2"}, MinVersion: tls.VersionTLS12}}
	r.wg.Go(func() { _ = r.plain.Serve(r.toPlain) })
	r.wg.Go(func() { _ = r.secure.ServeTLS(r.toSecure, "", "") })
	r.wg.Go(r.accept)
	return r
}

func toHTTPS(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusTemporaryRedirect)
}

func (r *run) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		if !r.keep(conn) {
			conn.Close()
			return
		}
		r.wg.Go(func() { r.sort(conn) })
	}
}

func (r *run) keep(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		return false
	}
	r.conns[conn] = true
	return true
}

// sort hands a connection over by its first byte.
func (r *run) sort(conn net.Conn) {
	const handshake = 0x16
	b := &begun{Conn: conn, r: bufio.NewReader(conn)}
	first, err := b.r.Peek(1)
	switch {
	case err != nil:
		conn.Close()
	case first[0] != handshake:
		r.toPlain.hand(b)
	case r.tls:
		r.toSecure.hand(b)
	default:
		conn.Close()
	}
}

func (r *run) stop() {
	r.listener.Close()
	r.mu.Lock()
	conns := r.conns
	r.conns = nil
	r.mu.Unlock()
	for c := range conns {
		c.Close()
	}
	_ = errors.Join(r.plain.Close(), r.secure.Close())
	r.wg.Wait()
}

// begun is a connection of which the first bytes have been looked at.
type begun struct {
	net.Conn
	r *bufio.Reader
}

func (b *begun) Read(p []byte) (int, error) { return b.r.Read(p) }

// handed is a listener of connections that are handed over.
type handed struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newHanded(a net.Addr) *handed {
	return &handed{addr: a, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (h *handed) hand(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.done:
		c.Close()
	}
}

// Accept waits for the next one.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (h *handed) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr is the server's.
func (h *handed) Addr() net.Addr { return h.addr }

// certificate is like the one that Argo CD makes for itself.
func certificate() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Argo CD"}},
		DNSNames:  []string{"localhost", "argocd-server", "argocd-server.argocd.svc"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
