package guard

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// FuzzValue writes a value of this machine into a file in some encoding, between
// other text: it is found wherever it stands, and nothing is found without it.
func FuzzValue(f *testing.F) {
	for i, v := range []string{"correct horse battery", "Tr0ub4do", "p@ss w+rd/=?&%\"'\\<>", "naïve-Ärger-pässword", "two\nlines of it", "tab\tand \u2028 more", "'''''''''", "\"\"\"\"\"\"\"\"", "%41%42%43%44", "        x        x"} {
		f.Add(v, uint64(i))
	}
	f.Fuzz(func(t *testing.T, value string, seed uint64) {
		value = strings.TrimSpace(strings.ToValidUTF8(value, ""))
		if len(value) < minSecretLength || len(value) > 1000 || strings.ContainsAny(value, "\x00\r\ufeff\u0085\u2028\u2029") {
			return
		}
		s := newScanner([]Value{{Text: []byte(value), Object: "Secret a/b", Key: "k"}})
		r := rand.New(rand.NewPCG(seed, 1))
		for form, text := range embedded(r, value) {
			hits := s.scan("values.yaml", []byte(text)).hits
			found := false
			for _, h := range hits {
				found = found || h.rule == RuleValue
			}
			if !found {
				t.Errorf("%s: %q not found in %q", form, value, text)
			}
		}
	})
}

// embedded is a text with the value in it, for each encoding.
func embedded(r *rand.Rand, value string) map[string]string {
	front, back := strings.Repeat("ä", r.IntN(4))+randomText(r, r.IntN(5)), randomText(r, r.IntN(5))
	asJSON, _ := json.Marshal(map[string]string{"x": front + value + back})
	asYAML, _ := yaml.Marshal(map[string]any{"y": map[string]string{"Secret": value}})
	double := base64.StdEncoding.EncodeToString([]byte(value))
	return map[string]string{
		"raw":        "# " + front + value + back + "\n",
		"base64":     "x: " + base64.StdEncoding.EncodeToString([]byte(front+value+back)) + "\n",
		"base64 raw": "x: " + base64.RawStdEncoding.EncodeToString([]byte(value+back)) + "\n",
		"base64 URL": "x: " + base64.URLEncoding.EncodeToString([]byte(front+value)) + "\n",
		"twice":      "x: " + base64.StdEncoding.EncodeToString([]byte(double)) + "\n",
		"hex":        "x: " + hex.EncodeToString([]byte(front+value)) + "\n",
		"HEX":        "x: " + strings.ToUpper(hex.EncodeToString([]byte(value))) + "\n",
		"query":      "x: http://h/?a=" + url.QueryEscape(value) + "&b\n",
		"path":       "x: http://h/" + url.PathEscape(value) + "/b\n",
		"user":       "x: " + (&url.URL{Scheme: "x", User: url.UserPassword("u", value), Host: "h"}).String() + "\n",
		"JSON":       string(asJSON),
		"YAML":       string(asYAML),
	}
}

// FuzzTemplate writes a Helm template with a Secret: a literal is found on its
// line, and a template of actions alone is clean.
func FuzzTemplate(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	s := newScanner(nil)
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 3))
		text, _ := helmTemplate(r, false)
		if hits := s.scan("templates/s.yaml", []byte(text)).hits; len(hits) != 0 {
			t.Errorf("seed %d: found %+v in\n%s", seed, hits, text)
		}
		text, lines := helmTemplate(r, true)
		var got []int
		for _, h := range s.scan("templates/s.yaml", []byte(text)).hits {
			got = append(got, h.line)
		}
		if fmt.Sprint(got) != fmt.Sprint(lines) {
			t.Errorf("seed %d: found lines %v, want %v in\n%s", seed, got, lines, text)
		}
	})
}

// helmTemplate is a Secret as charts write it, and the lines of its literals.
func helmTemplate(r *rand.Rand, literals bool) (text string, lines []int) {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var out []string
	add := func(line string) { out = append(out, strings.Split(line, "\n")...) }
	if r.IntN(2) == 0 {
		add(pick("{{- if .Values.create }}", "{{- if and .Values.create (not .Values.existing) -}}", "{{/* a comment: kind: Secret */}}", "{{- $x := .Values.x -}}\n{{- with $x }}", "{{- /*\nSecret\n*/ -}}"))
	}
	add("apiVersion: v1")
	add("kind: Secret")
	add("metadata:")
	add("  name: " + pick(`{{ include "x.fullname" . }}`, "{{ .Release.Name }}-db", `"{{ .Values.name }}"`, "db"))
	if r.IntN(2) == 0 {
		add("  labels:\n" + pick(`    {{- include "x.labels" . | nindent 4 }}`, "{{ toYaml .Values.labels | indent 4 }}", "    a: b"))
	}
	add("type: Opaque")
	field := pick("data", "stringData")
	add(field + ":")
	actions := []string{
		"a%d: {{ .Values.a | b64enc }}", "a%d: {{ .Values.a | b64enc | quote }}", `a%d: "{{ .Values.a }}"`, `a%d: '{{ .Values.a | default "" }}'`,
		"{{ .Values.key }}%d: {{ .Values.value | quote }}", `a%d: {{ required "Secret: it must be set: {{ here }}" .Values.a | b64enc }}`,
		"{{- range $k, $v := .Values.map }}\n  {{ $k }}%d: {{ $v | b64enc }}\n  {{- end }}", "{{- if .Values.b }}\n  b%d: {{ .Values.b }}\n  {{- else }}\n  b%[1]d: {{ randAlphaNum 32 | b64enc }}\n  {{- end }}",
		"a%d: |-\n    {{ .Files.Get \"x\" | nindent 4 }}", "a%d: {{ tpl .Values.a $ | b64enc }}", "a%d: {{ .Values.a\n    | b64enc }}", "a%d: ''", "# %d: a comment",
	}
	for i := range 1 + r.IntN(6) {
		if literals && r.IntN(2) == 0 || literals && i == 0 {
			lines = append(lines, len(out)+1)
			value := pick("aHVudGVyMg==", `"aHVudGVyMg=="`, `{{ "aHVudGVyMg==" }}`, `{{ .Values.x | default "aHVudGVyMg==" }}`, "{{ .Values.x }}aHVudGVyMg", ">-\n    aHVudGVyMg==")
			add(fmt.Sprintf("  l%d: %s", i, value))
			continue
		}
		add(fmt.Sprintf("  "+actions[r.IntN(len(actions))], i))
	}
	if strings.HasPrefix(out[0], "{{- if") || strings.HasPrefix(out[0], "{{- $x") {
		add("{{- end }}")
	}
	return strings.Join(out, "\n") + pick("", "\n"), lines
}
