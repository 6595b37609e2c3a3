// Package front makes http://localhost:PORT the address of argocd-server in a
// browser, whatever mode the server runs in.
//
// A server in TLS mode gets a reverse proxy in front of it: plain HTTP on this
// side, the pinned TLS on the other. Cookies lose their Secure flag and redirects
// to https become http, as the browser would refuse the one and not find the
// other. Streams, gRPC-Web, WebSockets (the terminal) and, without TLS
// (`argocd login localhost:8080 --plaintext`), native gRPC pass through. To a
// server that speaks plaintext, the bytes go as they are (see Guard).
//
// Either way only requests for this address are let in: a page of another site
// whose name has been pointed at 127.0.0.1 (DNS rebinding) is turned away.
package front

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"

	"github.com/sealway/sealway/pkg/tunnel"
)

// Options say what is behind the front.
type Options struct {
	Dial func(context.Context) (net.Conn, error) // opens a connection to the server; required
	TLS  *tls.Config                             // how the server is told from others; required

	// Wait is how long a connection is tried again when the server goes away
	// while it is being made; default 30 s.
	Wait time.Duration
	// Trouble is told why a request failed, from several goroutines at once.
	// Default: nobody is told.
	Trouble func(error)
}

func (o Options) withDefaults() Options {
	o.Wait = cmp.Or(o.Wait, 30*time.Second)
	if o.Trouble == nil {
		o.Trouble = func(error) {}
	}
	return o
}

// Front is the reverse proxy.
type Front struct {
	o     Options
	life  context.Context // ended when Serve returns
	end   context.CancelFunc
	proxy *httputil.ReverseProxy

	// argocd-server has HTTP/2 for gRPC alone.
	kept, fresh, http2 *http.Transport

	mu       sync.Mutex
	closed   bool
	requests sync.WaitGroup
}

// New makes a front.
func New(o Options) *Front {
	f := &Front{o: o.withDefaults()}
	f.life, f.end = context.WithCancel(context.Background())
	f.kept, f.fresh, f.http2 = f.transport("http/1.1"), f.transport("http/1.1"), f.transport("h2")
	f.fresh.DisableKeepAlives = true
	// Answers of unknown length, such as streams, are passed on as they come.
	f.proxy = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      roundTripper(f.roundTrip),
		ModifyResponse: plain,
		ErrorHandler:   f.failed,
		ErrorLog:       log.New(io.Discard, "", 0), // connections that break are the tunnel's to tell
	}
	return f
}

const (
	// idle is how many connections to the server are kept, and idleTime for how long:
	// the parts of one page. That a connection leads to a server that has gone may show
	// late, and then it is better that there are few.
	idle     = 2
	idleTime = 500 * time.Millisecond
)

// transport speaks one protocol to the server.
func (f *Front) transport(protocol string) *http.Transport {
	t := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return f.dial(ctx, protocol)
		},
		MaxIdleConnsPerHost: idle,
		IdleConnTimeout:     idleTime,
		DisableCompression:  true, // the browser says what it takes
		Protocols:           new(http.Protocols),
	}
	t.Protocols.SetHTTP1(protocol == "http/1.1")
	t.Protocols.SetHTTP2(protocol == "h2")
	return t
}

// Serve answers requests until the context ends, or the listener fails, and
// returns when nothing of them is left. An end that somebody asked for is no error.
func (f *Front) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, f.end)
	defer stop()
	s := &http.Server{
		Handler:           http.HandlerFunc(f.serve),
		Protocols:         new(http.Protocols),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return f.life },
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)                   // gRPC
	over := context.AfterFunc(f.life, func() { s.Close() }) //nolint:contextcheck // the front's own ends with ctx
	defer func() {
		over()
		f.end()
		s.Close()
		f.drain()
		f.kept.CloseIdleConnections()
		f.http2.CloseIdleConnections()
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) && f.life.Err() == nil {
		return err
	}
	return nil
}

// Warm makes the first connection to the server, for the first request to find,
// and returns what is in its way.
func (f *Front) Warm(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://localhost/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := f.kept.RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// enter begins a request, unless it is too late for that.
func (f *Front) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.requests.Add(1)
	}
	return !f.closed
}

// drain waits until the last request has ended.
func (f *Front) drain() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.requests.Wait()
}

// serve answers one request.
func (f *Front) serve(w http.ResponseWriter, r *http.Request) {
	if !f.enter() {
		return
	}
	defer f.requests.Done()
	if why := refuse(r); why != "" {
		http.Error(w, why, http.StatusForbidden)
		return
	}
	h := &hijacker{ResponseWriter: w, life: f.life}
	f.proxy.ServeHTTP(h, r)
	if h.stop != nil {
		h.stop()
	}
}

// hijacker ends a connection that the server has given away (to a WebSocket)
// with the front: the server does not know it any more.
type hijacker struct {
	http.ResponseWriter
	life context.Context
	stop func() bool
}

// Unwrap is for http.ResponseController.
func (h *hijacker) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// Hijack gives the connection away.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err == nil {
		h.stop = context.AfterFunc(h.life, func() { conn.Close() })
	}
	return conn, rw, err
}

// rewrite addresses a request to the server, which goes by the browser's own
// Host in redirects and where it compares it with Origin.
func rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host = "https", "argocd-server"
	r.Out.Host = r.In.Host
}

