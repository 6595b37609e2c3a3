package argocd_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/version"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/test/bufconn"

	"github.com/sealway/sealway/pkg/argocd"
)

// selfSigned makes a certificate as argocd-server makes its own.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Argo CD"}}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	cert, pool := selfSigned(t)
	_, other := selfSigned(t)
	secure := grpc.Creds(credentials.NewServerTLSFromCert(&cert))
	pin := func(p *x509.CertPool) *tls.Config { return &tls.Config{RootCAs: p, ServerName: "localhost"} }
	for _, c := range []struct {
		name       string
		server     []grpc.ServerOption
		tls        *tls.Config
		text, hint string
	}{
		{"pinned", []grpc.ServerOption{secure}, pin(pool), "", ""},
		{"plaintext", nil, nil, "", ""},
		{"another certificate", []grpc.ServerOption{secure}, pin(other), "x509: certificate signed by unknown authority", "not the one that is trusted"},
		{"another name", []grpc.ServerOption{secure}, &tls.Config{RootCAs: pool}, "x509: certificate is valid for localhost, not argocd.example.com", "not the one that is trusted"},
		{"TLS to plaintext", nil, pin(pool), "first record does not look like a TLS handshake", "connect without TLS, with ARGOCD_OPTS=--plaintext"},
		// The server hangs up: whether the client is still writing then or already reads is chance, and so is the text.
		{"plaintext to TLS", []grpc.ServerOption{secure}, nil, "argocd.example.com:443: ask for the version: ", "is TLS right?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := bufconn.Listen(1 << 16)
			s := grpc.NewServer(c.server...)
			version.RegisterVersionServiceServer(s, &versionServer{})
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			defer func() {
				s.Stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
			}()
			dial := func(ctx context.Context) (net.Conn, error) { return l.DialContext(ctx) }
			client, err := argocd.Connect(t.Context(), argocd.Transport{Address: address, Dial: dial, TLS: c.tls}, nil, argocd.Options{})
			if c.text != "" {
				expect(t, err, c.text, c.hint, "unavailable")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNoALPN: a load balancer that speaks TLS and does not offer HTTP/2.
func TestNoALPN(t *testing.T) {
	cert, pool := selfSigned(t)
	l := bufconn.Listen(1 << 16)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
			_ = secure.Handshake() // the client ends it
			_ = secure.Close()
		}
	}()
	defer func() { _ = l.Close(); <-served }()
	dial := func(ctx context.Context) (net.Conn, error) { return l.DialContext(ctx) }
	_, err := argocd.Connect(t.Context(), argocd.Transport{Address: address, Dial: dial, TLS: &tls.Config{RootCAs: pool, ServerName: "localhost"}}, nil, argocd.Options{})
	expect(t, err, "ALPN", "load balancer", "unavailable")
}
