package sandbox

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// ErrUnsupported says that this machine cannot run a sandbox at all.
var ErrUnsupported = errors.New("the sandbox needs Linux")

// ErrNotRunning says that there is no sandbox in the directory.
var ErrNotRunning = errors.New("no sandbox runs here")

// Error is what went wrong with what.
type Error struct {
	// Object is the sandbox, product or file.
	Object string
	// Op is what was done to it.
	Op  string
	Err error
	// Advice is what a person can do about it, if anything is known.
	Advice string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %v", e.Object, e.Op, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Hint returns the advice, which may be empty.
func (e *Error) Hint() string { return e.Advice }

// ServerError says that a server ended by itself.
type ServerError struct {
	// Server is its name: "kube-apiserver".
	Server string
	// Exit is how it ended: "exit status 1", "signal: killed".
	Exit string
	// Log is the path of its log, and Tail the last lines of it.
	Log  string
	Tail []string
}

func (e *ServerError) Error() string {
	return fmt.Sprintf("server %s: ended by itself: %s", e.Server, e.Exit)
}

// Hint returns the tail of the server's log.
func (e *ServerError) Hint() string {
	if len(e.Tail) == 0 {
		return fmt.Sprintf("its log %s is empty", e.Log)
	}
	hint := fmt.Sprintf("the end of its log %s:\n  %s", e.Log, strings.Join(e.Tail, "\n  "))
	if advice := namespaceAdvice(strings.Join(e.Tail, "\n")); advice != "" {
		hint += "\n" + advice
	}
	return hint
}

// namespaceAdvice says what to do if the kernel did not give a process its own
// namespaces.
func namespaceAdvice(text string) string {
	start := strings.Contains(text, "fork/exec") &&
		(strings.Contains(text, "operation not permitted") || strings.Contains(text, "no space left on device"))
	mount := strings.Contains(text, supervise.IsolationFailed)
	if !start && !mount {
		return ""
	}
	return "two servers need a mount namespace of their own: let users have namespaces " +
		"(sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, user.max_user_namespaces above 0, " +
		"in a container also CAP_SYS_ADMIN), or run as root"
}

// portTaken says whether the server gave up because another process had taken
// the port that was free a moment ago.
func (e *ServerError) portTaken() bool {
	return strings.Contains(strings.Join(e.Tail, "\n"), "address already in use")
}
