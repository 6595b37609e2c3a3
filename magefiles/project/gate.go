package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// step is one command of the gate.
type step struct {
	name  string
	args  []string
	env   []string
	quiet bool // any output is a failure
}

// gate is what every commit has to pass.
func gate() []step {
	steps := []step{
		{name: "format", args: []string{"gofmt", "-l", "internal", "magefiles", "pkg", "scripts", "test"}, quiet: true},
		{name: "modules", args: []string{"go", "mod", "tidy", "-diff"}},
		{name: "lint", args: []string{"go", "tool", "-modfile=scripts/lint/go.mod", "golangci-lint", "run"}},
		{name: "vet darwin", args: []string{"go", "vet", "./..."}, env: []string{"GOOS=darwin", "CGO_ENABLED=0"}},
		{name: "vet windows", args: []string{"go", "vet", "./..."}, env: []string{"GOOS=windows", "CGO_ENABLED=0"}},
		{name: "vet schemas", args: []string{"go", "-C", "scripts/schemas", "vet", "."}},
	}
	return append(steps, test())
}

// browser says on stderr that the test of the HTML page will be skipped, which go
// test does not say.
func browser() {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if _, err := exec.LookPath(name); err == nil {
			return
		}
	}
	if runtime.GOOS == "linux" && os.Getenv("CI") == "" {
		fmt.Fprintln(os.Stderr, "== no Chromium: nobody looks at the HTML page; on Debian: apt-get install --no-install-recommends chromium")
	}
}

// test runs every test once; the end-to-end stories build the sandbox's servers
// when they are not built yet, hence the long limit.
func test() step {
	s := step{name: "test", args: []string{"go", "test", "-timeout=60m", "./..."}}
	if _, err := exec.LookPath("cc"); err == nil {
		s.args = []string{"go", "test", "-race", "-timeout=60m", "./..."}
		s.env = []string{"CGO_ENABLED=1"}
	}
	return s
}

func bench() []step {
	return []step{{name: "bench", args: []string{"go", "test", "-run=^$", "-bench=.", "-benchtime=5x", "-timeout=60m", "./test/bench"}}}
}

// runSteps runs all steps, so that one failure does not hide the next.
func runSteps(ctx context.Context, steps []step) error {
	var failed []error
	for _, s := range steps {
		start := time.Now()
		fmt.Fprintf(os.Stderr, "== %s: %v\n", s.name, s.args)
		if err := s.run(ctx); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.name, err))
			fmt.Fprintf(os.Stderr, "== %s failed after %s\n", s.name, time.Since(start).Round(time.Second))
			continue
		}
		fmt.Fprintf(os.Stderr, "== %s passed in %s\n", s.name, time.Since(start).Round(time.Second))
	}
	return errors.Join(failed...)
}

func (s step) run(ctx context.Context) error {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if s.quiet {
		cmd.Stdout = &out
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Run(); err != nil {
		return err
	}
	if out.Len() > 0 {
		return fmt.Errorf("to be mended:\n%s", out.String())
	}
	return nil
}
