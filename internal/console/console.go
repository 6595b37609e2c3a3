// Package console is the boundary to the person or program that runs a command.
//
// Its rules: stdout is the answer and can be piped; stderr is progress, notes
// and hints. Progress is a live line on a terminal and plain lines elsewhere.
// Exactly one report is printed, when there is an answer; with JSON it is the only thing on
// stdout. The exit statuses are in status.go.
package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/sealway/sealway/pkg/report"
)

// Options are the streams and how to write on them.
type Options struct {
	Out, Err io.Writer
	JSON     bool
	Format   Format // of the report, in place of text and JSON
	Verbose  bool
	Colour   bool // where the stream is a terminal
	Unicode  bool // symbols where the stream is a terminal
	CI       bool // plain progress even on a terminal
}

// Format is how a report is printed.
type Format string

// The formats.
const (
	Text   Format = "text"
	JSON   Format = "json"
	SARIF  Format = "sarif"
	GitHub Format = "github" // annotations, as GitHub Actions reads them in a log
)

// Known reports whether there is such a format.
func (f Format) Known() bool {
	return f == Text || f == JSON || f == SARIF || f == GitHub
}

// Console writes for one command. It may be used by several goroutines.
type Console struct {
	opts Options
	live bool // stderr is a terminal

	mu   sync.Mutex
	done bool // the report is printed
	line bool // a live line stands on the terminal
	last map[string]time.Time
}

// New makes a console.
func New(o Options) *Console {
	return &Console{opts: o, live: terminal(o.Err) && !o.CI, last: map[string]time.Time{}}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Report prints the answer on stdout and its warnings on stderr.
func (c *Console) Report(r *report.Report) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	c.done = true
	for _, w := range r.Warnings {
		fmt.Fprintln(c.opts.Err, "warning: "+w)
	}
	switch {
	case c.opts.JSON:
		return report.JSON(c.opts.Out, r)
	case c.opts.Format == SARIF:
		return report.SARIF(c.opts.Out, r)
	case c.opts.Format == GitHub:
		return report.Annotations(c.opts.Out, r)
	}
	return report.Text(c.opts.Out, r, c.style())
}

// style is how a report looks where the answer goes: plain and unwrapped in a pipe.
func (c *Console) style() report.Style {
	s := report.Style{Verbose: c.opts.Verbose}
	if terminal(c.opts.Out) {
		s.Color, s.Unicode, s.Width = c.opts.Colour, c.opts.Unicode, width(c.opts.Out)
	}
	return s
}

// Answer prints a bare line in place of a report, for a command whose answer is
// one value.
func (c *Console) Answer(value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	c.done = true
	_, err := fmt.Fprintln(c.opts.Out, value)
	return err
}

// Fail prints the report of a command that failed before it had one: only in the
// formats of programs, which wait for it. The message itself is Mage's
// to print, on stderr.
func (c *Console) Fail(r *report.Report, err error) error {
	if !c.opts.JSON && c.opts.Format != SARIF && c.opts.Format != GitHub || c.done {
		return err
	}
	r.Errors, r.Summary = Problems(err), "failed"
	return errors.Join(err, c.Report(r))
}

// Aside writes on stderr what is for a program that reads along.
func (c *Console) Aside(write func(io.Writer) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	return write(c.opts.Err)
}

// Note prints one line on stderr.
func (c *Console) Note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	fmt.Fprintf(c.opts.Err, format+"\n", args...)
}

// quiet is how often a plain progress line about the same step may appear.
const quiet = 10 * time.Second

// Progress shows how far a step is: on a terminal by rewriting one line,
// elsewhere as a line for each step that ends and one every ten seconds.
func (c *Console) Progress(step, detail string, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := step
	if detail != "" {
		text += ": " + detail
	}
	if c.live {
		c.clear()
		fmt.Fprint(c.opts.Err, truncate(text, width(c.opts.Err)))
		c.line = true
		if ended {
			fmt.Fprintln(c.opts.Err)
			c.line = false
		}
		return
	}
	now := time.Now()
	if first, seen := c.last[step]; ended || !seen || now.Sub(first) >= quiet {
		c.last[step] = now
		fmt.Fprintln(c.opts.Err, text)
	}
}

// clear removes the live line.
func (c *Console) clear() {
	if c.line {
		fmt.Fprint(c.opts.Err, "\r\x1b[K")
		c.line = false
	}
}

func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}

func truncate(s string, n int) string {
	if r := []rune(s); len(r) >= n {
		return string(r[:n-1])
	}
	return s
}
