package seal

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sealway/sealway/pkg/manifest"
)

// Certificate is the controller's public certificate that values are sealed for.
type Certificate struct {
	Source      string // where it came from: a path, a URL or the controller
	Fingerprint string // SHA-256 of the DER form, lower-case hex, as `openssl x509 -fingerprint -sha256` has it without colons
	Key         *rsa.PublicKey
	NotBefore   time.Time
	NotAfter    time.Time
	PEM         []byte // the one certificate, encoded anew
}

// Short is the beginning of the fingerprint, enough to compare by eye.
func (c *Certificate) Short() string { return short(c.Fingerprint) }

func short(fingerprint string) string { return fingerprint[:min(16, len(fingerprint))] }

// expiryNotice is how long before its end a certificate is worth a word: the
// controller makes a new one every 30 days by default (--key-renew-period).
const expiryNotice = 30 * 24 * time.Hour

// Expiring says how long the certificate is still good when that is less than 30 days.
func (c *Certificate) Expiring(now time.Time) (string, bool) {
	left := c.NotAfter.Sub(now)
	if left > expiryNotice {
		return "", false
	}
	return fmt.Sprintf("certificate %s expires on %s, in %d days: fetch the newest with `mage seal:cert -accept`",
		c.Source, c.NotAfter.Format(time.DateOnly), int(left.Hours()/24)), true
}

// CertificateError says why a certificate cannot be used.
type CertificateError struct {
	Source, Problem, Fix string
	Cause                error // may be nil
}

func (e *CertificateError) Error() string {
	msg := fmt.Sprintf("certificate %s: %s", e.Source, e.Problem)
	if e.Cause != nil {
		msg += ": " + e.Cause.Error()
	}
	return msg
}

// Hint says what to do about it.
func (e *CertificateError) Hint() string { return e.Fix }

func (e *CertificateError) Unwrap() error { return e.Cause }

// Unavailable reports whether the certificate's server could not be reached: exit status 4.
func (e *CertificateError) Unavailable() bool {
	var u *unreachable
	return errors.As(e.Cause, &u)
}

// unreachable marks an error of the way to the certificate's server.
type unreachable struct{ error }

func (e *unreachable) Unwrap() error { return e.error }

// ParseCertificate reads the first certificate of a PEM file, as kubeseal does,
// and refuses what cannot seal: no PEM, a private key, a key that is not RSA, a
// certificate outside its validity.
func ParseCertificate(source string, data []byte, now time.Time) (*Certificate, error) {
	fail := func(fix, format string, args ...any) error {
		return &CertificateError{Source: source, Problem: fmt.Sprintf(format, args...), Fix: fix}
	}
	var block *pem.Block
	for rest := data; ; {
		block, rest = pem.Decode(rest)
		if block == nil {
			return nil, fail("a certificate begins with -----BEGIN CERTIFICATE-----; `mage seal:cert` shows the controller's", "not a PEM certificate")
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, fail("never hand out this file; seal with the certificate that `mage seal:cert` shows", "this is a private key")
		}
		if block.Type == "CERTIFICATE" {
			break
		}
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, &CertificateError{Source: source, Problem: "not a valid X.509 certificate", Cause: err, Fix: "fetch it again with `mage seal:cert -accept`"}
	}
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fail("use the certificate of the Sealed Secrets controller", "its key is %s, sealing needs RSA", leaf.PublicKeyAlgorithm)
	}
	if now.After(leaf.NotAfter) {
		return nil, fail("fetch the current one with `mage seal:cert -accept`", "expired on %s (%d days ago)",
			leaf.NotAfter.Format(time.DateOnly), int(now.Sub(leaf.NotAfter).Hours()/24))
	}
	if now.Before(leaf.NotBefore.Add(-time.Hour)) { // clocks differ
		return nil, fail("compare the clocks of this machine and of the cluster", "not valid before %s", leaf.NotBefore.Format(time.RFC3339))
	}
	sum := sha256.Sum256(leaf.Raw)
	return &Certificate{
		Source: source, Fingerprint: hex.EncodeToString(sum[:]), Key: key,
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}),
	}, nil
}

// Controller fetches the newest certificate from the Sealed Secrets controller.
type Controller interface {
	// Certificate returns PEM and a name for messages.
	Certificate(ctx context.Context) (pem []byte, source string, err error)
}

// CertificateOptions say where the certificate comes from: Given, else the pin,
// else the controller.
type CertificateOptions struct {
	Given      string // path or http(s) URL; empty for none
	Pin        string // path of the pinned certificate; the file need not exist
	Accepted   string // path of this machine's record of the certificate it trusts; the file need not exist
	PinName    string // the pin's name in messages
	Controller func(ctx context.Context) (Controller, error)
	HTTP       *http.Client // default: a client with a timeout of 20 seconds
	Now        time.Time
}

