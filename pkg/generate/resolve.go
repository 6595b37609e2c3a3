package generate

import (
	"context"
	"fmt"
	"strings"

	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// resolve decides about a key once everything that it is computed from is
// decided. way leads from the first key asked for to this one.
func (g *graph) resolve(ctx context.Context, n *node, way []*node) error {
	switch n.state {
	case resolved, failed:
		return nil
	case visiting:
		return cycle(way, n)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	n.state = visiting
	way = append(way, n)
	for _, source := range n.sources {
		err := g.resolve(ctx, source, way)
		if err != nil || source.state == failed {
			n.state = failed
			return err // nil when the source's own error is told already
		}
	}
	if err := g.settle(n); err != nil {
		n.state = failed
		return err
	}
	n.state = resolved
	return nil
}

// settle decides about a key whose sources are decided.
func (g *graph) settle(n *node) error {
	follow := n.forced || n.torn
	for _, source := range n.sources {
		follow = follow || source.changed
	}
	switch {
	case n.given:
		n.pending, n.changed = !n.existing(), n.existing()
		n.value = string(n.item.Value)
	case n.existing() && !follow:
		g.keep(n)
	case n.sealed && !n.existing() && !n.forced:
		// A clone has the sealed file alone: a new value would take the place of
		// the one that is in use, and some can never be changed.
		n.pending, n.absent = n.item != nil, n.item == nil
		if n.secret.selected {
			g.took(n, report.Keep, "sealed already; its plaintext is not on this machine: "+n.fetch()+" brings it here, -force makes another value")
		} else if follow {
			g.took(n, report.Warning, "is made of "+n.sources[0].ref().String()+", which has another value now, and its plaintext is not on this machine: what is sealed is the old one; "+n.fetch()+", then `mage secrets:generate -force="+n.ref().String()+"`")
		}
	case !n.secret.selected && !n.existing() && !n.forced && (!follow || n.item == nil):
		n.pending = n.item != nil || n.spec.Kind == repo.KindExternal
		n.absent = !n.pending
	case n.spec.Kind == repo.KindExternal:
		g.wait(n, n.spec.Description)
	default:
		return g.make(n)
	}
	return nil
}

// keep leaves an existing value alone and says when it disagrees with the contract.
func (g *graph) keep(n *node) {
	n.value = string(n.item.Value)
	switch {
	case !n.secret.selected:
	case n.agrees():
		g.took(n, report.Keep, "")
	default:
		g.took(n, report.Warning, n.disagreement()+"; left as it is, force the key to make it follow")
	}
}

// wait puts a placeholder where no value can be made yet.
func (g *graph) wait(n *node, why string) {
	n.pending = true
	g.took(n, report.Placeholder, why)
}

// make computes a value that is missing or has to follow.
func (g *graph) make(n *node) error {
	for _, source := range n.sources {
		switch {
		case source.absent:
			return n.errorf("generate the application "+source.secret.app.Name+" first", "is made of %s, which has no value yet", source.ref())
		case source.pending && n.existing():
			return n.errorf("fill in the source first", "is made of %s, which is still a placeholder", source.ref())
		case source.pending:
			g.wait(n, "waits for "+source.ref().String())
			return nil
		}
	}
	if n.existing() && !n.forced && n.agrees() {
		g.keep(n)
		return nil
	}
	v, err := g.compute(n)
	if err != nil {
		return n.errorf("", "%v", err)
	}
	switch {
	case !n.existing():
		n.value, n.changed = v, n.forced
		g.took(n, report.Create, "")
	case string(n.item.Value) == v:
		g.keep(n)
	default:
		n.value, n.changed = v, true
		g.took(n, report.Update, n.reason())
	}
	return nil
}

const forcedReason = "forced"

// reason says why an existing value is made anew.
func (n *node) reason() string {
	if n.forced {
		return forcedReason
	}
	for _, source := range n.sources {
		if source.changed {
			return "follows " + source.ref().String()
		}
	}
	if n.torn {
		return "follows " + n.sources[0].ref().String()
	}
	return ""
}

func (g *graph) took(n *node, a report.Action, detail string) {
	s := n.secret
	n.step = &Step{
		Action: a, Application: s.app.Name, Namespace: s.namespace, Secret: s.spec.Name, Key: n.spec.Name,
		Path: g.opts.shown(s.path()), Detail: detail,
	}
	if n.item != nil {
		n.step.Line = n.item.Line
	}
}

// compute makes the value. No error of it has secret text.
func (g *graph) compute(n *node) (string, error) {
	k := n.spec
	switch k.Kind {
	case repo.KindValue:
		return k.Value, nil
	case repo.KindDerive:
		return k.Template.Execute(n.sourceValue), nil
	case repo.KindLink:
		return n.sources[0].value, nil
	case repo.KindBcrypt:
		return hash(n.sources[0].value, k.Cost)
	case repo.KindHtpasswd:
		return htpasswd(k.User, n.sources[0].value, k.Cost)
	case repo.KindPublicKey:
		return publicKey(n.sources[0].value)
	default:
		return random(g.opts.Rand, k)
	}
}

func (n *node) sourceValue(key string) string {
	for _, source := range n.sources {
		if source.spec.Name == key {
			return source.value
		}
	}
	return ""
}

// agrees reports whether the existing value is one that the contract would
// make; when a source has no value yet, that cannot be told and counts as so.
func (n *node) agrees() bool {
	for _, source := range n.sources {
		if source.pending || source.absent {
			return true
		}
	}
	k, have := n.spec, string(n.item.Value)
	switch k.Kind {
	case repo.KindValue:
		return have == k.Value
	case repo.KindDerive:
		return have == k.Template.Execute(n.sourceValue)
	case repo.KindLink:
		return have == n.sources[0].value
	case repo.KindBcrypt:
		return hashes(have, n.sources[0].value)
	case repo.KindHtpasswd:
		h, ok := strings.CutPrefix(strings.TrimSpace(have), k.User+":")
		return ok && hashes(h, n.sources[0].value)
	case repo.KindPublicKey:
		public, err := publicKey(n.sources[0].value)
		return err != nil || samePublicKey(have, public)
	default:
		return true
	}
}

func (n *node) disagreement() string {
	if n.spec.Kind == repo.KindValue {
		return fmt.Sprintf("differs from the fixed value in %s:%d", n.secret.app.Contract.Path, n.spec.Line)
	}
	refs := make([]string, len(n.sources))
	for i, source := range n.sources {
		refs[i] = source.ref().String()
	}
	return "does not agree with " + strings.Join(refs, ", ")
}
