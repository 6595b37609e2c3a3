package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The part of JUnit XML that test results need, as Jenkins' schema has it. It has no
// place for a file and a line: they begin the text of a failure.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Skipped int         `xml:"skipped,attr"`
		Cases   []junitCase `xml:"testcase"`
		Out     string      `xml:"system-out,omitempty"`
		Err     string      `xml:"system-err,omitempty"`
	}
	junitCounts struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Time     string `xml:"time,attr"` // of each case zero too: a report has no clock
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Time    string       `xml:"time,attr"`
		Skipped string       `xml:"skipped,omitempty"`
		Error   *junitResult `xml:"error"`
		Failure *junitResult `xml:"failure"`
		Out     string       `xml:"system-out,omitempty"`
	}
	junitResult struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the report as JUnit XML, for readers of test results: a test case for
// each finding, link, check, application and Secret that was judged, and one of the
// command's own name where nothing was, so that no reader sees an empty suite. What
// the command could not look at, and why it failed, are errors; what only follows
// from something else is skipped.
func JUnit(w io.Writer, r *Report) error {
	suite := junitSuite{Name: oneLine(r.Command), Out: xmlText(r.Summary), Err: xmlText(strings.Join(r.Warnings, "\n"))}
	suite.Cases = r.cases()
	suite.Time = "0"
	seen := map[string]int{}
	for i := range suite.Cases {
		c := &suite.Cases[i]
		c.Time, c.Class, c.Name = "0", oneLine(c.Class), oneLine(c.Name)
		if id := c.Class + "\x00" + c.Name; seen[id] > 0 { // readers fold those of one name
			seen[id]++
			c.Name += fmt.Sprintf(" (%d)", seen[id])
		} else {
			seen[id] = 1
		}
		suite.Tests++
		switch {
		case c.Error != nil:
			suite.Errors++
		case c.Failure != nil:
			suite.Failures++
		case c.Skipped != "":
			suite.Skipped++
		}
	}
	doc := junitSuites{Name: "sealway", junitCounts: suite.junitCounts, Suites: []junitSuite{suite}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// cases are all that the report judges; at least one.
func (r *Report) cases() []junitCase {
	var all []junitCase
	for _, f := range r.Findings {
		all = append(all, f.junit(r.Command))
	}
	for _, c := range r.Chains {
		all = append(all, c.junit(len(r.Errors) > 0)...)
	}
	for _, c := range r.Checks {
		all = append(all, judged(junitCase{Class: r.Command, Name: c.Name}, c.State, c.finding()))
	}
	told := map[string]bool{}
	for _, a := range r.Applications {
		state, f := a.state(), a.finding()
		if p := r.problem(a); p != nil {
			told[p.Message] = true
			state, f.Object, f.Message, f.Fix = Failed, "", p.Message, p.Hint
		}
		all = append(all, judged(junitCase{Class: a.Name, Name: "Synced and Healthy"}, state, f))
	}
	for _, e := range r.Entries {
		if e.Name != "" {
			all = append(all, judged(junitCase{Class: cmp.Or(e.Application, r.Command), Name: "Secret " + e.Subject()}, e.state(), e.finding()))
		}
	}
	for _, e := range r.Errors {
		if told[e.Message] {
			continue
		}
		all = append(all, junitCase{Class: r.Command, Name: r.Command, Error: &junitResult{"error", oneLine(e.Message), xmlText(strings.TrimSpace(e.Message + "\n" + e.Hint))}})
	}
	if len(all) == 0 {
		all = append(all, junitCase{Class: r.Command, Name: r.Command, Out: xmlText(r.Summary)})
	}
	return all
}

// junit is the test case of a finding; its name has no line, which moves.
func (f Finding) junit(class string) junitCase {
	name := f.Rule + ": " + f.Path
	if f.Object != "" {
		name += ": " + f.Object
	}
	if f.Key != "" {
		name += fmt.Sprintf(" key %q", f.Key)
	}
	return judged(junitCase{Class: class, Name: name}, Failed, f)
}

// junit has a test case for each link, with the causes that break it, and one for each
// cause of no link that is there. Where an error has said that nothing answered, what is
// unknown is skipped.
func (c Chain) junit(said bool) []junitCase {
	all := make([]junitCase, 0, len(c.Links))
	of := map[string][]Finding{}
	for _, cause := range c.Causes {
		of[cause.Link] = append(of[cause.Link], cause.finding())
	}
	for _, l := range c.Links {
		causes := of[l.Name]
		delete(of, l.Name)
		one := l.junit(c.Application, causes)
		if said && one.Error != nil && c.unreached() {
			one.Skipped, one.Error = one.Error.Message, nil
		}
		all = append(all, one)
	}
	for _, cause := range c.Causes {
		if len(of[cause.Link]) > 0 {
			all = append(all, judged(junitCase{Class: c.Application, Name: cause.Rule + ": " + cause.Object}, c.level(), cause.finding()))
		}
	}
	if len(all) == 0 {
		all = append(all, judged(junitCase{Class: c.Application, Name: c.Application}, c.State, c.finding()))
	}
	return all
}

// junit is the test case of a link.
func (l Link) junit(application string, causes []Finding) junitCase {
	one := junitCase{Class: application, Name: l.Name}
	f := Finding{Rule: "link-" + string(l.State), Message: l.Summary}
	var texts []string
	for i, cause := range causes {
		if i == 0 {
			f.Rule, f.Message = cause.Rule, l.Summary+": "+cause.headline()
		}
		texts = append(texts, cause.text())
	}
	switch {
	case len(causes) > 0:
		one = judged(one, l.State, f)
		one.explain(xmlText(strings.Join(texts, "\n\n")))
	case l.Follows:
		one.Skipped = "waits for an earlier link: " + oneLine(l.Summary)
	default:
		one = judged(one, l.State, f)
	}
	return one
}

// judged gives a test case its result.
func judged(c junitCase, s State, f Finding) junitCase {
	result := &junitResult{oneLine(f.Rule), oneLine(f.headline()), xmlText(f.text())}
	switch s {
	case OK:
	case Warned:
		c.Out = result.Text
	case Skipped:
		c.Skipped = cmp.Or(result.Message, "nothing to look at")
	case Unknown:
		c.Error = result
	case Failed, Waiting:
		c.Failure = result
	}
	return c
}

// explain puts a longer text in the result's place.
func (c *junitCase) explain(text string) {
	switch {
	case c.Failure != nil:
		c.Failure.Text = text
	case c.Error != nil:
		c.Error.Text = text
	default:
		c.Out = text
	}
}

// text is the finding with its place, and its fix on a line of its own.
func (f Finding) text() string {
	if at := f.Position(); at != "" {
		return at + ": " + f.sentence()
	}
	return f.sentence()
}

// xmlText drops what XML 1.0 has no character for and what would turn the order of
// others; the encoder sees to what is no UTF-8.
func xmlText(text string) string { return strings.TrimRight(lines(text), " \n") }
