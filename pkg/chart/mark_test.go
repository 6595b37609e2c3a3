package chart

import (
	"strings"
	"testing"
	"text/template"
)

// FuzzMark: marks change nothing but add themselves, and a template with them does what
// it did without.
func FuzzMark(f *testing.F) {
	for _, seed := range []string{
		"", "a\nb\n", "a: {{ .x }}\n", "{{- if .a -}}\n  x\n{{- else }} y {{ end }}\n", "{{/* }} */}} a",
		"{{- /* }}\n{{ */ -}}\nb", "{{ \"}}\" }}c", "{{ `}}\n` }}\nd", "{{ '}' }} e\r\nf\r\n", "---\na\n---\n", "{{define \"x\"}}a\n{{if .b}}c{{end}}{{end}}\nb{{template \"x\" .}}",
		"{{ range $i, $e := .l }}\n- {{ $e }}\n{{ end }}z", "\u00a0x\u2028y", "{{", "}}", "{{ block \"b\" . }}q{{ end }}r", "a {{- \"b\" -}} c", "\u27e63:4\u27e7",
		"{{ with .c }}{{ . | printf \"%q\" }}{{ end }}", "\x00\xff{{ .x }}\xfe", "a{{- /**/ -}}b", "{{-/* */}}x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if markText.MatchString(text) {
			t.Skip("looks as if it was marked")
		}
		for _, definitions := range []bool{false, true} {
			marked := marker{7, definitions}.mark(text)
			if got := markText.ReplaceAllString(marked, ""); got != text {
				t.Fatalf("without the marks there is %q, want %q", got, text)
			}
			if strings.Count(marked, "\n") != strings.Count(text, "\n") {
				t.Fatalf("the lines are others: %q", marked)
			}
			plain, err := run(text)
			if err != nil {
				continue
			}
			got, err := run(marked)
			if err != nil {
				t.Fatalf("%q does not run any more: %v", text, err)
			}
			if got = markText.ReplaceAllString(got, ""); got != plain {
				t.Fatalf("%q renders %q, want %q", text, got, plain)
			}
		}
	})
}

func run(text string) (string, error) {
	parsed, err := template.New("x").Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = parsed.Execute(&out, map[string]any{"a": true, "b": false, "c": "word", "x": 1, "l": []string{"p", "q"}})
	return out.String(), err
}

// The number is that of the line in the file, whatever stands before it.
func TestMarkCountsLines(t *testing.T) {
	text := "{{/* one\ntwo */}}\nthree\n{{- if .a }}\nfive {{ `six\n` }}six\n{{ end }}eight {{ .x }}\n"
	var got []int
	for _, m := range markText.FindAllStringSubmatch(marker{0, true}.mark(text), -1) {
		got = append(got, int(m[2][0]-'0'))
	}
	want := []int{3, 5, 6, 7}
	if len(got) != len(want) {
		t.Fatalf("lines %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("lines %v, want %v", got, want)
		}
	}
}
