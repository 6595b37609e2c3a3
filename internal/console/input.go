package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether a person is at the other end of a stream.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Ask reads one line from a terminal without showing it. The terminal is as before
// when ctx ends meanwhile.
func (c *Console) Ask(ctx context.Context, in *os.File, prompt string) ([]byte, error) {
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	c.mu.Lock()
	c.clear()
	fmt.Fprint(c.opts.Err, prompt+": ")
	c.mu.Unlock()
	type line struct {
		text []byte
		err  error
	}
	got := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		got <- line{text, err}
	}()
	select {
	case l := <-got:
		fmt.Fprintln(c.opts.Err)
		if errors.Is(l.err, io.EOF) {
			return nil, nil
		}
		return l.text, l.err
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		fmt.Fprintln(c.opts.Err)
		return nil, fmt.Errorf("nothing was typed: %w", ctx.Err())
	}
}

// Reveal prints one value and nothing else: as it is, but for a line end where a
// terminal needs one.
func (c *Console) Reveal(value []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	c.done = true
	if _, err := c.opts.Out.Write(value); err != nil {
		return err
	}
	if terminal(c.opts.Out) && (len(value) == 0 || value[len(value)-1] != '\n') {
		_, err := fmt.Fprintln(c.opts.Out)
		return err
	}
	return nil
}
