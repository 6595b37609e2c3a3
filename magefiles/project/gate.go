package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"time"
)

// step is one command of the gate.
type step struct {
	name  string
	args  []string
	env   []string
	quiet bool // any output is a failure
}

// checks are what every commit has to pass, but for the tests. The released binaries go
// into dir.
func checks(dir string) []step {
	steps := []step{
		{name: "format", args: []string{"gofmt", "-l", "internal", "magefiles", "pkg", "scripts", "test"}, quiet: true},
		{name: "modules", args: []string{"go", "mod", "tidy", "-diff"}},
		{name: "lint", args: []string{"go", "tool", "-modfile=scripts/lint/go.mod", "golangci-lint", "run"}},
		vet("darwin"),
		vet("windows"),
		{name: "vet schemas", args: []string{"go", "-C", "scripts/schemas", "vet", "."}},
	}
	return append(steps, binaries(dir)...)
}

// vet sees the tests, too, which a binary has not. What it compiles is what the
// binary of this platform needs: the flags are the same.
func vet(system string) step {
	return step{name: "vet " + system, args: []string{"go", "vet", "./..."}, env: append(static(), "GOOS="+system, "GOARCH=amd64")}
}

// binaries compile what dist does, for every platform; the one of this machine has
// to run.
func binaries(dir string) []step {
	var steps []step
	for _, p := range platforms() {
		s := binary(p, dir, "gate")
		s.name = "binary " + p
		steps = append(steps, s)
	}
	if here := runtime.GOOS + "/" + runtime.GOARCH; slices.Contains(platforms(), here) {
		steps = append(steps, step{name: "binary runs", args: []string{binaryFile(here, dir), "version"}})
	}
	return steps
}

// runGate passes the gate, and leaves nothing behind.
func runGate(ctx context.Context) error {
	skipped()
	return errors.Join(runChecks(ctx), runSteps(ctx, []step{test()}))
}

func runChecks(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "sealway-gate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer os.Remove(generated)
	return runSteps(ctx, checks(dir))
}

// skipped says on stderr which tests will be skipped, which go test does not say. In
// CI they fail.
func skipped() {
	if runtime.GOOS != "linux" || os.Getenv("CI") != "" {
		return
	}
	if !installed("chromium", "chromium-browser", "google-chrome") {
		fmt.Fprintln(os.Stderr, "== no Chromium: nobody looks at the HTML page; on Debian: apt-get install --no-install-recommends chromium")
	}
	for _, shell := range []string{"zsh", "fish"} {
		if !installed(shell) {
			fmt.Fprintf(os.Stderr, "== no %s: nobody tries its completion; on Debian: apt-get install --no-install-recommends %[1]s\n", shell)
		}
	}
}

// installed says whether one of these programs is there.
func installed(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, err := exec.LookPath(name); return err == nil })
}

// test runs every test once; the end-to-end stories build the sandbox's servers
// when they are not built yet, hence the long limit. The longest package is the first,
// not the last, and no test binary has what only a debugger reads.
func test() step {
	s := step{name: "test", args: []string{"go", "test", "-ldflags=-w", "-timeout=60m", "./test/verify", "./..."}}
	if _, err := exec.LookPath("cc"); err == nil {
		s.args = slices.Insert(s.args, 2, "-race")
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
