package console

import (
	"context"
	"errors"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/sealway/sealway/pkg/report"
)

// The exit statuses, all of them.
const (
	StatusFailed      = 1   // the operation failed
	StatusUsage       = 2   // wrong arguments or settings; Mage's own for usage, too
	StatusFindings    = 3   // the operation worked and found something: plaintext, drift, a bad sealed file
	StatusUnavailable = 4   // something could not be reached, or did not allow it
	StatusTimeout     = 5   // waited long enough
	StatusInterrupted = 130 // SIGINT, SIGTERM or SIGHUP
)

// Failure is the error that a target returns: Mage reads the exit status from
// the outermost error alone.
type Failure struct {
	Status int
	Err    error
}

// Error is the message with its hints, each on a line of its own.
func (f *Failure) Error() string {
	var b strings.Builder
	for i, p := range Problems(f.Err) {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(p.Message)
		if p.Hint != "" {
			b.WriteString("\n  hint: " + p.Hint)
		}
	}
	return b.String()
}

// Problems are the errors joined in err, each with its hint.
func Problems(err error) []report.Problem {
	var out []report.Problem
	for _, e := range flatten(err) {
		out = append(out, report.Problem{Message: e.Error(), Hint: hintOf(e)})
	}
	return out
}

func (f *Failure) Unwrap() error { return f.Err }

// Troubles are the errors joined in err that are more than findings, which stand in
// the report, as Exit would say them.
func Troubles(ctx context.Context, err error) []report.Problem {
	var f *Failure
	if !errors.As(Exit(ctx, err), &f) {
		return nil
	}
	var out []report.Problem
	for _, e := range flatten(f.Err) {
		if statusOf(e) != StatusFindings {
			out = append(out, report.Problem{Message: e.Error(), Hint: hintOf(e)})
		}
	}
	return out
}

// ExitStatus is what Mage exits with.
func (f *Failure) ExitStatus() int { return f.Status }

// Usage is an error of usage.
type Usage struct{ Problem, Advice string }

func (e *Usage) Error() string { return e.Problem }

// Hint says how it is meant.
func (e *Usage) Hint() string { return e.Advice }

// Usage marks the error for Exit.
func (e *Usage) Usage() bool { return true }

// Advised is an error with a hint that knows the command.
type Advised struct {
	Err    error
	Advice string
}

func (e *Advised) Error() string { return e.Err.Error() }

// Hint is the advice.
func (e *Advised) Hint() string { return e.Advice }

func (e *Advised) Unwrap() error { return e.Err }

// Findings is the error of a command that did its work and found something; the
// findings themselves are in its report.
type Findings struct{ Summary string }

func (e *Findings) Error() string { return e.Summary }

// Late is the error of a command that has waited long enough; what it saw last is in
// its report.
type Late struct{ Summary string }

func (e *Late) Error() string { return e.Summary }

// Timeout marks the error for Exit.
func (e *Late) Timeout() bool { return true }

// Unseen is the error of a command that could not see all that it had to, and found
// nothing in what it saw.
type Unseen struct{ Summary, Advice string }

func (e *Unseen) Error() string { return e.Summary }

// Hint says how to find out more.
func (e *Unseen) Hint() string { return e.Advice }

// Unavailable marks the error for Exit.
func (e *Unseen) Unavailable() bool { return true }

// Exit gives an error its status; nil stays nil. ctx is the command's context.
func Exit(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(ctx.Err(), context.Canceled) { // a signal is the only one to cancel it
		return &Failure{Status: StatusInterrupted, Err: interrupted(err)}
	}
	// Of several errors the gravest counts: a failure is not hidden by what could be
	// tried again.
	status := 0
	for _, e := range flatten(err) {
		if s := statusOf(e); status == 0 || gravity(s) < gravity(status) {
			status = s
		}
	}
	return &Failure{Status: status, Err: err}
}

// gravity orders the statuses, the gravest first.
func gravity(status int) int {
	return slices.Index([]int{StatusFailed, StatusUsage, StatusUnavailable, StatusTimeout, StatusFindings}, status)
}

// statusOf is the status of one error.
func statusOf(err error) int {
	var findings *Findings
	switch {
	case marked(err, func(e interface{ Usage() bool }) bool { return e.Usage() }):
		return StatusUsage
	case errors.As(err, &findings):
		return StatusFindings
	case marked(err, func(e interface{ Timeout() bool }) bool { return e.Timeout() }):
		return StatusTimeout
	case marked(err, func(e interface{ Unavailable() bool }) bool { return e.Unavailable() }):
		return StatusUnavailable
	case errors.Is(err, context.DeadlineExceeded):
		return StatusTimeout
	default:
		return StatusFailed
	}
}

// interrupted is the message of a command that was interrupted. What was going on is
// not to blame, and its hint would mislead, unless it is about the interruption.
func interrupted(err error) error {
	all := flatten(err)
	for i, e := range all {
		plain := errors.New(e.Error())
		if i == 0 {
			plain = errors.New("interrupted: " + e.Error())
		}
		all[i] = plain
		if hint := hintOf(e); hint != "" && marked(e, func(e interface{ Interrupted() bool }) bool { return e.Interrupted() }) {
			all[i] = &Advised{Err: plain, Advice: hint}
		}
	}
	return errors.Join(all...)
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func marked[T any](err error, is func(T) bool) bool {
	var m T
	return errors.As(err, &m) && is(m)
}

// flatten opens joined errors, in order.
func flatten(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok { // the outermost layer alone
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	return []error{err}
}

// Run calls do with a context that SIGTERM and SIGHUP end as Ctrl-C does (Mage
// sees to that one), and gives the error its exit status.
func Run(ctx context.Context, do func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return Exit(ctx, do(ctx))
}
