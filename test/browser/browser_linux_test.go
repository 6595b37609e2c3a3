// Package browser looks at the page of report.HTML as a person does: in Chromium,
// on a wide screen and a narrow one, in light and in dark.
package browser

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/report"
)

var (
	update = flag.Bool("update", false, "make docs/verify-light.png and docs/verify-dark.png anew")
	keep   = flag.String("screenshots", "", "folder to keep all screenshots in")
)

// example is the report of pkg/report's own tests: applications in five states.
func example(t *testing.T) *report.Report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(scripttest.Root(t), "pkg/report/testdata/verify.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// evil is text that wants to be more than text.
const evil = `</style></title></code><script>document.title="pwned"</script><img src=http://evil.example/x.png onerror="document.title='pwned'">" onload="x" style="position:fixed;inset:0` + "\x1b[31m\u202e" + `javascript:alert(1)`

func hostile() report.Chain {
	long := strings.Repeat("Loremipsum", 40)
	return report.Chain{
		Application: evil, Namespace: evil, State: report.Failed,
		Links: []report.Link{{Name: evil, State: report.Failed, Summary: long + evil, Broken: evil}, {Name: long, State: report.Failed, Summary: evil, Follows: true}},
		Causes: []report.Cause{{Rule: evil, Link: evil, Object: evil, Message: evil + long, Path: evil + long, Line: 7, Evidence: []string{evil, long}, Follows: []string{evil},
			Fix: report.Fix{Text: evil + long, Commands: []string{evil, long}, Edit: &report.Edit{Path: evil, Line: 1, Old: evil + long, New: long}}}},
		Strays: []report.Stray{{Object: evil, Message: long, Fix: evil}},
	}
}

// many is a platform of fifty applications, nearly all of them healthy.
func many(r *report.Report) *report.Report {
	healthy := r.Chains[2]
	for i := range 44 {
		c := healthy
		c.Application = fmt.Sprintf("service-%02d", i+1)
		c.Namespace = c.Application
		r.Chains = append(r.Chains, c)
	}
	r.Chains = append(r.Chains, hostile())
	r.Summary = "46 of 50 applications healthy"
	r.Facts[evil] = evil
	r.Warnings = []string{evil}
	r.Errors = []report.Problem{{Message: evil, Hint: evil}}
	r.Checks = []report.Check{{Name: evil, State: report.Failed, Saw: evil, Fix: evil}}
	r.Applications = []report.Application{{Name: evil, Sync: evil, Health: evil, Revision: evil, Operation: evil, Detail: evil, Resources: []report.Resource{{Kind: evil, Name: evil, Message: evil, Why: []string{evil}, Diff: evil}}}}
	r.Entries = []report.Entry{{Action: report.Stale, Namespace: evil, Name: evil, Path: evil, Keys: []string{evil}, Detail: evil}}
	r.Findings = []report.Finding{{Rule: evil, Path: evil, Line: 3, Object: evil, Key: evil, Message: evil, Fix: evil}}
	return r
}

// write puts the page where the browser can open it.
func write(t *testing.T, r *report.Report) string {
	t.Helper()
	var page bytes.Buffer
	if err := report.HTML(&page, r); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, page.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

func TestPage(t *testing.T) {
	c := start(t)
	for _, pages := range []struct {
		name   string
		report *report.Report
	}{{"example", example(t)}, {"many", many(example(t))}} {
		url := write(t, pages.report)
		for _, width := range []int{1280, 360} {
			ground := map[string]float64{}
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprintf("%s/%d/%s", pages.name, width, scheme), func(t *testing.T) {
					p := c.open(t, url, width, scheme)
					ground[scheme] = p.looks(fmt.Sprintf("%s-%d-%s.png", pages.name, width, scheme))
					p.fits()
					p.showsCauses(pages.report)
					p.marksTheBreak()
					p.isOnlyText()
					p.isQuiet(url)
				})
			}
			if len(ground) == 2 && ground["light"]-ground["dark"] < 0.7 { // with -run there may be one alone
				t.Errorf("%s at %d: the ground's luminance is %.2f in light and %.2f in dark", pages.name, width, ground["light"], ground["dark"])
			}
		}
	}
}

