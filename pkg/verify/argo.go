package verify

import (
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
)

// argoLink is what Argo CD says of the application.
func (c *chain) argoLink() report.Link {
	a := c.src.Argo
	switch {
	case a == nil:
		return report.Link{State: report.Unknown, Summary: "Argo CD was not asked"}
	case a.Unseen != "":
		return report.Link{State: report.Unknown, Summary: a.Unseen}
	case a.Missing:
		return report.Link{State: report.Failed, Summary: "Argo CD has no application with the path " + c.src.Folder}
	}
	firm := []judgement{deleting(a), c.condition(a), c.comparison(a)}
	told := []judgement{health(a)} // by the live objects, which a sync waits for too
	if op := c.operation(a); a.Operation.Running() {
		told = append(told, op)
	} else {
		firm = append(firm, op)
	}
	c.leans = !stuck(gravest(firm))
	all := slices.Concat(firm, told)
	l := report.Link{State: gravest(all), Summary: c.argoSummary(a)}
	for _, j := range all {
		if j.note != "" {
			l.Summary += "; " + j.note
		}
	}
	return l
}

func gravest(list []judgement) report.State {
	worst := report.OK
	for _, j := range list {
		worst = report.Gravest(worst, j.state)
	}
	return worst
}

// judgement is how one of the things stands that Argo CD says, and what to add.
type judgement struct {
	state report.State
	note  string
}

// argoSummary is sync, health and revision: "Synced, Healthy, 69bedce (HEAD)".
func (c *chain) argoSummary(a *diagnose.Argo) string {
	parts := []string{or(a.Sync, "not compared yet"), or(a.Health, "health unknown")}
	if a.Revision != "" {
		at := short(a.Revision)
		if m := c.src.Commit; m != nil && m.Seen == at && m.Head == at {
			at += " (HEAD)"
		}
		parts = append(parts, at)
	}
	return strings.Join(parts, ", ")
}

func deleting(a *diagnose.Argo) judgement {
	if a.Deleting.IsZero() {
		return judgement{report.OK, ""}
	}
	return judgement{report.Failed, "it is being deleted"}
}

// condition judges what Argo CD complains about: an error, or a warning.
func (c *chain) condition(a *diagnose.Argo) judgement {
	out := judgement{report.OK, ""}
	for _, cond := range a.Conditions {
		s := report.Warned
		if strings.HasSuffix(cond.Type, "Error") {
			s = report.Failed
		}
		if report.Gravest(out.state, s) != out.state {
			out = judgement{s, cond.Type + ": " + c.said(cond.Message)}
		}
	}
	return out
}

func (c *chain) operation(a *diagnose.Argo) judgement {
	op := a.Operation
	switch {
	case op.Running():
		return judgement{report.Waiting, "a sync is under way: " + or(c.said(op.Message), op.Phase)}
	case op == nil || op.Phase == "Succeeded" || op.Phase == "":
		return judgement{report.OK, ""}
	case a.Sync == synced && a.Health == healthy:
		return judgement{report.Warned, "the last sync has " + strings.ToLower(op.Phase) + ", and all is as it should be since"}
	}
	return judgement{report.Failed, "the last sync has failed: " + c.said(op.Message)}
}

// comparison judges Synced: what was changed since the sync, or only has to be
// deleted, breaks nothing by itself.
func (c *chain) comparison(a *diagnose.Argo) judgement {
	if a.Sync == synced {
		return judgement{report.OK, ""}
	}
	if a.Sync != outOfSync {
		return judgement{report.Waiting, ""}
	}
	n, old := 0, 0
	for _, r := range a.Resources {
		switch {
		case r.Sync != outOfSync || r.Hook:
		case r.NeedsPruning:
			old++
		default:
			n++
		}
	}
	switch {
	case n == 0 && old > 0:
		return judgement{report.Warned, plural(old, "resource") + " no longer in Git"}
	case a.Operation.Running(), a.Stale():
		return judgement{report.Waiting, ""}
	case drifted(a):
		return judgement{report.Warned, plural(n, "resource") + " not as in Git"}
	case a.AutoSync:
		return judgement{report.Waiting, "Argo CD is to sync it by itself"}
	}
	return judgement{report.Failed, plural(n, "resource") + " not as in Git: `" + c.argoMage("gitops:sync") + "`"}
}

// drifted says whether what is OutOfSync was in sync before: the last sync brought
// the commit that Argo CD compares with.
func drifted(a *diagnose.Argo) bool {
	op := a.Operation
	return op != nil && op.Phase == "Succeeded" && op.Revision != "" && op.Revision == a.Revision
}

// health judges Healthy. Argo CD takes it from the live objects, and does not know
// all that is wrong with them: a StatefulSet is never Degraded.
func health(a *diagnose.Argo) judgement {
	switch a.Health {
	case healthy:
		return judgement{report.OK, ""}
	case "Degraded", "Missing":
		return judgement{report.Failed, ""}
	case "Suspended":
		return judgement{report.Warned, "it is suspended"}
	}
	return judgement{report.Waiting, ""}
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

// short is a revision as people read it, of each of several.
func short(revision string) string {
	list := strings.Split(revision, ", ")
	for i, r := range list {
		if len(r) == 40 || len(r) == 64 {
			list[i] = r[:7]
		}
	}
	return strings.Join(list, ", ")
}

// said is the beginning of what Argo CD or a controller says, which may quote whole
// manifests, without secret values.
func (c *chain) said(text string) string {
	const most = 120
	if at := strings.LastIndex(text, "desc = "); at >= 0 { // what comes before is about gRPC
		text = text[at+len("desc = "):]
	}
	text = diagnose.Quoted(text)
	if c.src.Mask != nil {
		text = c.src.Mask(text)
	}
	line := strings.TrimSpace(text)
	if r := []rune(line); len(r) > most {
		return string(r[:most]) + "..."
	}
	return line
}
