package report_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/report"
)

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Skipped *string      `xml:"skipped"`
	Error   *junitResult `xml:"error"`
	Failure *junitResult `xml:"failure"`
	Out     string       `xml:"system-out"`
}

type junitResult struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// summary is the case in one line.
func (c junitCase) summary() string {
	text := c.Class + " | " + c.Name
	switch {
	case c.Skipped != nil:
		return text + " | skipped " + *c.Skipped
	case c.Error != nil:
		return text + " | error " + c.Error.Type + ": " + c.Error.Message + " | " + strings.ReplaceAll(c.Error.Text, "\n", "/")
	case c.Failure != nil:
		return text + " | failure " + c.Failure.Type + ": " + c.Failure.Message + " | " + strings.ReplaceAll(c.Failure.Text, "\n", "/")
	case c.Out != "":
		return text + " | passed: " + strings.ReplaceAll(c.Out, "\n", "/")
	}
	return text + " | passed"
}

type junit struct {
	Suites []struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
		Err      string      `xml:"system-err"`
	} `xml:"testsuite"`
}

func readJUnit(t *testing.T, r *report.Report) (d junit) {
	t.Helper()
	var out bytes.Buffer
	if err := report.JUnit(&out, r); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatalf("%v:\n%s", err, out.String())
	}
	if len(d.Suites) != 1 || d.Suites[0].Tests != len(d.Suites[0].Cases) || d.Suites[0].Tests == 0 {
		t.Fatalf("not one suite with as many cases as it says:\n%s", out.String())
	}
	return d
}

