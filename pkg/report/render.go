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
	Verbose bool // entries with the action Unchanged or Keep too
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

// Text writes the report for people: entries, steps and findings, one a line,
// and the summary last.
func Text(w io.Writer, r *Report, s Style) error {
	var table bytes.Buffer
	t := tabwriter.NewWriter(&table, 0, 4, 2, ' ', tabwriter.StripEscape)
	for _, e := range r.Entries {
		if (e.Action == Unchanged || e.Action == Keep) && !s.Verbose {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.paint(string(e.Action), colourOf(e.Action)), e.Subject(), e.Path, e.note())
	}
	for _, p := range r.Steps {
		fmt.Fprintf(t, "%s\t%s\t%s\n", p.Name, s.paint(p.State, stateColour(p.State)), p.Detail)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for line := range strings.Lines(table.String()) { // the last column may be empty
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	for _, f := range r.Findings {
		if err := s.finding(w, f); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	if _, err := fmt.Fprintln(w, r.Summary); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
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
	if _, err := fmt.Fprintf(w, "%s: %s [%s]\n", f.Position(), what, s.plainPaint(f.Rule, red)); err != nil {
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
	case "running", "ok":
		return green
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
	if !s.Color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
