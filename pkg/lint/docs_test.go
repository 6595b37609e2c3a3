package lint_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/lint"
)

var update = flag.Bool("update", false, "write the rules into docs/verify-repo.md")

// The document has every rule as the table has it.
func TestDocument(t *testing.T) {
	const (
		file  = "../../docs/verify-repo.md"
		begin = "<!-- rules: written by go test ./pkg/lint -update -->\n"
		end   = "<!-- end -->\n"
	)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), begin)
	got, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the rules", file)
	}
	var want strings.Builder
	want.WriteString("| rule | what it means | what to do |\n|---|---|---|\n")
	for _, r := range lint.Rules() {
		want.WriteString("| `" + r.Name + "` | " + r.Doc + " | " + r.Fix + " |\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(head+begin+want.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("%s (-want +got), go test ./pkg/lint -update writes it:\n%s", file, diff)
	}
}
