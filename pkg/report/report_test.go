package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/report"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// verified is the report of testdata/verify.json: five applications in five states.
func verified(t testing.TB) *report.Report {
	t.Helper()
	data, err := os.ReadFile("testdata/verify.json")
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var r report.Report
	if err := dec.Decode(&r); err != nil {
		t.Fatalf("testdata/verify.json: %v", err)
	}
	return &r
}

// only keeps the applications with the given names.
func only(t testing.TB, names ...string) *report.Report {
	t.Helper()
	r := verified(t)
	all := r.Chains
	r.Chains = nil
	for _, c := range all {
		for _, n := range names {
			if c.Application == n {
				r.Chains = append(r.Chains, c)
			}
		}
	}
	if len(r.Chains) != len(names) {
		t.Fatalf("testdata/verify.json has %d of %v", len(r.Chains), names)
	}
	return r
}

func hostileChain() *report.Report {
	r := report.New("verify:app")
	evil := "a\x1b[31mred\x1b[0m\r\n\tb\x07\u009b2Jc\x9bd\u202edesrever"
	r.Chains = []report.Chain{{
		Application: evil, State: report.Failed,
		Links: []report.Link{{Name: evil, State: report.Failed, Summary: evil}},
		Causes: []report.Cause{{Rule: evil, Link: evil, Object: evil, Message: evil, Path: evil, Line: 1, Evidence: []string{evil}, Follows: []string{evil},
			Fix: report.Fix{Text: evil, Commands: []string{evil}}}},
		Strays: []report.Stray{{Object: evil, Message: evil, Fix: evil}},
	}}
	r.Checks = []report.Check{{Name: evil, State: report.Failed, Saw: evil, Fix: evil}}
	r.Summary = "1 broken"
	return r
}

func TestText(t *testing.T) {
	checks := report.New("verify:cluster")
	checks.Checks = []report.Check{
		{Name: "kubeconfig", State: report.OK, Saw: "context acme-prod, https://10.40.0.1:6443"},
		{Name: "permissions", State: report.Warned, Saw: "may not list events in namespace litellm", Fix: "give the user the rule get, list, watch on events"},
		{Name: "Argo CD", State: report.Failed, Saw: "no Service argocd-server in any namespace", Fix: "install Argo CD, or set ARGOCD_SERVER"},
	}
	checks.Summary = "1 of 3 checks failed"
	elsewhere := report.New("verify:app")
	elsewhere.Chains = []report.Chain{{Application: "shop", State: report.Failed,
		Links:  []report.Link{{Name: "Pods", State: report.Failed, Summary: "0 of 1 ready", Follows: true}},
		Causes: []report.Cause{{Rule: "quota", Link: "nodes", Message: "the nodes are full"}}}}
	elsewhere.Summary = "0 of 1 applications healthy"
	cases := []struct {
		name, reason string
		report       *report.Report
		style        report.Style
	}{
		{"all", "healthy ones are one aligned line, the others show where they break", verified(t), report.Style{Unicode: true}},
		{"all-plain", "states are words where there are no symbols", verified(t), report.Style{}},
		{"all-verbose", "everything: healthy links, all evidence, every symptom", verified(t), report.Style{Unicode: true, Verbose: true}},
		{"healthy-two", "nothing but a line each when all is well", only(t, "openwebui", "grafana"), report.Style{Unicode: true}},
		{"healthy-one", "the only application shows its links even when healthy", only(t, "openwebui"), report.Style{Unicode: true}},
		{"broken-colour", "colours mark states, positions and commands", only(t, "litellm"), report.Style{Color: true, Unicode: true}},
		{"broken-narrow", "sentences wrap under their beginning; commands and positions stay whole", only(t, "litellm"), report.Style{Unicode: true, Width: 60}},
		{"checks", "prerequisites are numbered and say what to do", checks, report.Style{Width: 60}},
		{"cause-elsewhere", "a cause of a link that the chain does not name is not lost", elsewhere, report.Style{}},
		{"hostile", "what a cluster says neither colours nor moves anything", hostileChain(), report.Style{Unicode: true}},
	}
	golden := map[string]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := report.Text(&out, c.report, c.style); err != nil {
				t.Fatal(err)
			}
			compare(t, "text/"+c.name+".txt", strings.ReplaceAll(out.String(), "\x1b", "␛"), c.reason)
		})
		golden[c.name+".txt"] = true
	}
	nothingElse(t, golden)
}

func compare(t *testing.T, name, got, reason string) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test ./pkg/report -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", reason, diff)
	}
}

// nothingElse fails on a golden file whose case is gone.
func nothingElse(t *testing.T, golden map[string]bool) {
	t.Helper()
	entries, err := os.ReadDir("testdata/text")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !golden[e.Name()] {
			t.Errorf("testdata/text/%s: no case makes it", e.Name())
		}
	}
}

func TestTextSendsNoControlCharacters(t *testing.T) {
	for _, s := range []report.Style{{}, {Unicode: true, Verbose: true}, {Width: 40}} {
		var out bytes.Buffer
		if err := report.Text(&out, hostileChain(), s); err != nil {
			t.Fatal(err)
		}
		for _, r := range out.String() {
			if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e {
				t.Fatalf("%+v: %q in\n%s", s, r, out.String())
			}
		}
	}
}

func TestTextKeepsWithinTheWidth(t *testing.T) {
	r := only(t, "authentik")
	var out bytes.Buffer
	if err := report.Text(&out, r, report.Style{Unicode: true, Width: 70}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 70 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		reason, text string
		commands     []string
		want         string
	}{
		{"no command", "wait", nil, "wait"},
		{"the commands stand below", "correct a; then `b`, `c d`", []string{"b", "c d"}, "correct a"},
		{"nothing but commands", "`b`, then `c d`", []string{"b", "c d"}, ""},
		{"one command", "`b`", []string{"b"}, ""},
		{"something comes behind them", "`b` brings it back", []string{"b"}, "`b` brings it back"},
		{"other commands than those", "look at `a`", []string{"b"}, "look at `a`"},
	} {
		if got := (report.Fix{Text: c.text, Commands: c.commands}).Advice(); got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
}
