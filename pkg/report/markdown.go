package report

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the report as a page for people who read a pipeline: what was
// decided first, then what is wrong with its place and its fix, then tables of what
// was looked at. Whatever a file or a cluster said stands in it as text.
func Markdown(w io.Writer, r *Report) error { return MarkdownWithin(w, r, 0) }

// MarkdownWithin is Markdown of at most room bytes (0 = as many as it takes): lines
// that do not fit are counted. GitHub drops a step summary of more than 1 MiB whole.
func MarkdownWithin(w io.Writer, r *Report, room int) error {
	p := &sheet{room: room}
	p.head(fmt.Sprintf("### %s %s\n\n%s\n", r.verdict(), code(r.Command), markdown(r.Summary)))
	p.errors(r)
	p.findings(r)
	p.chains(r)
	p.table("| | check | seen | fix |\n|---|---|---|---|\n", p.checks(r))
	p.table("| application | sync | health | revision | operation | |\n|---|---|---|---|---|---|\n", p.applications(r))
	p.table("| | Secret | file | |\n|---|---|---|---|\n", p.entries(r))
	var warnings []string
	for _, text := range r.Warnings {
		warnings = append(warnings, "- warning: "+markdown(text)+"\n")
	}
	p.table("", warnings)
	if _, err := io.WriteString(w, p.end()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// verdict is the report in one word.
func (r *Report) verdict() string {
	if len(r.Errors) > 0 {
		return "error"
	}
	level := OK
	for _, v := range r.violations() {
		level = Gravest(level, v.level)
	}
	return map[State]string{OK: "ok", Warned: "worth a look", Failed: "failed"}[level]
}

// sheet collects whole lines as long as there is room.
type sheet struct {
	b    strings.Builder
	room int
	left int // lines that did not fit
}

// spare is kept for the line that says how many are left.
const spare = 200

func (p *sheet) fits(text string) bool {
	return p.left == 0 && (p.room == 0 || p.b.Len()+len(text)+spare <= p.room)
}

// head writes what is not counted: headings.
func (p *sheet) head(text string) {
	if p.fits(text) {
		p.b.WriteString(text)
	}
}

// line writes one line that counts.
func (p *sheet) line(text string) {
	if !p.fits(text) {
		p.left++
		return
	}
	p.b.WriteString(text)
}

// table writes lines under a heading, nothing without lines.
func (p *sheet) table(head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.head("\n" + head)
	for _, l := range lines {
		p.line(l)
	}
}

func (p *sheet) end() string {
	if p.left > 0 {
		fmt.Fprintf(&p.b, "\n%d more lines did not fit: the log and the other reports have them.\n", p.left)
	}
	return p.b.String()
}

func (p *sheet) errors(r *Report) {
	var lines []string
	for _, e := range r.Errors {
		text := "- **error**: " + markdown(e.Message)
		if e.Hint != "" {
			text += "<br>hint: " + advice(e.Hint, code)
		}
		lines = append(lines, text+"\n")
	}
	p.table("", lines)
}

func (p *sheet) findings(r *Report) {
	var lines []string
	for _, f := range r.Findings {
		at := f.Position()
		if f.Commit != "" {
			at += " in " + shorten(f.Commit)
		}
		f.Commit = ""
		lines = append(lines, row(tabled(at), markdown(f.headline()), tabled(f.Rule), advice(f.Fix, tabled)))
	}
	p.table("| where | what | rule | fix |\n|---|---|---|---|\n", lines)
}

// chains has for each application what breaks it, and its links.
func (p *sheet) chains(r *Report) {
	for _, c := range r.Chains {
		p.head("\n**" + markdown(c.Application) + "** " + markdown(c.verdict()) + "\n")
		var causes []string
		for _, cause := range c.Causes {
			causes = append(causes, cause.markdown())
		}
		for _, s := range c.Strays {
			causes = append(causes, "- not from Git: "+markdown(s.Object+": "+s.Message)+"\n")
		}
		p.table("", causes)
		if c.healthy() {
			continue
		}
		var links []string
		for _, g := range c.groups() {
			links = append(links, row(string(g.state), markdown(g.name), markdown(g.summary)))
		}
		p.table("| | link | |\n|---|---|---|\n", links)
	}
}

// markdown is the cause with its place, and the fix with its commands below it.
func (c Cause) markdown() string {
	text := "- " + markdown(c.sentence())
	if at := c.Position(); at != "" {
		text += " (" + code(at) + ")"
	}
	text += " " + code(c.Rule)
	if fix := c.Fix.Advice(); fix != "" {
		text += "<br>fix: " + advice(fix, code)
	}
	for _, command := range c.Fix.Commands {
		text += "<br>" + code(command)
	}
	return text + "\n"
}

func (*sheet) checks(r *Report) []string {
	var lines []string
	for _, c := range r.Checks {
		lines = append(lines, row(string(c.State), markdown(c.Name), markdown(c.Saw), advice(c.Fix, tabled)))
	}
	return lines
}

func (*sheet) applications(r *Report) []string {
	var lines []string
	for _, a := range r.Applications {
		if !a.seen() {
			continue
		}
		var notes []string
		if a.Detail != "" {
			notes = append(notes, markdown(a.Detail))
		}
		for _, res := range a.Resources {
			line := res.String()
			for _, more := range append([]string{res.Change, res.Sync, res.Health, res.Message}, res.Why...) {
				if more != "" {
					line += " " + more
				}
			}
			notes = append(notes, markdown(line))
		}
		lines = append(lines, row(markdown(a.Name), markdown(a.Sync), markdown(a.Health), markdown(a.at()), markdown(a.Operation), strings.Join(notes, "<br>")))
	}
	return lines
}

func (*sheet) entries(r *Report) []string {
	var lines []string
	for _, e := range r.Entries {
		if e.Action != Unchanged && e.Action != Keep && e.Action != Sealed {
			lines = append(lines, row(string(e.Action), markdown(e.Subject()), tabled(e.Path), markdown(e.note())))
		}
	}
	return lines
}

// row is one line of a table.
func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// markdown makes of any text one line that Markdown shows as it is: no markup, no
// HTML, no mention of a person, no formula, no cell that ends.
func markdown(text string) string { return escaped(oneLine(text)) }

func escaped(text string) string {
	return strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "|", `\|`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "$", `\$`, "#", `\#`,
		"&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@<!-- -->",
	).Replace(text)
}

// advice is a sentence of ours that marks commands with backticks: those are code. A
// value in it may have backticks of its own; where they are not pairs they are text.
func advice(text string, code func(string) string) string {
	var b strings.Builder
	text = oneLine(text)
	for {
		before, rest, opened := strings.Cut(text, "`")
		span, after, closed := strings.Cut(rest, "`")
		if !opened || !closed || strings.TrimSpace(span) == "" || strings.HasPrefix(after, "`") {
			b.WriteString(escaped(text))
			return b.String()
		}
		b.WriteString(escaped(before) + code(span))
		text = after
	}
}

// tabled is a text as code in a table, where even code ends at a bar.
func tabled(text string) string { return strings.ReplaceAll(code(text), "|", `\|`) }

// code is a text as code: the fence is longer than any in it.
func code(text string) string {
	if text = strings.TrimSpace(printable(text)); text == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}
