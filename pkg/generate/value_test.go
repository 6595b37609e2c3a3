package generate

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/ssh"

	"github.com/sealway/sealway/pkg/repo"
)

// random is deterministic for a test.
func chacha(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

func TestRandomKinds(t *testing.T) {
	tests := []struct {
		reason string
		spec   repo.KeySpec
		want   string // regular expression
	}{
		{"password: default alphabet, a letter in front", repo.KeySpec{Kind: repo.KindPassword, Length: 32}, `^[A-Za-z][A-Za-z0-9]{31}$`},
		{"password: prefix and suffix come on top", repo.KeySpec{Kind: repo.KindPassword, Length: 20, Prefix: "sk-", Suffix: "!"}, `^sk-[A-Za-z][A-Za-z0-9]{19}!$`},
		{"password: alphabet of one's own", repo.KeySpec{Kind: repo.KindPassword, Length: 64, Alphabet: "01"}, `^[01]{64}$`},
		{"hex", repo.KeySpec{Kind: repo.KindHex, Bytes: 24, Prefix: "sk-"}, `^sk-[0-9a-f]{48}$`},
		{"base64", repo.KeySpec{Kind: repo.KindBase64, Bytes: 32}, `^[A-Za-z0-9+/]{43}=$`},
		{"base64url", repo.KeySpec{Kind: repo.KindBase64URL, Bytes: 32}, `^[A-Za-z0-9_-]{43}$`},
		{"uuid", repo.KeySpec{Kind: repo.KindUUID}, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			r, seen := chacha(1), map[string]bool{}
			for range 200 {
				v, err := random(r, &tt.spec)
				if err != nil {
					t.Fatal(err)
				}
				if !regexp.MustCompile(tt.want).MatchString(v) {
					t.Fatalf("%q does not match %s", v, tt.want)
				}
				if seen[v] {
					t.Fatal("the same value twice")
				}
				seen[v] = true
			}
			again, err := random(chacha(1), &tt.spec)
			if err != nil || !seen[again] {
				t.Error("the value does not come from the given source")
			}
			if _, err := random(strings.NewReader("short"), &tt.spec); err == nil {
				t.Error("a source that ends is no error")
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	in := []byte{0xfb, 0xff, 0x00, 0x10}
	for kind, decode := range map[repo.Kind]func(string) ([]byte, error){
		repo.KindHex: hex.DecodeString, repo.KindBase64: base64.StdEncoding.DecodeString, repo.KindBase64URL: base64.RawURLEncoding.DecodeString,
	} {
		v, err := random(bytes.NewReader(in), &repo.KeySpec{Kind: kind, Bytes: len(in)})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := decode(v); err != nil || !bytes.Equal(out, in) {
			t.Errorf("%s: %q is not the source's bytes", kind, v)
		}
	}
}

// Chi-squared over each alphabet size that matters: with a remainder instead of
// rejection the first 256%n characters would be up to twice as frequent.
func TestTextHasNoBias(t *testing.T) {
	const perChar = 2000
	for _, size := range []int{2, 10, 52, 62, 86, 94} {
		alphabet := make([]byte, size)
		for i := range alphabet {
			alphabet[i] = byte('!' + i)
		}
		v, err := source{chacha(7)}.text(size*perChar, string(alphabet))
		if err != nil {
			t.Fatal(err)
		}
		chi := 0.0
		for _, c := range alphabet {
			d := float64(strings.Count(v, string(rune(c)))) - perChar
			chi += d * d / perChar
		}
		// Mean size-1, variance 2(size-1): eight deviations are out of reach by chance.
		if df := float64(size - 1); (chi-df)*(chi-df) > 64*2*df {
			t.Errorf("%d characters: chi-squared is %.0f", size, chi)
		}
	}
}

type constant byte

func (c constant) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

func TestBrokenSource(t *testing.T) {
	if _, err := (source{constant(0xff)}).text(10, alphanumeric); !errors.Is(err, errSource) {
		t.Errorf("error %v", err)
	}
	if _, err := (source{constant(0xff)}).password(10, ""); !errors.Is(err, errSource) {
		t.Errorf("error %v", err)
	}
}

func TestHashes(t *testing.T) {
	h, err := hash("pa$$word", 10)
	if err != nil || !strings.HasPrefix(h, "$2a$10$") || bcrypt.CompareHashAndPassword([]byte(h), []byte("pa$$word")) != nil {
		t.Errorf("hash %v", err)
	}
	line, err := htpasswd("admin", "pa$$word", 10)
	if err != nil || !regexp.MustCompile(`^admin:\$2y\$10\$[./A-Za-z0-9]{53}$`).MatchString(line) {
		t.Errorf("line %v", err)
	}
	if !hashes(line[len("admin:"):], "pa$$word") || hashes(line[len("admin:"):], "password") || hashes("", "x") {
		t.Error("hashes finds out whether a hash is of a value")
	}
	if !hashes("$2a$31$"+strings.Repeat("a", 53), "x") {
		t.Error("a hash that takes hours is not checked")
	}
	long := strings.Repeat("canary", 13)
	if _, err := hash(long, 10); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v", err)
	}
}

func TestKeyPairs(t *testing.T) {
	for _, bits := range []int{2048, 3072} {
		v, err := random(chacha(1), &repo.KeySpec{Kind: repo.KindRSA, Bits: bits})
		if err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode([]byte(v))
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil || len(rest) > 0 || block.Type != "PRIVATE KEY" {
			t.Fatal("not one PKCS#8 key in PEM")
		}
		private := key.(*rsa.PrivateKey)
		if private.N.BitLen() != bits || private.Validate() != nil {
			t.Errorf("%d bits instead of %d", private.N.BitLen(), bits)
		}
		public, err := publicKey(v)
		if err != nil {
			t.Fatal(err)
		}
		pub, _ := pem.Decode([]byte(public))
		if got, err := x509.ParsePKIXPublicKey(pub.Bytes); err != nil || !private.PublicKey.Equal(got) {
			t.Error("not the public half")
		}
	}
	v, err := random(chacha(1), &repo.KeySpec{Kind: repo.KindEd25519})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := ssh.ParseRawPrivateKey([]byte(v))
	if err != nil || !strings.HasPrefix(v, "-----BEGIN OPENSSH PRIVATE KEY-----\n") || !strings.HasSuffix(v, "\n") {
		t.Fatal("not a private key of OpenSSH")
	}
	seed := make([]byte, ed25519.SeedSize)
	_, _ = chacha(1).Read(seed)
	if !raw.(*ed25519.PrivateKey).Equal(ed25519.NewKeyFromSeed(seed)) {
		t.Error("the key does not come from the given source")
	}
	public, err := publicKey(v)
	if err != nil || !strings.HasPrefix(public, "ssh-ed25519 ") || strings.Contains(public, "\n") {
		t.Errorf("public key %q, %v", public, err)
	}
	if !samePublicKey(public, public+" me@here\n") || samePublicKey(public, "ssh-ed25519 AAAA") || samePublicKey("", public) {
		t.Error("samePublicKey compares the keys")
	}
}

func TestPublicKeyRefuses(t *testing.T) {
	for _, private := range []string{"", "canary", "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n"} {
		if _, err := publicKey(private); !errors.Is(err, errPrivateKey) {
			t.Errorf("error %v", err)
		}
	}
}

func TestInsertComment(t *testing.T) {
	tests := []struct{ reason, in, want string }{
		{"at the key's indentation", "a:\n  k: x\n", "a:\n  # one\n  # two\n  k: x\n"},
		{"quoted key", "a:\n  \"k\": x\n", "a:\n  # one\n  # two\n  \"k\": x\n"},
		{"line ends stay", "a:\r\n  k: x\r\n", "a:\r\n  # one\r\n  # two\r\n  k: x\r\n"},
		{"no line of its own", "a:\n  {k: x}\n", "a:\n  {k: x}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			if got := string(insertComment([]byte(tt.in), 2, "k", "one\ntwo\n")); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