func TestJUnit(t *testing.T) {
	at := func(r report.Report, command string) *report.Report {
		r.Command = command
		return &r
	}
	cases := []struct {
		name, reason string
		report       *report.Report
		counts       string // tests, failures, errors, skipped
		want         []string
	}{
		{"nothing", "readers fail on a suite without tests", at(report.Report{Summary: "0 findings"}, "secrets:guard"), "1 0 0 0",
			[]string{"secrets:guard | secrets:guard | passed: 0 findings"}},
		{"findings", "a name without the line, which moves; two of one name are two tests", at(report.Report{Findings: []report.Finding{
			{Rule: "r", Path: "a.yaml", Line: 3, Object: "Secret a/b", Key: "k", Message: "bad", Fix: "mend it"},
			{Rule: "r", Path: "a.yaml", Line: 9, Object: "Secret a/b", Key: "k", Message: "bad"},
		}}, "seal:check"), "2 2 0 0", []string{
			`seal:check | r: a.yaml: Secret a/b key "k" | failure r: Secret a/b: key "k": bad | a.yaml:3: Secret a/b: key "k": bad/fix: mend it`,
			`seal:check | r: a.yaml: Secret a/b key "k" (2) | failure r: Secret a/b: key "k": bad | a.yaml:9: Secret a/b: key "k": bad`,
		}},
		{"error", "what could not be done is no failed test", at(report.Report{Errors: []report.Problem{{Message: "no cluster", Hint: "start one"}}}, "gitops:status"), "1 0 1 0",
			[]string{"gitops:status | gitops:status | error error: no cluster | no cluster/start one"}},
		{"chain", "a test for each link, with its causes; what follows is skipped", at(report.Report{Chains: []report.Chain{{
			Application: "shop", State: report.Failed,
			Links: []report.Link{
				{Name: "Commit", State: report.OK, Summary: "pushed"},
				{Name: "Local", State: report.Skipped, Summary: "no plaintext here"},
				{Name: "Argo CD", State: report.Unknown, Summary: "not allowed"},
				{Name: "Workloads", State: report.Failed, Summary: "0 of 1", Broken: "r"},
				{Name: "Pods", State: report.Failed, Summary: "0 of 2", Follows: true},
			},
			Causes: []report.Cause{
				{Rule: "r", Link: "Workloads", Object: "ConfigMap shop/c", Message: "missing", Path: "d.yaml", Line: 8, Fix: report.Fix{Text: "write it"}},
				{Rule: "s", Link: "Workloads", Object: "Secret shop/s", Message: "Secret shop/s: missing"},
				{Rule: "u", Link: "Elsewhere", Object: "X y", Message: "odd"},
			},
		}}}, "verify:app"), "6 2 1 2", []string{
			"shop | Commit | passed",
			"shop | Local | skipped no plaintext here",
			"shop | Argo CD | error link-unknown: not allowed | not allowed",
			"shop | Workloads | failure r: 0 of 1: ConfigMap shop/c: missing | d.yaml:8: ConfigMap shop/c: missing/fix: write it//Secret shop/s: missing",
			"shop | Pods | skipped waits for an earlier link: 0 of 2",
			"shop | u: X y | failure u: X y: odd | X y: odd",
		}},
		{"worth a look", "no reason to fail", at(report.Report{Chains: []report.Chain{{Application: "shop", State: report.Warned,
			Links: []report.Link{{Name: "Pods", State: report.Warned, Summary: "restarted"}}, Causes: []report.Cause{{Rule: "r", Link: "Pods", Message: "odd"}}}}}, "verify:app"), "1 0 0 0",
			[]string{"shop | Pods | passed: odd"}},
		{"no links", "a state without its links is a state", at(report.Report{Chains: []report.Chain{{Application: "shop", State: report.Unknown}}}, "verify:app"), "1 0 1 0",
			[]string{"shop | shop | error application-unknown: application shop: not all seen | application shop: not all seen"}},
		{"checks", "each is a test", at(report.Report{Checks: []report.Check{{Name: "a", State: report.OK, Saw: "x"}, {Name: "b", State: report.Failed, Saw: "y", Fix: "z"}, {Name: "c", State: report.Skipped}}}, "verify:cluster"), "3 1 0 1",
			[]string{"verify:cluster | a | passed", "verify:cluster | b | failure check-failed: b: y | b: y/fix: z", "verify:cluster | c | skipped c:"}},
		{"applications", "Synced and Healthy, both", at(report.Report{Applications: []report.Application{
			{Name: "a", Sync: "Synced", Health: "Healthy"},
			{Name: "b", Sync: "OutOfSync", Health: "Healthy", Resources: []report.Resource{{Kind: "Job", Namespace: "b", Name: "j", Health: "Degraded", Message: "no\nimage", Why: []string{"Pod p"}}}},
			{Name: "c", Sync: "Synced", Health: "Progressing", Detail: "new"}, {Name: "d"},
		}}, "gitops:status"), "4 2 1 0", []string{
			"a | Synced and Healthy | passed",
			"b | Synced and Healthy | failure application-not-healthy: application b: OutOfSync, Healthy; Job b/j Degraded no image Pod p | application b: OutOfSync, Healthy; Job b/j Degraded no image Pod p",
			"c | Synced and Healthy | failure application-not-healthy: application c: Synced, Progressing: new | application c: Synced, Progressing: new",
			"d | Synced and Healthy | error application-not-healthy: application d: not seen | application d: not seen",
		}},
		{"no cluster", "one cause counts once; what is unknown for another reason stands", unreached(), "4 0 2 2", []string{
			"a | Commit | skipped not compared", "a | Pods | skipped the cluster could not be reached",
			"b | Pods | error link-unknown: not allowed | not allowed",
			"verify:all | verify:all | error error: cluster: refused | cluster: refused",
		}},
		{"error of an application", "one failure counts once", synced(), "3 1 1 0", []string{
			"a | Synced and Healthy | passed",
			"b | Synced and Healthy | failure application-not-healthy: application b: Degraded; the cause: c | application b: Degraded; the cause: c/fix: do d",
			"gitops:sync | gitops:sync | error error: no tunnel | no tunnel",
		}},
		{"entries", "a Secret that is not as sealed", at(report.Report{Entries: []report.Entry{
			{Action: report.Sealed, Application: "a", Namespace: "n", Name: "s"}, {Action: report.NotSealed, Application: "a", Namespace: "n", Name: "t", Path: "p", Keys: []string{"k"}},
			{Action: report.Placeholder, Namespace: "n", Name: "u"},
		}}, "seal:status"), "3 1 0 0", []string{
			"a | Secret n/s | passed", "a | Secret n/t | failure secret-not-sealed: Secret n/t: not sealed k | p: Secret n/t: not sealed k",
			"seal:status | Secret n/u | passed: Secret n/u: placeholder",
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := readJUnit(t, c.report).Suites[0]
			if got := fmt.Sprint(s.Tests, s.Failures, s.Errors, s.Skipped); s.Name != c.report.Command || got != c.counts {
				t.Errorf("%s: suite %s counts %s, want %s", c.reason, s.Name, got, c.counts)
			}
			var got []string
			for _, one := range s.Cases {
				got = append(got, one.summary())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// synced is a sync that failed: the error is about one of the applications.
func synced() *report.Report {
	r := report.New("gitops:sync")
	r.Applications = []report.Application{{Name: "a", Sync: "Synced", Health: "Healthy"}, {Name: "b", Sync: "Synced", Health: "Degraded"}}
	r.Errors = []report.Problem{{Message: "application b: Degraded; the cause: c", Hint: "do d"}, {Message: "no tunnel"}}
	return r
}

// unreached is a look at a cluster that did not answer.
func unreached() *report.Report {
	r := report.New("verify:all")
	r.Chains = []report.Chain{
		{Application: "a", State: report.Unknown, Links: []report.Link{{Name: "Commit", State: report.Unknown, Summary: "not compared"}, {Name: "Pods", State: report.Unknown, Summary: report.Unreached}}},
		{Application: "b", State: report.Unknown, Links: []report.Link{{Name: "Pods", State: report.Unknown, Summary: "not allowed"}}},
	}
	r.Errors = []report.Problem{{Message: "cluster: refused"}}
	return r
}

func TestWhatWasNotReachedIsAnnotatedOnce(t *testing.T) {
	for _, said := range []bool{true, false} { // without an error each says so itself
		r := unreached()
		if !said {
			r.Errors = nil
		}
		var out bytes.Buffer
		if err := report.Annotate(&out, r); err != nil || strings.Count(out.String(), "::error ") != 2 || strings.Contains(out.String(), "application a") == said {
			t.Errorf("said %t, %v:\n%s", said, err, out.String())
		}
	}
}

func TestAnErrorOfAnApplicationIsAnnotatedOnce(t *testing.T) {
	var out bytes.Buffer
	if err := report.Annotate(&out, synced()); err != nil || strings.Count(out.String(), "application b: ") != 1 || strings.Count(out.String(), "the cause: c%0Afix: do d") != 1 {
		t.Errorf("%v:\n%s", err, out.String())
	}
}

// Whatever a file or a cluster says is text in XML, and as many tests are there.
func TestJUnitKeepsTextText(t *testing.T) {
	want := len(readJUnit(t, filled("plain")).Suites[0].Cases)
	for _, evil := range []string{`]]><b>`, `"><testcase name="x"/>`, "a\x00b\x1b[31m\x0c\ufffe\u202e", "\xff\xfe", "&amp;&#0;", "line\nline\r\n"} {
		var out bytes.Buffer
		if err := report.JUnit(&out, filled(evil)); err != nil {
			t.Fatal(err)
		}
		if got := len(readJUnit(t, filled(evil)).Suites[0].Cases); got != want {
			t.Errorf("%q: %d cases, want %d", evil, got, want)
		}
		if strings.ContainsAny(out.String(), "\x00\x1b\x0c\ufffe\u202e") {
			t.Errorf("%q: a character that XML lacks, or that turns others: %q", evil, out.String())
		}
	}
}

func markdown(t *testing.T, r *report.Report, room int) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.MarkdownWithin(&out, r, room); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestMarkdown(t *testing.T) {
	compare(t, "verify.md", markdown(t, verified(t), 0), "every part of a verification")
}

// As many lines and cells as of plain text, and no markup of its own.
func TestMarkdownKeepsTextText(t *testing.T) {
	shape := func(page string) (lines, cells int) {
		for line := range strings.Lines(page) {
			if strings.HasPrefix(line, "|") {
				cells += strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			}
		}
		return strings.Count(page, "\n"), cells
	}
	lines, cells := shape(markdown(t, filled("plain"), 0))
	for _, evil := range []string{"a|b", `a\|b`, "`x`", "``", "a``|`b", "a\nb\r\n# c", "<b>c</b>", "\u202e\x1b[31mx"} {
		page := markdown(t, filled(evil), 0)
		if l, c := shape(page); l != lines || c != cells {
			t.Errorf("%q: %d lines and %d cells, want %d and %d:\n%s", evil, l, c, lines, cells, page)
		}
		if strings.ContainsAny(page, "\x1b\u202e\r") {
			t.Errorf("%q: a control character: %q", evil, page)
		}
	}
	if page := markdown(t, filled("a|b"), 0); !strings.Contains(page, "<br>`a|b`\n") || !strings.Contains(page, "| `a\\|b` |") {
		t.Errorf("a bar is escaped in the code of a table, and there alone:\n%s", page)
	}
	r := report.New("seal:check")
	r.Summary = `<img src=x> @octocat [a](b) *c* _d_ $e$ ~f~ # &lt; \ ` + "`g`"
	if want := "### ok `seal:check`\n\n" + `&lt;img src=x&gt; @<!-- -->octocat \[a\](b) \*c\* \_d\_ \$e\$ \~f\~ \# &amp;lt; \\ ` + "\\`g\\`\n"; markdown(t, r, 0) != want {
		t.Errorf("got\n%s\nwant\n%s", markdown(t, r, 0), want)
	}
}

// The commands of our own sentences are code; whatever else is in them is text.
func TestMarkdownShowsTheCommandsOfAFix(t *testing.T) {
	for fix, want := range map[string]string{
		"`mage seal:app a_b`, then `git push`": "`mage seal:app a_b`, then `git push`",
		"run `a | b`":                          "run `a \\| b`",
		"<b> `<i>` *c*":                        "&lt;b&gt; `<i>` \\*c\\*",
		"odd ` <b>":                            "odd \\` &lt;b&gt;",
		"one `a` odd ` <b>":                    "one `a` odd \\` &lt;b&gt;",
		"``<b>``":                              "\\`\\`&lt;b&gt;\\`\\`",
		"`a``<b>`":                             "\\`a\\`\\`&lt;b&gt;\\`",
		"` `<b>":                               "\\` \\`&lt;b&gt;",
		"`a\n# b`":                             "`a # b`",
	} {
		r := report.New("seal:check")
		r.Findings = []report.Finding{{Rule: "r", Path: "p", Message: "m", Fix: fix}}
		if page := markdown(t, r, 0); !strings.Contains(page, "| `p` | m | `r` | "+want+" |\n") {
			t.Errorf("%q: no %s in\n%s", fix, want, page)
		}
	}
}

// GitHub shows nothing of a summary that is too large.
func TestMarkdownKeepsWithinItsRoom(t *testing.T) {
	r := many(30000)
	full := markdown(t, r, 0)
	if len(full) < 1<<20 {
		t.Fatalf("only %d bytes, so nothing is proven", len(full))
	}
	const room = 1 << 20
	page := markdown(t, r, room)
	if len(page) > room || len(page) < room-1000 {
		t.Errorf("%d bytes of %d", len(page), room)
	}
	shown := strings.Count(page, "| `a.yaml:")
	if want := fmt.Sprintf("\n%d more lines did not fit: the log and the other reports have them.\n", 30000-shown); !strings.HasSuffix(page, want) {
		t.Errorf("%d shown, and the end is %q", shown, page[len(page)-200:])
	}
}

func many(n int) *report.Report {
	r := report.New("secrets:guard")
	for i := range n {
		r.Findings = append(r.Findings, report.Finding{Rule: "rule", Path: "a.yaml", Line: i + 1, Message: "bad"})
	}
	r.Summary = "many findings"
	return r
}

// GitHub shows ten of a level and step and drops the rest without a word.
func TestAnnotationsSayHowManyAreLeft(t *testing.T) {
	for _, c := range []struct{ findings, commands, plain int }{{0, 0, 0}, {9, 9, 0}, {10, 10, 0}, {11, 10, 2}, {40, 10, 31}} {
		var out bytes.Buffer
		if err := report.Annotations(&out, many(c.findings)); err != nil {
			t.Fatal(err)
		}
		commands, plain := strings.Count(out.String(), "::error "), strings.Count(out.String(), "\n- a.yaml:")
		more := strings.Contains(out.String(), fmt.Sprintf("::error title=secrets%%3Aguard::%d more, which GitHub would not show here: the log has all", c.plain))
		if commands != c.commands || plain != c.plain || more != (c.plain > 0) || !strings.HasSuffix(out.String(), "many findings\n") {
			t.Errorf("%d findings: %d annotations, %d lines:\n%s", c.findings, commands, plain, out.String())
		}
	}
}

// What GitHub does not show beside the lines is in the log, whatever it is.
func TestAnnotationsLoseNothing(t *testing.T) {
	r := report.New("seal:check")
	var want []string
	say := func(kind string, i int) string {
		text := fmt.Sprintf("%s-%02d", kind, i)
		want = append(want, text)
		return text
	}
	for i := range 3 {
		r.Errors = append(r.Errors, report.Problem{Message: say("error", i)})
	}
	for i := range 10 {
		r.Findings = append(r.Findings, report.Finding{Rule: "r", Path: "a.yaml", Line: i + 1, Message: say("finding", i)})
	}
	for i := range 12 {
		r.Warnings = append(r.Warnings, say("warning", i))
	}
	var out bytes.Buffer
	if err := report.Annotations(&out, r); err != nil {
		t.Fatal(err)
	}
	for _, text := range want {
		if n := strings.Count(out.String(), text); n != 1 {
			t.Errorf("%s is there %d times", text, n)
		}
	}
	if e, w := strings.Count(out.String(), "::error "), strings.Count(out.String(), "::warning "); e != 10 || w != 10 || t.Failed() {
		t.Errorf("%d errors and %d warnings beside the lines:\n%s", e, w, out.String())
	}
}

// No text begins a workflow command of its own.
func TestAnnotationsKeepTextText(t *testing.T) {
	count := func(text string) int {
		var out bytes.Buffer
		if err := report.Annotations(&out, filled(text)); err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(strings.TrimSpace(line), "::") {
				n++
			}
		}
		return n
	}
	r := many(11)
	r.Summary, r.Findings[10].Message = "a ##[error]b", "a ##[error]b"
	var out bytes.Buffer
	if err := report.Annotations(&out, r); err != nil || strings.Contains(out.String(), "##[") || !strings.Contains(out.String(), "## [error]b [rule]") {
		t.Errorf("an old command is left (%v):\n%s", err, out.String())
	}
	want := count("plain")
	for _, evil := range []string{"a\n::error::b", "a\r::add-mask::b", "a%0A::error::b", "a,line=3::b"} {
		if got := count(evil); got != want {
			t.Errorf("%q: %d commands, want %d", evil, got, want)
		}
	}
}

func TestRendererOf(t *testing.T) {
	r := report.New("seal:check")
	r.Summary = "1 SealedSecret checked"
	for file, want := range map[string]string{
		"a.sarif": `"runs"`, "b.sarif.json": `"runs"`, "c.json": `"schemaVersion"`, "d/e.XML": "<testsuites", "f.md": "### ok", "g.html": "<html",
		"a": "", "xml": "", "a.txt": "", "a.xml.gz": "", "": "",
	} {
		render := report.RendererOf(file)
		if render == nil || want == "" {
			if render != nil || want != "" {
				t.Errorf("%s: known %v", file, render != nil)
			}
			continue
		}
		var out bytes.Buffer
		if err := render(&out, r); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: error %v, no %s in\n%s", file, err, want, out.String())
		}
	}
}
