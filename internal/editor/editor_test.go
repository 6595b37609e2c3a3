//go:build unix

package editor_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/editor"
)

// TestMain is the process that TestKilled kills: it edits with an editor that never
// comes back.
func TestMain(m *testing.M) {
	if dir := os.Getenv("EDITOR_TEST_DISK"); dir != "" {
		b, err := editor.Open(editor.Options{Command: `sh -c 'echo "$1"; read x' sh`, Name: "f", Disk: dir, In: os.Stdin, Out: os.Stdout})
		if err != nil {
			panic(err)
		}
		_, _ = b.Edit(context.Background(), []byte("canary"))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// script is an editor that does what a shell script says with "$1".
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "editor")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, o editor.Options) *editor.Buffer {
	t.Helper()
	if o.Disk == "" {
		o.Disk = t.TempDir()
	}
	o.Name = "f.yaml"
	b, err := editor.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", dir, left, err)
	}
}

func TestEdit(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	b := open(t, editor.Options{Disk: dir, Out: &out, Command: script(t, `stat -c '%a' "$1" "$(dirname "$1")"; echo "$# $(basename "$1")"; sed s/old/new/ "$1" > "$1.x"; mv "$1.x" "$1"`)})
	for range 2 { // as often as it takes
		got, err := b.Edit(t.Context(), []byte("an old text"))
		if err != nil || string(got) != "an new text" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if want := strings.Repeat("600\n700\n1 f.yaml\n", 2); out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	empty(t, dir)
}

// An editor's command may have arguments, as in `code --wait`.
func TestArguments(t *testing.T) {
	var out bytes.Buffer
	b := open(t, editor.Options{Out: &out, Command: script(t, `echo "$1,$2,$#"`) + " --wait 'a b'"})
	defer func() { _ = b.Close() }()
	if _, err := b.Edit(t.Context(), nil); err != nil || out.String() != "--wait,a b,3\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestVimKeepsNothing(t *testing.T) {
	dir := t.TempDir()
	vim := filepath.Join(dir, "vim")
	if err := os.WriteFile(vim, []byte("#!/bin/sh\necho \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	b := open(t, editor.Options{Out: &out, Command: vim + " -R"})
	defer func() { _ = b.Close() }()
	if _, err := b.Edit(t.Context(), nil); err != nil || !strings.HasPrefix(out.String(), "-R -n -i NONE --cmd set nobackup nowritebackup noundofile /") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestEditorFails(t *testing.T) {
	for name, command := range map[string]string{"status": script(t, "exit 1"), "not there": "/nonexistent/editor"} {
		b := open(t, editor.Options{Command: command})
		_, err := b.Edit(t.Context(), []byte("canary"))
		var failed *editor.FailedError
		if !errors.As(err, &failed) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestInterrupted ends the run while the editor is open.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	fifo, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, editor.Options{Disk: dir, Out: w, Command: script(t, `echo here; exec sleep 600`)})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = bufio.NewReader(fifo).ReadString('\n')
		cancel()
	}()
	if _, err := b.Edit(ctx, []byte("canary")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	empty(t, dir)
	_ = w.Close()
	_ = fifo.Close()
}

// TestKilled kills the run itself while the editor is open: the text goes all the same.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "EDITOR_TEST_DISK="+dir)
	in, err := cmd.StdinPipe() // the editor waits at it
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	file, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	file = strings.TrimSpace(file)
	if data, err := os.ReadFile(file); err != nil || string(data) != "canary" {
		t.Fatalf("%q, %v", data, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, filepath.Dir(file))
	_ = in.Close() // that ends the editor, which is still there
	_ = cmd.Wait()
}

// NoMemoryError and what Open says of a folder that is not there.
func TestOpenFails(t *testing.T) {
	if _, err := editor.Open(editor.Options{Disk: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("no error")
	}
	if e := (&editor.NoMemoryError{}); !strings.Contains(e.Hint(), "-disk") {
		t.Error(e.Hint())
	}
}
