package scripttest

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The word is found in base64 wherever it stands.
func TestSpellings(t *testing.T) {
	for offset := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("-", offset) + "canary behind"))
		found := false
		for _, s := range Spellings("canary") {
			found = found || strings.Contains(text, s)
		}
		if !found {
			t.Errorf("offset %d: %s: none of %q", offset, text, Spellings("canary"))
		}
	}
}

// A check that never fails is none: each way for a value to get out is found.
func TestLeaks(t *testing.T) {
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\nstringData: {k: 0f1e2d3c4b5a69788796a5b4c3d2e1f0aa}\n"
	cases := []struct {
		name, file, text string
		printed          output
		want             int
	}{
		{name: "clean", file: "local-secrets/a.yaml", text: "canary"},
		{name: "written outside", file: "templates/a.yaml", text: "x: canary-a", want: 1},
		{name: "written in base64", file: "templates/a.yaml", text: "x: Y2FuYXJ5LWE=", want: 1},
		{name: "inside the git directory", file: ".git/sealway/ledger.json", text: "canary", want: 1},
		{name: "printed on stdout", file: "a", printed: output{stdout: "canary-a"}, want: 1},
		{name: "printed on stderr", file: "a", printed: output{stderr: "eGNhbmFyeQ=="}, want: 1},
		{name: "a generated value", file: "local-secrets/a.yaml", text: secret, printed: output{stdout: "0f1e2d3c4b5a69788796a5b4c3d2e1f0aa"}, want: 1},
		{name: "no generated value", file: "local-secrets/a.yaml", text: secret, printed: output{stdout: "k"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &script{work: t.TempDir(), printed: []output{c.printed}}
			path := filepath.Join(s.work, filepath.FromSlash(c.file))
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := s.leaks(); len(got) != c.want {
				t.Errorf("%d leaks, want %d: %q", len(got), c.want, got)
			}
		})
	}
}
