package diagnose

import (
	"regexp"
	"strings"
	"testing"
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
