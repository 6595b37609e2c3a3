package seal_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sealway/sealway/pkg/seal"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// issue makes a certificate for the test key with the given validity.
func issue(t *testing.T, from, to time.Time) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	key := pairs()[0].private
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestParseCertificateRefuses(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: now.AddDate(1, 0, 0)}
	ecDER, err := x509.CreateCertificate(rand.Reader, template, template, &ec.PublicKey, ec)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		data []byte
		want string
	}{
		{"not PEM", []byte("hello"), "not a PEM certificate"},
		{"empty", nil, "not a PEM certificate"},
		{"private key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x")}), "this is a private key"},
		{"public key", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), "not a PEM certificate"},
		{"no X.509", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), "not a valid X.509 certificate"},
		{"elliptic", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ecDER}), "its key is ECDSA, sealing needs RSA"},
		{"expired", issue(t, now.AddDate(-2, 0, 0), now.AddDate(0, 0, -10)), "expired on 2026-05-22 (10 days ago)"},
		{"not yet valid", issue(t, now.AddDate(0, 0, 1), now.AddDate(1, 0, 0)), "not valid before"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := seal.ParseCertificate("c.pem", c.data, now)
			var ce *seal.CertificateError
			if !errors.As(err, &ce) || !strings.Contains(err.Error(), c.want) || ce.Hint() == "" {
				t.Errorf("got %v, want %q and a hint", err, c.want)
			}
		})
	}
}

func TestExpiring(t *testing.T) {
	for _, c := range []struct {
		days int
		soon bool
	}{{31, false}, {30, true}, {1, true}} {
		cert, err := seal.ParseCertificate("c.pem", issue(t, now.AddDate(-1, 0, 0), now.AddDate(0, 0, c.days)), now)
		if err != nil {
			t.Fatal(err)
		}
		if text, soon := cert.Expiring(now); soon != c.soon {
			t.Errorf("%d days: soon is %v: %s", c.days, soon, text)
		}
	}
}

type controllerFake struct{ pem []byte }

func (c controllerFake) Certificate(context.Context) ([]byte, string, error) {
	return c.pem, "controller", nil
}

// TestLoadCertificate walks the order: given, pin, controller; and the pin's veto.
func TestLoadCertificate(t *testing.T) {
	valid := func(years int) []byte { return issue(t, now.AddDate(-1, 0, 0), now.AddDate(years, 0, 0)) }
	pinned, other := valid(2), valid(3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cert.pem" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(pinned)
	}))
	defer server.Close()
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pin, otherFile, missing := file("pin.pem", pinned), file("other.pem", other), filepath.Join(dir, "none.pem")
	cases := []struct {
		name, given, pin string
		controller       []byte
		source, err      string
	}{
		{name: "pin", pin: pin, source: "pin"},
		{name: "controller without a pin", pin: missing, controller: other, source: "controller"},
		{name: "given file that is the pin", given: pin, pin: pin, source: pin},
		{name: "given URL that is the pin", given: server.URL + "/cert.pem", pin: pin, source: server.URL + "/cert.pem"},
		{name: "file URL", given: "file://" + pin, pin: missing, source: "file://" + pin},
		{name: "given is not the pin", given: otherFile, pin: pin, err: "is not the pinned one"},
		{name: "given is not there", given: missing, pin: missing, err: "cannot be read"},
		{name: "URL is not there", given: server.URL + "/nothing", pin: missing, err: "404"},
		{name: "unknown scheme", given: "ftp://x/y", pin: missing, err: `scheme "ftp" is not supported`},
		{name: "broken pin", pin: file("broken.pem", []byte("x")), err: "not a PEM certificate"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			asked := false
			got, err := seal.LoadCertificate(t.Context(), seal.CertificateOptions{
				Given: c.given, Pin: c.pin, PinName: "pin", Now: now,
				Controller: func(context.Context) (seal.Controller, error) { asked = true; return controllerFake{c.controller}, nil },
			})
			switch {
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got %v, want %q", err, c.err)
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err == "" && got.Source != c.source:
				t.Errorf("source %q, want %q", got.Source, c.source)
			}
			if asked != (c.controller != nil) {
				t.Errorf("the controller was asked: %v", asked)
			}
		})
	}
}
