// Package completion has real shells complete command lines of the real program.
package completion

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/sealway/sealway/internal/scripttest"
)

func TestMain(m *testing.M) { os.Exit(scripttest.Main(m)) }

// shell is how one is started, prompts and reads.
type shell struct {
	name   string
	args   []string
	source string // reads the script
	show   string // has sealway print its arguments, while the script still asks the program
}

const ready = "ready> "

func shells() []shell {
	return []shell{
		{
			name: "bash", args: []string{"--norc", "--noprofile", "-i"},
			source: `source <(command sealway completion bash)`,
			show:   `sealway() { printf '<%s>' "$@"; printf 'end\n'; }; PS1='ready''> '`,
		},
		{
			name: "zsh", args: []string{"-f", "-i"},
			source: `source <(command sealway completion zsh)`,
			show:   `sealway() { printf '<%s>' "$@"; printf 'end\n' }; unsetopt prompt_sp prompt_cr; PS1='ready''> '`,
		},
		{
			name: "fish", args: []string{"--no-config", "-i"},
			source: `command sealway completion fish | source`,
			show:   `function sealway; printf '<%s>' $argv; printf 'end\n'; end; function fish_prompt; printf 'ready''> '; end`,
		},
	}
}

// find finds the shell. CI has to have it: a check that nobody runs is none.
func (s shell) find(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath(s.name)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("no %s: .ci/run installs it", s.name)
	default:
		t.Skipf("no %s here; on Debian: apt-get install --no-install-recommends %[1]s", s.name)
	}
	return path
}

// world is a folder with the program and a repository.
type world struct {
	t       *testing.T
	bin     string
	program string
	work    string
}

// odd are names of folders that a shell must not take for anything but a name.
var odd = []string{
	"my app", "cmd$(touch pwned)", "tick`touch pwned`", `quote"d`, `it's`, "semi;touch pwned", "dollar$HOME", `back\slash`,
	"amp&touch pwned", "star*", "bang!x", "colon:name", "pipe|touch pwned", "equal=sign", "hash #x", "trail ", "ümläut-x",
	"redirect>pwned", "brace{a", "percent%F{red}", "par(touch)",
}

// unfit are names that are not offered: they would move the cursor, or be a flag.
var unfit = []string{"tab\tstop", "new\nline; touch pwned", "esc\x1b[2J", "bad\xffbyte", "-dash", "rtl\u202egnp"}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, bin: filepath.Join(t.TempDir(), "bin"), work: t.TempDir()}
	w.program = filepath.Join(w.bin, "sealway")
	mage := scripttest.Mage(t)
	w.check(os.Mkdir(w.bin, 0o755))
	if os.Link(mage, w.program) != nil {
		data, err := os.ReadFile(mage)
		w.check(err)
		w.check(os.WriteFile(w.program, data, 0o755))
	}
	w.check(exec.CommandContext(context.Background(), "git", "init", "-q", w.work).Run())
	for _, name := range slices.Concat(odd, unfit) {
		w.check(os.MkdirAll(filepath.Join(w.work, "applications", name), 0o755))
	}
	for name, text := range map[string]string{
		"litellm/secrets.yaml":            "secrets:\n  - name: litellm-secrets\n    keys: {PROXY_MASTER_KEY: {generate: password}, SALT: {generate: password}}\n",
		"litellm/local-secrets/db.yaml":   "apiVersion: v1\nkind: Secret\nmetadata: {name: litellm-db, namespace: litellm}\nstringData: {password: canary-value}\n",
		"litellm/local-secrets/bad.yaml":  "kind: [canary-value\n",
		"openwebui/templates/sealed.yaml": "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: webui, namespace: openwebui}\nspec:\n  encryptedData: {session-key: AgBcanaryvalue}\n",
		"broken/secrets.yaml":             "canary-value: [\n",
	} {
		path := filepath.Join(w.work, "applications", filepath.FromSlash(name))
		w.check(os.MkdirAll(filepath.Dir(path), 0o755))
		w.check(os.WriteFile(path, []byte(text), 0o644))
	}
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) environment() []string {
	return []string{
		"PATH=" + w.bin + ":" + os.Getenv("PATH"), "HOME=" + w.bin, "TERM=dumb", "LC_ALL=C.UTF-8", "COLUMNS=200", "LINES=50",
		"HISTFILE=", "XDG_CONFIG_HOME=" + w.bin, "XDG_DATA_HOME=" + w.bin,
	}
}

// session is an interactive shell on a terminal.
type session struct {
	t      *testing.T
	master *os.File
	shown  chan []byte // what the terminal shows
	seen   bytes.Buffer
}

// patience ends a test that waits for something that never comes.
const patience = 20 * time.Second

func (w *world) start(t *testing.T, s shell) *session {
	t.Helper()
	path := s.find(t)
	master, slave := scripttest.Terminal(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, path, s.args...)
	cmd.Dir, cmd.Env = w.work, w.environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &session{t: t, master: master, shown: make(chan []byte)}
	go p.read(ctx)
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	p.typed(s.source + "; " + s.show + "\n")
	p.until(ready)
	return p
}

// read passes on what the terminal shows.
func (p *session) read(ctx context.Context) {
	for {
		buf := make([]byte, 4096)
		n, err := p.master.Read(buf)
		if err != nil {
			return
		}
		select {
		case p.shown <- buf[:n]:
		case <-ctx.Done():
			return
		}
	}
}

func (p *session) typed(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, text); err != nil {
		p.t.Fatal(err)
	}
}

