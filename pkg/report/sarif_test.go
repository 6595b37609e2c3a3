package report

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func guarded() *Report {
	r := New("secrets:guard")
	r.Findings = []Finding{
		{Rule: "plaintext-secret", Path: "a b/ä%.yaml", Line: 4, Object: "Secret x", Key: "password", Message: "a Secret in plaintext", Fix: "seal it"},
		{Rule: "plaintext-file", Path: "applications/shop/local-secrets/db.yaml", Commit: "0123456789abcdef0123456789abcdef01234567", Message: "a file of a plaintext folder"},
		{Rule: "plaintext-secret", Path: "a b/ä%.yaml", Line: 9, Object: "Secret x", Key: "password", Message: "a Secret in plaintext", Fix: "seal it"},
	}
	r.Warnings = []string{"big.bin: 100 MiB, too large to be looked into"}
	r.Summary = "3 findings"
	return r
}

// TestSARIF holds the document against what sarif-schema-2.1.0.json asks for in
// the parts that are used: required properties, closed objects, enumerations,
// minima, unique rules, and references between them. (The schema's own text is
// OASIS's and not part of this repository.)
func TestSARIF(t *testing.T) {
	failed := New("secrets:guard")
	failed.Errors = []Problem{{Message: "git: no repository"}}
	for name, r := range map[string]*Report{"findings": guarded(), "nothing": New("secrets:guard"), "failed": failed} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := SARIF(&out, r); err != nil {
				t.Fatal(err)
			}
			var doc map[string]any
			if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			s := schema{t}
			s.object("log", doc, []string{"version", "runs"}, []string{"$schema"})
			if doc["version"] != "2.1.0" || !strings.HasSuffix(doc["$schema"].(string), "sarif-schema-2.1.0.json") {
				t.Errorf("version %v, schema %v", doc["version"], doc["$schema"])
			}
			runs := s.list("runs", doc["runs"])
			if len(runs) != 1 {
				t.Fatalf("%d runs", len(runs))
			}
			s.run(runs[0].(map[string]any), len(r.Findings), len(r.Errors) == 0)
		})
	}
}

// A rule leads to the document that explains it, and says itself what it means.
func TestSARIFExplainsItsRules(t *testing.T) {
	for command, document := range map[string]string{"secrets:guard": "guard", "verify:repo": "verify-repo", "verify:all": "diagnosis", "seal:check": "targets"} {
		if _, err := os.Stat("../../docs/" + document + ".md"); err != nil {
			t.Error(err)
		}
		r := guarded()
		r.Command, r.Rules = command, map[string]string{"plaintext-secret": "A Secret that is not sealed."}
		var out bytes.Buffer
		if err := SARIF(&out, r); err != nil {
			t.Fatal(err)
		}
		uri := `"helpUri": "https://github.com/sealway/sealway/blob/main/docs/` + document + `.md"`
		if n := strings.Count(out.String(), uri); n != 2 || strings.Count(out.String(), `"fullDescription"`) != 1 || !strings.Contains(out.String(), `"text": "A Secret that is not sealed. What to do`) {
			t.Errorf("%s: %d times %s:\n%s", command, n, uri, out.String())
		}
	}
}

type schema struct{ t *testing.T }

// object checks the names of a closed object.
func (s schema) object(what string, v any, required, optional []string) map[string]any {
	s.t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		s.t.Fatalf("%s: no object: %v", what, v)
	}
	for _, name := range required {
		if _, ok := m[name]; !ok {
			s.t.Errorf("%s: no %s", what, name)
		}
	}
	for name := range m {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			s.t.Errorf("%s: %s is not in the schema", what, name)
		}
	}
	return m
}

func (s schema) list(what string, v any) []any {
	s.t.Helper()
	list, ok := v.([]any)
	if !ok {
		s.t.Fatalf("%s: no array: %v", what, v)
	}
	return list
}

func (s schema) message(what string, v any) {
	s.t.Helper()
	m := s.object(what, v, []string{"text"}, nil)
	if m["text"] == "" {
		s.t.Errorf("%s: empty", what)
	}
}

