package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

// BenchmarkHook reports the median of a commit's hook, the compiled binary and all,
// where 20 of 5,000 files are staged, and of a push's hook for them; the issue
// allows 100 ms. The binary alone, which does nothing, is beside them.
func BenchmarkHook(b *testing.B) {
	w := &workload{dir: b.TempDir(), mage: scripttest.Mage(b)}
	w.git(b, nil, "init", "-q", "-b", "main")
	var stream bytes.Buffer
	stream.WriteString("commit refs/heads/main\ncommitter T <t@example.com> 1700000000 +0000\ndata 1\nx\n")
	file := func(i, edition int) (name, text string) {
		name = fmt.Sprintf("applications/a%03d/templates/f%04d.yaml", i%50, i)
		text = fmt.Sprintf("# %d\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: f%d}\ndata:\n", edition, i)
		for k := range 60 {
			text += fmt.Sprintf("  some-key-%d: some text that says nothing of importance\n", k)
		}
		return name, text
	}
	for i := range 5000 {
		name, text := file(i, 1)
		fmt.Fprintf(&stream, "M 644 inline %s\ndata %d\n%s\n", name, len(text), text)
	}
	w.git(b, &stream, "fast-import", "--quiet")
	w.git(b, nil, "reset", "-q", "--hard", "main")
	write(b, filepath.Join(w.dir, ".git/info/exclude"), []byte(".bin/\n"))
	if err := os.Mkdir(filepath.Join(w.dir, ".bin"), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.Symlink(w.mage, filepath.Join(w.dir, ".bin/sealway")); err != nil {
		b.Fatal(err)
	}
	w.run(b, w.mage, "secrets:hooks")
	for i := range 20 {
		name, text := file(i*200, 2)
		write(b, filepath.Join(w.dir, name), []byte(text))
	}
	w.git(b, nil, "add", ".")
	head := strings.TrimSpace(w.git(b, nil, "rev-parse", "HEAD"))
	next := strings.TrimSpace(w.git(b, nil, "-c", "user.name=T", "-c", "user.email=t@example.com",
		"commit-tree", "-p", head, "-m", "x", strings.TrimSpace(w.git(b, nil, "write-tree"))))
	push := fmt.Sprintf("printf 'refs/heads/main %s refs/heads/main %s\\n' | .git/hooks/pre-push origin url", next, head)
	var commits, pushes, alone []float64
	for b.Loop() {
		commits = append(commits, w.run(b, "sh", ".git/hooks/pre-commit").seconds)
		pushes = append(pushes, w.run(b, "sh", "-c", push).seconds)
		alone = append(alone, w.run(b, w.mage, "-l").seconds)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(commits)*1000, "commit-ms")
	b.ReportMetric(median(pushes)*1000, "push-ms")
	b.ReportMetric(median(alone)*1000, "binary-ms")
}

func (w *workload) git(b *testing.B, stdin *bytes.Buffer, args ...string) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "git", args...)
	cmd.Dir = w.dir
	if stdin != nil {
		cmd.Stdin = stdin
	}
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("git %s: %v", args[0], err)
	}
	return string(out)
}
