package standin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/scripttest"
)

// patience bounds every wait.
const patience = time.Minute

// Repository makes a Git repository to run targets in, with the settings that are given.
func Repository(t testing.TB, settings string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "git", "init", "-q", dir).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, ".sealway.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Command is a target of the compiled binary, in a repository and for a cluster.
func Command(t testing.TB, dir, kubeconfig string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), scripttest.Mage(t), args...) // StartForward ends it
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "KUBECONFIG=" + kubeconfig}
	return cmd
}

// Forward is a port-forward that runs as a process.
type Forward struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdout *lines
	stderr *lines
	ended  chan struct{}
}

// StartForward starts a command; it is ended with the test.
func StartForward(t testing.TB, cmd *exec.Cmd) *Forward {
	t.Helper()
	f := &Forward{t: t, cmd: cmd, stdout: newLines(), stderr: newLines(), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = f.stdout.writer(), f.stderr.writer()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(f.ended)
		_ = cmd.Wait() // the status is in ProcessState
		f.stdout.end()
		f.stderr.end()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-f.ended
		if t.Failed() {
			t.Logf("stdout:\n%s\nstderr:\n%s", f.stdout.text(), f.stderr.text())
		}
	})
	return f
}

// Answer waits for the next line on stdout.
func (f *Forward) Answer() string {
	f.t.Helper()
	return f.await(f.stdout, "")
}

// Says waits for a line on stderr that has the text in it, behind those that were
// waited for before.
func (f *Forward) Says(text string) string {
	f.t.Helper()
	return f.await(f.stderr, text)
}

func (f *Forward) await(l *lines, text string) string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	line, err := l.next(ctx, text)
	if err != nil {
		f.t.Fatalf("no line with %q: %v\nstdout:\n%s\nstderr:\n%s", text, err, f.stdout.text(), f.stderr.text())
	}
	return line
}

// PID is its process.
func (f *Forward) PID() int { return f.cmd.Process.Pid }

// Running says whether it still runs.
func (f *Forward) Running() bool {
	select {
	case <-f.ended:
		return false
	default:
		return true
	}
}

// CPU is the processor time that it has taken, once it has ended.
func (f *Forward) CPU() time.Duration {
	return f.cmd.ProcessState.UserTime() + f.cmd.ProcessState.SystemTime()
}

// End sends a signal and returns the exit status and all that was printed.
func (f *Forward) End(s os.Signal) (status int, stdout, stderr string) {
	f.t.Helper()
	if err := f.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		f.t.Fatal(err)
	}
	return f.Wait()
}

// Wait waits for the end and returns the exit status and all that was printed.
func (f *Forward) Wait() (status int, stdout, stderr string) {
	f.t.Helper()
	select {
	case <-f.ended:
	case <-time.After(patience):
		f.t.Fatalf("it does not end\nstdout:\n%s\nstderr:\n%s", f.stdout.text(), f.stderr.text())
	}
	return f.cmd.ProcessState.ExitCode(), f.stdout.text(), f.stderr.text()
}

// lines are what comes on a stream.
type lines struct {
	in *io.PipeWriter

	mu      sync.Mutex
	all     []string
	seen    int
	over    bool
	changed chan struct{}
	drained chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{}), drained: make(chan struct{})} }

func (l *lines) writer() io.Writer {
	r, w := io.Pipe()
	l.in = w
	go func() {
		defer close(l.drained)
		s := bufio.NewScanner(r)
		for s.Scan() {
			l.change(func() { l.all = append(l.all, s.Text()) })
		}
		l.change(func() { l.over = true })
	}()
	return w
}

func (l *lines) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *lines) end() {
	l.in.Close()
	<-l.drained
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

func (l *lines) next(ctx context.Context, text string) (string, error) {
	for {
		l.mu.Lock()
		for l.seen < len(l.all) {
			line := l.all[l.seen]
			if l.seen++; strings.Contains(line, text) {
				l.mu.Unlock()
				return line, nil
			}
		}
		changed, over := l.changed, l.over
		l.mu.Unlock()
		if over {
			return "", io.EOF
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
