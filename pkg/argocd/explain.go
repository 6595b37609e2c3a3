package argocd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// Explain gives the resources that are not there yet, each with what is the matter
// below it: a Deployment with its Pods. That a volume cannot be mounted, for
// instance, stands in no status but in an event, which Options.Warning looks up.
func (c *Client) Explain(ctx context.Context, a App) ([]Resource, error) {
	return c.explain(ctx, ref{shown: a.Name}.of(a).named(a.Name), a.Blocking())
}

func (r ref) named(name string) ref {
	r.name = name
	return r
}

func (c *Client) explain(ctx context.Context, r ref, blocking []Resource) ([]Resource, error) {
	if len(blocking) == 0 {
		return nil, nil
	}
	t, err := do(ctx, c, call{op: "ask for the resource tree", app: r.String()}, func(ctx context.Context) (*v1alpha1.ApplicationTree, error) {
		return c.apps.ResourceTree(ctx, &application.ResourcesQuery{ApplicationName: &r.name, AppNamespace: r.appNamespace(), Project: r.projectName()})
	})
	if err != nil {
		return blocking, c.denied(ctx, r, "get", err)
	}
	x := explainer{tree: newTree(t.Nodes), warning: c.opts.Warning, left: mostWarnings}
	out := slices.Clone(blocking)
	for i := range out {
		out[i].Why = x.why(ctx, key(out[i].Group, out[i].Kind, out[i].Namespace, out[i].Name))
	}
	return out, nil
}

func key(group, kind, namespace, name string) string {
	return group + "/" + kind + "/" + namespace + "/" + name
}

// tree is what an application's resources own, by the owner's key.
type tree struct {
	nodes    map[string]v1alpha1.ResourceNode
	children map[string][]v1alpha1.ResourceNode
}

func newTree(nodes []v1alpha1.ResourceNode) tree {
	t := tree{nodes: map[string]v1alpha1.ResourceNode{}, children: map[string][]v1alpha1.ResourceNode{}}
	for _, n := range nodes {
		t.nodes[keyOf(n)] = n
		for _, p := range n.ParentRefs {
			parent := key(p.Group, p.Kind, p.Namespace, p.Name)
			t.children[parent] = append(t.children[parent], n)
		}
	}
	return t
}

func keyOf(n v1alpha1.ResourceNode) string { return key(n.Group, n.Kind, n.Namespace, n.Name) }

// lowest are those objects below one that are not well, without the ones that only
// repeat it.
func (t tree) lowest(parent string, depth int) (found []v1alpha1.ResourceNode) {
	const deepest = 5
	if depth == deepest {
		return nil
	}
	for _, n := range t.children[parent] {
		deeper := t.lowest(keyOf(n), depth+1)
		if len(deeper) == 0 && ailing(n) != "" {
			deeper = append(deeper, n)
		}
		found = append(found, deeper...)
	}
	return found
}

const (
	mostObjects  = 5  // are named below one resource
	mostWarnings = 10 // are looked up for one explanation
)

// explainer says what is the matter with objects of a tree.
type explainer struct {
	tree
	warning func(ctx context.Context, namespace, uid string) string
	left    int // lookups of warnings
}

func (x *explainer) why(ctx context.Context, resource string) (why []string) {
	found := x.lowest(resource, 0)
	if len(found) == 0 {
		if n, ok := x.nodes[resource]; ok && ailing(n) != "" {
			if w := x.ask(ctx, n); w != "" {
				why = append(why, w)
			}
		}
		return why
	}
	for i, n := range found {
		if i == mostObjects {
			return append(why, fmt.Sprintf("and %d more", len(found)-i))
		}
		text := n.Kind + " " + n.Name + " " + ailing(n)
		if n.Health.Message == "" || n.Kind != "Pod" {
			if w := x.ask(ctx, n); w != "" && !strings.Contains(text, w) {
				text += ": " + w
			}
		}
		why = append(why, text)
	}
	return why
}

