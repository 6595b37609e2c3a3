package report

import (
	"fmt"
	"slices"
	"strings"
)

// violation is a Finding or what a renderer of findings shows as one: the cause that
// breaks an application, a check that failed, an application that is not healthy.
type violation struct {
	Finding

	level State // Failed or Warned
}

// violations are all of a report, in its order. Errors and Warnings are none: they
// are about the run.
func (r *Report) violations() []violation {
	var all []violation
	for _, f := range r.Findings {
		all = append(all, violation{f, Failed})
	}
	for _, c := range r.Chains {
		for _, cause := range c.Causes {
			all = append(all, violation{cause.finding(), c.level()})
		}
		if len(c.Causes) == 0 && c.level() == Failed && (c.State != Unknown || len(r.Errors) == 0 || !c.unreached()) {
			all = append(all, violation{c.finding(), Failed})
		}
	}
	for _, c := range r.Checks {
		switch c.State {
		case OK, Skipped:
		case Warned:
			all = append(all, violation{c.finding(), Warned})
		default:
			all = append(all, violation{c.finding(), Failed})
		}
	}
	// A command that only shows the state, or did not wait for it, has not failed by it.
	level := Warned
	if len(r.Errors) > 0 {
		level = Failed
	}
	for _, a := range r.Applications {
		if r.problem(a) == nil && a.seen() && a.state() != OK {
			all = append(all, violation{a.finding(), level})
		}
	}
	for _, e := range r.Entries {
		if e.state() == Failed {
			all = append(all, violation{e.finding(), level})
		}
	}
	return all
}

// unreached says that what is unknown of a chain is so because nothing answered: then
// its commit is compared with nothing, too.
func (c Chain) unreached() bool {
	return slices.ContainsFunc(c.Links, func(l Link) bool { return l.State == Unknown && l.Summary == Unreached })
}

// problem is the error that is about the application, nil when none is: one failure,
// not two.
func (r *Report) problem(a Application) *Problem {
	for i, e := range r.Errors {
		if strings.HasPrefix(e.Message, "application "+a.Name+": ") {
			return &r.Errors[i]
		}
	}
	return nil
}

// level is how grave the causes of a chain are.
func (c Chain) level() State {
	if c.State == OK || c.State == Skipped || c.State == Warned {
		return Warned
	}
	return Failed
}

func (c Cause) finding() Finding {
	object := c.Object
	if strings.Contains(c.Message, object) {
		object = ""
	}
	return Finding{Rule: c.Rule, Path: c.Path, Line: c.Line, Object: object, Message: c.Message, Fix: c.Fix.Text}
}

// finding is a chain that is not as it should be and of which no cause is known.
func (c Chain) finding() Finding {
	f := Finding{Rule: "application-" + string(c.State), Object: "application " + c.Application, Message: c.verdict()}
	for _, l := range c.Links {
		if l.State == c.State && !l.Follows {
			f.Message += ": " + l.Summary
			break
		}
	}
	return f
}

func (c Check) finding() Finding {
	return Finding{Rule: "check-" + string(c.State), Object: c.Name, Message: c.Saw, Fix: c.Fix}
}

func (a Application) finding() Finding {
	return Finding{Rule: "application-not-healthy", Object: "application " + a.Name, Message: a.verdict()}
}

func (e Entry) finding() Finding {
	return Finding{Rule: "secret-" + strings.ReplaceAll(string(e.Action), " ", "-"), Path: e.Path, Line: e.Line,
		Object: "Secret " + e.Subject(), Message: strings.TrimSpace(string(e.Action) + " " + e.note())}
}

// seen says that something is known of the application.
func (a Application) seen() bool { return a.Sync != "" || a.Health != "" }

// state is what Synced and Healthy come to together.
func (a Application) state() State {
	switch {
	case !a.seen():
		return Unknown
	case a.Sync == "Synced" && a.Health == "Healthy":
		return OK
	case a.Sync != "OutOfSync" && a.Health == "Progressing":
		return Waiting
	default:
		return Failed
	}
}

// verdict is the application's state in one sentence.
func (a Application) verdict() string {
	if !a.seen() {
		return "not seen"
	}
	text := a.Sync + ", " + a.Health
	if a.Detail != "" {
		text += ": " + oneLine(a.Detail)
	}
	for i, r := range a.Resources {
		if i == 3 {
			text += fmt.Sprintf("; %d more", len(a.Resources)-i)
			break
		}
		text += "; " + r.String()
		for _, more := range append([]string{r.Sync, r.Health, r.Message}, r.Why...) {
			if more != "" {
				text += " " + oneLine(more)
			}
		}
	}
	return text
}

// state says whether a Secret is as it should be after the command.
func (e Entry) state() State {
	switch e.Action {
	case Refused, Orphan, Stale, Changed, NotSealed:
		return Failed
	case Placeholder, Warning:
		return Warned
	default:
		return OK
	}
}
