package generate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sealway/sealway/pkg/repo"
)

// errorList joins errors; the zero value is empty.
type errorList []error

func (l *errorList) add(err error) {
	if err != nil {
		*l = append(*l, err)
	}
}

func (l errorList) err() error { return errors.Join(l...) }

// force marks the keys that Options.Force names.
func (g *graph) force() error {
	var errs errorList
	for _, target := range g.opts.Force {
		n, err := g.target(target)
		if err == nil {
			err = n.mayForce(target)
		}
		if err != nil {
			errs.add(err)
			continue
		}
		errs.add(g.mark(n))
	}
	return errs.err()
}

// mark has a key made anew.
func (g *graph) mark(n *node) error {
	n.forced = true
	return n.secret.misplaced(newFolder(n.secret.app, g.opts), g.opts)
}

// follow marks the keys that were changed beforehand, and those that a killed run
// may have left behind.
func (g *graph) follow() {
	for _, ref := range g.opts.Changed {
		if n := g.byRef[ref]; n != nil && n.item != nil {
			n.given = true
		}
	}
	for _, ref := range g.opts.Unfinished {
		if n := g.byRef[ref]; n != nil {
			n.torn = len(n.sources) > 0
		}
	}
}

// target finds the one key that a target names.
func (g *graph) target(target string) (*node, error) {
	parts := strings.Split(target, "/")
	if len(parts) < 3 && len(g.opts.Applications) != 1 {
		return nil, &ForceError{target, "does not name its application", "write application/secret/key"}
	}
	var found []*node
	for _, s := range g.secrets {
		for _, n := range s.nodes {
			if n.matches(parts) && (len(parts) == 3 || s.named) {
				found = append(found, n)
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, &ForceError{target, "no contract has this key", "write application/secret/key as the secrets.yaml has them"}
	default:
		return nil, &ForceError{target, fmt.Sprintf("%d Secrets have this key", len(found)), "write " + found[0].ref().String()}
	}
}

// matches compares key, secret/key or application/secret/key.
func (n *node) matches(parts []string) bool {
	r := n.ref()
	full := []string{r.Application, r.Secret, r.Key}
	return len(parts) <= 3 && strings.Join(full[3-len(parts):], "/") == strings.Join(parts, "/")
}

func (n *node) mayForce(target string) error {
	at := fmt.Sprintf("%s:%d", n.secret.app.Contract.Path, n.spec.Line)
	switch {
	case n.spec.Immutable:
		return &ForceError{target, "the key is immutable (" + at + ")",
			"what was made with the old value would be lost; " + n.replaced()}
	case n.spec.Kind == repo.KindExternal:
		return &ForceError{target, "the value comes from elsewhere (" + at + ")", "put the new value into the plaintext file: " + n.spec.Description}
	default:
		return nil
	}
}
