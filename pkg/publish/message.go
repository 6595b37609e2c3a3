package publish

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/report"
)

// maxSubject is from where on a commit's subject is cut off in lists.
const maxSubject = 72

// message is a commit's message: it names Secrets and keys, never values. given
// takes the subject's place.
func message(diffs []diff, given string) string {
	subject, whole := subject(diffs)
	if given != "" {
		subject, whole = given, false
	}
	if whole {
		return subject + "\n"
	}
	var b strings.Builder
	b.WriteString(subject + "\n\n")
	for _, d := range diffs {
		b.WriteString(d.line() + "\n")
	}
	return b.String()
}

// subject is the first line; whole when it says everything.
func subject(diffs []diff) (text string, whole bool) {
	if len(diffs) == 1 {
		return diffs[0].subject()
	}
	var apps, what []string
	count := map[bool]int{} // removed or not
	for _, d := range diffs {
		if d.certificate == "" {
			count[d.Action == report.Delete]++
			apps = append(apps, d.Application)
		}
	}
	apps = slices.Compact(slices.Sorted(slices.Values(apps)))
	if n := count[false]; n > 0 {
		what = append(what, "seal "+secrets(n))
	}
	if n := count[true]; n > 0 {
		what = append(what, "remove "+secrets(n))
	}
	text = strings.Join(apps, ", ") + ": " + strings.Join(what, ", ")
	if count[false]+count[true] == 1 {
		text, _ = diffs[0].subject() // the certificate is the last one
	}
	if len(text) > maxSubject && len(apps) > 1 {
		text = fmt.Sprintf("%d applications: %s", len(apps), strings.Join(what, ", "))
	}
	if diffs[len(diffs)-1].certificate != "" {
		text += ", pin the certificate"
	}
	return text, false
}

// subject is the first line of a commit with one change.
func (d *diff) subject() (text string, whole bool) {
	name := d.Name
	if d.Namespace != d.Application {
		name = d.Subject()
	}
	switch {
	case d.certificate != "":
		return "pin the certificate " + d.certificate, true
	case d.Action == report.Delete:
		return fmt.Sprintf("%s: remove %s", d.Application, name), true
	}
	whole = len(d.removed) == 0 && (d.Action == report.Create || len(d.Keys) > 0)
	text = fmt.Sprintf("%s: seal %s", d.Application, name)
	if len(d.Keys) > 0 {
		if with := fmt.Sprintf("%s (%s)", text, strings.Join(d.Keys, ", ")); len(with) <= maxSubject {
			return with, whole
		}
		return fmt.Sprintf("%s (%d keys)", text, len(d.Keys)), false
	}
	return text, whole
}

// line tells of one change in the body.
func (d *diff) line() string {
	if d.certificate != "" {
		return fmt.Sprintf("- %s: certificate %s", d.Path, d.certificate)
	}
	switch d.Action {
	case report.Create:
		return fmt.Sprintf("- %s: new, with %s", d.Subject(), strings.Join(d.added, ", "))
	case report.Delete:
		return fmt.Sprintf("- %s: removed", d.Subject())
	}
	var parts []string
	for _, p := range []struct {
		verb string
		keys []string
	}{{"changed", d.changed}, {"added", d.added}, {"removed", d.removed}} {
		if len(p.keys) > 0 {
			parts = append(parts, p.verb+" "+strings.Join(p.keys, ", "))
		}
	}
	if len(parts) == 0 {
		parts = []string{d.Detail}
	}
	return fmt.Sprintf("- %s: %s", d.Subject(), strings.Join(parts, "; "))
}

func secrets(n int) string {
	if n == 1 {
		return "1 Secret"
	}
	return fmt.Sprintf("%d Secrets", n)
}
