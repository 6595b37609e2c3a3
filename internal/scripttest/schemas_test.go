package scripttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the schemas refuse is refused here: a check that takes everything is none.
func TestValid(t *testing.T) {
	const sarif = `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a"}}, "results": [{"message": {"text": "b"}, "level": "error"}]}]}`
	const junit = `<?xml version="1.0"?><testsuites name="a"><testsuite name="b" tests="1"><testcase name="c"><failure type="d">e</failure><system-out>f</system-out></testcase></testsuite></testsuites>`
	cases := []struct {
		name, file, text string
		old, new         string
		want             string // in the error; empty when it is valid
	}{
		{name: "SARIF", file: "a.sarif", text: sarif},
		{"unknown level", "a.sarif", sarif, `"error"`, `"fatal"`, "level"},
		{"no message", "a.sarif", sarif, `"message": {"text": "b"}, `, ``, "message"},
		{"unknown property", "a.sarif", sarif, `"version"`, `"x": 1, "version"`, "x"},
		{"another version", "a.sarif", sarif, `2.1.0`, `2.0.0`, "version"},
		{"no JSON", "a.sarif", sarif, `{`, ``, "JSON"},
		{name: "JUnit", file: "a.xml", text: junit},
		{"unknown attribute", "a.xml", junit, `name="c"`, `name="c" file="x"`, "attribute file"},
		{"no name", "a.xml", junit, `name="c"`, ``, "no attribute name"},
		{"unknown element", "a.xml", junit, `failure`, `failed`, "failed does not belong"},
		{"wrong order", "a.xml", junit, `<failure type="d">e</failure><system-out>f</system-out>`, `<system-out>f</system-out><failure type="d">e</failure>`, "failure does not belong"},
		{"text between", "a.xml", junit, `tests="1">`, `tests="1">x`, "no text"},
		{"element in text", "a.xml", junit, `f</system`, `<b/></system`, "text alone"},
		{"another root", "a.xml", junit, `testsuites`, `suites`, "no such element"},
		{"two roots", "a.xml", junit, `</testsuites>`, `</testsuites><testsuites/>`, "behind the root"},
		{"a control character", "a.xml", junit, `>e<`, ">\x01<", "illegal character"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := strings.ReplaceAll(c.text, c.old, c.new)
			if c.old == "" {
				text = c.text
			}
			file := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := Valid(file)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// A schema that says more than is understood is refused, so none of it is passed over.
func TestXSDRefuses(t *testing.T) {
	const schema = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a"><xs:complexType><xs:sequence><xs:element ref="b" minOccurs="0"/></xs:sequence><xs:attribute name="c" type="xs:string" use="required"/></xs:complexType></xs:element><xs:element name="b" type="xs:string"/></xs:schema>`
	if _, err := parseXSD([]byte(schema)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new string }{
		{`type="xs:string" use`, `type="xs:int" use`},
		{`name="b" type="xs:string"`, `name="b" type="xs:int"`},
		{`ref="b"`, `ref="d"`},
		{`minOccurs="0"`, `minOccurs="0" nillable="true"`},
		{`use="required"`, `use="required" default="e"`},
		{`sequence`, `choice`},
		{`<xs:element name="a">`, `<xs:simpleType name="d"/><xs:element name="a">`},
	} {
		if _, err := parseXSD([]byte(strings.ReplaceAll(schema, c.old, c.new))); err == nil {
			t.Errorf("taken: %s", c.new)
		}
	}
}