func (s schema) run(run map[string]any, results int, successful bool) {
	s.object("run", run, []string{"tool"}, []string{"invocations", "automationDetails", "columnKind", "results"})
	if run["columnKind"] != "utf16CodeUnits" && run["columnKind"] != "unicodeCodePoints" {
		s.t.Errorf("columnKind %v", run["columnKind"])
	}
	s.object("automationDetails", run["automationDetails"], nil, []string{"id"})
	tool := s.object("tool", run["tool"], []string{"driver"}, nil)
	driver := s.object("driver", tool["driver"], []string{"name"}, []string{"informationUri", "rules"})
	var ids []string
	for _, rule := range s.list("rules", driver["rules"]) {
		m := s.object("rule", rule, []string{"id", "helpUri"}, []string{"shortDescription", "fullDescription", "help"})
		s.message("shortDescription", m["shortDescription"])
		s.message("help", m["help"])
		if slices.Contains(ids, m["id"].(string)) {
			s.t.Errorf("rule %s stands twice", m["id"])
		}
		ids = append(ids, m["id"].(string))
	}
	for _, v := range s.list("invocations", run["invocations"]) {
		m := s.object("invocation", v, []string{"executionSuccessful"}, []string{"toolExecutionNotifications"})
		if m["executionSuccessful"] != successful {
			s.t.Errorf("executionSuccessful %v", m["executionSuccessful"])
		}
		if n, ok := m["toolExecutionNotifications"]; ok {
			for _, v := range s.list("notifications", n) {
				m := s.object("notification", v, []string{"message"}, []string{"level"})
				s.message("notification", m["message"])
				s.level(m["level"])
			}
		}
	}
	found := s.list("results", run["results"])
	if len(found) != results {
		s.t.Errorf("%d results, want %d", len(found), results)
	}
	fingerprints := map[string]bool{}
	for _, v := range found {
		s.result(v, ids, fingerprints)
	}
}

func (s schema) level(v any) {
	if !slices.Contains([]any{"none", "note", "warning", "error"}, v) {
		s.t.Errorf("level %v", v)
	}
}

var hexadecimal = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (s schema) result(v any, ids []string, fingerprints map[string]bool) {
	m := s.object("result", v, []string{"message"}, []string{"ruleId", "ruleIndex", "level", "locations", "partialFingerprints", "properties"})
	s.message("message", m["message"])
	s.level(m["level"])
	if i := int(m["ruleIndex"].(float64)); i < 0 || i >= len(ids) || ids[i] != m["ruleId"] {
		s.t.Errorf("ruleIndex %d is not rule %v", i, m["ruleId"])
	}
	for _, v := range s.list("locations", m["locations"]) {
		location := s.object("location", v, nil, []string{"physicalLocation"})
		physical := s.object("physicalLocation", location["physicalLocation"], []string{"artifactLocation"}, []string{"region"})
		artifact := s.object("artifactLocation", physical["artifactLocation"], nil, []string{"uri", "uriBaseId"})
		if u, err := url.Parse(artifact["uri"].(string)); err != nil || u.IsAbs() || strings.HasPrefix(u.Path, "/") || strings.Contains(artifact["uri"].(string), " ") {
			s.t.Errorf("uri %q is no relative reference: %v", artifact["uri"], err)
		}
		if region, ok := physical["region"]; ok {
			if line := s.object("region", region, nil, []string{"startLine"})["startLine"].(float64); line < 1 {
				s.t.Errorf("startLine %v", line)
			}
		}
	}
	for name, v := range m["partialFingerprints"].(map[string]any) {
		if !hexadecimal.MatchString(v.(string)) || fingerprints[v.(string)] {
			s.t.Errorf("fingerprint %s: %v is no hash, or stands twice", name, v)
		}
		fingerprints[v.(string)] = true
	}
}

// TestSARIFFingerprint stays the same when lines move.
func TestSARIFFingerprint(t *testing.T) {
	f := Finding{Rule: "a", Path: "b", Line: 1, Message: "c"}
	g := f
	g.Line = 9
	if f.fingerprint(map[string]int{}) != g.fingerprint(map[string]int{}) {
		t.Error("the line is part of the fingerprint")
	}
	g.Key = "k"
	if f.fingerprint(map[string]int{}) == g.fingerprint(map[string]int{}) {
		t.Error("the key is no part of the fingerprint")
	}
}

func TestAnnotations(t *testing.T) {
	var out bytes.Buffer
	if err := Annotations(&out, guarded()); err != nil {
		t.Fatal(err)
	}
	want := `::error file=a b/ä%25.yaml,line=4,title=plaintext-secret::Secret x: key "password": a Secret in plaintext%0Afix: seal it
::error file=applications/shop/local-secrets/db.yaml,title=plaintext-file::a file of a plaintext folder (commit 0123456)
::error file=a b/ä%25.yaml,line=9,title=plaintext-secret::Secret x: key "password": a Secret in plaintext%0Afix: seal it
::warning title=secrets%3Aguard::big.bin: 100 MiB, too large to be looked into
3 findings
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if got := property("a:b,c%d\n"); got != "a%3Ab%2Cc%25d%0A" {
		t.Errorf("property: %s", got)
	}
}
