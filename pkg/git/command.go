package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// command is one run of git.
type command struct {
	dir   string
	args  []string
	env   []string // over the environment that every run has
	stdin string
}

func (t *Tree) command(args ...string) command {
	c := command{dir: t.Root, args: args}
	if t.index != "" {
		c.env = []string{"GIT_INDEX_FILE=" + t.index}
	}
	return c
}

func (c command) feed(stdin string) command {
	c.stdin = stdin
	return c
}

func (c command) with(env ...string) command {
	c.env = slices.Concat(c.env, env)
	return c
}

// line runs the command and returns its one line.
func (c command) line(ctx context.Context) (string, error) {
	out, err := c.run(ctx)
	return strings.TrimRight(string(out), "\r\n"), err
}

// grace is how long git gets to end after it was told to, and how long a
// left-over grandchild (ssh's ControlMaster, a hook's background job) may keep
// its output open.
const grace = 3 * time.Second

// run executes git and returns its standard output; git's own message goes into
// the error, an *Error.
func (c command) run(ctx context.Context) ([]byte, error) {
	out, _, err := c.both(ctx)
	if err != nil {
		return nil, err
	}
	return []byte(out), nil
}

// both is run with standard error as well, and with both when git failed.
func (c command) both(ctx context.Context) (stdout, stderr string, err error) {
	cmd := c.prepare(ctx)
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	var outText, errText strings.Builder
	cmd.Stdout, cmd.Stderr = &outText, &errText
	err = cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) { // git itself was done
		err = nil
	}
	stderr = Redact(strings.TrimSpace(errText.String()))
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	if err != nil {
		err = &Error{Command: c.name(), Stderr: stderr, Err: err}
	}
	return outText.String(), stderr, err
}

// prepare makes the process; its streams are the caller's.
func (c command) prepare(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", c.args...)
	cmd.Dir = c.dir
	cmd.Env = append(environment(os.Environ()), c.env...)
	cmd.Cancel = func() error { // git removes its lock files on SIGTERM
		if err := cmd.Process.Signal(syscall.SIGTERM); err == nil || errors.Is(err, os.ErrProcessDone) {
			return err
		}
		return cmd.Process.Kill() // Windows has no signals
	}
	cmd.WaitDelay = grace
	return cmd
}

// name is the command's name, behind the options of git itself.
func (c command) name() string {
	switch {
	case c.args[0] == "-c":
		return c.args[2]
	case strings.HasPrefix(c.args[0], "--"):
		return c.args[1]
	}
	return c.args[0]
}

// Error is a run of git that failed.
type Error struct {
	Command string // commit, push
	Stderr  string // what git said, without credentials
	Err     error  // an *exec.ExitError when it ran
}

func (e *Error) Error() string {
	text := fmt.Sprintf("git %s: %v", e.Command, e.Err)
	if e.Stderr != "" {
		text += ": " + e.Stderr
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// exitCode is git's exit status; -1 when it did not run or did not fail.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// said is what git said about a failure.
func said(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Stderr
	}
	return ""
}

// foreign are the variables that a git hook's environment has about the
// repository that the hook runs for, as `git rev-parse --local-env-vars` lists
// them, and those that change what a path means. GIT_CONFIG_* stay: they are how
// a CI job sets safe.directory.
func foreign(name string) bool {
	switch name {
	case "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE",
		"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE",
		"GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS", "GIT_INTERNAL_SUPER_PREFIX",
		"GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
		"LC_ALL", "LC_MESSAGES", "LANGUAGE":
		return true
	}
	return false
}

// environment is the process's, such that git finds the repository by its
// folder, does not prompt, and speaks English; hooks keep the user's characters.
func environment(env []string) []string {
	out := make([]string, 0, len(env)+4)
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		if name == "LC_ALL" && value != "" {
			out = append(out, "LANG="+value, "LC_CTYPE="+value)
		}
		if !foreign(name) {
			out = append(out, v)
		}
	}
	return append(out, "LC_MESSAGES=C", "GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never")
}

var (
	webCredentials = regexp.MustCompile(`(?i)\b(https?://)[^/@\s'"]+@`) // a token may be the user name
	anyCredentials = regexp.MustCompile(`(://)[^/@:\s'"]+:[^/@\s'"]+@`)
)

// Redact takes the credentials out of the URLs in a text.
func Redact(text string) string {
	return anyCredentials.ReplaceAllString(webCredentials.ReplaceAllString(text, "$1"), "$1")
}
