package generate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Rotate plans a new value, by its rule, for every key of one application that is
// made at random, or for the one that key names: key, or secret/key where several
// Secrets have it. What is computed from them follows, in every application;
// nothing else is filled in. Keys that are left alone are steps with the reason. A
// key that is named and cannot be rotated is a *RotateError.
func Rotate(ctx context.Context, apps []App, application, key string, o Options) (*Plan, error) {
	o = o.withDefaults()
	o.Follow, o.Applications, o.Force = true, []string{application}, nil
	g, err := newGraph(apps, o)
	if err != nil {
		return nil, err
	}
	var left []Step
	if key == "" {
		left, err = g.rotateAll()
	} else {
		err = g.rotateOne(key)
	}
	if err != nil {
		return nil, err
	}
	p, err := g.decide(ctx)
	if err != nil {
		return nil, err
	}
	for i := range p.Steps {
		if p.Steps[i].Detail == forcedReason {
			p.Steps[i].Detail = "" // it is what was asked for
		}
	}
	for _, s := range left {
		if !p.has(s) {
			p.Steps = append(p.Steps, s)
		}
	}
	slices.SortStableFunc(p.Steps, func(a, b Step) int { // what was asked for comes first
		return before(a.Application == application) - before(b.Application == application)
	})
	return p, nil
}

func before(first bool) int {
	if first {
		return 0
	}
	return 1
}

func (p *Plan) has(s Step) bool {
	for _, t := range p.Steps {
		if t.Application == s.Application && t.Namespace == s.Namespace && t.Secret == s.Secret && t.Key == s.Key {
			return true
		}
	}
	return false
}

// rotateAll marks all that can be rotated and tells of the others.
func (g *graph) rotateAll() (left []Step, err error) {
	var errs errorList
	for _, s := range g.secrets {
		for _, n := range s.nodes {
			if !s.named {
				continue
			}
			problem, _ := n.stays()
			if problem == "" && n.existing() {
				errs.add(g.mark(n))
				continue
			}
			action := report.Keep
			switch {
			case problem == "" && n.elsewhere():
				problem = "it is sealed, and its plaintext is not on this machine: " + n.fetch()
			case problem == "":
				problem = "there is no value here yet; `mage secrets:generate` makes it"
			case n.spec.Immutable, n.spec.Kind == repo.KindExternal:
				action = report.Refused
			}
			g.took(n, action, problem)
			left = append(left, *n.step)
			n.step = nil
		}
	}
	return left, errs.err()
}

func (g *graph) rotateOne(key string) error {
	n, err := g.target(key)
	if err != nil {
		if e, ok := err.(*ForceError); ok { //nolint:errorlint // made by target, never wrapped
			return &RotateError{Target: key, Problem: e.Problem, Fix: g.known(), Unknown: true}
		}
		return err
	}
	if problem, fix := n.stays(); problem != "" {
		return &RotateError{Target: key, Problem: problem, Fix: fix}
	}
	return g.mark(n)
}

// known lists the keys of the applications that were named.
func (g *graph) known() string {
	var keys []string
	for _, s := range g.secrets {
		for _, n := range s.nodes {
			if s.named {
				keys = append(keys, s.spec.Name+"/"+n.spec.Name)
			}
		}
	}
	if len(keys) == 0 {
		return "the application has no contract: only what a secrets.yaml knows a rule for can be rotated"
	}
	return "its keys are: " + strings.Join(keys, ", ")
}

// stays says why a key cannot be rotated; empty when it can.
func (n *node) stays() (problem, fix string) {
	at := fmt.Sprintf("%s:%d", n.secret.app.Contract.Path, n.spec.Line)
	switch {
	case n.spec.Immutable:
		return "immutable (" + at + "): what was made with the old value would be lost",
			n.replaced()
	case n.spec.Kind == repo.KindExternal:
		return "the value comes from elsewhere: " + n.spec.Description,
			fmt.Sprintf("get a new one there, then `mage secrets:set %s %s %s`", n.secret.app.Name, n.secret.spec.Name, n.spec.Name)
	case n.spec.Kind == repo.KindValue:
		return "the value is fixed in " + at, "change it there"
	case len(n.sources) > 0:
		refs, source := make([]string, len(n.sources)), n.sources[0].ref()
		for i, s := range n.sources {
			refs[i] = s.ref().String()
		}
		return "is made of " + strings.Join(refs, ", ") + " and follows",
			fmt.Sprintf("`mage secrets:rotate %s -key=%s/%s`", source.Application, source.Secret, source.Key)
	}
	return "", ""
}

// RotateError is a key that cannot be rotated.
type RotateError struct {
	Target  string // as given
	Problem string
	Fix     string
	Unknown bool // there is no such key, or there are several
}

func (e *RotateError) Error() string { return fmt.Sprintf("rotate %q: %s", e.Target, e.Problem) }

// Hint is the advice that goes with the error.
func (e *RotateError) Hint() string { return e.Fix }

// Usage marks a misspelt key as an error of usage: exit status 2.
func (e *RotateError) Usage() bool { return e.Unknown }
