package guard

import (
	"fmt"
	"strings"
	"testing"
)

// TestHostile reads what is made to stop a reader: each text has a Secret in it,
// and each ends in a moment where reading it in the obvious way would not.
func TestHostile(t *testing.T) {
	laughs := "a0: &a0 [x, x]\n"
	for i := range 60 {
		laughs += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	merges := "a0: &a0 {x: y}\n"
	for i := range 60 {
		merges += fmt.Sprintf("a%d: &a%d {<<: [*a%d, *a%d]}\n", i+1, i+1, i, i)
	}
	for name, text := range map[string]string{
		"aliases":            laughs + "kind: Secret\napiVersion: v1\nstringData: {a: hunter2, b: *a60}\n",
		"merge keys":         merges + "kind: Secret\napiVersion: v1\nstringData: {a: hunter2, <<: *a60}\n",
		"merge circle":       "x: &x {<<: [*x, *x], kind: Secret, stringData: {a: hunter2}}\n",
		"alias circle":       "x: &x [*x]\nkind: Secret\nstringData: {a: hunter2, b: *x}\n",
		"open braces":        "kind: Secret\nstringData:\n  a: hunter2\nb: \"" + strings.Repeat("{{", 200000) + "\"\n",
		"open strings":       "kind: Secret\nstringData:\n  a: hunter2\nb: '" + strings.Repeat("{{\" ", 100000) + "'\n",
		"deep flow":          "kind: Secret\nstringData:\n  a: hunter2\n---\n" + strings.Repeat("[", 100000),
		"deep JSON":          `{"kind":"Secret","stringData":{"a":"hunter2"}}` + strings.Repeat(`{"a":`, 20000),
		"many bad Secrets":   strings.Repeat("kind: Secret\n  x: [\n", 20000) + "stringData:\n  a: hunter2\n",
		"long line":          "kind: Secret\nstringData: {a: " + strings.Repeat("x", 1<<20) + "}\n",
		"strings in strings": nested(12),
		"large, escaped":     "kind: \"\\u0053ecret\"\ndata: {a: aHVudGVyMg==}\nx: \"" + strings.Repeat("x", 2<<20) + "\"\n",
		"large, broken":      "kind: \"Sec\\\n  ret\"\ndata: {a: aHVudGVyMg==}\nx: \"" + strings.Repeat("x", 2<<20) + "\"\n",
		"large, binary":      "kind: !!binary U2VjcmV0\ndata: {a: aHVudGVyMg==}\nx: \"" + strings.Repeat("x", 2<<20) + "\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			if hits := newScanner(corpusValues()).scan("a.yaml", []byte(text)).hits; len(hits) == 0 {
				t.Error("not found")
			}
		})
	}
}

// nested is a Secret in a string in a string.
func nested(depth int) string {
	text := `{"kind":"Secret","apiVersion":"v1","stringData":{"a":"hunter2"}}`
	for range depth / 6 {
		text = fmt.Sprintf(`{"kind":"ConfigMap","data":{"a":%q}}`, text)
	}
	return text
}

// FuzzScan shows that no text makes the scanner panic, and that findings name
// lines that there are.
func FuzzScan(f *testing.F) {
	for _, c := range readCorpus(f) {
		f.Add(c.path, c.data)
	}
	s := newScanner(corpusValues())
	f.Fuzz(func(t *testing.T, path string, data []byte) {
		lines := 1 + strings.Count(string(data), "\n") + strings.Count(string(data), "\r")
		for _, h := range s.scan(path, data).hits {
			if h.line < 1 || h.line > lines && len(data) > 0 && data[0] < 0xfe {
				t.Errorf("%s: line %d of %d: %+v", path, h.line, lines, h)
			}
		}
	})
}
