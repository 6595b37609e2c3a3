package edit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/sealway/sealway/internal/scripttest"
)

// terminal is a pseudo-terminal, pty(7).
type terminal struct {
	t             *testing.T
	master, slave *os.File
	seen          bytes.Buffer
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	master, slave := scripttest.Terminal(t)
	return &terminal{t: t, master: master, slave: slave}
}

// start runs mage with the terminal as all its streams.
func (p *terminal) start(w *world, args ...string) *exec.Cmd {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	p.t.Cleanup(cancel)
	cmd, _ := w.command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.slave, p.slave, p.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return cmd
}

// until reads what the terminal shows up to a text.
func (p *terminal) until(text string) {
	p.t.Helper()
	buf := make([]byte, 4096)
	for !strings.Contains(p.seen.String(), text) {
		n, err := p.master.Read(buf)
		p.seen.Write(buf[:n])
		if err != nil {
			p.t.Fatalf("%q was not shown but %q: %v", text, p.seen.String(), err)
		}
	}
}

// rest reads until the program has ended.
func (p *terminal) rest(cmd *exec.Cmd) error {
	p.t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(&p.seen, p.master) }()
	err := cmd.Wait()
	_ = p.slave.Close() // ends the copying: nobody has the other side any more
	<-done
	return err
}

func (p *terminal) typed(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, text); err != nil {
		p.t.Fatal(err)
	}
}

// echoes reports whether the terminal shows what is typed.
func (p *terminal) echoes() bool {
	var state syscall.Termios
	if err := scripttest.Ioctl(p.master, syscall.TCGETS, unsafe.Pointer(&state)); err != nil {
		p.t.Fatal(err)
	}
	return state.Lflag&syscall.ECHO != 0
}

// silent waits for the moment, just behind the prompt, in which typing is not shown
// any more.
func (p *terminal) silent() {
	p.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); p.echoes(); <-tick.C {
		if time.Now().After(deadline) {
			p.t.Fatal("the terminal shows what is typed")
		}
	}
}

// TestTyped types a value at the prompt: the terminal does not show it.
func TestTyped(t *testing.T) {
	w := newWorld(t)
	p := newTerminal(t)
	cmd := p.start(w, "secrets:set", "shop", "api", "token")
	p.until("value of api/token (not shown): ")
	p.silent()
	p.typed("canary-kill-typed\n")
	if err := p.rest(cmd); err != nil || strings.Contains(p.seen.String(), word) {
		t.Errorf("%v\n%s", err, p.seen.String())
	}
	if !strings.Contains(p.seen.String(), "set token (17 characters) of ") {
		t.Errorf("how much was typed is not told:\n%s", p.seen.String())
	}
	if w.value("api.yaml", "token") != "canary-kill-typed" || w.value("front.yaml", "key") != "canary-kill-typed" {
		t.Error("the value is not the typed one")
	}
	p = newTerminal(t)
	cmd = p.start(w, "secrets:show", "shop", "-reveal=token")
	if err := p.rest(cmd); err != nil || p.seen.String() != "canary-kill-typed\r\n" {
		t.Errorf("revealed %q, %v", p.seen.String(), err)
	}
}

// TestTypedInterrupted presses Ctrl-C at the prompt, and ends the run: the terminal
// shows again what is typed.
func TestTypedInterrupted(t *testing.T) {
	w := newWorld(t)
	before := w.files()
	for name, stop := range map[string]func(*terminal, *exec.Cmd){
		"Ctrl-C":  func(p *terminal, _ *exec.Cmd) { p.typed("canary-kill\x03") },
		"SIGTERM": func(_ *terminal, cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newTerminal(t)
			cmd := p.start(w, "secrets:set", "shop", "api", "token")
			p.until("(not shown): ")
			p.silent()
			stop(p, cmd)
			err := p.rest(cmd)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 130 || strings.Contains(p.seen.String(), word) {
				t.Errorf("%v\n%s", err, p.seen.String())
			}
			if !p.echoes() {
				t.Error("the terminal shows nothing any more")
			}
			if after := w.files(); after["api.yaml"] != before["api.yaml"] {
				t.Error("the file has changed")
			}
		})
	}
}

// TestEditTerminated ends the run in each way a terminal or a person does while the
// editor is open: the text is gone when the run has ended.
func TestEditTerminated(t *testing.T) {
	w := newWorld(t)
	w.write("bin/wait", "#!/bin/sh\nprintf 'can%s' ary-kill > \"$1\"\necho at \"$1\"\nexec sleep 600\n")
	w.env = append(w.env, "VISUAL="+filepath.Join(w.root, "bin/wait"))
	before := w.files()
	for name, stop := range map[string]func(*terminal, *exec.Cmd) (status int){
		"SIGTERM": func(_ *terminal, cmd *exec.Cmd) int { _ = cmd.Process.Signal(syscall.SIGTERM); return 130 },
		"SIGHUP":  func(_ *terminal, cmd *exec.Cmd) int { _ = cmd.Process.Signal(syscall.SIGHUP); return 130 },
		// Of Ctrl-C this editor ends; the run itself leaves it to the editor.
		"Ctrl-C": func(p *terminal, _ *exec.Cmd) int { p.typed("\x03"); return 1 },
	} {
		for _, flag := range []string{"", "-disk"} {
			t.Run(name+flag, func(t *testing.T) {
				w.t = t
				p := newTerminal(t)
				args := []string{"secrets:edit", "shop", "api"}
				if flag != "" {
					args = append(args, flag)
				}
				cmd := p.start(w, args...)
				p.until("api.yaml\r\n")
				_, file, _ := strings.Cut(strings.TrimSpace(p.seen.String()), "at ")
				if _, err := os.Stat(file); err != nil {
					t.Fatal(err)
				}
				status := stop(p, cmd)
				err := p.rest(cmd)
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != status {
					t.Errorf("%v\n%s", err, p.seen.String())
				}
				if _, err := os.Stat(filepath.Dir(file)); err == nil {
					t.Errorf("%s is still there", file)
				}
				w.clean(0)
				if after := w.files(); after["api.yaml"] != before["api.yaml"] {
					t.Error("the file has changed")
				}
			})
		}
	}
}

// TestEditorHasItsInterrupts: an editor that takes Ctrl-C for a key of its own goes on,
// and so does the run.
func TestEditorHasItsInterrupts(t *testing.T) {
	w := newWorld(t)
	w.write("bin/vi", "#!/bin/sh\ntrap 'got=yes' INT\necho ready\nread x\ntest \"$got\" = yes || exit 9\n"+
		"sed \"s/^  token: .*/  token: canary-\"kill-vi/ \"$1\" > \"$1.new\" && mv \"$1.new\" \"$1\"\n")
	w.env = append(w.env, "VISUAL="+filepath.Join(w.root, "bin/vi"))
	p := newTerminal(t)
	cmd := p.start(w, "secrets:edit", "shop", "api")
	p.until("ready\r\n")
	p.typed("\x03")
	p.until("^C")
	p.typed("\n")
	if err := p.rest(cmd); err != nil || w.value("api.yaml", "token") != "canary-kill-vi" {
		t.Errorf("%v\n%s", err, p.seen.String())
	}
	w.clean(0)
}
