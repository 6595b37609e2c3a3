package manifest_test

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/sealway/sealway/pkg/manifest"
)

// content is a line that is neither empty nor a comment: without one, the text
// before a separator is no document.
var content = regexp.MustCompile(`(?m)^\s*[^\s#\x{feff}]`)

// FuzzEditDocument edits the first document of a file: the file can still be
// read, has as many objects as before, and the other documents keep their bytes.
func FuzzEditDocument(f *testing.F) {
	for _, s := range []string{
		"a: b\n", "a: b", "---\na: {x: 1}\n---\nb: c\n", "# head\n---\nspec:\n  k: old # why\n  z: 1\n---\nb: 'c'\n",
		"\xef\xbb\xbfspec:\n  k: |\n    x\n\n  l: y\n", "spec: {k: v}\n---\nb: c\n", "{\"spec\":{\"k\":\"v\"}}\n---\n{\"b\":1}\n",
		"a: b\r\nspec:\r\n  k: v\r\n", "spec:\n- a\n", "spec: null\n", "spec:\n  k:\n    deep: x\n  j: y\n", "? spec\n: k: v\n",
		"spec: &x\n  k: v\nother: *x\n", "spec:\n  \"k\": 'it''s'\n", "a: b\n...\n", "spec:\n    k: v\n    j: >-\n      folded\n\n      text\n",
	} {
		f.Add([]byte(s), "value", false)
		f.Add([]byte(s), "two\nlines\n", true)
	}
	f.Fuzz(func(t *testing.T, src []byte, value string, remove bool) {
		before, err := manifest.CountDocuments(src)
		if err != nil || before == 0 {
			return
		}
		got, err := manifest.EditDocument(src, 1, []manifest.Edit{{Path: []string{"spec", "k"}, Value: value, Delete: remove}})
		if err != nil {
			return
		}
		after, err := manifest.CountDocuments(got)
		if err != nil || after != before {
			t.Fatalf("%q became %q: %d objects, then %d, %v", src, got, before, after, err)
		}
		if i := bytes.Index(src, []byte("\n---\n")); i > 0 && bytes.Count(src, []byte("---")) == 1 && content.Match(src[:i]) {
			if rest := src[i:]; !bytes.HasSuffix(got, rest[1:]) {
				t.Errorf("%q became %q: the second document changed", src, got)
			}
		}
	})
}
