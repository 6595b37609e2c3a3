package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Annotations writes the findings as GitHub Actions reads them in a log, one a
// line, and the summary last. GitHub shows them beside the lines that they are about.
// It shows ten of a step at most, the log has all.
func Annotations(w io.Writer, r *Report) error {
	for _, f := range r.Findings {
		properties := []string{"file=" + property(f.Path)}
		if f.Line > 0 {
			properties = append(properties, "line="+strconv.Itoa(f.Line))
		}
		properties = append(properties, "title="+property(f.Rule))
		if _, err := fmt.Fprintf(w, "::error %s::%s\n", strings.Join(properties, ","), data(f.sentence())); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	if _, err := fmt.Fprintln(w, r.Summary); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// sentence is what the finding says, without its place.
func (f Finding) sentence() string {
	what := f.Message
	if f.Key != "" {
		what = fmt.Sprintf("key %q: %s", f.Key, what)
	}
	if f.Object != "" {
		what = f.Object + ": " + what
	}
	if f.Commit != "" {
		what += " (commit " + shorten(f.Commit) + ")"
	}
	if f.Fix != "" {
		what += "\nfix: " + f.Fix
	}
	return what
}

// data escapes the text of a workflow command, property one of its properties.
func data(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(text))
}
