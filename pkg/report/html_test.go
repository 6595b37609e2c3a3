package report_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/report"
)

func render(t testing.TB, r *report.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.HTML(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// filled is a report with the text in every field that the page shows.
func filled(text string) *report.Report {
	r := report.New(text)
	r.Summary, r.Warnings = text, []string{text}
	r.Facts = map[string]string{text: text, report.FactTime: text}
	r.Errors = []report.Problem{{Message: text, Hint: text}}
	r.Checks = []report.Check{{Name: text, State: report.Failed, Saw: text, Fix: text}}
	r.Findings = []report.Finding{{Rule: text, Path: text, Line: 1, Object: text, Key: text, Message: text, Fix: text}}
	r.Applications = []report.Application{{Name: text, Sync: text, Health: text, Revision: text, Head: text, Operation: text, Detail: text,
		Resources: []report.Resource{{Kind: text, Namespace: text, Name: text, Sync: text, Health: text, Message: text, Why: []string{text}, Change: text, Diff: text}}}}
	r.Entries = []report.Entry{{Action: report.NotSealed, Application: text, Namespace: text, Name: text, Path: text, Line: 3, Keys: []string{text}, Detail: text}}
	chain := report.Chain{
		Application: text, Namespace: text, State: report.Failed,
		Links: []report.Link{{Name: text, State: report.Failed, Summary: text, Broken: text}, {Name: text, State: report.Failed, Summary: text, Follows: true}},
		Causes: []report.Cause{{Rule: text, Link: text, Object: text, Message: text, Path: text, Line: 1, Final: true, Evidence: []string{text}, Follows: []string{text},
			Fix: report.Fix{Text: text, Commands: []string{text}, Edit: &report.Edit{Path: text, Line: 1, Old: text, New: text}}}},
		Strays: []report.Stray{{Object: text, Message: text, Fix: text}},
	}
	healthy := report.Chain{Application: text, Namespace: text, State: report.OK, Links: []report.Link{{Name: text, State: report.OK, Summary: text}}}
	r.Chains = []report.Chain{chain, healthy}
	return r
}

var (
	tag   = regexp.MustCompile(`<[^>]*>`)
	value = regexp.MustCompile(`"[^"]*"`)
)

// skeleton is a page's markup without its text and its attributes' values.
func skeleton(page string) []string {
	var tags []string
	for _, t := range tag.FindAllString(page, -1) {
		tags = append(tags, value.ReplaceAllString(t, `""`))
	}
	return tags
}

func TestHTMLKeepsTextText(t *testing.T) {
	want := skeleton(render(t, filled("plain")))
	if len(want) < 100 {
		t.Fatalf("only %d tags", len(want))
	}
	for _, evil := range []string{
		`<script>alert(1)</script>`, `"onload=alert(1) x="`, `'onload='alert(1)`, "` onload=alert(1)", `</style><b>`, `</title><b>`, `--><b>`, `<![CDATA[<b>]]>`,
		`{{.Facts}}`, `javascript:alert(1)`, `&lt;script&gt;`, `</code></pre><img src=x onerror=alert(1)>`, "\x00<b>\x1b[31m\u202e",
	} {
		page := render(t, filled(evil))
		if diff := cmp.Diff(want, skeleton(page)); diff != "" {
			t.Errorf("%q became markup:\n%s", evil, diff)
		}
		for _, control := range []string{"\x1b", "\x00", "\u202e"} {
			if strings.Contains(page, control) {
				t.Errorf("%q: the page has %q", evil, control)
			}
		}
		if strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%q: an attribute holds what it must not", evil)
		}
	}
}

func TestHTMLShowsEveryField(t *testing.T) {
	r := filled("x")
	c := &r.Chains[0].Causes[0]
	*c = report.Cause{Rule: "t-rule", Link: "t-link", Object: "t-object", Message: "t-message", Path: "t-path", Line: 41, Evidence: []string{"t-evidence"}, Follows: []string{"t-follows"},
		Fix: report.Fix{Text: "t-fix", Commands: []string{"t-command  with 'two  blanks'"}, Edit: &report.Edit{Path: "t-edit", Line: 42, Old: "  t-old", New: "  t-new"}}}
	r.Chains[0].Strays[0] = report.Stray{Object: "t-stray", Message: "t-made", Fix: "t-undo"}
	r.Facts = map[string]string{report.FactTime: "2026-03-04T02:17:31Z", "t-fact": "t-value"}
	page := render(t, r)
	for _, want := range []string{"t-rule", "breaks t-link", "t-object: t-message", "t-path:41", "t-evidence", "t-follows", "t-fix",
		"<code>t-command  with &#39;two  blanks&#39;</code>", "t-edit:42", "</span>  t-old</del>", "</span>  t-new</ins>", "t-stray", "t-made", "t-undo",
		`<time datetime="2026-03-04T02:17:31Z">4 March 2026, 02:17:31 UTC</time>`, "t-fact", "t-value"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
}

// The page of a command that has no chains: what was looked at is on it.
func TestHTMLShowsTables(t *testing.T) {
	r := report.New("gitops:sync")
	r.Applications = []report.Application{
		{Name: "t-well", Sync: "Synced", Health: "Healthy"},
		{Name: "t-app", Sync: "t-sync", Health: "t-health", Revision: strings.Repeat("a", 40), Head: "t-head", Operation: "t-operation", Detail: "t-detail",
			Resources: []report.Resource{{Kind: "Job", Namespace: "t-ns", Name: "t-name", Change: "t-change", Sync: "t-out", Health: "t-ill", Message: "t-message", Why: []string{"t-why"}, Diff: "-a: t-before\n+a: t-after"}}},
		{Name: "t-unseen"},
	}
	r.Entries = []report.Entry{{Action: report.Stale, Namespace: "t-ns", Name: "t-secret", Path: "t-path", Line: 12, Keys: []string{"t-key"}, Detail: "t-note"}}
	r.Findings = []report.Finding{{Rule: "t-rule", Path: "t-file", Line: 4, Commit: "t-commit", Object: "t-object", Key: "t-found", Message: "t-bad", Fix: "t-fix"}}
	r.Checks = []report.Check{{Name: "t-check", State: report.Failed, Saw: "t-saw", Fix: "t-mend"}}
	r.Warnings = []string{"t-warning"}
	page := render(t, r)
	for _, want := range []string{"<b>t-app</b>", ">t-sync<", ">t-health<", "aaaaaaa (t-head)", ">t-operation<", "t-detail", "Job t-ns/t-name", "t-change", "t-out", "t-ill", ": t-message", "<br>t-why",
		"-a: t-before\n&#43;a: t-after", "<b>t-unseen</b>", "not seen", "<b>t-ns/t-secret</b>", ">stale<", "t-path:12", "t-key", "t-note",
		"t-rule", "t-file:4", "t-commit", "t-object", "t-found", "t-bad", "fix: t-fix", "t-check", "t-saw", "t-mend", "t-warning"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	r.Checks = nil
	page = render(t, r)
	if !strings.Contains(page, "<b>1</b> broken") || !strings.Contains(page, "<b>1</b> healthy") {
		t.Error("the applications are not counted")
	}
}

func TestHTMLIsTheSameEachTime(t *testing.T) {
	first := render(t, verified(t))
	for range 5 {
		if diff := cmp.Diff(first, render(t, verified(t))); diff != "" {
			t.Fatalf("the same report, another page:\n%s", diff)
		}
	}
}

func TestHTMLNeedsNothingElse(t *testing.T) {
	page := render(t, verified(t))
	for _, never := range []string{"<script", "<link", "<img", "@import", "url(", "src=", " style=", "http-equiv=\"refresh\""} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	if want := `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`; !strings.Contains(page, want) {
		t.Errorf("the page's policy is not %s", want)
	}
}

// Two applications of nearly the same name, or of none that an address can hold,
// have places of their own.
func TestHTMLNamesEachPlaceOnce(t *testing.T) {
	r := report.New("verify:all")
	for _, name := range []string{"shop", "Shop", "sh.op", "店", "", "app-1-shop"} {
		r.Chains = append(r.Chains, report.Chain{Application: name, State: report.OK})
	}
	page := render(t, r)
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]]++; ids[m[1]] > 1 {
			t.Errorf("id %q twice", m[1])
		}
	}
	links := regexp.MustCompile(` href="#([^"]*)"`).FindAllStringSubmatch(page, -1)
	for _, m := range links {
		if ids[m[1]] == 0 {
			t.Errorf("#%s leads nowhere", m[1])
		}
	}
	if len(links) < 2*len(r.Chains) {
		t.Errorf("only %d links", len(links))
	}
}

