package report

import (
	"fmt"
	"io"
	"strings"
)

// checks writes the prerequisites, numbered, and below each what to do about it.
func (s Style) checks(w io.Writer, r *Report) error {
	width := len(fmt.Sprint(len(r.Checks)))
	for n, c := range r.Checks {
		symbol := s.plainPaint(fmt.Sprintf("%-7s", c.State), checkColour(c.State))
		if _, err := fmt.Fprintf(w, "%*d  %s  %s: %s\n", width, n+1, symbol, c.Name, oneLine(c.Saw)); err != nil {
			return err
		}
		for n, line := range strings.Split(c.Fix, "\n") {
			if c.Fix == "" {
				break
			}
			prefix := "     "
			if n == 0 {
				prefix = "fix: "
			}
			if _, err := fmt.Fprintf(w, "%*s  %s%s\n", width, "", prefix, printable(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkColour(s State) string {
	switch s {
	case OK:
		return green
	case Failed:
		return red
	case Skipped:
		return dim
	}
	return yellow
}

// printable is the line without what would move a terminal's cursor or change its
// colours; its blanks stay.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, line)
}
