package tunnel

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/util/httpstream"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	tunneling "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
)

const (
	// frameBuffer holds a frame of the kubelet: its data are up to 32 KiB.
	frameBuffer = 33 << 10
	// wireBuffer is how much is read at once: a frame comes as five records of TLS.
	wireBuffer = 64 << 10
)

// upgradeWebSocket opens a WebSocket that carries SPDY.
func (o Options) upgradeWebSocket(ctx context.Context, u *url.URL) (net.Conn, error) {
	tlsConfig, err := rest.TLSConfigFor(o.Config)
	if err != nil {
		return nil, err
	}
	if tlsConfig != nil {
		tlsConfig.ClientSessionCache = o.sessions
	}
	upgrader := &webSocketUpgrader{tls: tlsConfig, proxy: proxier(o.Config)}
	transport, err := rest.HTTPWrappersForConfig(o.Config, upgrader)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	return portforward.NewTunnelingConnection("client", upgrader.conn), nil
}

func proxier(config *rest.Config) func(*http.Request) (*url.URL, error) {
	if config.Proxy != nil {
		return config.Proxy
	}
	return utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
}

// webSocketUpgrader keeps the connection of its last request. Unlike client-go's,
// it reads much at a time, and resumes TLS sessions.
type webSocketUpgrader struct {
	tls   *tls.Config
	proxy func(*http.Request) (*url.URL, error)
	conn  *websocket.Conn
}

// RoundTrip sends the request and keeps the connection.
func (w *webSocketUpgrader) RoundTrip(req *http.Request) (*http.Response, error) {
	d := websocket.Dialer{
		Proxy: w.proxy, TLSClientConfig: w.tls, NetDialContext: dialBuffered,
		Subprotocols:   []string{tunneling.WebsocketsSPDYTunnelingPrefix + portforward.PortForwardProtocolV1Name},
		ReadBufferSize: frameBuffer, WriteBufferSize: frameBuffer,
	}
	u := *req.URL
	u.Scheme = map[string]string{"https": "wss", "http": "ws"}[u.Scheme]
	conn, resp, err := d.DialContext(req.Context(), u.String(), req.Header)
	switch {
	case errors.Is(err, websocket.ErrBadHandshake):
		if resp != nil {
			err = fmt.Errorf("%w (%s)", err, resp.Status)
		}
		return nil, &httpstream.UpgradeFailureError{Cause: err}
	case err != nil:
		return nil, err
	case conn.Subprotocol() != d.Subprotocols[0]:
		conn.Close()
		return nil, &httpstream.UpgradeFailureError{Cause: fmt.Errorf("the server speaks %q", conn.Subprotocol())}
	}
	w.conn = conn
	return resp, nil
}

func dialBuffered(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &buffered{conn, bufio.NewReaderSize(conn, wireBuffer)}, nil
}
