package worldtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sealway/sealway/pkg/report"
)

// Buffer is written by a process and read by the test.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to it.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Command is a run of a program.
type Command struct {
	Out, Errs Buffer

	t    testing.TB
	args []string
	cmd  *exec.Cmd
}

// Start runs a program in dir with no other environment than env. What it prints
// goes to all, too.
func Start(t testing.TB, dir string, env []string, all io.Writer, args ...string) *Command {
	t.Helper()
	c := &Command{t: t, args: args}
	// Longer than any wait of a test: what hangs is to be seen as such.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	c.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	c.cmd.Dir, c.cmd.Env = dir, env
	c.cmd.Stdout, c.cmd.Stderr = io.MultiWriter(&c.Out, all), io.MultiWriter(&c.Errs, all)
	// What it leaves behind, for instance in a shell's background, must not hold up
	// the test.
	c.cmd.WaitDelay = 10 * time.Second
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// Wait waits for the end and returns the exit status.
func (c *Command) Wait() int {
	c.t.Helper()
	var exit *exec.ExitError
	if err := c.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return c.cmd.ProcessState.ExitCode()
}

// Ends waits for the end, which has to have one of the given exit statuses.
func (c *Command) Ends(statuses ...int) *Command {
	c.t.Helper()
	got := c.Wait()
	for _, s := range statuses {
		if s == got {
			return c
		}
	}
	c.t.Fatalf("%v: exit status %d, want %v\n%s%s", c.args, got, statuses, c.Out.String(), c.Errs.String())
	return c
}

// Report is the JSON document on stdout, which holds nothing else.
func (c *Command) Report() *report.Report {
	c.t.Helper()
	var r report.Report
	d := json.NewDecoder(strings.NewReader(c.Out.String()))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		c.t.Fatalf("%v: %v:\n%s\n%s", c.args, err, c.Out.String(), c.Errs.String())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || r.SchemaVersion != report.SchemaVersion {
		c.t.Fatalf("%v: not one document: %v:\n%s", c.args, err, c.Out.String())
	}
	return &r
}

// Environment has nothing of the developer's own but what gittest has set for every
// git.
func Environment(home, kubeconfig string, path ...string) []string {
	env := []string{"HOME=" + home, "KUBECONFIG=" + kubeconfig, "PATH=" + strings.Join(append(path, os.Getenv("PATH")), string(os.PathListSeparator))}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "GIT_") {
			env = append(env, v)
		}
	}
	return env
}
