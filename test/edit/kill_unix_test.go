//go:build unix

// Package edit tests the commands that change plaintext by the compiled binary: what
// is left of them when they are killed, and what they take from a cluster.
package edit

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/manifest"
)

func TestMain(m *testing.M) { os.Exit(scripttest.Main(m)) }

// rounds is how often each command is killed.
const rounds = 50

// word is in every value that this test plants, and nowhere else.
const word = "canary-kill"

const shopContract = `secrets:
  - name: api
    keys:
      token: {generate: password, prefix: canary-kill-}
      url: {derive: "https://{{ token }}@shop"}
      salt: {generate: hex, immutable: true}
  - name: db
    keys:
      password: {generate: password, prefix: canary-kill-}
`

const frontContract = `secrets:
  - name: front
    keys:
      key: {link: shop/api/token}
`

// world is a repository of a test.
type world struct {
	t                *testing.T
	mage             string
	root, temp, home string
	env              []string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, mage: scripttest.Mage(t), root: t.TempDir(), temp: t.TempDir(), home: t.TempDir()}
	w.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "TMPDIR=" + w.temp, "TERM=dumb", "LC_ALL=C", "GOTRACEBACK=crash",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + filepath.Join(w.home, "gitconfig"), "KUBECONFIG=" + filepath.Join(w.home, "none"),
	}
	for path, text := range map[string]string{
		".gitignore": "local-secrets/\n", "applications/shop/secrets.yaml": shopContract, "applications/front/secrets.yaml": frontContract,
	} {
		w.write(path, text)
	}
	git := exec.CommandContext(t.Context(), "git", "init", "-q", w.root)
	git.Env = w.env
	if out, err := git.CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	w.run("secrets:generate")
	return w
}

func (w *world) write(path, text string) {
	w.t.Helper()
	full := filepath.Join(w.root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o700); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) command(ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, w.mage, args...)
	cmd.Dir, cmd.Env = w.root, w.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// run has to succeed.
func (w *world) run(args ...string) string {
	w.t.Helper()
	cmd, out := w.command(w.t.Context(), args...)
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("mage %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out.String()
}

// files are all plaintext files.
func (w *world) files() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, dir := range []string{"shop", "front"} {
		paths, err := filepath.Glob(filepath.Join(w.root, "applications", dir, "local-secrets", "*.yaml"))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range paths {
			data, err := os.ReadFile(p)
			if err != nil {
				w.t.Fatal(err)
			}
			out[filepath.Base(p)] = string(data)
		}
	}
	return out
}

// value is a value of application shop or front.
func (w *world) value(file, key string) string {
	w.t.Helper()
	list, err := manifest.ReadSecrets(file, []byte(w.files()[file]))
	if err != nil || len(list) != 1 || list[0].Item(key) == nil {
		w.t.Fatalf("%s: no %s: %v", file, key, err)
	}
	return string(list[0].Item(key).Value)
}

var anyValue = regexp.MustCompile(`(?m)^(  [a-z]+: ).*$`)

// shape is a file without its values.
func shape(text string) string { return anyValue.ReplaceAllString(text, "$1") }

// action is a command that is to be killed.
type action struct {
	name  string
	args  []string
	input func(round int) string
	env   []string
}

