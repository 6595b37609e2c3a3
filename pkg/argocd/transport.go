package argocd

import (
	"context"
	"crypto/tls"
	"net"
)

// Transport is the way to one argocd-server.
type Transport struct {
	// Address names the server in messages, and is what a stored credential
	// must be for: host:port.
	Address string
	// Dial opens a connection to it; nil dials Address over TCP.
	Dial func(context.Context) (net.Conn, error)
	// TLS is how the server is told from others; nil for a server that speaks
	// plaintext (`--insecure`).
	TLS *tls.Config
}