// until reads what the terminal shows up to a text, and returns what was before it.
func (p *session) until(text string) string {
	p.t.Helper()
	late := time.After(patience)
	for !strings.Contains(p.seen.String(), text) {
		select {
		case data := <-p.shown:
			p.seen.Write(data)
		case <-late:
			p.t.Fatalf("%q was not shown but %q", text, p.seen.String())
		}
	}
	before, rest, _ := strings.Cut(p.seen.String(), text)
	p.seen.Reset()
	p.seen.WriteString(rest)
	return before
}

// run types a line, presses Enter and returns the arguments that the program got.
func (p *session) run(line string) (args []string, screen string) {
	p.t.Helper()
	p.typed(line + "\n")
	screen = p.until(">end")
	p.until(ready)
	_, last, _ := strings.Cut(screen[strings.LastIndex(screen, "\n")+1:], "<")
	return strings.Split(last, "><"), screen
}

// TestTab presses Tab as a person does, and looks at what the shell then runs.
func TestTab(t *testing.T) {
	w := newWorld(t)
	cases := []struct {
		typed string
		want  []string
		not   string // a shell that does something else
	}{
		{typed: "seal:ap\t", want: []string{"seal:app"}},
		{typed: "gitops:port\t", want: []string{"gitops:portForward"}},
		{typed: "gitops:portf\t", want: []string{"gitops:portForward"}, not: "zsh"}, // told apart there
		{typed: "seal:app lit\t", want: []string{"seal:app", "litellm"}},
		{typed: "seal:app litellm,open\t", want: []string{"seal:app", "litellm,openwebui"}},
		{typed: "seal:status -app=lit\t", want: []string{"seal:status", "-app=litellm"}},
		{typed: "seal:status -app=litellm,open\t-js\t", want: []string{"seal:status", "-app=litellm,openwebui", "-json"}},
		{typed: "secrets:guard -for\tsar\t", want: []string{"secrets:guard", "-format=sarif"}},
		{typed: "secrets:set lit\tlitellm-s\tPROX\t-gen\t", want: []string{"secrets:set", "litellm", "litellm-secrets", "PROXY_MASTER_KEY", "-generate"}},
		{typed: "secrets:set lit\tlitellm-d\t\t", want: []string{"secrets:set", "litellm", "litellm-db", "password"}},
		{typed: "secrets:set open\tw\ts\t", want: []string{"secrets:set", "openwebui", "webui", "session-key"}},
		{typed: "secrets:rotate litellm -key=litellm-secrets/S\t", want: []string{"secrets:rotate", "litellm", "-key=litellm-secrets/SALT"}},
		{typed: "secrets:generate -force=lit\tlitellm-s\tS\t", want: []string{"secrets:generate", "-force=litellm/litellm-secrets/SALT"}},
		{typed: "seal:cert -cert=applications/lit\tsecr\t", want: []string{"seal:cert", "-cert=applications/litellm/secrets.yaml"}},
		{typed: "seal:all -dry\tseal:ch\t", want: []string{"seal:all", "-dryRun", "seal:check"}},
		{typed: "completion z\t", want: []string{"completion", "zsh"}},
		{typed: "seal:app \"my\t", want: []string{"seal:app", "my app"}},
		{typed: "seal:app 'my\t", want: []string{"seal:app", "my app"}},
		{typed: "seal:app my\\ a\t", want: []string{"seal:app", "my app"}},
		{typed: "seal:app \"cmd\t", want: []string{"seal:app", "cmd$(touch pwned)"}},
		{typed: "seal:app 'cmd\t", want: []string{"seal:app", "cmd$(touch pwned)"}},
		{typed: "seal:app \"tick\t", want: []string{"seal:app", "tick`touch pwned`"}},
		{typed: "nothing:here x\t", want: []string{"nothing:here", "x"}},
		{typed: "seal:all zzz\t", want: []string{"seal:all", "zzz"}},
		{typed: "secrets:set broken x\t", want: []string{"secrets:set", "broken", "x"}},
		{typed: "seal:app new\t", want: []string{"seal:app", "new"}},
		{typed: "seal:app esc\t", want: []string{"seal:app", "esc"}},
		{typed: "seal:app tab\t", want: []string{"seal:app", "tab"}},
		{typed: "seal:app bad\t", want: []string{"seal:app", "bad"}},
		{typed: "seal:app rtl\t", want: []string{"seal:app", "rtl"}},
	}
	for _, s := range shells() {
		t.Run(s.name, func(t *testing.T) {
			p := w.start(t, s)
			for _, c := range cases {
				if c.not == s.name {
					continue
				}
				got, screen := p.run("sealway " + c.typed)
				if !slices.Equal(got, c.want) {
					t.Errorf("%q: %q, want %q\n%q", c.typed, got, c.want, screen)
				}
				w.harmless(t, screen)
			}
			for _, name := range odd {
				got, screen := p.run("sealway seal:app " + beginning(name) + "\t")
				if want := []string{"seal:app", name}; !slices.Equal(got, want) {
					t.Errorf("%q, want %q\n%q", got, want, screen)
				}
				w.harmless(t, screen)
			}
		})
	}
}

// beginning is as much of a name as needs no quotes.
func beginning(name string) string {
	return name[:strings.IndexFunc(name, func(r rune) bool { return !unicode.IsLetter(r) })]
}

// harmless looks for what must never come of pressing Tab.
func (w *world) harmless(t *testing.T, screen string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(w.work, "pwned")); err == nil {
		t.Fatal("the name of a folder was run as a command")
	}
	for _, word := range []string{"canary", "Error", "rror:", "Unknown", "\x1b[2J"} {
		if strings.Contains(screen, word) {
			t.Errorf("%q was shown: %q", word, screen)
		}
	}
}
