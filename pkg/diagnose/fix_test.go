package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKubectlOfTheCluster: a command that goes to the cluster that kubectl happens to
// look at may delete what is well.
func TestKubectlOfTheCluster(t *testing.T) {
	bare := regexp.MustCompile(`kubectl (?:[^-]|-[^-])`)
	for _, c := range allCases() {
		w := newWorld()
		c.breaks(w)
		w.in.Kubectl = "kubectl --context east"
		for _, cause := range w.diagnose(t) {
			all := strings.Join(append([]string{cause.Message, cause.Fix.Text}, cause.Fix.Commands...), "\n")
			if m := bare.FindString(all); m != "" {
				t.Errorf("%s: %s: %q without its context in %s", c.rule, c.reason, m, all)
			}
		}
	}
}

// TestNameOfArgoCD: what Argo CD calls prod-shop is the folder shop.
func TestNameOfArgoCD(t *testing.T) {
	w := newWorld()
	w.in.Argo.Name, w.in.Argo.Sync, w.in.Argo.Health = "prod-shop", "OutOfSync", "Progressing"
	w.in.Argo.Operation = &Operation{Phase: "Running", Started: now.Add(-time.Hour)}
	f := newFinder(t.Context(), w.in)
	got := strings.Join(slices.Concat(f.sync(), f.reseal(), []string{f.mage("gitops:diff")}), "\n")
	want := "mage gitops:terminate prod-shop\nmage gitops:sync prod-shop\nmage seal:app shop\nmage gitops:ship shop\nmage gitops:diff prod-shop"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNothingOfTheDocument: what a decoder quotes may be a value that no Secret of the
// cluster has, so no mask knows it.
func TestNothingOfTheDocument(t *testing.T) {
	const says = `cannot decode, error found in #10 byte of ...|ssword":"hunter2-plain"|...`
	for name, breaks := range map[string]func(*Argo){
		"condition": func(a *Argo) { a.Conditions = []Condition{{Type: "ComparisonError", Message: says}} },
		"resource": func(a *Argo) {
			a.Resources = []Resource{{Kind: "Certificate", Name: "web", Health: "Degraded", Message: says}}
		},
		"operation": func(a *Argo) { a.Sync, a.Operation = "OutOfSync", &Operation{Phase: "Failed", Message: says} },
	} {
		w := newWorld()
		breaks(w.in.Argo)
		causes := w.diagnose(t)
		if all := fmt.Sprintf("%+v", causes); len(causes) == 0 || strings.Contains(all, "hunter2") {
			t.Errorf("%s: %s", name, all)
		}
	}
}
