package front_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sealway/sealway/internal/front"
	"github.com/sealway/sealway/internal/standin"
	"github.com/sealway/sealway/pkg/tunnel"
)

// world is a front before a server in TLS mode.
type world struct {
	t       *testing.T
	server  *standin.Server
	address string // of the front
	trouble chan error
	end     func() error // ends the front
}

func newWorld(t *testing.T, handler http.Handler, change func(*front.Options)) *world {
	t.Helper()
	server, err := standin.Start(standin.Options{TLS: true, Handler: handler})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w := &world{t: t, server: server, trouble: make(chan error, 100)}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(server.Certificate())
	o := front.Options{
		Dial: w.dial, TLS: &tls.Config{RootCAs: pool, ServerName: "localhost"},
		Trouble: func(err error) { w.trouble <- err },
	}
	if change != nil {
		change(&o)
	}
	l, err := tunnel.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address = strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1)
	ctx, cancel := context.WithCancel(t.Context())
	f := front.New(o)
	served := make(chan error, 1)
	go func() { served <- f.Serve(ctx, l) }()
	w.end = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() {
		if err := w.end(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// dial waits while nothing listens, as a tunnel does.
func (w *world) dial(ctx context.Context) (net.Conn, error) {
	for {
		conn, err := w.server.Dial(ctx)
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *world) url(path string) string { return "http://" + w.address + path }

// client follows no redirects and keeps nothing.
func client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: loopback},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// loopback does not ask anybody for the address of localhost.
func loopback(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, strings.Replace(address, "localhost", "127.0.0.1", 1))
}

// get sends a request and returns answer and body.
func (w *world) get(r *http.Request) (*http.Response, string) {
	w.t.Helper()
	resp, err := client().Do(r.WithContext(w.t.Context()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, string(body)
}

func request(t *testing.T, method, url, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// TestBrowser logs in as the UI does: what the server says about https has to
// become right for http, and all else stays.
func TestBrowser(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/session", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Add("Set-Cookie", "argocd.token=abc; path=/; SameSite=lax; httpOnly; Secure")
		w.Header().Add("Set-Cookie", "argocd.oauthstate=secure; Max-Age=180; HttpOnly; secure;SameSite=Lax")
		w.Header().Set("Strict-Transport-Security", "max-age=63072000")
		w.Header().Set("X-Frame-Options", "sameorigin")
		fmt.Fprintf(w, "%s host=%s origin=%s forwarded=%v", body, r.Host, r.Header.Get("Origin"), r.Header["X-Forwarded-For"])
	})
	w := newWorld(t, mux, nil)
	resp, body := w.get(request(t, http.MethodPost, w.url("/api/v1/session"), "login", "Origin", "http://"+w.address, "X-Forwarded-For", "10.0.0.1"))
	if want := fmt.Sprintf("login host=%s origin=http://%s forwarded=[]", w.address, w.address); body != want {
		t.Errorf("the server saw %q, want %q", body, want)
	}
	want := []string{"argocd.token=abc; path=/; SameSite=lax; httpOnly", "argocd.oauthstate=secure; Max-Age=180; HttpOnly;SameSite=Lax"}
	if got := resp.Header["Set-Cookie"]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("cookies %q, want %q", got, want)
	}
	if resp.Header.Get("Strict-Transport-Security") != "" || resp.Header.Get("X-Frame-Options") != "sameorigin" {
		t.Errorf("headers %v", resp.Header)
	}
}

func TestRedirects(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", strings.ReplaceAll(r.URL.Query().Get("to"), "HOST", r.Host))
		w.WriteHeader(http.StatusFound)
	}), nil)
	for _, c := range []struct{ to, want, reason string }{
		{"https://HOST/applications?a=b", "http://HOST/applications?a=b", "to itself"},
		{"https://HOST", "http://HOST", "without a path"},
		{"/login", "/login", "relative"},
		{"https://sso.example.com/HOST", "https://sso.example.com/HOST", "to somebody else"},
		{"https://HOST1/", "https://HOST1/", "to a port that only begins like it"},
	} {
		resp, _ := w.get(request(t, http.MethodGet, w.url("/?to="+c.to), ""))
		if got, want := resp.Header.Get("Location"), strings.ReplaceAll(c.want, "HOST", w.address); got != want {
			t.Errorf("%s: %q, want %q", c.reason, got, want)
		}
	}
}

