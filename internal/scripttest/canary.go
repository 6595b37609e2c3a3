package scripttest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
)

// plaintextFolder is the one place for values; a .sealway.yaml that names
// another folder has to end in this name.
const plaintextFolder = "local-secrets"

// leaks finds planted and generated values where they must not be.
func (s *script) leaks() []string {
	values := slices.Concat(Spellings("canary"), s.values())
	var found []string
	for _, o := range s.printed {
		for _, v := range values {
			if strings.Contains(o.stdout+o.stderr, v) {
				found = append(found, fmt.Sprintf("%s: a value was printed: %q", o.command, v))
			}
		}
	}
	err := s.outside(func(path string, data []byte) {
		for _, v := range Spellings("canary") {
			if bytes.Contains(data, []byte(v)) {
				found = append(found, fmt.Sprintf("%s: a value was written outside %s/: %q", path, plaintextFolder, v))
			}
		}
	})
	if err != nil {
		found = append(found, err.Error())
	}
	return found
}

// Spellings are a word and what base64 makes of it at each of the three offsets,
// without the characters that its neighbours decide.
func Spellings(word string) []string {
	out := []string{word}
	for offset := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + word))
		out = append(out, text[(8*offset+5)/6:8*(offset+len(word))/6])
	}
	return out
}

// secretLength is from where on a value is taken for a secret and not for a
// user name or a host.
const secretLength = 24

// values are the long values of all plaintext files, as they are now.
func (s *script) values() []string {
	var out []string
	_ = filepath.WalkDir(s.work, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !private(path) {
			return nil //nolint:nilerr // a file that a script made unreadable has no values to look for
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // likewise
		}
		secrets, _ := manifest.ReadSecrets(path, data) // bad ones are planted
		for _, secret := range secrets {
			for _, it := range secret.Items {
				if len(it.Value) >= secretLength && !bytes.ContainsAny(it.Value, "@:\n ") {
					out = append(out, string(it.Value))
				}
			}
		}
		return nil
	})
	return out
}

func private(path string) bool {
	return slices.Contains(strings.Split(filepath.ToSlash(path), "/"), plaintextFolder)
}

// outside visits every file that is not in a plaintext folder.
func (s *script) outside(visit func(path string, data []byte)) error {
	return filepath.WalkDir(s.work, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || private(path) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		visit(path, data)
		return nil
	})
}
