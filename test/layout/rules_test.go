package layout

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/lint"
)

var update = flag.Bool("update", false, "write what the documents have of the code: rules and targets")

// TestRules: the documents have every rule, as the code has it.
func TestRules(t *testing.T) {
	repository := "| rule | what it means | what to do |\n|---|---|---|\n"
	for _, r := range lint.Rules() {
		repository += "| `" + r.Name + "` | " + r.Doc + " | " + r.Fix + " |\n"
	}
	section(t, "docs/verify-repo.md", repository)

	running := "| rule | link | what it means | certain after |\n|---|---|---|---|\n"
	for _, r := range diagnose.Rules() {
		running += "| `" + r.ID + "` | " + r.Link + " | " + r.Doc + " | " + grace(r.Grace) + " |\n"
	}
	section(t, "docs/diagnosis.md", running)
}

func grace(d time.Duration) string {
	switch {
	case d < 0:
		return "never"
	case d == 0:
		return "at once"
	}
	if m, whole := strings.CutSuffix(d.String(), "m0s"); whole {
		return m + "m"
	}
	return d.String()
}

// section holds the part of a document that is made from code against want.
func section(t *testing.T, file, want string) {
	t.Helper()
	const (
		begin = " written by go test ./test/layout -update -->\n" // behind the name of what is written
		end   = "<!-- end -->\n"
	)
	path := filepath.Join(scripttest.Root(t), file)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), begin)
	got, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for what is written by this test", file)
	}
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got), go test ./test/layout -update writes it:\n%s", file, diff)
	}
}
