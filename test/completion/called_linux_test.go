package completion

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

// output runs a shell without a terminal, in the repository.
func (w *world) output(t *testing.T, s shell, environment []string, script string) (stdout, stderr string) {
	t.Helper()
	args := append(slices.Clone(s.args[:len(s.args)-1]), "-c", script)
	cmd := exec.CommandContext(context.Background(), s.find(t), args...)
	cmd.Dir, cmd.Env = w.work, append(w.environment(), environment...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, errs.String())
	}
	return string(out), errs.String()
}

// asked has a shell's script complete a line, as the shell itself would call it.
func asked(s shell, words ...string) string {
	line := strings.Join(words, " ")
	current := words[len(words)-1]
	if i := strings.LastIndexAny(current, ":="); i >= 0 {
		current = current[i+1:]
	}
	if s.name == "fish" {
		return fmt.Sprintf("complete -C %q", line)
	}
	name := filepath.Base(words[0])
	return fmt.Sprintf(`COMP_LINE=%q COMP_POINT=%d; _%s_completion %q %q; printf '%%s\n' "${COMPREPLY[@]}"`, line, len(line), name, words[0], current)
}

// lineShells are those whose completion can be called without a terminal.
func lineShells() []shell {
	return slices.DeleteFunc(shells(), func(s shell) bool { return s.name == "zsh" })
}

// TestCalledByPath: a program that is called by its path is the one that is asked;
// where there is none, nothing is said.
func TestCalledByPath(t *testing.T) {
	w := newWorld(t)
	path := w.program
	if strings.Contains(path, " ") { // that of TMPDIR, which would be two words
		relative, err := filepath.Rel(w.work, path)
		w.check(err)
		path = relative
	}
	for _, s := range lineShells() {
		t.Run(s.name, func(t *testing.T) {
			script, _ := w.output(t, s, nil, "command sealway completion "+s.name)
			file := filepath.Join(w.bin, "script."+s.name)
			w.check(os.WriteFile(file, []byte(script), 0o644))
			without := []string{"PATH=" + os.Getenv("PATH")}
			for typed, want := range map[string]string{
				path:                    "seal:status",
				"~/sealway":             "seal:status", // HOME is its folder
				"sealway":               "",
				"./none/sealway":        "",
				"/dev/null/sealway":     "",
				"./$(touch pwned)/none": "",
			} {
				if s.name == "fish" && filepath.Base(typed) == "none" {
					continue // another command: fish has file names for it
				}
				call := asked(s, typed, "seal:stat")
				if filepath.Base(typed) == "none" {
					call = strings.Replace(call, "_none_", "_sealway_", 1)
				}
				call = strings.ReplaceAll(call, "$(", `\$(`)
				out, errs := w.output(t, s, without, "source '"+file+"'; "+call)
				if errs != "" || want == "" && strings.TrimSpace(out) != "" || want != "" && !strings.Contains(out, strings.TrimPrefix(want, "seal:")) {
					t.Errorf("%s: %q, %q, want %q", typed, out, errs, want)
				}
				w.harmless(t, out)
			}
		})
	}
}

// TestMage completes mage in a repository that imports the targets under an alias,
// beside targets of its own: their names come from its magefiles, of which nothing is
// run.
func TestMage(t *testing.T) {
	w := newWorld(t)
	root := scripttest.Root(t)
	for name, text := range map[string]string{
		"magefiles/magefile.go": `//go:build mage

package main

import (
	"os"

	//mage:import ops
	_ "github.com/sealway/sealway/magefiles/targets"
)

var _ = os.WriteFile("pwned", nil, 0o600)

// Lint is a target of this repository.
func Lint() {}
`,
		"go.work": fmt.Sprintf("go 1.26.0\n\nuse %q\n", root),
	} {
		path := filepath.Join(w.work, name)
		w.check(os.MkdirAll(filepath.Dir(path), 0o755))
		w.check(os.WriteFile(path, []byte(text), 0o644))
	}
	w.check(os.WriteFile(filepath.Join(w.bin, "mage"), []byte("#!/bin/sh\nexec go tool mage \"$@\"\n"), 0o755))
	environment := []string{"GOWORK=" + filepath.Join(w.work, "go.work"), "GOFLAGS="}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		out, err := exec.CommandContext(context.Background(), "go", "env", name).Output()
		w.check(err)
		environment = append(environment, name+"="+strings.TrimSpace(string(out)))
	}
	for _, s := range lineShells() {
		t.Run(s.name, func(t *testing.T) {
			script, _ := w.output(t, s, nil, "command sealway completion "+s.name+" -name=mage")
			file := filepath.Join(w.bin, "mage."+s.name)
			w.check(os.WriteFile(file, []byte(script), 0o644))
			for _, c := range []struct{ typed, want string }{
				{"ops:gitops:portf", "portForward"},
				{"lin", "lint"},
				{"ops:seal:app lit", "litellm"},
				{"ops:seal:status -app=open", "openwebui"},
				{"ops:secrets:set litellm litellm-s", "litellm-secrets"},
			} {
				call := asked(s, append([]string{"mage"}, strings.Fields(c.typed)...)...)
				out, errs := w.output(t, s, environment, "source '"+file+"'; "+call)
				if errs != "" || !strings.Contains(out, c.want) {
					t.Errorf("%s: %q, %q, want %q", c.typed, out, errs, c.want)
				}
				w.harmless(t, out)
			}
		})
	}
}
