package generate

import (
	"fmt"
	"slices"
)

// Disagreement is a computed key that has another value than its sources make. A person
// may mean it, as while one of two applications is to keep an old password; more often a
// file came back from somewhere else.
type Disagreement struct {
	Applications []string // the key's own, and those of its sources
	Text         string   // what is wrong, where, and the command
}

// Disagreements finds the computed keys that have a value here and do not agree with what
// they are made of. What has no value on this machine agrees with everything.
func Disagreements(apps []App, o Options) ([]Disagreement, error) {
	o = o.withDefaults()
	o.Follow = true // nothing is filled in
	g, err := newGraph(apps, o)
	if err != nil {
		return nil, err
	}
	for _, n := range g.byRef {
		if n.pending = !n.existing(); !n.pending {
			n.value = string(n.item.Value)
		}
	}
	var out []Disagreement
	for _, s := range g.secrets {
		for _, n := range s.nodes {
			if len(n.sources) > 0 && n.existing() && !n.agrees() {
				out = append(out, n.disagree(o))
			}
		}
	}
	return out, nil
}

func (n *node) disagree(o Options) Disagreement {
	d := Disagreement{Applications: []string{n.secret.app.Name}}
	for _, source := range n.sources {
		d.Applications = append(d.Applications, source.secret.app.Name)
	}
	slices.Sort(d.Applications)
	d.Applications = slices.Compact(d.Applications)
	d.Text = fmt.Sprintf("%s:%d: %s: key %q %s", o.shown(n.secret.found.Path), n.item.Line, n.secret.object(), n.spec.Name, n.disagreement())
	if !n.spec.Immutable {
		d.Text += fmt.Sprintf("; it is sealed as it is; `mage secrets:generate -force=%s` makes it follow", n.ref())
	}
	return d
}
