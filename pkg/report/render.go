package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Style selects how Text writes. The zero value is plain text without unchanged entries.
type Style struct {
	Color   bool // ANSI colours
	Unicode bool // symbols in place of words for the states of links and checks
	Width   int  // columns of the terminal, to wrap long sentences; 0 does not wrap
	Verbose bool // entries with the action Unchanged or Keep, healthy chains and all evidence too
}

// JSON writes the report as one indented JSON document.
func JSON(w io.Writer, r *Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Text writes the report for people: entries, steps, applications, checks, chains and
// findings, and the summary last.
func Text(w io.Writer, r *Report, s Style) error {
	for _, part := range []func(io.Writer, *Report) error{s.table, s.applications, s.checks, s.chains, s.findings} {
		if err := part(w, r); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	if _, err := fmt.Fprintln(w, r.Summary); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// table writes entries and steps.
func (s Style) table(w io.Writer, r *Report) error {
	var table bytes.Buffer
	t := tabwriter.NewWriter(&table, 0, 4, 2, ' ', tabwriter.StripEscape)
	for _, e := range r.Entries {
		if (e.Action == Unchanged || e.Action == Keep) && !s.Verbose {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.paint(string(e.Action), colourOf(e.Action)), e.Subject(), e.Path, e.note())
	}
	if len(r.Entries) > 0 && len(r.Steps) > 0 { // two tables: the columns have nothing in common
		if err := flush(t, &table, w); err != nil {
			return err
		}
		table.Reset()
	}
	for _, p := range r.Steps {
		fmt.Fprintf(t, "%s\t%s\t%s\n", p.Name, s.paint(p.State, stateColour(p.State)), p.Detail)
	}
	return flush(t, &table, w)
}

// flush writes a table without the blanks at the ends of its lines: the last
// column may be empty.
func flush(t *tabwriter.Writer, table *bytes.Buffer, w io.Writer) error {
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

func (s Style) findings(w io.Writer, r *Report) error {
	for _, f := range r.Findings {
		if err := s.finding(w, f); err != nil {
			return err
		}
	}
	return nil
}

// applications writes a table of the applications, and below it what is not as it
// should be in each.
func (s Style) applications(w io.Writer, r *Report) error {
	var table bytes.Buffer
	t := tabwriter.NewWriter(&table, 0, 4, 2, ' ', tabwriter.StripEscape)
	for _, a := range r.Applications {
		if a.Sync == "" && a.Health == "" {
			continue // nothing is known of it: an error says why
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", a.Name, s.paint(a.Sync, stateColour(a.Sync)), s.paint(a.Health, stateColour(a.Health)), a.at(), a.Operation, oneLine(a.Detail))
	}
	if err := flush(t, &table, w); err != nil {
		return err
	}
	for _, a := range r.Applications {
		if err := s.resources(w, a, len(r.Applications) > 1); err != nil {
			return err
		}
	}
	return nil
}

// at is the revision and how it stands to the local HEAD.
func (a Application) at() string {
	at := shorten(a.Revision)
	if a.Head != "" {
		at = strings.TrimSpace(at + " (" + a.Head + ")")
	}
	return at
}

// shorten cuts each of several full hashes to seven digits, as git does.
func shorten(revisions string) string {
	list := strings.Split(revisions, ", ")
	for i, r := range list {
		if len(r) == 40 || len(r) == 64 {
			list[i] = r[:7]
		}
	}
	return strings.Join(list, ", ")
}

func (s Style) resources(w io.Writer, a Application, named bool) error {
	for _, r := range a.Resources {
		line := "  "
		if named {
			line += a.Name + ": "
		}
		line += r.String()
		for _, state := range []string{r.Change, r.Sync, r.Health} {
			if state != "" {
				line += "  " + s.plainPaint(state, stateColour(state))
			}
		}
		if r.Message != "" {
			line += "  " + oneLine(r.Message)
		}
		for _, why := range r.Why {
			line += "\n      " + oneLine(why)
		}
		if r.Diff != "" {
			line += "\n" + s.diff(r.Diff)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// diff indents the lines of a diff and colours them.
func (s Style) diff(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		switch {
		case strings.HasPrefix(l, "+"):
			l = s.plainPaint(l, green)
		case strings.HasPrefix(l, "-"):
			l = s.plainPaint(l, red)
		}
		lines[i] = "    " + l
	}
	return strings.Join(lines, "\n")
}

// note is what stands behind the path: the keys and the detail.
func (e Entry) note() string {
	parts := make([]string, 0, 2)
	if len(e.Keys) > 0 {
		parts = append(parts, strings.Join(e.Keys, ", "))
	}
	if e.Detail != "" {
		parts = append(parts, "("+e.Detail+")")
	}
	return strings.Join(parts, " ")
}

func (s Style) finding(w io.Writer, f Finding) error {
	what := f.Message
	if f.Key != "" {
		what = fmt.Sprintf("key %q: %s", f.Key, what)
	}
	if f.Object != "" {
		what = f.Object + ": " + what
	}
	at := f.Position()
	if f.Commit != "" {
		at += " (commit " + shorten(f.Commit) + ")"
	}
	if _, err := fmt.Fprintf(w, "%s: %s [%s]\n", at, what, s.plainPaint(f.Rule, red)); err != nil {
		return err
	}
	if f.Fix == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "    fix: %s\n", f.Fix)
	return err
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
)

func colourOf(a Action) string {
	switch a {
	case Create, Update, Sealed:
		return green
	case Refused, Orphan, Stale, Changed, NotSealed, Placeholder, Warning, Delete:
		return yellow
	default:
		return dim
	}
}

func stateColour(state string) string {
	switch state {
	case "running", "ok", "Synced", "Healthy", "create", "reload", "next run":
		return green
	case "OutOfSync", "Progressing", "Suspended", "update", "restart":
		return yellow
	default:
		return red
	}
}

// paint colours a table cell; the escape bytes (0xff) keep the colour codes out
// of the column's width.
func (s Style) paint(text, code string) string {
	if !s.Color {
		return text
	}
	return "\xff\x1b[" + code + "m\xff" + text + "\xff\x1b[0m\xff"
}

func (s Style) plainPaint(text, code string) string {
	if !s.Color || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
