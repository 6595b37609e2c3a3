package layout

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path"
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
	Sources  []any    `yaml:"sources"` // patterns, and mappings that exclude some
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

// Task compares the binary's sources alone: one that is embedded and not among
// them would leave an old binary.
func TestTaskfileHasEveryEmbeddedFile(t *testing.T) {
	root := scripttest.Root(t)
	sources := readTaskfile(t)["_build"].Sources
	found := 0
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".go" {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, m := range embedLine.FindAllStringSubmatch(string(data), -1) {
			for pattern := range strings.FieldsSeq(m[1]) {
				rel, err := filepath.Rel(root, filepath.Join(filepath.Dir(file), pattern))
				if err != nil {
					return err
				}
				found++
				if path.Ext(pattern) != ".go" && !slices.ContainsFunc(sources, func(s any) bool { return covers(s, filepath.ToSlash(rel)) }) {
					t.Errorf("%s embeds %s, which is no source of _build", file, pattern)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 {
		t.Error("nothing is embedded: is this test still needed?")
	}
}

var embedLine = regexp.MustCompile(`(?m)^//go:embed (.+)$`)

// covers reports whether a source names what a pattern of go:embed names.
func covers(source any, embedded string) bool {
	pattern, ok := source.(string)
	if !ok {
		return false
	}
	match, err := path.Match(pattern, embedded)
	return err == nil && match
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
