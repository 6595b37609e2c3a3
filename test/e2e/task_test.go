package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/scripttest"
)

// TestTask runs the Taskfile with the real Task in a copy of the work tree: the
// list, arguments behind --, and a binary that is built anew only after a change.
func TestTask(t *testing.T) {
	root, dir := scripttest.Root(t), t.TempDir()
	copyTree(t, root, dir)
	if out, err := exec.Command("git", "-C", dir, "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	task := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), platform.bin["task"], args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "KUBECONFIG="+platform.up.Kubeconfig,
			// Task colours its list when CI is set, terminal or not.
			"NO_COLOR=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("task %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	list := task("--list")
	for _, name := range []string{"seal:all:", "secrets:generate:", "sandbox:up:", "demo:", "test:"} {
		if !strings.Contains(list, "* "+name) {
			t.Errorf("%s is not listed:\n%s", name, list)
		}
	}
	if out := task("secrets:generate", "--", "-app=litellm", "-dryRun"); !strings.Contains(out, "would generate 4 values") {
		t.Errorf("arguments were lost:\n%s", out)
	}
	binary := filepath.Join(dir, ".bin/sealway")
	first := modified(t, binary)
	task("secrets:generate", "--", "-dryRun")
	if !modified(t, binary).Equal(first) {
		t.Error("the binary was built again without a change")
	}
	source := filepath.Join(dir, "pkg/report/report.go")
	data, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(source, append(data, "\n// changed\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	task("secrets:generate", "--", "-dryRun")
	if modified(t, binary).Equal(first) {
		t.Error("the binary was not built again after a change")
	}
}

// copyTree copies what Git tracks or would.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	list, err := exec.Command("git", "-C", from, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: to}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		w.write(name, string(data))
	}
}

func modified(t *testing.T, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}
