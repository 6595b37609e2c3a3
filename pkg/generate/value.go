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
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/ssh"

	"github.com/sealway/sealway/pkg/repo"
)

// random makes a value of one of the random kinds.
func random(r io.Reader, k *repo.KeySpec) (string, error) {
	s := source{r}
	var v string
	var err error
	switch k.Kind {
	case repo.KindPassword:
		v, err = s.password(k.Length, k.Alphabet)
	case repo.KindHex, repo.KindBase64, repo.KindBase64URL:
		var b []byte
		b, err = s.bytes(k.Bytes)
		v = encode(k.Kind, b)
	case repo.KindUUID:
		v, err = s.uuid()
	case repo.KindRSA:
		return rsaKey(r, k.Bits)
	case repo.KindEd25519:
		return ed25519Key(s)
	default:
		return "", fmt.Errorf("kind %q is not random", k.Kind)
	}
	if err != nil {
		return "", err
	}
	return k.Prefix + v + k.Suffix, nil
}

func encode(kind repo.Kind, b []byte) string {
	switch kind {
	case repo.KindHex:
		return hex.EncodeToString(b)
	case repo.KindBase64URL:
		return base64.RawURLEncoding.EncodeToString(b)
	default:
		return base64.StdEncoding.EncodeToString(b)
	}
}

// rsaKey makes a private key, PKCS#8 in PEM. Go takes the system's randomness
// and not r, unless GODEBUG=cryptocustomrand=1 asks for it.
func rsaKey(r io.Reader, bits int) (string, error) {
	key, err := rsa.GenerateKey(r, bits)
	if err != nil {
		return "", fmt.Errorf("RSA key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("RSA key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// ed25519Key makes a private key in OpenSSH's format. The key comes from the
// source; the format has a random check number besides, which does not.
func ed25519Key(s source) (string, error) {
	seed, err := s.bytes(ed25519.SeedSize)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(seed), "")
	if err != nil {
		return "", fmt.Errorf("Ed25519 key: %w", err)
	}
	return string(pem.EncodeToMemory(block)), nil
}

// hash is the bcrypt hash of a value, $2a$ as Go writes it. Its salt is the
// system's randomness. bcrypt takes at most 72 bytes and Go refuses more.
func hash(value string, cost int) (string, error) {
	h, err := bcrypt.GenerateFromPassword([]byte(value), cost)
	if errors.Is(err, bcrypt.ErrPasswordTooLong) {
		return "", errors.New("bcrypt takes at most 72 bytes, its source has more")
	}
	if err != nil {
		return "", fmt.Errorf("bcrypt: %w", err)
	}
	return string(h), nil
}

// htpasswd is a line of an Apache password file, which knows the same hash as $2y$.
func htpasswd(user, value string, cost int) (string, error) {
	h, err := hash(value, cost)
	return user + ":$2y$" + strings.TrimPrefix(h, "$2a$"), err
}

// hashes reports whether h is a bcrypt hash of the value. A cost above 16 takes
// seconds and more to check; such a hash counts as right.
func hashes(h, value string) bool {
	if cost, err := bcrypt.Cost([]byte(h)); err == nil && cost > 16 {
		return true
	}
	return bcrypt.CompareHashAndPassword([]byte(h), []byte(value)) == nil
}

var errPrivateKey = errors.New("its source is not an unencrypted private key in PEM")

// publicKey is the public half of a private key: an authorized_keys line for
// OpenSSH's format, PKIX in PEM for all others. The parser's own words are
// dropped, they may quote the key.
func publicKey(private string) (string, error) {
	block, _ := pem.Decode([]byte(private))
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if block == nil || err != nil {
		return "", errPrivateKey
	}
	if block.Type == "OPENSSH PRIVATE KEY" {
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), nil
	}
	public, ok := signer.PublicKey().(ssh.CryptoPublicKey)
	if !ok {
		return "", errPrivateKey
	}
	der, err := x509.MarshalPKIXPublicKey(public.CryptoPublicKey())
	if err != nil {
		return "", errPrivateKey
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// samePublicKey compares two public keys and not how they are written: an
// authorized_keys line may have a comment, PEM its own line breaks.
func samePublicKey(a, b string) bool {
	pa, _ := pem.Decode([]byte(a))
	pb, _ := pem.Decode([]byte(b))
	if pa != nil && pb != nil {
		return bytes.Equal(pa.Bytes, pb.Bytes)
	}
	ka, _, _, _, errA := ssh.ParseAuthorizedKey([]byte(a))
	kb, _, _, _, errB := ssh.ParseAuthorizedKey([]byte(b))
	return errA == nil && errB == nil && bytes.Equal(ka.Marshal(), kb.Marshal())
}
