package verify

import (
	"slices"
	"strings"
	"testing"
)

// scenario is an application that does not run, and what is to be said about it.
type scenario struct {
	name   string // of the application, too
	reason string // why it is here
	// arrange breaks the application and lets the cluster see it.
	arrange func(*scene)
	rule    string // of the first cause
	fix     string // a part of what is to be done
	// known is what a person puts in where an edit says only what to replace.
	known string
	// person does what only a person can, as the text says, before the commands; nil
	// when the tool says all of it.
	person func(*scene)
}

// TestScenarios breaks an application in every way that is known, has the binary say
// why, does what it says as it says it, and waits until it runs.
func TestScenarios(t *testing.T) {
	all := slices.Concat(configScenarios(), secretScenarios(), podScenarios(), clusterScenarios(), argoScenarios())
	if len(all) < 30 {
		t.Fatalf("there are %d scenarios, want 30", len(all))
	}
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.name] || c.reason == "" || len(c.name) > 40 {
			t.Fatalf("scenario %q: the name is taken or too long, or there is no reason", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.play(t)
		})
	}
}

func (c scenario) play(t *testing.T) {
	s := newScene(t, c.name)
	c.arrange(s)
	command := s.start("mage verify:app "+s.app+" -wait -timeout=3m -json").Ends(findings, timedOut)
	chain, first := s.chain(command), s.first(command)
	if first.Rule != c.rule || !strings.Contains(first.Fix.Text, c.fix) {
		t.Fatalf("first cause %s, want %s (%s) with a fix that says %q:\n%s", first.Rule, c.rule, c.reason, c.fix, pretty(chain))
	}
	if missing := told(first.Fix); len(missing) > 0 {
		t.Errorf("the fix's text does not say %q:\n%s", missing, pretty(first.Fix))
	}
	if c.person != nil {
		c.person(s)
	}
	s.apply(first.Fix, c.known)
	if end := s.start("mage verify:app " + s.app + " -wait -timeout=4m -json"); end.Wait() != healthy {
		t.Fatalf("once it is mended as it was said:\n%s\nit is not healthy:\n%s%s", pretty(first.Fix), end.Out.String(), end.Errs.String())
	}
}
