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

	"github.com/sealway/sealway/pkg/manifest"
)

// Ledger remembers, on this machine alone, what was sealed: for each item a
// keyed hash of its plaintext and the hash of the ciphertext that came of it.
// The key is random and never leaves the file, so the hashes say nothing about
// the values to anybody without it.
type Ledger struct {
	path  string
	key   []byte
	apps  map[string]map[string]secretRecord // application -> namespace/name
	fresh bool
}

type secretRecord struct {
	Certificate string                `json:"certificate"` // fingerprint
	Items       map[string]itemRecord `json:"items"`
	Labels      []string              `json:"labels,omitempty"`      // those of the template that came from the plaintext
	Annotations []string              `json:"annotations,omitempty"` // likewise
}

type itemRecord struct {
	HMAC       string `json:"hmac"`
	Ciphertext string `json:"ciphertext"` // SHA-256 of the base64 text
}

type ledgerFile struct {
	Version int                                `json:"version"`
	Key     []byte                             `json:"key"`
	Apps    map[string]map[string]secretRecord `json:"applications"`
}

const ledgerVersion = 1

// OpenLedger reads the ledger in dir. A missing file is an empty ledger with a
// new key from rnd; so is one that is damaged or of another version, since a
// lost memory only means that everything is sealed anew.
func OpenLedger(dir string, rnd io.Reader) (*Ledger, error) {
	l := &Ledger{path: filepath.Join(dir, "ledger.json"), apps: map[string]map[string]secretRecord{}}
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
		return l, nil
	}
	l.fresh = true
	l.key = make([]byte, sha256.Size)
	if rnd == nil {
		rnd = rand.Reader
	}
	if _, err := io.ReadFull(rnd, l.key); err != nil {
		return nil, fmt.Errorf("ledger: random key: %w", err)
	}
	return l, nil
}

// Empty reports that there was no usable ledger file.
func (l *Ledger) Empty() bool { return l.fresh }

// save writes the ledger with mode 0600.
func (l *Ledger) save(ctx context.Context) error {
	data, err := json.Marshal(ledgerFile{Version: ledgerVersion, Key: l.key, Apps: l.apps})
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

// hmac binds a value to everything that decides its ciphertext's meaning. Every
// part is preceded by its length, so no two identities run together.
func (l *Ledger) hmac(id identity, typ, key string, value []byte) string {
	h := hmac.New(sha256.New, l.key)
	var size [8]byte
	for _, part := range [][]byte{[]byte(id.namespace), []byte(id.name), []byte(id.scope), []byte(typ), []byte(key), value} {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
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
