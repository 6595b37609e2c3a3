package script

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/git/gittest"
)

// line is what another program runs as a hook.
type line struct {
	from, command string
	push          bool
}

// TestLinesForOtherPrograms runs what .pre-commit-hooks.yaml and docs/guard.md have for
// programs that manage hooks: each line lets pass what is clean, and refuses plaintext.
func TestLinesForOtherPrograms(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the program is a link")
	}
	root := scripttest.Root(t)
	lines := append(preCommitLines(t, root), documentLines(t, root)...)
	if len(lines) != 6 {
		t.Fatalf("%d lines: one for a commit and one for a push of pre-commit, lefthook and husky each: %+v", len(lines), lines)
	}
	for i, l := range lines {
		t.Run(fmt.Sprintf("%s %d", l.from, i), func(t *testing.T) {
			r := gittest.New(t)
			r.Commit(".gitignore", ".bin/\n")
			if err := errors.Join(os.Mkdir(r.Path(".bin"), 0o755), os.Symlink(scripttest.Mage(t), r.Path(".bin/sealway"))); err != nil {
				t.Fatal(err)
			}
			if status, out := l.run(t, r); status != 0 {
				t.Errorf("clean: status %d\n%s", status, out)
			}
			r.Write("a.yaml", "apiVersion: v1\nkind: Secret\nstringData:\n  password: "+"hunter2\n")
			r.Git("add", "a.yaml")
			if l.push { // a later commit takes it out
				r.Git("commit", "--quiet", "-m", "x")
				r.Git("rm", "--quiet", "a.yaml")
				r.Git("commit", "--quiet", "-m", "y")
			}
			if status, out := l.run(t, r); status != 3 || !strings.Contains(out, "[plaintext-secret]") || strings.Contains(out, "hunter2") {
				t.Errorf("plaintext: status %d\n%s", status, out)
			}
		})
	}
}

// run runs a line as its program does: from the root, with what Git and the program say.
func (l line) run(t *testing.T, r *gittest.Repo) (status int, out string) {
	t.Helper()
	head := r.Git("rev-parse", "HEAD")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", l.command, "hook", "origin", "url")
	cmd.Dir = r.Dir
	cmd.Env = append(os.Environ(), "PRE_COMMIT_TO_REF="+head)
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	if l.push {
		cmd.Stdin = strings.NewReader("refs/heads/main " + head + " refs/heads/main " + strings.Repeat("0", 40) + "\n")
	}
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), b.String()
}

func preCommitLines(t *testing.T, root string) (out []line) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, ".pre-commit-hooks.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var hooks []struct {
		ID, Entry, Language string
		PassFilenames       bool `yaml:"pass_filenames"`
		AlwaysRun           bool `yaml:"always_run"`
		Stages              []string
	}
	if err := yaml.Unmarshal(data, &hooks); err != nil {
		t.Fatal(err)
	}
	guard, err := os.ReadFile(filepath.Join(root, "docs/guard.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hooks {
		if h.Language != "system" || h.PassFilenames || !h.AlwaysRun || len(h.Stages) != 1 || !bytes.Contains(guard, []byte("- id: "+h.ID+"\n")) {
			t.Errorf("%+v", h)
		}
		out = append(out, line{"pre-commit", h.Entry, h.Stages[0] == "pre-push"})
	}
	return out
}

// documentLines are those of docs/guard.md.
func documentLines(t *testing.T, root string) (out []line) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs/guard.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := func(behind, language string) string {
		_, rest, ok := strings.Cut(string(data), "**"+behind+"**")
		_, rest, found := strings.Cut(rest, "```"+language+"\n")
		text, _, closed := strings.Cut(rest, "```")
		if !ok || !found || !closed {
			t.Fatalf("docs/guard.md has no lines for %s", behind)
		}
		return text
	}
	var lefthook map[string]struct {
		Commands map[string]struct {
			Run      string
			UseStdin bool `yaml:"use_stdin"`
		}
	}
	if err := yaml.Unmarshal([]byte(block("lefthook", "yaml")), &lefthook); err != nil {
		t.Fatal(err)
	}
	for hook, h := range lefthook {
		for _, c := range h.Commands {
			if c.UseStdin != (hook == "pre-push") {
				t.Errorf("lefthook: %s: use_stdin %v", hook, c.UseStdin)
			}
			out = append(out, line{"lefthook", strings.ReplaceAll(c.Run, "{1}", "origin"), hook == "pre-push"})
		}
	}
	for command := range strings.Lines(block("husky", "sh")) {
		out = append(out, line{"husky", command, strings.Contains(command, "-push")})
	}
	return out
}
