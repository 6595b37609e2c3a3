package report

import (
	_ "embed" // the page and its style
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	//go:embed html/page.html
	pageTemplate string
	//go:embed html/page.css
	pageStyle string
)

// FactTime is the name of the fact that says when a report was made, in RFC 3339.
const FactTime = "time"

// HTML writes the report as one page that needs nothing else: no script, no network,
// no font. Every application's chain is a picture, the broken ones come first. Its
// policy forbids everything but the style, so that text of a cluster stays text.
func HTML(w io.Writer, r *Report) error {
	t, err := template.New("page").Funcs(template.FuncMap{"line": oneLine, "lines": lines, "command": printable}).Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := t.Execute(w, newPage(r)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// page is what the template shows.
type page struct {
	*Report
	Style   template.CSS
	Title   string
	Time    string // as people read it; the fact itself when it is no time
	Stamp   string // for programs
	Facts   []fact
	Counts  []count
	Ill     []chainView // broken ones first
	Well    []chainView
	Apps    []appView
	Secrets []secretView
}

// appView is an Application with what the page says about it.
type appView struct {
	Application
	State State
	Word  string
	At    string
}

// secretView is an Entry with what the page says about it.
type secretView struct {
	Entry
	State State
	Word  string
	At    string
}

type fact struct{ Name, Value string }

type count struct {
	State State
	N     int
	Word  string
}

// chainView is a Chain with what the page says about it.
type chainView struct {
	Chain
	ID      string
	Verdict string
	Apart   string // the namespace, when it is not the application's name
	Links   []linkView
	Causes  []causeView
	Open    bool
}

type linkView struct {
	Link
	State State // of a link that only follows: waiting
	Word  string
	Break bool // the way ends here
	After bool // behind the break
}

type causeView struct {
	Cause
	Sentence string
	Folded   []string
}

// stateWords say a link's state to whoever does not see its colour or symbol.
var stateWords = map[State]string{OK: "ok", Waiting: "waiting", Warned: "warning", Failed: "broken", Unknown: "not seen", Skipped: "none"}

func newPage(r *Report) page {
	p := page{Report: r, Style: template.CSS(pageStyle), Title: "sealway " + oneLine(r.Command)}
	p.Time, p.Stamp = moment(r.Facts[FactTime])
	for _, name := range sortedKeys(r.Facts) {
		if name != FactTime {
			p.Facts = append(p.Facts, fact{name, r.Facts[name]})
		}
	}
	for i, c := range r.Chains {
		v := newChainView(c, i)
		if c.healthy() && len(c.Strays) == 0 {
			v.Open = len(r.Chains) == 1
			p.Well = append(p.Well, v)
			continue
		}
		p.Ill = append(p.Ill, v)
	}
	slices.SortStableFunc(p.Ill, func(a, b chainView) int { return weight(b.State) - weight(a.State) })
	p.tables(r)
	p.Counts = counts(r)
	return p
}

// tables are the applications and the Secrets, in the report's order.
func (p *page) tables(r *Report) {
	for _, a := range r.Applications {
		p.Apps = append(p.Apps, appView{a, a.state(), stateWords[a.state()], a.at()})
	}
	for _, e := range r.Entries {
		p.Secrets = append(p.Secrets, secretView{e, e.state(), stateWords[e.state()], Finding{Path: e.Path, Line: e.Line}.Position()})
	}
}

// counts are the states of the chains, or where there are none of the checks, or of the
// applications, the gravest first.
func counts(r *Report) []count {
	n := map[State]int{}
	for _, c := range r.Chains {
		n[c.State]++
	}
	if len(r.Chains) == 0 {
		for _, c := range r.Checks {
			n[c.State]++
		}
	}
	if len(r.Chains)+len(r.Checks) == 0 {
		for _, a := range r.Applications {
			n[a.state()]++
		}
	}
	said := map[State]string{OK: "healthy", Waiting: "waiting", Warned: "worth a look", Failed: "broken", Unknown: "not all seen", Skipped: "nothing to look at"}
	var all []count
	for _, s := range slices.Backward(grave) {
		if n[s] > 0 {
			word := said[s]
			if len(r.Chains)+len(r.Applications) == 0 {
				word = string(s)
			}
			all = append(all, count{s, n[s], word})
		}
	}
	return all
}

func newChainView(c Chain, i int) chainView {
	v := chainView{Chain: c, ID: "app-" + strconv.Itoa(i+1), Verdict: c.verdict()}
	if slug := slug(c.Application); slug != "" {
		v.ID += "-" + slug
	}
	if c.Namespace != c.Application {
		v.Apart = c.Namespace
	}
	broken := false
	for _, l := range c.Links {
		lv := linkView{Link: l, State: l.State, After: broken}
		if l.Follows && (l.State == Failed || l.State == Waiting) {
			lv.State = Waiting
		}
		if !broken && !l.Follows && l.State == Failed {
			lv.Break, broken = true, true
		}
		lv.Word = stateWords[lv.State]
		v.Links = append(v.Links, lv)
	}
	for _, cause := range c.Causes {
		v.Causes = append(v.Causes, causeView{cause, cause.sentence(), fold(cause.Follows)})
	}
	return v
}

func weight(s State) int { return slices.Index(grave, s) }

// slug keeps of a name what an address can hold.
func slug(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(name)), "-")
}

func moment(text string) (said, stamp string) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text, ""
	}
	return t.Format("2 January 2006, 15:04:05 MST"), text
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
