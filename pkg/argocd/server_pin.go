package argocd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// probeTime bounds the question whether the server speaks TLS.
const probeTime = 15 * time.Second

// probe asks in plaintext whether the server speaks TLS: it answers by itself
// without, and sends the client to https with.
func (s *Server) probe(ctx context.Context, dial func(context.Context) (net.Conn, error)) (secure bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/healthz", nil)
	if err != nil {
		return false, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("nothing within %s: %w", probeTime, context.DeadlineExceeded)
		}
		return false, &ServerAnswerError{Server: s.String(), Namespace: s.Namespace, Cause: err}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // 4 KiB: lets it end properly
	switch resp.StatusCode {
	case http.StatusOK, http.StatusServiceUnavailable: // in good health or not: it answers
		return false, nil
	case http.StatusTemporaryRedirect:
		if to, err := resp.Location(); err == nil && to.Scheme == "https" {
			return true, nil
		}
	}
	return false, &ServerAnswerError{Server: s.String(), Namespace: s.Namespace, Answer: resp.Status}
}

// The Secrets that argocd-server has its certificate from, in its own order
// (upstream's SettingsManager.updateSettingsFromSecret).
const (
	externalSecret = "argocd-server-tls"
	ownSecret      = "argocd-secret"
)

// pin is the certificate that the server has to show.
type pin struct {
	secret string // where it was read: namespace/name
	leaf   *x509.Certificate
}

// certificate reads the certificate that the server uses from the cluster.
func (s *Server) certificate(ctx context.Context) (*pin, error) {
	name := externalSecret
	secret, err := s.secret(ctx, name)
	if apierrors.IsNotFound(err) {
		name = ownSecret
		secret, err = s.secret(ctx, name)
	}
	p := &pin{secret: s.Namespace + "/" + name}
	switch {
	case apierrors.IsNotFound(err):
		return nil, &CertificateError{Server: s.String(), Secret: p.secret, Reason: "there is no such Secret"}
	case err != nil:
		return nil, err
	}
	if p.leaf, err = firstCertificate(secret.Data["tls.crt"]); err != nil {
		return nil, &CertificateError{Server: s.String(), Secret: p.secret, Reason: "tls.crt: " + err.Error()}
	}
	return p, nil
}

// firstCertificate returns the server's own: those of authorities come behind it.
func firstCertificate(data []byte) (*x509.Certificate, error) {
	for {
		block, rest := pem.Decode(data)
		switch {
		case block == nil && len(bytes.TrimSpace(data)) == 0:
			return nil, errors.New("no certificate in it")
		case block == nil:
			return nil, errors.New("not PEM")
		case block.Type == "CERTIFICATE":
			return x509.ParseCertificate(block.Bytes)
		}
		data = rest
	}
}

// pinned accepts the certificate that the cluster holds, and no other. Who signed
// it, for which names and until when does not matter then: Argo CD's own is
// self-signed, and stays in use when it has expired after a year.
func (s *Server) pinned(ctx context.Context, p *pin) *tls.Config {
	v := &verifier{server: s, ctx: context.WithoutCancel(ctx), pin: p}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         nameIn(p.leaf),
		InsecureSkipVerify: true, // of authorities and names; VerifyConnection is stricter
		VerifyConnection:   v.verify,
	}
}

// nameIn is a name to ask for: the one that upstream puts into its own
// certificate, or one that the certificate has.
func nameIn(leaf *x509.Certificate) string {
	if slices.Contains(leaf.DNSNames, "localhost") || len(leaf.DNSNames) == 0 {
		return "localhost"
	}
	return leaf.DNSNames[0]
}

// verifier compares certificates. One that was renewed in the cluster (by
// cert-manager, say) is used by the server without a restart, so the cluster is
// asked again before another one is refused.
type verifier struct {
	server *Server
	ctx    context.Context

	mu  sync.Mutex
	pin *pin
}

// renewalTime bounds the question for the certificate of now.
const renewalTime = 10 * time.Second

func (v *verifier) verify(state tls.ConnectionState) error {
	shown := state.PeerCertificates[0] // a client's handshake fails without one
	v.mu.Lock()
	known := v.pin
	v.mu.Unlock()
	if shown.Equal(known.leaf) {
		return nil
	}
	ctx, cancel := context.WithTimeout(v.ctx, renewalTime)
	defer cancel()
	now, err := v.server.certificate(ctx)
	if err != nil {
		return err
	}
	if !shown.Equal(now.leaf) {
		return &CertificateError{Server: v.server.String(), Secret: now.secret, Shown: fingerprint(shown), Held: fingerprint(now.leaf)}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pin = now
	return nil
}

// fingerprint is what people compare.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return "SHA256:" + hex.EncodeToString(sum[:])
}

// CertificateError says that the server's certificate is not the one that the
// cluster holds for it, or that the cluster holds none.
type CertificateError struct {
	Server      string // "argocd-server argocd/argocd-server"
	Secret      string // namespace/name
	Shown, Held string // fingerprints
	Reason      string // why there is nothing to compare with
}

func (e *CertificateError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: certificate: Secret %s: %s", e.Server, e.Secret, e.Reason)
	}
	return fmt.Sprintf("%s: it shows the certificate %s, but Secret %s holds %s", e.Server, e.Shown, e.Secret, e.Held)
}

// Hint says what to do.
func (e *CertificateError) Hint() string {
	if e.Reason != "" {
		return "argocd-server makes its certificate when it starts in TLS mode; a certificate of your own belongs into Secret " + externalSecret + ", as tls.crt and tls.key"
	}
	return "if the Secret was just changed, restart argocd-server and try again; otherwise find out who answers in its place before you log in"
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *CertificateError) Unavailable() bool { return true }

// ServerAnswerError says that the server was reached and does not answer as
// argocd-server does.
type ServerAnswerError struct {
	Server, Namespace string
	Answer            string // its status line, if it spoke HTTP
	Cause             error  // otherwise
}

func (e *ServerAnswerError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: GET /healthz: %v", e.Server, e.Cause)
	}
	return fmt.Sprintf("%s: GET /healthz: %q is not how Argo CD answers", e.Server, e.Answer)
}

// Hint is the cause's, where it has one.
func (e *ServerAnswerError) Hint() string {
	var h interface{ Hint() string }
	if errors.As(e.Cause, &h) {
		return h.Hint()
	}
	if e.Cause == nil {
		return "does the Service lead to argocd-server? .sealway.yaml names another one (argocd.namespace, argocd.name)"
	}
	return fmt.Sprintf("does it run? `kubectl -n %s get pods -l %s`", e.Namespace, serverLabel)
}

func (e *ServerAnswerError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *ServerAnswerError) Unavailable() bool { return true }
