package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/report"
)

// TestChecks numbers them, with what to do below, whose lines keep their indentation.
func TestChecks(t *testing.T) {
	r := report.New("verify:cluster")
	r.Summary = "3 checks"
	r.Checks = []report.Check{
		{Name: "kubeconfig", State: report.OK, Saw: "context prod\n\x1b[31mof x"},
		{Name: "permissions", State: report.Failed, Saw: "not allowed", Fix: "apply this:\nkind: List\nitems:\n- kind: \x1bRole\n  a: b"},
		{Name: "tools", State: report.Skipped, Saw: "none"},
	}
	var out strings.Builder
	if err := report.Text(&out, r, report.Style{}); err != nil {
		t.Fatal(err)
	}
	want := `1  ok   kubeconfig   context prod [31mof x
2  fail permissions  not allowed
        fix: apply this:
        kind: List
        items:
        - kind: Role
          a: b
3  -    tools        none
3 checks
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
