package verify

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
)

const (
	synced    = "Synced"
	outOfSync = "OutOfSync"
	healthy   = "Healthy"
	unknown   = "Unknown"
)

// tracking is the annotation with which Argo CD marks what is an application's.
const tracking = "argocd.argoproj.io/tracking-id"

// chain looks at one source.
type chain struct {
	src   *Source
	space *cluster.Space
	index index
	own   map[ObjectName]bool // what Argo CD says the application has; nil when it does not say
	leans bool                // nothing is wrong with Argo CD's link but what the live objects tell
}

// Chain judges an application. The context is for the logs of crashed containers and for
// who has changed what alone.
func Chain(ctx context.Context, src *Source) report.Chain {
	c := &chain{src: src, space: src.State.In(src.Namespace)}
	c.index = newIndex(c.space)
	c.own = c.resources()
	out := report.Chain{Application: or(src.Display, src.Application), Namespace: src.Namespace}
	for _, link := range []struct {
		name  string
		judge func() report.Link
	}{
		{LinkLocal, c.localLink},
		{diagnose.LinkSealed, c.sealedLink},
		{diagnose.LinkCommit, c.commitLink},
		{diagnose.LinkArgo, c.argoLink},
		{diagnose.LinkUnsealed, c.unsealedLink},
		{diagnose.LinkSecrets, c.secretsLink},
		{diagnose.LinkDatabase, c.databaseLink},
		{diagnose.LinkWorkloads, c.workloadsLink},
		{diagnose.LinkPods, c.podsLink},
	} {
		l := link.judge()
		l.Name = link.name
		out.Links = append(out.Links, l)
	}
	out.Causes = c.diagnosed(ctx)
	out.Causes = append(out.Causes, c.deleted(out.Causes)...)
	out.Causes = append(out.Causes, c.unexplained(out.Links, out.Causes)...)
	c.fold(&out)
	out.Strays = slices.DeleteFunc(c.strays(ctx), func(stray report.Stray) bool {
		return slices.ContainsFunc(out.Causes, func(cause report.Cause) bool { return cause.Object == stray.Object })
	})
	return out
}

// argo is what Argo CD says, nil when it does not know the application or was not
// asked.
func (c *chain) argo() *diagnose.Argo {
	if a := c.src.Argo; a != nil && !a.Missing && a.Unseen == "" {
		return a
	}
	return nil
}

// unseen is why objects of the kinds could not be seen; empty when they could.
func (c *chain) unseen(kinds ...string) string {
	if c.src.Offline != "" {
		return c.src.Offline
	}
	for _, kind := range kinds {
		if !c.space.Sees(kind) {
			return kind + " objects could not be seen: " + or(c.space.Unseen[kind], c.space.Unseen["*"])
		}
	}
	return ""
}

// resources are the names of what Argo CD says that the application has, hooks too.
func (c *chain) resources() map[ObjectName]bool {
	a := c.argo()
	if a == nil || len(a.Resources) == 0 {
		return nil
	}
	out := map[ObjectName]bool{}
	for _, r := range a.Resources {
		if r.Namespace == "" || r.Namespace == c.src.Namespace {
			out[ObjectName{r.Kind, r.Name}] = true
		}
	}
	if a.Operation != nil {
		for _, r := range a.Operation.Results {
			out[ObjectName{r.Kind, r.Name}] = true
		}
	}
	return out
}

// mine says whether an object that nothing owns belongs to the application: Argo CD
// says so, or the chart renders it. Where nobody can tell, everything in the namespace
// does.
func (c *chain) mine(kind, name string, annotations map[string]string) bool {
	id := ObjectName{kind, name}
	if c.own[id] {
		return true
	}
	if c.argo() != nil && annotations[tracking] != "" { // application:group/kind:namespace/name
		app, _, _ := strings.Cut(annotations[tracking], ":")
		return app == c.argo().Name
	}
	if c.own != nil || slices.Contains(c.src.Others, id) {
		return false
	}
	return c.src.Origins == nil || c.rendered(kind, name)
}

// fold gives every broken link its cause, or says that it only follows from another
// one, and the chain its state.
func (c *chain) fold(out *report.Chain) {
	states := make([]report.State, len(out.Links))
	for i := range out.Links {
		l := &out.Links[i]
		for _, cause := range out.Causes {
			if cause.Link == l.Name {
				l.Broken = cmp.Or(l.Broken, cause.Rule)
				l.State = report.Gravest(l.State, caused(l.State, cause))
			}
		}
	}
	root := c.root(out)
	for i := range out.Links {
		l := &out.Links[i]
		l.Follows = l.Broken == "" && stuck(l.State) && l.Name != root
		if !l.Follows { // what only follows is no worse than what it follows from
			states[i] = l.State
		}
	}
	out.State = report.Gravest(states...)
}

// root is the link that nothing else explains: the first that is broken. Argo CD's word
// on the health of the live objects comes before them in the chain, and is no more than
// what they say themselves. Where there is a cause, it is the root of all.
func (c *chain) root(out *report.Chain) string {
	if slices.ContainsFunc(out.Causes, func(cause report.Cause) bool { return cause.Rule != soft }) {
		return ""
	}
	leaning := ""
	for _, l := range out.Links {
		switch {
		case !stuck(l.State):
		case l.Name == diagnose.LinkArgo && c.leans:
			leaning = l.Name
		default:
			return l.Name
		}
	}
	return leaning
}

// caused is how bad a cause makes a link: what may still heal is waited for.
func caused(s report.State, cause report.Cause) report.State {
	switch {
	case cause.Rule == soft:
		return report.Warned
	case cause.Final:
		return report.Failed
	case stuck(s):
		return s
	}
	return report.Waiting
}

// stuck says whether a link is not as it should be.
func stuck(s report.State) bool { return s == report.Failed || s == report.Waiting }
