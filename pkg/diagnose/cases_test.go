package diagnose

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// aCase breaks the healthy application in one way.
type aCase struct {
	rule   string // of the first cause
	reason string
	breaks func(w *world)

	where   string // path:line of the cause
	edit    string // path:line: old -> new
	run     string // commands, separated by newlines
	nothing bool   // no command, for a person has to choose
	advice  string // in the fix
	says    string // in the message
	passing bool   // it may heal by itself
	more    int    // causes beside the first
	follows string // a symptom that is folded into it
}

func allCases() []aCase {
	var out []aCase
	for _, cases := range [][]aCase{configCases(), secretCases(), databaseCases(), imageCases(), createCases(), scheduleCases(), crashCases(), argoCases()} {
		out = append(out, cases...)
	}
	return out
}

func TestCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range allCases() {
		name := c.rule + ": " + c.reason
		if seen[name] {
			t.Errorf("%s: the name is taken", name)
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) { c.run1(t) })
	}
}

func (c aCase) run1(t *testing.T) {
	w := newWorld()
	c.breaks(w)
	causes := w.diagnose(t)
	if diff := cmp.Diff(causes, w.diagnose(t)); diff != "" {
		t.Errorf("not the same twice:\n%s", diff)
	}
	if len(causes) == 0 {
		t.Fatal("no cause")
	}
	got := causes[0]
	if got.Rule != c.rule || len(causes) != 1+c.more {
		for _, x := range causes {
			t.Logf("%s: %s: %s (follows %q)", x.Rule, x.Object, x.Message, x.Follows)
		}
		t.Fatalf("rule %s with %d more, want %s with %d", got.Rule, len(causes)-1, c.rule, c.more)
	}
	if got.Final == c.passing {
		t.Errorf("final %v", got.Final)
	}
	if c.where != "" && got.Position() != c.where {
		t.Errorf("at %s, want %s", got.Position(), c.where)
	}
	if !strings.Contains(got.Message, c.says) {
		t.Errorf("message %q does not say %q", got.Message, c.says)
	}
	edit := ""
	if e := got.Fix.Edit; e != nil {
		edit = at(e.Path, e.Line) + ": " + e.Old + " -> " + e.New
	}
	if diff := cmp.Diff(c.edit, edit); diff != "" {
		t.Errorf("edit (-want +got):\n%s", diff)
	}
	if c.run != "" {
		if diff := cmp.Diff(c.run, strings.Join(got.Fix.Commands, "\n")); diff != "" {
			t.Errorf("commands (-want +got):\n%s", diff)
		}
	}
	if c.nothing && len(got.Fix.Commands) > 0 || !strings.Contains(got.Fix.Text, c.advice) {
		t.Errorf("fix %q with %q, want %q", got.Fix.Text, got.Fix.Commands, c.advice)
	}
	if c.follows != "" && !strings.Contains(strings.Join(got.Follows, "\n"), c.follows) {
		t.Errorf("follows %q, want %q among them", got.Follows, c.follows)
	}
	complete(t, w, got.Rule)
}

// complete holds every cause of a world against what all causes have to have.
func complete(t *testing.T, w *world, _ string) {
	t.Helper()
	rules := map[string]Rule{}
	for _, r := range Rules() {
		rules[r.ID] = r
	}
	for _, c := range w.diagnose(t) {
		if c.Link != rules[c.Rule].Link || c.Link == "" || c.Object == "" || c.Message == "" || c.Fix.Text == "" {
			t.Errorf("%s is not complete: %+v", c.Rule, c)
		}
		for _, command := range c.Fix.Commands {
			if !strings.Contains(c.Fix.Text, "`"+command+"`") {
				t.Errorf("the fix %q does not name %q", c.Fix.Text, command)
			}
		}
		if e := c.Fix.Edit; e != nil && !strings.Contains(c.Fix.Text, at(e.Path, e.Line)) {
			t.Errorf("the fix %q does not name %s", c.Fix.Text, at(e.Path, e.Line))
		}
		all := strings.Join(append(append([]string{c.Object, c.Message, c.Fix.Text}, c.Evidence...), append(c.Follows, c.Fix.Commands...)...), "\n")
		if strings.Contains(all, canary) {
			t.Errorf("%s: the value of a Secret is in %s", c.Rule, all)
		}
		if strings.Contains(all, "%!") || strings.Contains(all, "  ") || strings.Contains(all, "``") {
			t.Errorf("%s: badly put together: %s", c.Rule, all)
		}
	}
}

// TestEveryRuleHasACase: a rule that no case produces is not known to work.
func TestEveryRuleHasACase(t *testing.T) {
	produced, ids := map[string]bool{}, map[string]bool{}
	for _, c := range allCases() {
		w := newWorld()
		c.breaks(w)
		for _, cause := range w.diagnose(t) {
			produced[cause.Rule] = true
		}
	}
	for _, r := range Rules() {
		if ids[r.ID] {
			t.Errorf("rule %s twice", r.ID)
		}
		ids[r.ID] = true
		if !produced[r.ID] {
			t.Errorf("rule %s: no case produces it", r.ID)
		}
		if r.Link == "" || r.Doc == "" || strings.HasSuffix(r.Doc, ".") {
			t.Errorf("rule %s: %+v", r.ID, r)
		}
	}
	for id := range produced {
		if !ids[id] {
			t.Errorf("rule %q is not in the table", id)
		}
	}
}
