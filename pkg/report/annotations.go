package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// shownBeside is how many annotations of a level GitHub shows of one step; it drops
// the others without a word.
const shownBeside = 10

// Annotations writes the answer as GitHub Actions reads it in a log: Annotate, then
// as plain lines all that were too many for it, and the summary last.
func Annotations(w io.Writer, r *Report) error {
	if err := Annotate(w, r); err != nil {
		return err
	}
	for _, level := range []State{Failed, Warned} {
		_, cut := r.notable(level)
		for _, v := range cut {
			if _, err := fmt.Fprintf(w, "- %s [%s]\n", plain(v.text()), plain(v.Rule)); err != nil { // no line begins with what a file may say
				return fmt.Errorf("report: %w", err)
			}
		}
	}
	if _, err := fmt.Fprintln(w, plain(r.Summary)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Annotate writes workflow commands of GitHub Actions, one a line: errors of the run,
// findings, causes, failed checks, unhealthy applications, and warnings. GitHub shows
// them beside the lines that they are about. The last of ten of a level says how many
// there are beyond it.
func Annotate(w io.Writer, r *Report) error {
	for _, level := range []State{Failed, Warned} {
		shown, cut := r.notable(level)
		if len(cut) > 0 {
			shown = append(shown, violation{Finding{Rule: r.Command, Message: fmt.Sprintf("%d more, which GitHub would not show here: the log has all", len(cut))}, level})
		}
		for _, v := range shown {
			if _, err := fmt.Fprintln(w, v.annotation()); err != nil {
				return fmt.Errorf("report: %w", err)
			}
		}
	}
	return nil
}

// notable are all of a level that GitHub shows, and those that are too many for it:
// errors of the run, violations, warnings, in this order.
func (r *Report) notable(level State) (shown, cut []violation) {
	var all []violation
	for _, e := range r.Errors {
		all = append(all, violation{Finding{Rule: r.Command, Message: e.Message, Fix: e.Hint}, Failed})
	}
	all = append(all, r.violations()...)
	for _, text := range r.Warnings {
		all = append(all, violation{Finding{Rule: r.Command, Message: text}, Warned})
	}
	all = slices.DeleteFunc(all, func(v violation) bool { return v.level != level })
	if len(all) <= shownBeside {
		return all, nil
	}
	return slices.Clip(all[:shownBeside-1]), all[shownBeside-1:] // the tenth says how many are cut
}

// annotation is one workflow command.
func (v violation) annotation() string {
	command := map[State]string{Failed: "error", Warned: "warning"}[v.level]
	var properties []string
	if v.Path != "" {
		properties = append(properties, "file="+property(v.Path))
	}
	if v.Line > 0 {
		properties = append(properties, "line="+strconv.Itoa(v.Line))
	}
	properties = append(properties, "title="+property(v.Rule))
	return fmt.Sprintf("::%s %s::%s", command, strings.Join(properties, ","), data(lines(v.sentence())))
}

// headline is what the finding says, without its place and its fix.
func (f Finding) headline() string {
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
	return what
}

// sentence is what the finding says, without its place.
func (f Finding) sentence() string {
	what := f.headline()
	if f.Fix != "" {
		what += "\nfix: " + f.Fix
	}
	return what
}

// plain is one line without the old form of workflow commands, which GitHub's runner
// reads anywhere in a line (actions/runner#4692).
func plain(text string) string { return strings.ReplaceAll(oneLine(text), "##[", "## [") }

// data escapes the text of a workflow command, property one of its properties.
func data(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(text))
}