// roundTripper is a function as http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// roundTrip sends a request. One that only reads is sent again when the server
// goes away before it has answered, as it does in a restart. Any other gets a
// connection of its own: over one that was kept and has just been closed, nobody
// knows whether it arrived.
func (f *Front) roundTrip(r *http.Request) (*http.Response, error) {
	if isGRPC(r) {
		return f.http2.RoundTrip(r)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Body != nil && r.Body != http.NoBody {
		return f.fresh.RoundTrip(r)
	}
	resp, err := f.kept.RoundTrip(r)
	for p := f.patience(); err != nil && p.again(r.Context(), err); {
		resp, err = f.fresh.RoundTrip(r)
	}
	return resp, err
}

// isGRPC tells native gRPC, which is HTTP/2, from gRPC-Web.
func isGRPC(r *http.Request) bool {
	t := r.Header.Get("Content-Type")
	return r.ProtoMajor == 2 && (t == "application/grpc" || strings.HasPrefix(t, "application/grpc+"))
}

// plain takes out of an answer what is for https alone.
func plain(r *http.Response) error {
	trailersOnly(r)
	r.Header.Del("Strict-Transport-Security")
	cookies := r.Header["Set-Cookie"]
	for i, c := range cookies {
		cookies[i] = insecure(c)
	}
	if to := r.Header.Get("Location"); to != "" {
		if rest, ok := strings.CutPrefix(to, "https://"+r.Request.Host); ok && (rest == "" || strings.ContainsAny(rest[:1], "/?#")) {
			r.Header.Set("Location", "http://"+r.Request.Host+rest)
		}
	}
	return nil
}

// trailersOnly puts gRPC's status behind the answer. Where there is no data, the
// server sends it as a header that ends the answer, and passed on as a header, it
// may not: then the client misses it.
func trailersOnly(r *http.Response) {
	if !isGRPC(r.Request) || r.Header.Get("Grpc-Status") == "" {
		return
	}
	if r.Trailer == nil {
		r.Trailer = http.Header{}
	}
	for _, name := range []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"} {
		if v := r.Header.Values(name); len(v) > 0 {
			r.Trailer[name] = v
			r.Header.Del(name)
		}
	}
}

// insecure takes the flag Secure off a cookie, and leaves the rest as it is.
func insecure(cookie string) string {
	parts := strings.Split(cookie, ";")
	kept := parts[:1]
	for _, p := range parts[1:] {
		if !strings.EqualFold(strings.TrimSpace(p), "Secure") {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ";")
}

// failed answers in place of the server.
func (f *Front) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // whoever asked is gone
	}
	f.o.Trouble(err)
	text := err.Error()
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		text += "\n  hint: " + h.Hint()
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, text, http.StatusBadGateway)
}

// handshakeTime bounds one handshake.
const handshakeTime = 10 * time.Second

// dial opens a connection to the server and shakes hands. When the server goes
// away in the middle of that, nothing has been asked yet: it is tried again.
func (f *Front) dial(ctx context.Context, protocol string) (net.Conn, error) {
	// The context is not the request's: another one may take the connection.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(f.life, cancel) //nolint:contextcheck // it is bound to both
	defer stop()
	config := f.o.TLS.Clone()
	config.NextProtos = []string{protocol}
	p := f.patience()
	for {
		conn, err := f.o.Dial(ctx)
		if err != nil {
			return nil, err // it has waited by itself
		}
		secure := tls.Client(conn, config)
		if err = handshake(ctx, secure); err == nil {
			return secure, nil
		}
		conn.Close()
		if !p.again(ctx, err) {
			return nil, err
		}
	}
}

func handshake(ctx context.Context, c *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		return &HandshakeError{err}
	}
	return nil
}

// HandshakeError says that the server was reached and TLS did not come about.
type HandshakeError struct{ Cause error }

func (e *HandshakeError) Error() string {
	return "TLS handshake with argocd-server: " + e.Cause.Error()
}

// Hint is the cause's, where it has one.
func (e *HandshakeError) Hint() string {
	var h interface{ Hint() string }
	if errors.As(e.Cause, &h) {
		return h.Hint()
	}
	return "if the server runs with --insecure (server.insecure) since a moment ago, start this again"
}

func (e *HandshakeError) Unwrap() error { return e.Cause }

// patience is how long and how often something is tried again.
type patience struct {
	until time.Time
	delay time.Duration
}

const (
	minDelay = 20 * time.Millisecond
	maxDelay = 500 * time.Millisecond
)

func (f *Front) patience() *patience {
	return &patience{until: time.Now().Add(f.o.Wait), delay: minDelay}
}

// again waits before the next attempt. There is none when the error is of a kind
// that stays, or nobody waits any more.
func (p *patience) again(ctx context.Context, err error) bool {
	var cut *tunnel.ConnError
	var final interface{ Unavailable() bool }
	var notTLS tls.RecordHeaderError
	stays := errors.As(err, &final) && !errors.As(err, &cut) || errors.As(err, &notTLS)
	if stays || time.Now().After(p.until) {
		return false
	}
	timer := time.NewTimer(p.delay)
	defer timer.Stop()
	p.delay = min(2*p.delay, maxDelay)
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
