package scripttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// output is what one run of mage printed.
type output struct {
	command        string
	stdout, stderr string
}

// patience ends a run that hangs.
const patience = 2 * time.Minute

func mageCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "mage ARG...; `status N mage ARG...` when it has to fail")
	expect(ts, 0, command(ts, args), args)
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	how := "status N [unprivileged|diskfull] mage ARG..."
	usage(ts, neg, len(args) > 2, how)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	rest := args[1:]
	wrap := func(*testscript.TestScript, *exec.Cmd) {}
	switch rest[0] {
	case "unprivileged":
		wrap, rest = unprivileged, rest[1:]
	case "diskfull":
		wrap, rest = diskFull, rest[1:]
	}
	usage(ts, false, len(rest) > 1 && rest[0] == "mage", how)
	cmd := command(ts, rest[1:])
	wrap(ts, cmd)
	expect(ts, want, cmd, rest[1:])
}

// command prepares a run of mage in the script's directory and environment.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	ts.Defer(cancel)
	mage := strings.Split(ts.Getenv("MAGE"), " ") // or go tool mage
	cmd := exec.CommandContext(ctx, mage[0], append(mage[1:], args...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = environ(ts)
	s := of(ts)
	cmd.Stdin, s.input = bytes.NewReader(s.input), nil
	return cmd
}

// feed has the next mage read a file.
func feed(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "feed FILE")
	of(ts).input = []byte(ts.ReadFile(args[0]))
}

// environ is the script's environment: what a script may set, and the basics.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"HOME", "USERPROFILE", "PATH", "TMPDIR", "LC_ALL", "TERM", "SYSTEMROOT", "CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "SEALWAY_GITHUB", "NO_COLOR", "KUBECONFIG",
		"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME",
		"GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_CEILING_DIRECTORIES",
		"SEALWAY_OUTPUT", "SEALWAY_VERBOSE", "SEALWAY_CONTEXT", "VISUAL", "EDITOR",
		"GOPATH", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "GOFLAGS", "GOWORK", "GOENV", "GOTOOLCHAIN", "MAGEFILE_CACHE",
		"SEALED_SECRETS_CERT", "SEALED_SECRETS_CONTROLLER_NAME", "SEALED_SECRETS_CONTROLLER_NAMESPACE",
	} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// expect runs mage, keeps what it printed and compares the exit status.
func expect(ts *testscript.TestScript, want int, cmd *exec.Cmd, args []string) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	finish(ts, want, err, output{"mage " + strings.Join(args, " "), stdout.String(), stderr.String()})
}

func finish(ts *testscript.TestScript, want int, err error, o output) {
	s := of(ts)
	s.printed = append(s.printed, o)
	_, _ = ts.Stdout().Write([]byte(o.stdout))
	_, _ = ts.Stderr().Write([]byte(o.stderr))
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", o.command, err)
	}
	if got != want {
		ts.Fatalf("%s: exit status %d, want %d", o.command, got, want)
	}
	if strings.Contains(o.stdout, "\x1b") || strings.Contains(o.stderr, "\x1b") {
		ts.Fatalf("%s: escape sequences where no terminal is", o.command)
	}
}

func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 2 && args[1] == "mage" && signals()[args[0]] != nil, "interrupt INT|TERM|HUP mage ARG..., behind serve")
	s := of(ts)
	if s.server == nil {
		ts.Fatalf("interrupt: no server to wait at")
	}
	cmd := command(ts, args[2:])
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	select {
	case <-s.server.hanging:
		ts.Check(cmd.Process.Signal(signals()[args[0]]))
		err = <-ended
	case err = <-ended:
	}
	finish(ts, 130, err, output{"mage " + strings.Join(args[2:], " "), stdout.String(), stderr.String()})
}

// diskFull runs the command with a file size limit: a write beyond the first
// block fails, as it does on a full disk.
func diskFull(_ *testscript.TestScript, cmd *exec.Cmd) {
	script := `ulimit -f 1; exec "$0" "$@"`
	cmd.Args = append([]string{"sh", "-c", script, cmd.Path}, cmd.Args[1:]...)
	if sh, err := exec.LookPath("sh"); err == nil {
		cmd.Path = sh
	}
}

// repository is git init, with an identity and the plaintext folders ignored.
func repository(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) <= 1, "repo [DIR]")
	dir := ts.MkAbs(strings.Join(args, ""))
	for _, git := range [][]string{
		{"init", "-q", "-b", "main", dir},
		{"-C", dir, "config", "user.name", "Test"},
		{"-C", dir, "config", "user.email", "test@example.com"},
	} {
		ts.Check(ts.Exec("git", git...))
	}
	ignore := dir + string(os.PathSeparator) + ".gitignore"
	if _, err := os.Stat(ignore); err != nil {
		ts.Check(os.WriteFile(ignore, []byte("local-secrets/\n"), 0o644))
	}
}

// refuses tries a table of bad files, one by one: `# want: ` and `# hint: ` in
// the file say what has to be on stderr, besides the line about the
// certificate. Nothing may be on stdout and nothing may be written.
func refuses(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 3 && args[2] == "mage", "refuses DIR TARGET mage ARG...")
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(entries) == 0 {
		ts.Fatalf("%s: no case", args[0])
	}
	var bad []string
	for _, e := range entries {
		from := filepath.Join(ts.MkAbs(args[0]), e.Name())
		data, err := os.ReadFile(from)
		ts.Check(err)
		target := ts.MkAbs(args[1])
		ts.Check(os.MkdirAll(filepath.Dir(target), 0o700))
		ts.Check(os.WriteFile(target, data, 0o600))
		snapshot(ts, false, nil)
		want := wanted(string(data))
		if want == "" {
			ts.Fatalf("%s: no `# want: `", from)
		}
		cmd := command(ts, args[3:])
		expect(ts, 1, cmd, append(args[3:], e.Name()))
		printed := of(ts).printed
		o := printed[len(printed)-1]
		got := notice.ReplaceAllString(o.stderr, "")
		if o.stdout != "" || got != want {
			bad = append(bad, fmt.Sprintf("%s: stdout:\n%s\nstderr (-want +got):\n%s", e.Name(), o.stdout, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n"))))
		}
		unchanged(ts, false, nil)
		ts.Check(os.Remove(target))
	}
	if len(bad) > 0 {
		ts.Fatalf("%s", strings.Join(bad, "\n"))
	}
}

var notice = regexp.MustCompile(`(?m)^certificate [0-9a-f]{16} from .*\n`)

// wanted is the text of stderr that a bad file asks for.
func wanted(data string) string {
	var lines []string
	for line := range strings.Lines(data) {
		line = strings.TrimSpace(line)
		if want, ok := strings.CutPrefix(line, "# want: "); ok {
			lines = append(lines, want)
		}
		if hint, ok := strings.CutPrefix(line, "# hint: "); ok {
			lines = append(lines, "  hint: "+hint)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "Error: " + strings.Join(lines, "\n") + "\n"
}
