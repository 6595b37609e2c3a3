package argocd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// Explain gives the resources that are not there yet, each with what is the matter
// below it: a Deployment with its Pods. Events of Pods, such as a volume that
// cannot be mounted, are not to be had from Argo CD; ask the cluster for them.
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
	tree, err := do(ctx, c, call{op: "ask for the resource tree", app: r.String()}, func(ctx context.Context) (*v1alpha1.ApplicationTree, error) {
		return c.apps.ResourceTree(ctx, &application.ResourcesQuery{ApplicationName: &r.name, AppNamespace: r.appNamespace(), Project: r.projectName()})
	})
	if err != nil {
		return blocking, c.denied(ctx, r, "get", err)
	}
	children := map[string][]v1alpha1.ResourceNode{}
	for _, n := range tree.Nodes {
		for _, p := range n.ParentRefs {
			children[key(p.Group, p.Kind, p.Namespace, p.Name)] = append(children[key(p.Group, p.Kind, p.Namespace, p.Name)], n)
		}
	}
	out := slices.Clone(blocking)
	for i := range out {
		out[i].Why = below(children, key(out[i].Group, out[i].Kind, out[i].Namespace, out[i].Name), 0)
	}
	return out, nil
}

func key(group, kind, namespace, name string) string {
	return group + "/" + kind + "/" + namespace + "/" + name
}

// below collects what is the matter with what an object owns: the lowest objects,
// which the others only repeat.
func below(children map[string][]v1alpha1.ResourceNode, parent string, depth int) (why []string) {
	const deepest = 5
	if depth == deepest {
		return nil
	}
	for _, n := range children[parent] {
		deeper := below(children, key(n.Group, n.Kind, n.Namespace, n.Name), depth+1)
		if text := ailing(n); text != "" && len(deeper) == 0 {
			deeper = []string{n.Kind + " " + n.Name + " " + text}
		}
		why = append(why, deeper...)
	}
	return why
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

// seekWhy asks every now and then what is the matter below the resources that are
// not there yet.
func (j *job) seekWhy(ctx context.Context) {
	blocking := j.app.Blocking()
	if len(blocking) == 0 || time.Since(j.whySought) < 2*j.c.opts.Poll {
		return
	}
	found, err := j.c.explain(ctx, j.r, blocking)
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
		rs[i].Why = j.why[key(r.Group, r.Kind, r.Namespace, r.Name)]
	}
	return rs
}

// explain completes an error about resources by what is the matter below them.
func (j *job) explain(ctx context.Context, err error) {
	var timeout *TimeoutError
	var health *HealthError
	var blocking *[]Resource
	switch {
	case errors.As(err, &timeout) && timeout.Cause == nil:
		blocking = &timeout.Blocking
	case errors.As(err, &health):
		blocking = &health.Blocking
	default:
		return
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(j.c.opts.Call, 5*time.Second))
	defer cancel()
	found, err := j.c.explain(late, j.r, *blocking)
	if err != nil {
		found = j.withWhy(*blocking)
	}
	*blocking, j.out.Blocking = found, found
}
