package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/report"
)

// Summary is the result in one line.
func Summary(chains []report.Chain) string {
	good, strays := 0, 0
	for _, c := range chains {
		if Well(c.State) {
			good++
		}
		strays += len(c.Strays)
	}
	text := fmt.Sprintf("%d of %s healthy", good, plural(len(chains), "application"))
	if strays > 0 {
		text += fmt.Sprintf("; %s did not come from Git", plural(strays, "object"))
	}
	return text
}

// Line is how one application stands, in one line: the link that is broken first, and
// why.
func Line(c report.Chain) string {
	at := slices.IndexFunc(c.Links, func(l report.Link) bool { return l.State == c.State && !l.Follows && !Well(l.State) })
	switch {
	case Well(c.State):
		return "healthy"
	case at < 0:
		return string(c.State)
	}
	l := c.Links[at]
	text := l.Name + ": " + l.Summary
	if l.Broken != "" {
		for _, cause := range c.Causes {
			if cause.Rule == l.Broken {
				return l.Name + ": " + strings.TrimSuffix(cause.Message, ".")
			}
		}
	}
	return text
}

// Sentence is a cause in one line: object, message, place and what to do.
func Sentence(c report.Cause) string {
	text := c.Object + ": " + c.Message
	if p := c.Position(); p != "" {
		text += " (" + p + ")"
	}
	if c.Fix.Text != "" {
		text += "; fix: " + c.Fix.Text
	}
	return text
}
