package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// evidenceLines is how much of what the cluster said stands below a cause (one more when
// only that would be left out); the rest
// is for Verbose, JSON and HTML.
const evidenceLines = 3

// chains writes every application's chain: one line when all is well, and otherwise
// its links with the causes below the link that they break. The form is issue 4's.
func (s Style) chains(w io.Writer, r *Report) error {
	var out bytes.Buffer
	t := tree{Style: s, out: &out, full: s.Verbose || len(r.Chains) == 1}
	for _, c := range r.Chains {
		t.names = max(t.names, width(oneLine(c.Application)))
	}
	gap := false // the chain before took several lines
	for i, c := range r.Chains {
		short := t.short(c)
		if i > 0 && (gap || !short) {
			out.WriteByte('\n')
		}
		gap = !short
		t.chain(c)
	}
	if gap && r.Summary != "" {
		out.WriteByte('\n')
	}
	_, err := w.Write(out.Bytes())
	return err
}

// checks writes the numbered prerequisites.
func (s Style) checks(w io.Writer, r *Report) error {
	var out bytes.Buffer
	t := tree{Style: s, out: &out}
	names := 0
	for _, c := range r.Checks {
		names = max(names, width(oneLine(c.Name)))
	}
	for i, c := range r.Checks {
		number := fmt.Sprintf("%*d  ", len(fmt.Sprint(len(r.Checks))), i+1)
		t.put(0, text(number, dim), t.mark(c.State), text(pad(oneLine(c.Name), names)+"  ", ""), text(oneLine(c.Saw), ""))
		at := width(number) + t.markWidth()
		for n, line := range strings.Split(c.Fix, "\n") {
			switch {
			case c.Fix == "":
			case n == 0:
				t.put(at, text("fix: ", ""), text(oneLine(line), ""))
			default: // a manifest, say: its lines and its blanks stay
				t.raw(at, printable(line), "")
			}
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// tree writes chains to out.
type tree struct {
	Style
	out   *bytes.Buffer
	full  bool // healthy applications with all their links too
	names int  // width of the longest application's name
}

// short says that one line is enough for c.
func (t *tree) short(c Chain) bool {
	return !t.full && c.healthy() && len(c.Strays) == 0
}

func (t *tree) chain(c Chain) {
	name := oneLine(c.Application)
	if t.short(c) {
		name = pad(name, t.names)
	}
	t.put(0, t.mark(c.State), text(name+"  ", bold), text(c.verdict(), colours[c.State]))
	if t.full || !c.healthy() {
		t.links(c)
	}
	if len(c.Strays) > 0 {
		t.put(2, t.mark(Warned), text("not from Git", ""))
		for _, s := range c.Strays {
			t.stray(s)
		}
	}
}

// links writes a line for each link, and one for several that only follow.
func (t *tree) links(c Chain) {
	groups, names := c.groups(), 0
	for _, g := range groups {
		names = max(names, width(g.name))
	}
	left := slices.Clone(c.Causes)
	for _, g := range groups {
		code := ""
		if g.follows {
			code = dim
		}
		t.put(2, t.mark(g.state), text(pad(g.name, names)+"  ", code), text(g.summary, code))
		left = slices.DeleteFunc(left, func(cause Cause) bool {
			if !slices.Contains(g.links, cause.Link) {
				return false
			}
			t.cause(cause)
			return true
		})
	}
	for _, cause := range left { // of a link that the chain does not name
		t.cause(cause)
	}
}

func (t *tree) cause(c Cause) {
	at := 2 + t.markWidth()
	t.put(at, text(c.sentence(), bold))
	at += 2
	if p := oneLine(c.Position()); p != "" {
		t.raw(at, p, cyan)
	}
	t.evidence(at, c.Evidence)
	t.fix(at, c.Fix)
	t.follows(at, c.Follows)
}

// evidence writes what the cluster said. Of much it is the beginning and the end: a log
// says last why a program has ended.
func (t *tree) evidence(at int, said []string) {
	hidden := len(said) - evidenceLines
	for i, e := range said {
		switch {
		case t.Verbose || hidden <= 1 || i == 0 || i > hidden:
			t.put(at, text(t.bar(), dim), text(oneLine(e), dim))
		case i == 1:
			t.put(at, text(t.bar(), dim), text(fmt.Sprintf("%d more with SEALWAY_VERBOSE=1", hidden), dim))
		}
	}
}

// fix writes what to do: in words, and below that what to run.
func (t *tree) fix(at int, f Fix) {
	advice, commands := f.Advice(), f.Commands
	switch {
	case advice != "":
		t.put(at, text("fix: ", green), text(advice, ""))
	case len(commands) > 0:
		t.put(at, text("fix: ", green), text(printable(commands[0]), bold))
		commands = commands[1:]
	}
	for _, command := range commands {
		t.raw(at+5, printable(command), bold)
	}
}

func (t *tree) follows(at int, symptoms []string) {
	if !t.Verbose {
		symptoms = fold(symptoms)
	}
	for _, f := range symptoms {
		t.put(at, t.mark(Waiting).with(dim), text(oneLine(f), dim))
	}
}

func (t *tree) stray(s Stray) {
	at := 2 + t.markWidth()
	t.put(at, text(oneLine(s.Object)+": "+oneLine(s.Message), ""))
	if s.Fix != "" {
		t.put(at+2, text("fix: ", green), text(oneLine(s.Fix), ""))
	}
}

// cell is a part of a line in one colour.
type cell struct{ text, code string }

func text(s, code string) cell { return cell{s, code} }

func (c cell) with(code string) cell { return cell{c.text, code} }

// put writes the cells behind an indent. The last one is wrapped to the terminal's
// width, under its own beginning.
func (t *tree) put(indent int, cells ...cell) {
	hang, begun := indent, indent
	t.out.WriteString(strings.Repeat(" ", indent))
	last := cells[len(cells)-1]
	for _, c := range cells[:len(cells)-1] {
		begun += width(c.text)
		if last.text == "" { // nothing comes behind it
			c.text = strings.TrimRight(c.text, " ")
		}
		t.out.WriteString(t.plainPaint(c.text, c.code))
	}
	if t.Width == 0 || begun <= t.Width/2 {
		hang = begun
	} else {
		hang += 2
	}
	for i, line := range t.wrap(last.text, begun, hang) {
		if i > 0 {
			t.out.WriteString("\n" + strings.Repeat(" ", hang))
		}
		t.out.WriteString(t.plainPaint(line, last.code))
	}
	t.out.WriteByte('\n')
}

// raw writes what has to stay in one piece to be copied.
func (t *tree) raw(indent int, s, code string) {
	t.out.WriteString(strings.Repeat(" ", indent) + t.plainPaint(s, code) + "\n")
}

// wrap breaks text between words where the terminal ends, when its first line begins
// in one column and the others in another. A word that is too long stays whole.
func (t *tree) wrap(s string, column, others int) []string {
	if t.Width == 0 || column+width(s) <= t.Width {
		return []string{s}
	}
	var lines []string
	line, room := "", t.Width-column
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) > room:
			lines, line, room = append(lines, line), word, t.Width-others
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

func width(s string) int { return utf8.RuneCountInString(s) }

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-width(s)))
}

const (
	bold = "1"
	cyan = "36"
)

var (
	symbols = map[State]string{OK: "✓", Warned: "!", Failed: "✗", Waiting: "…", Unknown: "?", Skipped: "·"}
	words   = map[State]string{OK: "ok", Warned: "warn", Failed: "fail", Waiting: "wait", Unknown: "?", Skipped: "-"}
	colours = map[State]string{OK: green, Warned: yellow, Failed: red, Waiting: yellow, Unknown: magenta, Skipped: dim}
)

const magenta = "35"

// mark is the symbol of a state, and the blank behind it.
func (t *tree) mark(s State) cell {
	if t.Unicode {
		return cell{pad(symbols[s], t.markWidth()), colours[s]}
	}
	return cell{pad(words[s], t.markWidth()), colours[s]}
}

func (t *tree) markWidth() int {
	if t.Unicode {
		return 2
	}
	return 5
}

// bar stands before what the cluster said.
func (t *tree) bar() string {
	if t.Unicode {
		return "│ "
	}
	return "| "
}
