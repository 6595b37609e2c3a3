package publish_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/publish"
)

func certificatePEM(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

// The pinned certificate's file holds certificates and nothing else.
func TestPin(t *testing.T) {
	cert, key := certificatePEM(t)
	for _, c := range []struct {
		name, text, want string // want is a part of the finding; empty for none
	}{
		{"a certificate", cert, ""},
		{"two", cert + "\n" + cert, ""},
		{"Windows", strings.ReplaceAll(cert, "\n", "\r\n"), ""},
		{"a key", key, "there is a private key in it"},
		{"a key behind", cert + key, "there is a private key in it"},
		{"an old key behind", cert + strings.ReplaceAll(key, "PRIVATE KEY", "RSA PRIVATE KEY"), "there is a private key in it"},
		{"a word before", "canary\n" + cert, "there is something else than certificates in it"},
		{"a word behind", cert + "canary\n", "there is something else than certificates in it"},
		{"a header", strings.Replace(cert, "-----\n", "-----\nNote: canary\n\n", 1), "there is something else than certificates in it"},
		{"a public key", strings.ReplaceAll(cert, "CERTIFICATE", "PUBLIC KEY"), "there is something else than certificates in it"},
		{"no certificate", "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n", "there is something else than certificates in it"},
		{"nothing", " \n", "there is something else than certificates in it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.Write("applications/shop/Chart.yaml", "")
			w.Write("sealed-secrets.pem", c.text)
			p, err := w.plan(publish.Options{})
			if c.want == "" {
				if err != nil || len(p.Entries) != 1 || !strings.HasPrefix(p.Message, "pin the certificate ") {
					t.Errorf("%+v, %v", p, err)
				}
				return
			}
			finding(t, err, publish.RulePin, c.want)
		})
	}
}

// finding wants exactly one finding, without a value in it.
func finding(t *testing.T, err error, rule, text string) {
	t.Helper()
	var found *publish.FindingsError
	if !errors.As(err, &found) {
		t.Fatalf("%v", err)
	}
	if f := found.Findings; len(f) != 1 || f[0].Rule != rule || !strings.Contains(f[0].Message, text) || f[0].Fix == "" || strings.Contains(f[0].Message+f[0].Object+f[0].Fix, "canary") {
		t.Errorf("%+v, want one of rule %s: %s", f, rule, text)
	}
}

// A value of the plaintext on this machine is found wherever it stands; names are not secret.
func TestValues(t *testing.T) {
	const plaintext = "apiVersion: v1\nkind: Secret\nmetadata: {name: database, namespace: shop}\nstringData: {password: canary-horse-battery, user: database, pin: '1234'}\n"
	for _, c := range []struct {
		name, add string
		found     bool
	}{
		{"nothing", "", false},
		{"a comment", "# was canary-horse-battery\n", true},
		{"base64", "# Y2FuYXJ5LWhvcnNlLWJhdHRlcnk=\n", true},
		{"a name that is a value, too", "# database\n", false},
		{"a short one", "# 1234\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.Write("applications/shop/local-secrets/database.yaml", plaintext)
			w.Write("applications/shop/templates/sealed-database.yaml", sealed("shop", "database", "password=AA==")+c.add)
			_, err := w.plan(publish.Options{}, "shop")
			if !c.found {
				if err != nil {
					t.Error(err)
				}
				return
			}
			finding(t, err, publish.RulePlaintext, `the value of key "password" of Secret shop/database stands here in plaintext`)
		})
	}
}

// Commits that go along are looked through, however deep the plaintext is buried.
func TestHistory(t *testing.T) {
	w := newWorld(t)
	w.Write("applications/gone/local-secrets/x.txt", "canary\n")
	w.Git("add", "--force", "applications/gone")
	w.Git("commit", "--quiet", "-m", "oops")
	w.Git("rm", "--quiet", "-r", "applications/gone")
	w.Git("commit", "--quiet", "-m", "gone")
	w.seal("shop", "db", "a=AA==")
	_, err := w.plan(publish.Options{}, "shop")
	finding(t, err, publish.RuleHistory, "one of 2 commits that would go along holds this plaintext file")

	// What the remote has already is not told again.
	w.Git("push", "--quiet")
	if p, err := w.plan(publish.Options{}, "shop"); err != nil || len(p.Along) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	w.Commit("deploy.yaml", "kind: Secret\nmetadata: {name: x}\nstringData: {a: canary}\n")
	_, err = w.plan(publish.Options{}, "shop")
	finding(t, err, publish.RuleHistory, "one of 1 commit that would go along holds this Secret in plaintext")
}