// TestKilled kills each command at random moments. Whenever that is, every file is
// whole, old or new; `secrets:generate` brings together what belongs together; and no
// value is anywhere but in the plaintext folders.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	w.write("bin/editor", "#!/bin/sh\nulimit -c > \"$(dirname \"$0\")/core\"\nsed \"s/^  token: .*/  token: 'canary-'kill-edited-$$-abcdefgh/\" \"$1\" | sed \"s/'canary-'/canary-/\" > \"$1.new\" && mv \"$1.new\" \"$1\"\n")
	if err := os.MkdirAll(filepath.Join(w.root, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for n, a := range []action{
		{name: "set", args: []string{"secrets:set", "shop", "api", "token"}, input: func(round int) string { return fmt.Sprintf("%s-set-%d-abcdefgh", word, round) }},
		{name: "rotate", args: []string{"secrets:rotate", "shop"}},
		{name: "edit", args: []string{"secrets:edit", "shop", "api"}, env: []string{"EDITOR=" + filepath.Join(w.root, "bin/editor")}},
	} {
		t.Run(a.name, func(t *testing.T) {
			w.t = t
			if a.name == "edit" && !inMemory() {
				a.args = append(a.args, "-disk")
			}
			w.kill(a, rand.New(rand.NewPCG(7, uint64(n))))
		})
	}
}

func (w *world) kill(a action, rnd *rand.Rand) {
	whole := w.once(a, 0, 0) // how long it takes when nobody kills it
	old, fresh, between := 0, 0, 0
	for round := 1; round <= rounds; round++ {
		before := w.files()
		// Half of the moments are in the last third, where the files are written.
		from := 0.0
		if round%2 == 0 {
			from = 0.6
		}
		w.once(a, round, time.Duration((from+rnd.Float64()*(1.1-from))*float64(whole)))
		after := w.files()
		changed := 0
		for name, text := range before {
			if shape(after[name]) != shape(text) {
				w.t.Fatalf("round %d: %s is not whole:\n%s", round, name, shape(after[name]))
			}
			if after[name] != text {
				changed++
			}
		}
		if len(after) != len(before) {
			w.t.Fatalf("round %d: %d files, were %d", round, len(after), len(before))
		}
		switch token := w.value("api.yaml", "token"); {
		case changed == 0:
			old++
		case w.value("front.yaml", "key") == token && w.value("api.yaml", "url") == "https://"+token+"@shop":
			fresh++
		default:
			between++
		}
		w.clean(round)
		w.repaired(round)
	}
	w.t.Logf("%s takes %v; killed %d times: %d old, %d new, %d between two files", a.name, whole.Round(time.Millisecond), rounds, old, fresh, between)
}

// once runs the command, and kills it after a while: itself, or every second time with
// all that it started.
func (w *world) once(a action, round int, after time.Duration) time.Duration {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	cmd, out := w.command(ctx, a.args...)
	cmd.Env = append(cmd.Env, a.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second // an editor that is left may hold the pipe
	if a.input != nil {
		cmd.Stdin = strings.NewReader(a.input(round))
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	if after == 0 {
		if err := cmd.Wait(); err != nil {
			w.t.Fatalf("%s: %v\n%s", a.name, err, out)
		}
	} else {
		<-time.After(after) // the moment is what is tested
		pid := cmd.Process.Pid
		if round%4 < 2 {
			pid = -pid
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		_ = cmd.Wait()
	}
	if strings.Contains(out.String(), word) {
		w.t.Fatalf("round %d: a value was printed:\n%s", round, out)
	}
	return time.Since(start)
}

// clean finds no value outside of the plaintext folders, and no core dump.
func (w *world) clean(round int) {
	w.t.Helper()
	for _, dir := range []string{w.root, w.temp, w.home} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.Contains(path, "/local-secrets/") || d.Name() == "secrets.yaml" { // that has the prefix
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(word)) {
				w.t.Fatalf("round %d: %s has a value", round, path)
			}
			if d.Name() != "core" && strings.HasPrefix(d.Name(), "core") {
				w.t.Fatalf("round %d: a core dump: %s", round, path)
			}
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	limit, err := os.ReadFile(filepath.Join(w.root, "bin/core"))
	if text := strings.TrimSpace(string(limit)); err == nil && text != "" && text != "0" && text != "1" {
		w.t.Fatalf("round %d: the editor may leave a core dump of %s blocks", round, text)
	}
	w.forgotten(round)
}

// forgotten waits until the text that the editor had is gone from memory.
func (w *world) forgotten(round int) {
	w.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
		path := ""
		for _, dir := range []string{"/dev/shm", "/run/user"} {
			_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
				if err != nil || !strings.Contains(p, "/.sealway-edit-") || !d.Type().IsRegular() {
					return nil //nolint:nilerr // somebody else's, or gone meanwhile
				}
				if data, err := os.ReadFile(p); err == nil && bytes.Contains(data, []byte(word)) {
					path = p
				}
				return nil
			})
		}
		switch {
		case path == "":
			return
		case time.Now().After(deadline):
			w.t.Fatalf("round %d: %s is still there", round, path)
		}
	}
}

// repaired runs secrets:generate, which finishes what was begun.
func (w *world) repaired(round int) {
	w.t.Helper()
	token := w.value("api.yaml", "token")
	out := w.run("secrets:generate")
	if got := w.value("api.yaml", "token"); got != token {
		w.t.Fatalf("round %d: the token was made once more", round)
	}
	if w.value("front.yaml", "key") != token || w.value("api.yaml", "url") != "https://"+token+"@shop" {
		w.t.Fatalf("round %d: the values do not agree:\n%s", round, out)
	}
	if strings.Contains(out, "warning") {
		w.t.Fatalf("round %d: %s", round, out)
	}
	if _, err := os.Stat(filepath.Join(w.root, ".git/sealway/unfinished.json")); err == nil {
		w.t.Fatalf("round %d: the journal is still there", round)
	}
	for _, dir := range []string{"shop", "front"} {
		left, err := filepath.Glob(filepath.Join(w.root, "applications", dir, "local-secrets", ".sealway-*"))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, l := range left {
			w.t.Logf("round %d: left until the next change of this folder: %s", round, filepath.Base(l))
		}
	}
}

// inMemory reports whether the editor's text can lie in memory.
func inMemory() bool {
	_, err := os.Stat("/dev/shm")
	return err == nil
}
