package tunnel

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
)

// The names of the transports in events.
const (
	overWebSocket = "websocket"
	overSPDY      = "spdy"
)

// upgrade opens a connection that speaks SPDY to the kubelet of the Pod: inside a
// WebSocket, or bare when the server refuses that upgrade. The answer to the
// second request is the one that is told: it carries the API server's reason.
func (o Options) upgrade(ctx context.Context, pod string) (net.Conn, string, error) {
	base, _, err := rest.DefaultServerUrlFor(o.Config)
	if err != nil {
		return nil, "", err
	}
	u := base.JoinPath("api", "v1", "namespaces", o.Namespace, "pods", pod, "portforward")
	if !o.spdy.Load() {
		conn, err := o.upgradeWebSocket(ctx, u)
		if err == nil {
			return conn, overWebSocket, nil
		}
		if !httpstream.IsUpgradeFailure(err) && !httpstream.IsHTTPSProxyError(err) {
			return nil, "", err
		}
	}
	conn, err := upgradeSPDY(ctx, o.Config, u)
	// While that works, it is the way of the next session too.
	o.spdy.Store(err == nil)
	return conn, overSPDY, err
}

func upgradeSPDY(ctx context.Context, config *rest.Config, u *url.URL) (net.Conn, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	dialer, err := spdy.NewRoundTripperWithConfig(spdy.RoundTripperConfig{TLS: tlsConfig, Proxier: proxier(config)})
	if err != nil {
		return nil, err
	}
	upgrader := &spdyUpgrader{SpdyRoundTripper: dialer}
	transport, err := rest.HTTPWrappersForConfig(config, upgrader)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set(httpstream.HeaderProtocolVersion, portforward.PortForwardProtocolV1Name)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if err := accepted(resp); err != nil {
		upgrader.conn.Close()
		return nil, err
	}
	return upgrader.conn, nil
}

// spdyUpgrader keeps the connection of its last request. Unlike upstream's, it
// gives up on the answer when the context is done.
type spdyUpgrader struct {
	*spdy.SpdyRoundTripper
	conn net.Conn
}

// RoundTrip sends the request and keeps the connection.
func (u *spdyUpgrader) RoundTrip(req *http.Request) (*http.Response, error) {
	req = utilnet.CloneRequest(req)
	req.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	req.Header.Set(httpstream.HeaderUpgrade, spdy.HeaderSpdy31)
	if u.conn != nil {
		u.conn.Close() // the round before was answered with a challenge
	}
	conn, err := u.Dial(req)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(req.Context(), func() { conn.Close() })
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, req)
	if !stop() {
		err = errors.Join(req.Context().Err(), err)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	u.conn = &buffered{conn, r}
	return resp, nil
}

// buffered is a connection of which the first bytes have been read already.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// accepted returns the API server's reason when it did not switch protocols.
func accepted(resp *http.Response) error {
	upgraded := slices.ContainsFunc(resp.Header.Values(httpstream.HeaderUpgrade), func(v string) bool { return strings.EqualFold(v, spdy.HeaderSpdy31) })
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if protocol := resp.Header.Get(httpstream.HeaderProtocolVersion); upgraded && protocol == portforward.PortForwardProtocolV1Name {
			return nil
		}
		return errors.New("the server switched to another protocol")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // 64 KiB
	if err != nil {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	var status metav1.Status
	if json.Unmarshal(body, &status) == nil && status.Kind == "Status" {
		return &apierrors.StatusError{ErrStatus: status}
	}
	return apierrors.NewGenericServerResponse(resp.StatusCode, http.MethodPost, metav1.Unversioned.WithResource("pods/portforward").GroupResource(), "", strings.TrimSpace(string(body)), 0, true)
}

// watched is a connection that ends when nothing comes for the limit, that knows
// why it ended, and that can be closed twice.
type watched struct {
	net.Conn
	limit time.Duration
	why   atomic.Pointer[error]
	once  sync.Once
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.SetReadDeadline(time.Now().Add(w.limit)); err != nil {
		w.note(err)
		return 0, err
	}
	n, err := w.Conn.Read(p)
	if err != nil {
		w.note(err)
	}
	return n, err
}

// note keeps the first reason.
func (w *watched) note(err error) { w.why.CompareAndSwap(nil, &err) }

func (w *watched) Close() error {
	w.once.Do(func() { w.Conn.Close() })
	return nil
}

// reason is why the connection ended, in words.
func (w *watched) reason() error {
	p := w.why.Load()
	switch {
	case p == nil:
		return errors.New("the session was closed by the other side")
	case errors.Is(*p, io.EOF), errors.Is(*p, io.ErrUnexpectedEOF), strings.Contains((*p).Error(), "websocket: close"):
		return errors.New("the API server closed the connection")
	case isTimeout(*p):
		return fmt.Errorf("no answer to pings for %s", w.limit)
	}
	return *p
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
