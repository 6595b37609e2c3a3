package edit

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// coreLimit is the soft limit of a process's core dumps, as the kernel has it.
func coreLimit(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok {
			return strings.Fields(rest)[0]
		}
	}
	t.Fatalf("no limit of core dumps:\n%s", data)
	return ""
}

// TestNoCoreDump ends commands by a signal that makes the kernel write a core dump, where
// they wait for a value or for a hook's refs. A file in the work tree is only one of the
// places where that may go (core_pattern); what the kernel says of the process's end is
// true of all of them.
func TestNoCoreDump(t *testing.T) {
	w := newWorld(t)
	forbidden := []string{"1", "0"} // 0 where the machine allows no more
	for _, args := range [][]string{
		{"secrets:set", "shop", "api", "token"},
		{"secrets:import", "shop", "api", "-from=literals", "-force"},
		{"secrets:guard", "-push=origin"},
	} {
		t.Run(args[0], func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			// As much as the machine allows, so that it is not the test's own limit that holds.
			cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", `ulimit -c "$(ulimit -H -c)"; exec "$@"`, "sh", w.mage}, args...)...)
			_, out := w.command(ctx)
			cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.root, w.env, out, out
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(stdin, "token="+word+"-abcdefgh\n"); err != nil {
				t.Fatal(err)
			}
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for deadline := time.Now().Add(30 * time.Second); !slices.Contains(forbidden, coreLimit(t, cmd.Process.Pid)); <-tick.C {
				if time.Now().After(deadline) {
					_ = cmd.Process.Kill()
					t.Fatalf("it may leave a core dump of %s bytes", coreLimit(t, cmd.Process.Pid))
				}
			}
			if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.CoreDump() {
				t.Errorf("%s: a core dump was written", cmd.ProcessState)
			}
			if strings.Contains(out.String(), word) {
				t.Errorf("a value was printed:\n%s", out)
			}
			w.t = t
			w.clean(0)
		})
	}
}

// TestHookKilled kills a commit's hook at random moments, while it has this machine's
// plaintext and what is staged in memory: nothing of either is left anywhere, and no
// temporary file.
func TestHookKilled(t *testing.T) {
	w := newWorld(t)
	if err := os.Mkdir(filepath.Join(w.root, ".bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(w.mage, filepath.Join(w.root, ".bin/sealway")); err != nil {
		t.Fatal(err)
	}
	w.run("secrets:hooks")
	w.write("leak.yaml", "note: "+w.value("api.yaml", "token")+"\n")
	for i := range 50 {
		w.write(fmt.Sprintf("applications/shop/templates/f%d.yaml", i), strings.Repeat(fmt.Sprintf("# %d\nkind: ConfigMap\ndata: {a: b}\n---\n", i), 200))
	}
	add := exec.CommandContext(t.Context(), "git", "-C", w.root, "add", "leak.yaml", "applications/shop/templates")
	add.Env = w.env
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("git add: %v\n%s", err, out)
	}
	if err := os.Remove(filepath.Join(w.root, "leak.yaml")); err != nil {
		t.Fatal(err)
	}
	whole, out := w.hook(0)
	for range 2 { // the quickest: one slow run would have every later one end before it is killed
		again, _ := w.hook(0)
		whole = min(whole, again)
	}
	if !strings.Contains(out, "[plaintext-value]") {
		t.Fatalf("the hook finds nothing:\n%s", out)
	}
	rnd, early := rand.New(rand.NewPCG(7, 9)), 0
	for round := 1; round <= rounds; round++ {
		_, out := w.hook(time.Duration((0.05 + rnd.Float64()) * float64(whole)))
		if !strings.Contains(out, "[plaintext-value]") {
			early++
		}
		if strings.Contains(out, word) {
			t.Fatalf("round %d: a value was printed:\n%s", round, out)
		}
		w.clean(round)
		left, err := os.ReadDir(w.temp)
		if err != nil || len(left) > 0 {
			t.Fatalf("round %d: left in TMPDIR: %v, %v", round, left, err)
		}
	}
	if early == 0 {
		t.Error("the hook was never killed before its end")
	}
	t.Logf("the hook takes %v; killed %d times, %d of them before it had said anything", whole.Round(time.Millisecond), rounds, early)
}

// hook runs the commit's hook, and kills it and all that it started after a while.
func (w *world) hook(after time.Duration) (time.Duration, string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", ".git/hooks/pre-commit")
	_, out := w.command(ctx)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.root, w.env, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	if after > 0 {
		<-time.After(after) // the moment is what is tested
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	_ = cmd.Wait()
	return time.Since(start), out.String()
}