// TestStream wants each event when it comes, not when the stream ends.
func TestStream(t *testing.T) {
	next, left := make(chan string), make(chan bool)
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case event := <-next:
				fmt.Fprintf(w, "%s\n", event)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				left <- true // it is told that nobody reads
				return
			}
		}
	}), nil)
	for _, kind := range []string{"text/event-stream", "application/grpc-web+proto", "application/json"} {
		resp, err := client().Do(request(t, http.MethodGet, w.url("/stream"), "", "Accept", kind))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for _, event := range []string{"one", "two"} {
			next <- event
			if !lines.Scan() || lines.Text() != event {
				t.Fatalf("%s: got %q, want %q", kind, lines.Text(), event)
			}
		}
		resp.Body.Close()
		<-left
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }} // as upstream
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		kind, data, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, data) != nil {
			return
		}
	}
}

// TestTerminal is the terminal in the browser, which is a WebSocket.
func TestTerminal(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo), nil)
	for _, c := range []struct {
		origin, reason string
		status         int
	}{
		{"http://" + w.address, "the UI itself", http.StatusSwitchingProtocols},
		{"", "a client that is no browser", http.StatusSwitchingProtocols},
		{"https://evil.example.com", "a page of somebody else", http.StatusForbidden},
		{"null", "a page of nobody", http.StatusForbidden},
		{"http://localhost:1", "another server of this machine", http.StatusForbidden},
	} {
		d := websocket.Dialer{NetDialContext: loopback}
		conn, resp, err := d.DialContext(t.Context(), "ws://"+w.address+"/terminal", http.Header{"Origin": {c.origin}})
		if resp == nil || resp.StatusCode != c.status {
			t.Errorf("%s: %v, want %d (%v)", c.reason, resp, c.status, err)
			continue
		}
		if err != nil {
			continue
		}
		defer conn.Close()
		for _, text := range []string{"ls", strings.Repeat("x", 100_000)} {
			if err := conn.WriteMessage(websocket.BinaryMessage, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if _, got, err := conn.ReadMessage(); err != nil || string(got) != text {
				t.Errorf("%s: %d bytes came back of %d: %v", c.reason, len(got), len(text), err)
			}
		}
	}
}

type sessions struct {
	session.UnimplementedSessionServiceServer
}

func (*sessions) Create(_ context.Context, r *session.SessionCreateRequest) (*session.SessionResponse, error) {
	return &session.SessionResponse{Token: "token of " + r.Username}, nil
}

// grpc is a client's connection.
func (w *world) grpc() *grpc.ClientConn {
	w.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+w.address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, a string) (net.Conn, error) { return loopback(ctx, "tcp", a) }))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

// TestGRPC is the argocd CLI with --plaintext.
func TestGRPC(t *testing.T) {
	server := grpc.NewServer()
	session.RegisterSessionServiceServer(server, &sessions{})
	w := newWorld(t, server, nil)
	conn := w.grpc()
	for range 3 {
		got, err := session.NewSessionServiceClient(conn).Create(t.Context(), &session.SessionCreateRequest{Username: "admin"})
		if err != nil || got.Token != "token of admin" {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}

// TestGRPCStatus has an answer that is a status and nothing else, which may come
// apart on its way.
func TestGRPCStatus(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", strconv.Itoa(int(codes.PermissionDenied)))
		w.Header().Set("Grpc-Message", "not you")
	}), nil)
	conn := w.grpc()
	for range 50 {
		_, err := session.NewSessionServiceClient(conn).Create(t.Context(), &session.SessionCreateRequest{})
		if s, _ := status.FromError(err); s.Code() != codes.PermissionDenied || s.Message() != "not you" {
			t.Fatalf("got %v", err)
		}
	}
}

func TestOtherNamesAreRefused(t *testing.T) {
	asked := atomic.Int64{}
	w := newWorld(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }), nil)
	_, port, _ := net.SplitHostPort(w.address)
	for _, c := range names(port) {
		before := asked.Load()
		r := request(t, http.MethodGet, w.url("/api/v1/applications"), "")
		r.Host = c.host
		resp, body := w.get(r)
		if got := asked.Load() > before; got != c.allowed {
			t.Errorf("%s: Host %q let in: %v (%s)", c.reason, c.host, got, resp.Status)
		}
		if !c.allowed && (resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "for localhost alone")) {
			t.Errorf("%s: %s %q", c.reason, resp.Status, body)
		}
	}
}

type name struct {
	host, reason string
	allowed      bool
}

func names(port string) []name {
	return []name{
		{"localhost:" + port, "what is printed", true},
		{"LOCALHOST:" + port, "names have no case", true},
		{"127.0.0.1:" + port, "the address itself", true},
		{"[::1]:" + port, "the other loopback", true},
		{"localhost:9090", "through ssh -L", true},
		{"localhost", "the standard port", true},
		{"evil.example.com:" + port, "a name that was pointed here", false},
		{"localhost.example.com:" + port, "a name that begins like ours", false},
		{"127.0.0.1.example.com", "an address that goes on", false},
		{"192.168.0.1:" + port, "another address", false},
	}
}

