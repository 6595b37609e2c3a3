package seal

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// Ledger remembers, on this machine alone, what was sealed: for each item a
// keyed hash of its plaintext and the hash of the ciphertext that came of it.
// The key is random and never leaves the file, so the hashes say nothing about
// the values to anybody without it.
type Ledger struct {
	path string
	key  []byte
	apps map[string]map[string]secretRecord // application -> namespace/name
	calm map[string]calmRecord              // application -> its last run, when nothing was left to say
}

type secretRecord struct {
	Certificate string                `json:"certificate"` // fingerprint
	Items       map[string]itemRecord `json:"items"`
	Labels      []string              `json:"labels,omitempty"`      // those of the template that came from the plaintext
	Annotations []string              `json:"annotations,omitempty"` // likewise
	// SealedAnnotations are those of the SealedSecret that came from the contract.
	SealedAnnotations []string `json:"sealedAnnotations,omitempty"`
}

type itemRecord struct {
	HMAC       string    `json:"hmac"`
	Ciphertext string    `json:"ciphertext"`     // SHA-256 of the base64 text
	Since      time.Time `json:"since,omitzero"` // when this value was sealed for the first time here; zero when unknown
}

// calmRecord lets a run pass over an application of which no byte has changed.
type calmRecord struct {
	Digest  string          `json:"digest"` // see Ledger.digest
	Secrets []settledSecret `json:"secrets"`
}

// settledSecret is what a report says of a Secret that did not change.
type settledSecret struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Plaintext string `json:"plaintext"` // path:line
	Sealed    string `json:"sealed"`    // path, relative to the root
}

type ledgerFile struct {
	Version int                                `json:"version"`
	Key     []byte                             `json:"key"`
	Apps    map[string]map[string]secretRecord `json:"applications"`
	Calm    map[string]calmRecord              `json:"calm"`
}

const ledgerVersion = 1

// OpenLedger reads the ledger in dir. A missing file is an empty ledger with a
// new key from rnd; so is one that is damaged or of another version, since a
// lost memory only means that everything is sealed anew.
func OpenLedger(dir string, rnd io.Reader) (*Ledger, error) {
	l := &Ledger{path: filepath.Join(dir, "ledger.json"), apps: map[string]map[string]secretRecord{}, calm: map[string]calmRecord{}}
	data, err := os.ReadFile(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("ledger %s: %w", l.path, err)
	}
	var f ledgerFile
	if err == nil && json.Unmarshal(data, &f) == nil && f.Version == ledgerVersion && len(f.Key) == sha256.Size {
		l.key = f.Key
		if f.Apps != nil {
			l.apps = f.Apps
		}
		if f.Calm != nil {
			l.calm = f.Calm
		}
		return l, nil
	}
	l.key = make([]byte, sha256.Size)
	if rnd == nil {
		rnd = rand.Reader
	}
	if _, err := io.ReadFull(rnd, l.key); err != nil {
		return nil, fmt.Errorf("ledger: random key: %w", err)
	}
	return l, nil
}

// save writes the ledger with mode 0600.
func (l *Ledger) save(ctx context.Context) error {
	data, err := json.Marshal(ledgerFile{Version: ledgerVersion, Key: l.key, Apps: l.apps, Calm: l.calm})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	// The sealed files are written already: losing the record of them now would
	// only cost a run that seals them again, so a cancelled context is no reason.
	return manifest.WriteFiles(context.WithoutCancel(ctx), []manifest.File{{Path: l.path, Data: data, Mode: 0o600}})
}

// hmac binds a value to everything that decides its ciphertext's meaning.
func (l *Ledger) hmac(id identity, typ, key string, value []byte) string {
	return l.mac([]byte(id.namespace), []byte(id.name), []byte(id.scope), []byte(typ), []byte(key), value)
}

// mac is the keyed hash of a list. Every part is preceded by its length, so no
// two lists run together.
func (l *Ledger) mac(parts ...[]byte) string {
	h := hmac.New(sha256.New, l.key)
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// digestVersion grows with every change of what the reader accepts, what sealing
// refuses and what a sealed file contains: older records are then passed over.
const digestVersion = "application 1"

// digest covers every byte that a plan for the application depends on: the
// plaintext, the sealed folder, the contract, the namespace and the certificate.
func (l *Ledger) digest(a *application, folder []repo.File, cert *Certificate) string {
	parts := [][]byte{[]byte(digestVersion), []byte(a.Name), []byte(a.Namespace), []byte(cert.Fingerprint), []byte(strconv.FormatBool(a.contractText != nil)), a.contractText}
	for _, files := range [][]repo.File{a.plaintext, folder} {
		parts = append(parts, []byte(strconv.Itoa(len(files))))
		for _, f := range files {
			parts = append(parts, []byte(f.Rel), f.Data)
		}
	}
	return l.mac(parts...)
}

// unchanged returns the application's Secrets when no byte of it has changed
// since a run that left nothing to do and nothing to say; else nil.
func (l *Ledger) unchanged(a *application, folder []repo.File, cert *Certificate) []settledSecret {
	r, known := l.calm[a.Name]
	if !known || len(r.Secrets) == 0 || !hmac.Equal([]byte(r.Digest), []byte(l.digest(a, folder, cert))) {
		return nil
	}
	return r.Secrets
}

// settle records that nothing is left to do for the application, and reports
// whether that is news.
func (l *Ledger) settle(a *application, folder []repo.File, cert *Certificate, secrets []settledSecret) bool {
	r := calmRecord{l.digest(a, folder, cert), secrets}
	if l.calm[a.Name].Digest == r.Digest {
		return false
	}
	l.calm[a.Name] = r
	return true
}

func (l *Ledger) lookup(app string, id identity) secretRecord { return l.apps[app][id.String()] }

func (l *Ledger) record(app string, id identity, r secretRecord) {
	if l.apps[app] == nil {
		l.apps[app] = map[string]secretRecord{}
	}
	l.apps[app][id.String()] = r
}

func (l *Ledger) forget(app string, id identity) { delete(l.apps[app], id.String()) }

// ciphertextHash is what the ledger remembers of a ciphertext.
func ciphertextHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
