package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// What the readers of JUnit XML agree on: the elements and attributes of Jenkins'
// junit-10.xsd, and those of testcase that GitLab and pytest know beside them.
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
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Skipped *junitSkipped `xml:"skipped"`
		Error   *junitResult  `xml:"error"`
		Failure *junitResult  `xml:"failure"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
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
	suite := junitSuite{Name: r.Command, Out: xmlText(r.Summary), Err: xmlText(strings.Join(r.Warnings, "\n"))}
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
		case c.Skipped != nil:
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
		all = append(all, c.junit()...)
	}
	for _, c := range r.Checks {
		all = append(all, judged(junitCase{Class: r.Command, Name: c.Name}, c.State, c.finding()))
	}
	for _, a := range r.Applications {
		all = append(all, judged(junitCase{Class: a.Name, Name: "Synced and Healthy"}, a.state(), a.finding()))
	}
	for _, e := range r.Entries {
		if e.Name != "" {
			all = append(all, judged(junitCase{Class: e.Application, Name: "Secret " + e.Subject(), File: e.Path, Line: e.Line}, e.state(), e.finding()))
		}
	}
	for _, e := range r.Errors {
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
	return judged(junitCase{Class: class, Name: name, File: f.Path, Line: f.Line}, Failed, f)
}

// junit has a test case for each link, with the causes that break it.
func (c Chain) junit() []junitCase {
	all := make([]junitCase, 0, len(c.Links))
	for _, l := range c.Links {
		one := junitCase{Class: c.Application, Name: l.Name}
		if l.Follows {
			one.Skipped = &junitSkipped{"waits for an earlier link: " + oneLine(l.Summary)}
			all = append(all, one)
			continue
		}
		f := Finding{Rule: "link-" + string(l.State), Message: l.Summary}
		var texts []string
		for _, cause := range c.Causes {
			if cause.Link != l.Name {
				continue
			}
			if v := cause.finding(); len(texts) == 0 {
				one.File, one.Line = v.Path, v.Line
				f.Rule, f.Message = v.Rule, l.Summary+": "+v.headline()
			}
			texts = append(texts, cause.finding().text())
		}
		one = judged(one, l.State, f)
		if text := xmlText(strings.Join(texts, "\n\n")); text != "" {
			one.explain(text)
		}
		all = append(all, one)
	}
	return all
}

// judged gives a test case its result.
func judged(c junitCase, s State, f Finding) junitCase {
	result := &junitResult{f.Rule, oneLine(f.headline()), xmlText(f.text())}
	switch s {
	case OK:
	case Warned:
		c.Out = result.Text
	case Skipped:
		c.Skipped = &junitSkipped{result.Message}
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
