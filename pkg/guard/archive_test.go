package guard

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/git/gittest"
)

type packedFile struct{ name, text string }

func tgz(t *testing.T, files ...packedFile) string {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.text)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestArchive looks into packed charts, and says where it does not.
func TestArchive(t *testing.T) {
	many := make([]packedFile, maxEntries+1)
	for i := range many {
		many[i] = packedFile{"x", ""}
	}
	large := strings.Repeat("x", maxEntry+1)
	whole := tgz(t, packedFile{"shop/Chart.yaml", "name: shop"}, packedFile{"shop/local-secrets/db.yaml", leak})
	for _, c := range []struct {
		name, data, finding, warning string
	}{
		{"clean", tgz(t, packedFile{"shop/Chart.yaml", "name: shop"}, packedFile{"shop/templates/c.yaml", clean}), "", ""},
		{"plaintext folder", whole, `this archive holds the plaintext file "shop/local-secrets/db.yaml"`, ""},
		{"a Secret", tgz(t, packedFile{"shop/templates/s.yaml", leak}), `a Secret in plaintext, in this archive's "shop/templates/s.yaml", line 4`, ""},
		{"a value", tgz(t, packedFile{"shop/README.md", "Tr0ub4do"}), `its value stands here, in this archive's "shop/README.md", line 1`, ""},
		{"an action", tgz(t, packedFile{"shop/templates/s.yaml", "kind: Secret\nstringData: {a: \"{{ .Values.a }}\"}\n"}), "", ""},
		{"no tar", "\x1f\x8bno gzip", "", ""},
		{"many entries", tgz(t, many...), "", "an archive too large to be looked into as a whole"},
		{"much text", tgz(t, slicesOf(large, maxUnpacked/maxEntry+1)...), "", "an archive too large to be looked into as a whole"},
		{"a large entry", tgz(t, packedFile{"x", large}), "", "an archive with a file too large to be looked into"},
		{"cut off", whole[:len(whole)-20], "", "an archive that cannot be read to its end"},
	} {
		r := gittest.New(t)
		r.Write("charts/a.tgz", c.data)
		r.Git("add", ".")
		o := options()
		o.Values = corpusValues()
		result, err := Index(t.Context(), open(t, r.Dir), o)
		if err != nil {
			t.Fatal(err)
		}
		finding := ""
		for _, f := range result.Findings {
			finding += f.Message
		}
		if c.name != "cut off" && finding != c.finding {
			t.Errorf("%s: finding %q, want %q", c.name, finding, c.finding)
		}
		warning := strings.Join(result.Warnings, "")
		if (c.warning == "") != (warning == "") || !strings.HasSuffix(warning, c.warning) {
			t.Errorf("%s: warning %q, want %q", c.name, warning, c.warning)
		}
	}
}

func slicesOf(text string, n int) []packedFile {
	files := make([]packedFile, n)
	for i := range files {
		files[i] = packedFile{"x", text}
	}
	return files
}