// PinError says that a certificate is not the pinned one.
type PinError struct {
	Pin, Other *Certificate
}

func (e *PinError) Error() string {
	return fmt.Sprintf("certificate %s: fingerprint %s is not the pinned one %s (%s)", e.Other.Source, e.Other.Short(), e.Pin.Short(), e.Pin.Source)
}

// Hint says how to accept it.
func (e *PinError) Hint() string {
	return "whoever holds this certificate's key reads every secret sealed from now on; compare the fingerprint with the cluster's, then `mage seal:cert -accept`, with -cert if it was given"
}

// LoadCertificate finds the certificate to seal with and holds it against the pin.
func LoadCertificate(ctx context.Context, o CertificateOptions) (*Certificate, error) {
	pin, pinErr := o.LoadPin()
	if o.Given == "" && pin != nil {
		return pin, o.trusted(pin)
	}
	// A pin that has expired cannot be compared: the new one needs to be accepted.
	if pinErr != nil {
		return nil, pinErr
	}
	cert, err := o.fetch(ctx)
	if err != nil {
		return nil, err
	}
	if pin != nil && pin.Fingerprint != cert.Fingerprint {
		return nil, &PinError{Pin: pin, Other: cert}
	}
	return cert, o.trusted(cert)
}

// trusted refuses a certificate that is not the one this machine sealed for
// before: whoever can change a file in a pull request could swap the pin.
func (o CertificateOptions) trusted(cert *Certificate) error {
	data, err := os.ReadFile(o.Accepted)
	if o.Accepted == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &CertificateError{Source: o.Accepted, Problem: "the record of the trusted certificate cannot be read", Cause: err}
	}
	if known := strings.TrimSpace(string(data)); known != cert.Fingerprint {
		return &PinError{Pin: &Certificate{Source: "accepted on this machine", Fingerprint: known}, Other: cert}
	}
	return nil
}

// Accept records on this machine that the certificate is trusted.
func (o CertificateOptions) Accept(ctx context.Context, cert *Certificate) error {
	if err := os.MkdirAll(filepath.Dir(o.Accepted), 0o700); err != nil {
		return fmt.Errorf("trusted certificate: %w", err)
	}
	return manifest.WriteFiles(ctx, []manifest.File{{Path: o.Accepted, Data: []byte(cert.Fingerprint + "\n"), Mode: 0o600}})
}

// LoadPin reads the pinned certificate; nil without an error when there is none.
func (o CertificateOptions) LoadPin() (*Certificate, error) {
	data, err := os.ReadFile(o.Pin)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &CertificateError{Source: o.PinName, Problem: "cannot be read", Cause: err}
	}
	return ParseCertificate(o.PinName, data, o.Now)
}

// controllerTime is how long the controller may take to hand out its certificate.
const controllerTime = 20 * time.Second

// name is what was given, without credentials that a URL may hold.
func (o CertificateOptions) name() string {
	u, err := url.Parse(o.Given)
	if err != nil || len(u.Scheme) <= 1 {
		return o.Given
	}
	u.RawQuery = ""
	return u.Redacted()
}

// Fetch gets the certificate that was named, or the controller's newest, without
// a look at the pin.
func (o CertificateOptions) Fetch(ctx context.Context) (*Certificate, error) { return o.fetch(ctx) }

func (o CertificateOptions) fetch(ctx context.Context) (*Certificate, error) {
	if o.Given != "" {
		data, err := o.read(ctx)
		if err != nil {
			e := &CertificateError{Source: o.name(), Problem: "cannot be read", Cause: err, Fix: "-cert and SEALED_SECRETS_CERT take a file or an https URL"}
			if e.Unavailable() {
				e.Fix = "is the address right and its server up? the certificate can be a file, too"
			}
			return nil, e
		}
		return ParseCertificate(o.name(), data, o.Now)
	}
	ctx, cancel := context.WithTimeout(ctx, controllerTime)
	defer cancel()
	c, err := o.Controller(ctx)
	if err != nil {
		return nil, err
	}
	data, source, err := c.Certificate(ctx)
	if err != nil {
		return nil, err
	}
	return ParseCertificate(source, data, o.Now)
}

const maxCertificate = 1 << 20 // 1 MiB

func (o CertificateOptions) read(ctx context.Context) ([]byte, error) {
	u, err := url.Parse(o.Given)
	if err != nil || len(u.Scheme) <= 1 { // one letter is a Windows drive
		return os.ReadFile(o.Given)
	}
	switch u.Scheme {
	case "file":
		return os.ReadFile(u.Path)
	case "http", "https":
	default:
		return nil, fmt.Errorf("scheme %q is not supported", u.Scheme)
	}
	client := o.HTTP
	if client == nil {
		client = &http.Client{Timeout: 20 * time.Second}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.Given, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil { // its text holds the URL, with credentials
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, &unreachable{err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxCertificate))
}