// colours reads the variables of one block of page.css.
func colours(t *testing.T, css, block string) map[string]string {
	t.Helper()
	_, rest, found := strings.Cut(css, block)
	if !found {
		t.Fatalf("page.css has no %q", block)
	}
	body, _, _ := strings.Cut(rest, "}")
	vars := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(body, -1) {
		vars[m[1]] = m[2]
	}
	return vars
}

// TestContrast holds the page's colours to WCAG 2.2 AA: 4.5 for text, 3 for symbols.
func TestContrast(t *testing.T) {
	data, err := os.ReadFile("html/page.css")
	if err != nil {
		t.Fatal(err)
	}
	css := string(data)
	states := []report.State{report.OK, report.Warned, report.Waiting, report.Failed, report.Unknown, report.Skipped}
	for scheme, block := range map[string]string{"light": "\n:root {", "dark": "(prefers-color-scheme: dark) {\n  :root {", "print": "@media print {\n  :root {"} {
		v := colours(t, css, block)
		hold := func(text, ground string, least float64) {
			t.Helper()
			if v[text] == "" || v[ground] == "" {
				t.Fatalf("%s: --%s is %q, --%s is %q", scheme, text, v[text], ground, v[ground])
			}
			if c := contrast(t, v[text], v[ground]); c < least {
				t.Errorf("%s: --%s on --%s has a contrast of %.2f, at least %.1f", scheme, text, ground, c, least)
			}
		}
		for _, ground := range []string{"ground", "card", "sunk"} {
			for _, text := range []string{"text", "muted", "accent"} {
				hold(text, ground, 4.5)
			}
			for _, s := range states {
				hold(string(s), ground, 3)
			}
		}
		for _, s := range states {
			hold("mark", string(s), 3) // the sign in the shape
			if s != report.Skipped {   // it is said in --muted
				hold(string(s), string(s)+"-tint", 4.5)
				hold(string(s), "card", 4.5)
			}
		}
		hold("muted", "skipped-tint", 4.5)
		hold("ok", "sunk", 4.5)
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var c [3]uint8
	if _, err := fmt.Sscanf(hex, "#%02x%02x%02x", &c[0], &c[1], &c[2]); err != nil {
		t.Fatalf("%q: %v", hex, err)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		f := float64(c[i]) / 255
		if f <= 0.04045 {
			f /= 12.92
		} else {
			f = math.Pow((f+0.055)/1.055, 2.4)
		}
		sum += weight * f
	}
	return sum
}

func BenchmarkHTML(b *testing.B) {
	r := verified(b)
	for range 45 {
		r.Chains = append(r.Chains, r.Chains[1])
	}
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := report.HTML(&out, r); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.Len()))
	}
}
