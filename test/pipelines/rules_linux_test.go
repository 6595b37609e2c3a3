package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

// actionlint says what is wrong with a workflow, in its own words.
func actionlint(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "workflow.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Without a shellcheck and a pyflakes of this machine: everybody gets the same answer.
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=scripts/workflows/go.mod", "actionlint", "-no-color", "-oneline", "-shellcheck=", "-pyflakes=", file)
	cmd.Dir = scripttest.Root(t)
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if (err != nil) != (len(out) > 0) {
		t.Fatalf("actionlint: %v\n%s", err, out)
	}
	return string(out)
}

// TestActionlint has actionlint check the workflow, and sees it find what is wrong.
func TestActionlint(t *testing.T) {
	t.Parallel()
	good := example(t, "github-actions.yml")
	if out := actionlint(t, good); out != "" {
		t.Errorf("the workflow:\n%s", out)
	}
	for _, c := range []struct{ name, from, to, want string }{
		{"input in a script", `-range="$BASE...HEAD"`, `-range="${{ github.event.pull_request.head.ref }}...HEAD"`, "is potentially untrusted"},
		{"unknown event", "merge_group:", "merge_groups:", `unknown Webhook event "merge_groups"`},
		{"unknown keyword", "timeout-minutes: 10", "timeout: 10", `unexpected key "timeout"`},
		{"unknown job", "needs: check\n    if: ${{ github", "needs: chekc\n    if: ${{ github", `needs job "chekc" which does not exist`},
		{"unknown permission", "security-events: write", "security-event: write", `unknown permission scope "security-event"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(good, c.from) != 1 {
				t.Fatalf("%q stands there %d times", c.from, strings.Count(good, c.from))
			}
			if out := actionlint(t, strings.Replace(good, c.from, c.to, 1)); !strings.Contains(out, c.want) {
				t.Errorf("%q is not in:\n%s", c.want, out)
			}
		})
	}
}

// pinned is an action by its commit, with the version for people.
var pinned = regexp.MustCompile(`(?m)^ +- uses: [a-z-]+/[a-z/-]+@[0-9a-f]{40} # v[0-9.]+$`)

// TestGitHubRules holds what no linter knows of.
func TestGitHubRules(t *testing.T) {
	t.Parallel()
	text := example(t, "github-actions.yml")
	if uses, good := strings.Count(text, "uses:"), len(pinned.FindAllString(text, -1)); uses == 0 || uses != good {
		t.Errorf("%d of %d actions are pinned by commit and version", good, uses)
	}
	w := readWorkflow(t)
	if _, is := w.On["pull_request_target"]; is || w.Permissions == nil || len(w.Permissions) > 0 {
		t.Errorf("events %v, permissions %v", w.On, w.Permissions)
	}
	for name, j := range w.Jobs {
		if j.Timeout == 0 {
			t.Errorf("job %s may run for hours", name)
		}
		runs := false
		for _, s := range j.Steps {
			runs = runs || s.Run != ""
			if strings.Contains(s.Run, "${{") {
				t.Errorf("job %s: an expression becomes a part of a script: %s", name, s.Run)
			}
			for variable, value := range s.Env {
				if strings.Contains(value, "secrets.") && j.Environment == "" {
					t.Errorf("job %s: %s is a secret outside an environment", name, variable)
				}
			}
		}
		for scope, access := range j.Permissions {
			if access != "read" && (runs || scope != "security-events") {
				t.Errorf("job %s has %s: %s", name, scope, access)
			}
		}
	}
	if d := w.Jobs["deploy"]; d.Needs != "check" || d.Environment == "" || d.Concurrency.Cancel || d.If != "${{ github.event_name == 'push' && !github.event.repository.fork }}" {
		t.Errorf("deploy: %+v", d)
	}
}