// looks holds a screenshot against nothing at all, and is the luminance of its ground.
func (p *tab) looks(name string) float64 {
	p.t.Helper()
	data := p.screenshot(0)
	if *keep != "" {
		p.must(os.MkdirAll(*keep, 0o755))
		p.must(os.WriteFile(filepath.Join(*keep, name), data, 0o644))
	}
	picture, err := png.Decode(bytes.NewReader(data))
	p.must(err)
	if n := colours(picture); n < 50 {
		p.t.Errorf("%s has %d colours: is there anything on it?", name, n)
	}
	return luminance(picture.At(1, 1))
}

func colours(picture image.Image) int {
	seen := map[color.Color]bool{}
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y += 2 {
		for x := b.Min.X; x < b.Max.X; x += 2 {
			seen[picture.At(x, y)] = true
		}
	}
	return len(seen)
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	part := func(v uint32) float64 {
		f := float64(v) / 0xffff
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*part(r) + 0.7152*part(g) + 0.0722*part(b)
}

// fits says that nothing reaches over the window's side.
func (p *tab) fits() {
	p.t.Helper()
	var over []string
	p.eval(`(() => {
		const wide = document.documentElement.clientWidth;
		const out = [...document.querySelectorAll("body *:not(symbol *)")].filter(e => e.checkVisibility() && e.getBoundingClientRect().right > wide + 0.5).map(e => e.outerHTML.slice(0, 120));
		if (document.documentElement.scrollWidth > wide) out.push("the page scrolls sideways");
		return out;
	})()`, &over)
	if len(over) > 0 {
		p.t.Errorf("over the side of the window: %q", over)
	}
}

// showsCauses looks for the sentence of each cause where a person sees it.
func (p *tab) showsCauses(r *report.Report) {
	p.t.Helper()
	var shown []string
	p.eval(`[...document.querySelectorAll("article h3")].filter(e => e.checkVisibility() && e.getBoundingClientRect().width > 40 && e.getBoundingClientRect().height > 10).map(e => e.textContent)`, &shown)
	want := 0
	for _, c := range r.Chains {
		for _, cause := range c.Causes {
			want++
			visible := strings.NewReplacer("\x1b", "", "\u202e", "").Replace(cause.Message)
			if !slices.ContainsFunc(shown, func(s string) bool { return strings.Contains(s, visible) }) {
				p.t.Errorf("%s: not to be seen: %s", c.Application, visible)
			}
		}
	}
	if want < 2 {
		p.t.Errorf("only %d causes were looked for", want)
	}
}

// marksTheBreak holds the picture's colours against what they mean, and the order:
// the broken application is first.
func (p *tab) marksTheBreak() {
	p.t.Helper()
	var seen struct {
		First, Failed, OK, Want, Card string
		Breaks, Broken                int
		Shapes                        []string
	}
	p.eval(`(() => {
		const of = (q, k) => getComputedStyle(document.querySelector(q))[k];
		const hex = n => { const e = document.createElement("i"); e.style.color = "var(" + n + ")"; document.body.append(e); const c = getComputedStyle(e).color; e.remove(); return c; };
		return {
			First: document.querySelector("main > article").className,
			Failed: of(".link.failed .icon", "color"), OK: of(".link.ok .icon", "color"), Want: hex("--failed"), Card: of(".card", "backgroundColor"),
			Breaks: document.querySelectorAll(".link.break").length, Broken: document.querySelectorAll("article.failed").length,
			Shapes: [...document.querySelectorAll("symbol")].map(e => e.innerHTML),
		};
	})()`, &seen)
	if seen.First != "card app failed" {
		p.t.Errorf("first is %q, not a broken application", seen.First)
	}
	if seen.Failed != seen.Want || seen.Failed == seen.OK {
		p.t.Errorf("a failed node is %s, want %s; a healthy one is %s", seen.Failed, seen.Want, seen.OK)
	}
	if c := contrast(p.t, seen.Failed, seen.Card); c < 3 {
		p.t.Errorf("the contrast of a failed node is %.1f", c)
	}
	if seen.Breaks == 0 || seen.Breaks != seen.Broken {
		p.t.Errorf("%d breaks for %d broken applications", seen.Breaks, seen.Broken)
	}
	slices.Sort(seen.Shapes)
	if n := len(slices.Compact(seen.Shapes)); n != 6 {
		p.t.Errorf("%d shapes for 6 states", n)
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	parse := func(s string) float64 {
		var c color.RGBA
		if _, err := fmt.Sscanf(s, "rgb(%d, %d, %d)", &c.R, &c.G, &c.B); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		c.A = 0xff
		return luminance(c)
	}
	x, y := parse(a), parse(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// isOnlyText looks for markup that the template did not make.
func (p *tab) isOnlyText() {
	p.t.Helper()
	var found []string
	p.eval(`[...document.querySelectorAll("*")].filter(e => ["SCRIPT", "IMG", "IFRAME", "LINK", "OBJECT", "BASE", "FORM"].includes(e.tagName) || (e.tagName == "STYLE" && e.parentNode != document.head) ||
		[...e.attributes].some(a => a.name.startsWith("on") || a.name == "style" || (/href|src/.test(a.name) && !a.value.startsWith("#")))).map(e => e.outerHTML.slice(0, 120))`, &found)
	if len(found) > 0 {
		p.t.Errorf("not of the template: %q", found)
	}
	var title string
	p.eval(`document.title`, &title)
	if !strings.HasPrefix(title, "sealway verify:all: ") {
		p.t.Errorf("the title is %q", title)
	}
}

// isQuiet says that the page asked for nothing but itself, and complained about nothing.
func (p *tab) isQuiet(url string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.requests, []string{url}) {
		p.t.Errorf("requests: %q", p.requests)
	}
	if len(p.noise) > 0 {
		p.t.Errorf("on the console: %q", p.noise)
	}
}

// TestKeyboard goes through the page with the tab key.
func TestKeyboard(t *testing.T) {
	p := start(t).open(t, write(t, example(t)), 1280, "light")
	var stops []string
	for range 16 {
		for _, kind := range []string{"rawKeyDown", "keyUp"} {
			p.call("Input.dispatchKeyEvent", object{"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}, nil)
		}
		var stop string
		p.eval(`(() => { const e = document.activeElement; const s = getComputedStyle(e); return e == document.body ? "" : s.outlineStyle + " " + e.textContent.trim().replace(/\s+/g, " "); })()`, &stop)
		if stop != "" {
			stops = append(stops, stop)
		}
	}
	for _, want := range []string{"solid To the applications", "solid litellm, broken at Workloads", "solid What the cluster said (5)", "solid openwebuihealthy"} {
		if !slices.Contains(stops, want) {
			t.Errorf("the tab key does not come to %q, but to %q", want, stops)
		}
	}
}

// TestPrint holds the page on paper: black on white though the screen is dark, and
// what the cluster said without a click.
func TestPrint(t *testing.T) {
	p := start(t).open(t, write(t, example(t)), 794, "dark") // A4 at 96 dpi
	p.media("print", "dark")
	if l := p.looks("print.png"); l < 0.95 {
		t.Errorf("the paper's luminance is %.2f", l)
	}
	p.fits()
	var seen bool
	p.eval(`document.querySelector(".cause .evidence li").checkVisibility({contentVisibilityAuto: true}) && document.querySelector(".cause .evidence li").getBoundingClientRect().height > 0`, &seen)
	if !seen {
		t.Error("the evidence is not printed")
	}
}

// maxPicture is what a picture of the documents may weigh.
const maxPicture = 200 << 10

// TestPictures makes the pictures of the documents, or holds the ones there are
// against their limits.
func TestPictures(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		path := filepath.Join(scripttest.Root(t), "docs", "verify-"+scheme+".png")
		if *update {
			picture(t, path, scheme)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatalf("%v; go test ./test/browser -update makes it", err)
		}
		if info.Size() > maxPicture {
			t.Errorf("%s: %d bytes, at most %d", path, info.Size(), maxPicture)
		}
	}
}

func picture(t *testing.T, path, scheme string) {
	t.Helper()
	p := start(t).open(t, write(t, example(t)), 1280, scheme)
	var bottom float64
	p.eval(`document.querySelector("article").getBoundingClientRect().bottom`, &bottom)
	shot, err := png.Decode(bytes.NewReader(p.screenshot(int(bottom) + 18)))
	p.must(err)
	var small bytes.Buffer
	p.must((&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, shot))
	p.must(os.WriteFile(path, small.Bytes(), 0o644))
}
