package editor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Options say which editor, and where the text lies meanwhile.
type Options struct {
	Command string // as in VISUAL and EDITOR: it may have arguments
	Name    string // of the file that the editor sees
	// Disk is a folder on disk for the text, where no file system in memory is to be
	// used; empty: memory alone.
	Disk string

	In       io.Reader
	Out, Err io.Writer
}

// Buffer is a file that an editor may be given, any number of times.
type Buffer struct {
	opts   Options
	dir    string
	lock   io.Closer // while it is open nobody takes the folder for a left one
	keeper *keeper
}

const prefix = ".sealway-edit-"

// Open makes the buffer. Close it on every path.
func Open(o Options) (*Buffer, error) {
	parent := o.Disk
	if parent == "" {
		if parent = memory(); parent == "" {
			return nil, &NoMemoryError{}
		}
	}
	sweep(parent)
	dir, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return nil, fmt.Errorf("editor: %w", err)
	}
	b := &Buffer{opts: o, dir: dir}
	if b.lock, err = hold(dir); err == nil {
		b.keeper, err = watch(dir)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("editor: %w", err), b.Close())
	}
	return b, nil
}

// Close removes the text.
func (b *Buffer) Close() error {
	err := os.RemoveAll(b.dir)
	if b.keeper != nil {
		b.keeper.end()
	}
	if b.lock != nil {
		_ = b.lock.Close()
	}
	if err != nil {
		return fmt.Errorf("editor: the text could not be removed from %s: %w", b.dir, err)
	}
	return nil
}

// grace is how long an editor has to end when the run is interrupted.
const grace = 2 * time.Second

// Edit gives the editor a text and returns what the person made of it. When ctx ends
// the editor is ended. Ctrl-C is the editor's meanwhile, as in git: Vim's users press it
// to leave a mode. Whoever was told of it before is not told any more afterwards.
func (b *Buffer) Edit(ctx context.Context, text []byte) ([]byte, error) {
	file := filepath.Join(b.dir, b.opts.Name)
	_ = os.Remove(file) // an editor may have left it with another mode
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("editor: %w", err)
	}
	if err := b.run(b.command(ctx, file)); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("editor: ended with the run, nothing was saved: %w", ctx.Err())
		}
		return nil, &FailedError{Cause: err}
	}
	out, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("editor: %w", err)
	}
	return out, nil
}

// run runs the editor.
func (b *Buffer) run(cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = b.opts.In, b.opts.Out, b.opts.Err
	cmd.Cancel, cmd.WaitDelay = func() error { return terminate(cmd.Process) }, grace
	start, begin, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = begin.Close() }()
	if runtime.GOOS != "windows" {
		cmd.ExtraFiles = []*os.File{start}
	}
	err = cmd.Start()
	_ = start.Close()
	if err != nil {
		return err
	}
	signal.Ignore(os.Interrupt, syscall.SIGQUIT) // behind Start: the editor would inherit that
	defer signal.Reset(os.Interrupt, syscall.SIGQUIT)
	_ = begin.Close() // the shell goes on
	return cmd.Wait()
}

// command runs the editor through the shell, as git does. The shell waits for the end
// of its descriptor 3: until then Ctrl-C is still the run's.
func (b *Buffer) command(ctx context.Context, file string) *exec.Cmd {
	args := append(careful(b.opts.Command), file)
	if runtime.GOOS == "windows" {
		words := append(strings.Fields(b.opts.Command), args...)
		return exec.CommandContext(ctx, words[0], words[1:]...)
	}
	return exec.CommandContext(ctx, "sh", slices.Concat([]string{"-c", `read -r _ <&3; exec 3<&-; exec ` + b.opts.Command + ` "$@"`, "sh"}, args)...)
}

// careful are arguments that keep an editor from writing the text elsewhere: Vim's
// registers, backups and undo files.
func careful(command string) []string {
	words := strings.Fields(command)
	if len(words) == 0 {
		return nil
	}
	switch strings.TrimSuffix(filepath.Base(words[0]), ".exe") {
	case "vim", "nvim", "gvim":
		return []string{"-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noundofile"}
	}
	return nil
}

// sweep removes what killed runs left in a folder.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil || runtime.GOOS == "windows" { // there nobody can tell whose it is
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) || time.Since(info.ModTime()) < time.Minute {
			continue // a minute: it may be a run's that has not taken its lock yet
		}
		dir := filepath.Join(parent, e.Name())
		if l, err := hold(dir); err == nil {
			_ = os.RemoveAll(dir)
			_ = l.Close()
		}
	}
}

// NoMemoryError says that there is no file system in memory.
type NoMemoryError struct{}

func (e *NoMemoryError) Error() string {
	return "editor: there is no file system in memory here (/dev/shm), and the text would lie on the disk"
}

// Hint says how to do it all the same.
func (e *NoMemoryError) Hint() string {
	return "-disk puts it into local-secrets/ meanwhile; `mage secrets:set` needs no file at all"
}

// FailedError says that the editor ended with an error, which is how a person tells
// it to save nothing.
type FailedError struct{ Cause error }

func (e *FailedError) Error() string {
	return fmt.Sprintf("editor: ended with %v; nothing was saved", e.Cause)
}

// Hint says what to look at.
func (e *FailedError) Hint() string {
	return "if you did not mean to give up: do VISUAL and EDITOR name an editor that is installed?"
}

func (e *FailedError) Unwrap() error { return e.Cause }