// TestRestarts stops the server under requests of every kind: what comes while it
// is down waits.
func TestRestarts(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Method, body)
	}), nil)
	for range 10 {
		w.server.Stop()
		var wg sync.WaitGroup
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			wg.Go(func() {
				if resp, body := w.get(request(t, method, w.url("/"), "data")); resp.StatusCode != http.StatusOK || body != method+" data" {
					t.Errorf("%s: %s %q", method, resp.Status, body)
				}
			})
		}
		if err := w.server.Start(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
	}
}

// TestCutRequest has the server go away after it was asked.
func TestCutRequest(t *testing.T) {
	var cuts, asked atomic.Int64
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if cuts.Add(-1) >= 0 {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close()
			}
			return
		}
		_, _ = io.WriteString(w, "done")
	}), nil)
	for _, c := range []struct {
		method, reason string
		status         int
		asked          int64
	}{
		{http.MethodGet, "who only reads asks again", http.StatusOK, 4},
		{http.MethodPost, "who writes has to know", http.StatusBadGateway, 1},
	} {
		cuts.Store(3)
		asked.Store(0)
		resp, body := w.get(request(t, c.method, w.url("/"), ""))
		if resp.StatusCode != c.status || asked.Load() != c.asked {
			t.Errorf("%s: %s %q after %d requests", c.reason, resp.Status, body, asked.Load())
		}
		cuts.Store(0)
	}
	if err := <-w.trouble; err == nil {
		t.Error("the failure was not told")
	}
}

// pinError is what a transport of pkg/argocd says.
type pinError struct{}

func (pinError) Error() string     { return "another certificate" }
func (pinError) Hint() string      { return "look who answers" }
func (pinError) Unavailable() bool { return true }

func TestOtherCertificate(t *testing.T) {
	shakes := atomic.Int64{}
	w := newWorld(t, nil, func(o *front.Options) {
		o.TLS = &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error {
			shakes.Add(1)
			return pinError{}
		}}
	})
	resp, body := w.get(request(t, http.MethodGet, w.url("/"), ""))
	if resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, "another certificate\n  hint: look who answers") {
		t.Errorf("%s %q", resp.Status, body)
	}
	if err := <-w.trouble; !errors.As(err, new(pinError)) {
		t.Errorf("told %v", err)
	}
	if shakes.Load() != 1 {
		t.Errorf("%d handshakes: this does not pass by itself", shakes.Load())
	}
}

// TestModeChanged has a server that was TLS and speaks plaintext now.
func TestModeChanged(t *testing.T) {
	other, err := standin.Start(standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Stop)
	w := newWorld(t, nil, func(o *front.Options) { o.Dial, o.Wait = other.Dial, time.Nanosecond })
	resp, body := w.get(request(t, http.MethodGet, w.url("/"), ""))
	if resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, "TLS handshake") {
		t.Errorf("%s %q", resp.Status, body)
	}
}

func TestWarm(t *testing.T) {
	server, err := standin.Start(standin.Options{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	pool := x509.NewCertPool()
	f := front.New(front.Options{Dial: server.Dial, TLS: &tls.Config{RootCAs: pool, ServerName: "localhost"}, Wait: time.Nanosecond})
	if err := f.Warm(t.Context()); err == nil {
		t.Error("a certificate that nobody knows was taken")
	}
	pool.AppendCertsFromPEM(server.Certificate())
	if err := f.Warm(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestNothingIsLeft ends a front with everything open.
func TestNothingIsLeft(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/terminal", echo)
	w := newWorld(t, mux, nil)
	resp, err := client().Get(w.url("/stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	d := websocket.Dialer{NetDialContext: loopback}
	terminal, _, err := d.DialContext(t.Context(), "ws://"+w.address+"/terminal", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	w.server.Stop()
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		if resp, err := client().Get(w.url("/")); err == nil {
			resp.Body.Close()
		}
	}()
	if err := w.end(); err != nil {
		t.Error(err)
	}
	<-waiting
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a stream that was cut looks whole")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for left := ours(); left != ""; left = ours() {
		if ctx.Err() != nil {
			t.Fatalf("goroutines are left:\n%s", left)
		}
		runtime.Gosched()
	}
}

// ours are the goroutines of the package.
func ours() string {
	buf := make([]byte, 16<<20) // 16 MiB
	buf = buf[:runtime.Stack(buf, true)]
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(g, "sealway/internal/front.") {
			return g
		}
	}
	return ""
}