// ask looks up a warning about an object.
func (x *explainer) ask(ctx context.Context, n v1alpha1.ResourceNode) string {
	if x.warning == nil || n.UID == "" || x.left == 0 {
		return ""
	}
	x.left--
	return scrub(strings.Join(strings.Fields(x.warning(ctx, n.Namespace, n.UID)), " "))
}

// ailing is what is the matter with a node, empty when nothing is. Of a Pod the
// reason of its status says more than its health.
func ailing(n v1alpha1.ResourceNode) string {
	if n.Health == nil || string(n.Health.Status) == Healthy {
		return ""
	}
	text := string(n.Health.Status)
	for _, i := range n.Info {
		if i.Name == "Status Reason" {
			text = i.Value
		}
	}
	if n.Health.Message != "" {
		text += ": " + scrub(n.Health.Message)
	}
	return text
}

// awaited are the resources that are not there yet: while an operation runs its
// hooks come first, and what it has not applied yet comes last.
func (j *job) awaited() []Resource {
	blocking := j.app.Blocking()
	if j.step != Operating {
		return blocking
	}
	applied := slices.DeleteFunc(slices.Clone(blocking), unapplied)
	rest := slices.DeleteFunc(blocking, func(r Resource) bool { return !unapplied(r) })
	return slices.Concat(j.app.Operation.hooks("Running"), applied, rest)
}

func unapplied(r Resource) bool { return r.Health == "Missing" || r.Health == "" }

// hooks are the hooks of an operation that are in a phase.
func (o *Operation) hooks(phase string) (found []Resource) {
	if o == nil {
		return nil
	}
	for _, r := range o.Results {
		if r.Hook != "" && r.Status == phase {
			found = append(found, r.resource())
		}
	}
	return found
}

// resource is the hook as a resource that is waited for.
func (r Result) resource() Resource {
	return Resource{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Hook: true, Health: "Progressing", Message: r.Hook + " hook"}
}

// seekWhy asks every now and then what is the matter below the resources that are
// not there yet.
func (j *job) seekWhy(ctx context.Context) {
	awaited := j.awaited()
	if len(awaited) == 0 || time.Since(j.whySought) < 2*j.c.opts.Poll {
		return
	}
	found, err := j.c.explain(ctx, j.r, awaited)
	j.whySought = time.Now()
	if err != nil {
		return // what was known before is better than nothing
	}
	j.why = map[string][]string{}
	for _, r := range found {
		j.why[key(r.Group, r.Kind, r.Namespace, r.Name)] = r.Why
	}
}

func (j *job) withWhy(rs []Resource) []Resource {
	for i, r := range rs {
		if len(r.Why) == 0 {
			rs[i].Why = j.why[key(r.Group, r.Kind, r.Namespace, r.Name)]
		}
	}
	return rs
}

// explain completes an error about resources by what is the matter below them; one
// that is about time has it already.
func (j *job) explain(ctx context.Context, err error) {
	var health *HealthError
	var operation *OperationError
	switch {
	case errors.As(err, &health):
		health.Blocking = j.explained(ctx, health.Blocking)
		j.out.Blocking = health.Blocking
	case errors.As(err, &operation):
		j.explainHooks(ctx, operation.Failed)
	}
}

func (j *job) explained(ctx context.Context, rs []Resource) []Resource {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(j.c.opts.Call, 5*time.Second))
	defer cancel()
	found, err := j.c.explain(late, j.r, rs)
	if err != nil {
		return j.withWhy(rs)
	}
	return found
}

// explainHooks says of hooks that have failed what their Pods have to say; these may
// be gone already.
func (j *job) explainHooks(ctx context.Context, failed []Result) {
	var hooks []Resource
	for _, r := range failed {
		if r.Hook != "" {
			hooks = append(hooks, r.resource())
		}
	}
	hooks = j.withWhy(j.explained(ctx, hooks))
	for i, r := range failed {
		if r.Hook != "" {
			failed[i].Why, hooks = hooks[0].Why, hooks[1:]
		}
	}
}
