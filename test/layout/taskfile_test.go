package layout

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/sealway/sealway/internal/scripttest"
)

func TestMain(m *testing.M) { os.Exit(scripttest.Main(m)) }

// task is one task of the Taskfile.
type task struct {
	Desc     string   `yaml:"desc"`
	Internal bool     `yaml:"internal"`
	Deps     []string `yaml:"deps"`
	Cmds     []string `yaml:"cmds"`
}

// Every public target has a task, and every task a target: a new target without
// a task fails here.
func TestTaskfileHasEveryTarget(t *testing.T) {
	tasks := readTaskfile(t)
	targets := listTargets(t)
	want := []string{"build"} // of the Taskfile alone
	for _, target := range targets {
		want = append(want, kebab(target))
	}
	var got []string
	for name, task := range tasks {
		if !task.Internal {
			got = append(got, name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("tasks (-targets +Taskfile.yml):\n%s", d)
	}
	for _, target := range targets {
		task := tasks[kebab(target)]
		if d := cmp.Diff([]string{".bin/sealway " + target + " {{.CLI_ARGS}}"}, task.Cmds); d != "" {
			t.Errorf("task %s (-want +got):\n%s", kebab(target), d)
		}
	}
	for name, task := range tasks {
		switch {
		case task.Internal:
		case task.Desc == "":
			t.Errorf("task %s: no desc, so `task --list` does not show it", name)
		case !slices.Contains(task.Deps, "_build"):
			t.Errorf("task %s: does not depend on _build", name)
		}
	}
}

func readTaskfile(t *testing.T) map[string]task {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(scripttest.Root(t), "Taskfile.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Version string          `yaml:"version"`
		Tasks   map[string]task `yaml:"tasks"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if file.Version != "3" || len(file.Tasks) == 0 {
		t.Fatalf("Taskfile.yml: version %q, %d tasks", file.Version, len(file.Tasks))
	}
	return file.Tasks
}

var targetLine = regexp.MustCompile(`(?m)^  ([a-zA-Z:]+)\*? +(\S.*)$`)

// listTargets is what `mage -l` shows.
func listTargets(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(context.Background(), scripttest.Mage(t), "-l").CombinedOutput()
	if err != nil {
		t.Fatalf("mage -l: %v\n%s", err, out)
	}
	var names []string
	for _, m := range targetLine.FindAllStringSubmatch(string(out), -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		t.Fatalf("mage -l lists no target:\n%s", out)
	}
	return names
}

// kebab turns gitops:portForward into gitops:port-forward.
func kebab(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func TestKebab(t *testing.T) {
	for in, want := range map[string]string{"gitops:portForward": "gitops:port-forward", "gitops:syncAll": "gitops:sync-all", "seal:all": "seal:all", "demo": "demo"} {
		if got := kebab(in); got != want {
			t.Errorf("kebab(%q) = %q, want %q", in, got, want)
		}
	}
}
