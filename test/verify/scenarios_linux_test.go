package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sealway/sealway/pkg/report"
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

// explained asks until the first cause is of the rule: it takes the cluster a while to
// show what is wrong.
func (s *scene) explained(rule string) (chain report.Chain) {
	s.Helper()
	s.within(90*time.Second, "the first cause is "+rule, func() bool {
		chain = s.chain(s.start("mage verify:app "+s.app+" -json").Ends(healthy, findings, unseen))
		return len(chain.Causes) > 0 && chain.Causes[0].Rule == rule
	}, func() string { return pretty(chain) })
	return chain
}

func (c scenario) play(t *testing.T) {
	s := newScene(t, c.name)
	c.arrange(s)
	chain := s.explained(c.rule)
	first := chain.Causes[0]
	if !strings.Contains(first.Fix.Text, c.fix) {
		t.Fatalf("the fix does not say %q:\n%s", c.fix, pretty(first))
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
