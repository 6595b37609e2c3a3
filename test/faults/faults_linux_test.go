// Package faults shows what the compiled binary leaves behind when it is
// stopped, killed, or out of space: each file whole, old or new.
package faults

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/apis/sealedsecrets/v1alpha1"
	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	"k8s.io/client-go/util/cert"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/manifest"
)

func TestMain(m *testing.M) { os.Exit(scripttest.Main(m)) }

const canary = "canary-51c2e8"

// world is a repository with many Secrets and the key that opens them.
type world struct {
	t       *testing.T
	dir     string
	key     *rsa.PrivateKey
	apps    int
	perApp  int
	command []string
}

func newWorld(t *testing.T, dir string, apps, perApp int) *world {
	t.Helper()
	w := &world{t: t, dir: dir, apps: apps, perApp: perApp, command: []string{scripttest.Mage(t), "seal:all"}}
	key, crt, err := crypto.GeneratePrivateKeyAndCert(2048, 24*time.Hour, "")
	if err != nil {
		t.Fatal(err)
	}
	pem, err := cert.EncodeCertificates(crt)
	if err != nil {
		t.Fatal(err)
	}
	w.key = key
	if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	w.write("sealed-secrets.pem", string(pem))
	w.write(".gitignore", "local-secrets/\n")
	w.plaintext(0)
	return w
}

// plaintext writes every Secret with values of the given round.
func (w *world) plaintext(round int) {
	for a := range w.apps {
		for s := range w.perApp {
			w.write(fmt.Sprintf("applications/app%02d/local-secrets/s%02d.yaml", a, s), fmt.Sprintf(
				"apiVersion: v1\nkind: Secret\nmetadata: {name: s%02d, namespace: app%02d}\nstringData:\n  one: %s\n  two: %s\n", s, a, value(round, 1), value(round, 2)))
		}
	}
}

func value(round, n int) string { return fmt.Sprintf("%s-%d-round-%d", canary, n, round) }

func (w *world) write(path, data string) {
	w.t.Helper()
	full := filepath.Join(w.dir, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(data), 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

// start runs seal:all without any of the developer's own settings.
func (w *world) start(out *bytes.Buffer) *exec.Cmd {
	cmd := exec.Command(w.command[0], w.command[1:]...)
	cmd.Dir = w.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.t.TempDir(), "KUBECONFIG=/dev/null"}
	cmd.Stdout, cmd.Stderr = out, out
	return cmd
}

func (w *world) seal() string {
	w.t.Helper()
	var out bytes.Buffer
	if err := w.start(&out).Run(); err != nil {
		w.t.Fatalf("seal:all: %v\n%s", err, out.String())
	}
	return out.String()
}

// rounds decrypts every sealed file and counts how many are of which round. A
// torn file, or one that mixes two rounds, fails the test.
func (w *world) rounds() map[int]int {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "applications/*/templates/sealed-*.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[int]int{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			w.t.Fatal(err)
		}
		list, err := manifest.ReadSealed(f, data)
		if err != nil || len(list) != 1 || len(list[0].Items) != 2 {
			w.t.Fatalf("%s is torn: %v", f, err)
		}
		out[w.round(&list[0])]++
	}
	return out
}

func (w *world) round(s *manifest.Sealed) int {
	w.t.Helper()
	found := -1
	for _, it := range s.Items {
		raw, err := base64.StdEncoding.DecodeString(it.Ciphertext)
		if err != nil {
			w.t.Fatalf("%s: %v", s.Path, err)
		}
		plain, err := crypto.HybridDecrypt(nil, map[string]*rsa.PrivateKey{"": w.key}, raw, v1alpha1.EncryptionLabel(s.Namespace, s.Name, v1alpha1.StrictScope))
		if err != nil {
			w.t.Fatalf("%s: %v", s.Path, err)
		}
		var n, r int
		if _, err := fmt.Sscanf(strings.TrimPrefix(string(plain), canary), "-%d-round-%d", &n, &r); err != nil {
			w.t.Fatalf("%s holds another value: %v", s.Path, err)
		}
		if found >= 0 && found != r {
			w.t.Fatalf("%s mixes rounds %d and %d", s.Path, found, r)
		}
		found = r
	}
	return found
}

// clean fails when something but whole files is left, or a value got out.
func (w *world) clean(printed string) {
	w.t.Helper()
	if strings.Contains(printed, canary) {
		w.t.Errorf("a value was printed:\n%s", printed)
	}
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "/local-secrets/") {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(canary)) {
			w.t.Errorf("%s holds a value", path)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestKill kills a run at 50 random moments. Whatever the moment, every file is
// whole, and the next run brings all of them to the newest values.
func TestKill(t *testing.T) {
	const kills = 50
	w := newWorld(t, t.TempDir(), 6, 6)
	begin := time.Now()
	w.seal()
	whole := time.Since(begin)
	seed := rand.Uint64()
	t.Logf("seed %d, a whole run takes %s", seed, whole)
	random := rand.New(rand.NewPCG(seed, 0))
	cut := 0
	for round := 1; round <= kills; round++ {
		w.plaintext(round)
		var out bytes.Buffer
		cmd := w.start(&out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		killer := time.AfterFunc(time.Duration(random.Int64N(int64(whole))), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		killer.Stop()
		if err != nil {
			cut++
		}
		old := w.rounds()
		for r := range old {
			if r > round {
				t.Fatalf("round %d holds values of round %d", round, r)
			}
		}
		w.clean(out.String())
	}
	if cut == 0 {
		t.Fatal("no run was killed before its end: the test shows nothing")
	}
	t.Logf("%d of %d runs were cut short", cut, kills)
	w.clean(w.seal())
	if got := w.rounds(); got[kills] != w.apps*w.perApp {
		t.Errorf("after the last run: %v, want %d files of round %d", got, w.apps*w.perApp, kills)
	}
	left, err := filepath.Glob(filepath.Join(w.dir, "applications/*/*/.sealway-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
}

// TestSignals ends a run in the middle and looks at the exit status.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			w := newWorld(t, t.TempDir(), 1, 1)
			// A run that waits for the lock is a run at a known place.
			if err := os.MkdirAll(filepath.Join(w.dir, ".git/sealway"), 0o700); err != nil {
				t.Fatal(err)
			}
			lock, err := os.OpenFile(filepath.Join(w.dir, ".git/sealway/lock"), os.O_CREATE|os.O_RDWR, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
			if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			cmd := w.start(&out)
			cmd.Stderr = nil
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line := make([]byte, 256)
			n, err := stderr.Read(line) // "waiting for another run"
			if err != nil {
				t.Fatalf("%v %s", err, line[:n])
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			rest := new(bytes.Buffer)
			_, _ = rest.ReadFrom(stderr)
			err = cmd.Wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 130 {
				t.Errorf("%s: %v, want exit status 130\n%s%s", sig, err, line[:n], rest)
			}
			if got := w.rounds(); len(got) != 0 {
				t.Errorf("files were written: %v", got)
			}
		})
	}
}

// TestDiskFull seals on a file system that is too small for the result.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir, 4, 5)
	// The work tree moves to a small tmpfs, in a mount namespace of its own.
	script := fmt.Sprintf(`mount -t tmpfs -o size=200k tmpfs /mnt && cp -r %s/. /mnt/ && cd /mnt && "$0" "$@"; status=$?; cp -r /mnt/applications %s/after; exit $status`, dir, dir)
	var out bytes.Buffer
	cmd := w.start(&out)
	cmd.Args = append([]string{"sh", "-c", script}, w.command...)
	cmd.Path = "/bin/sh"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("%v, want exit status 1\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "no space left on device") || !strings.Contains(out.String(), "nothing was written") {
		t.Errorf("the error does not say so:\n%s", out.String())
	}
	files, err := filepath.Glob(filepath.Join(dir, "after/*/templates/*"))
	if err != nil || len(files) != 0 {
		t.Errorf("files are left: %v %v", files, err)
	}
	if hidden, _ := filepath.Glob(filepath.Join(dir, "after/*/templates/.*")); len(hidden) != 0 {
		t.Errorf("temporary files are left: %v", hidden)
	}
	w.clean(out.String())
}

// TestReadOnly refuses to replace a file that its owner made read-only.
func TestReadOnly(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1, 2)
	w.seal()
	target := filepath.Join(w.dir, "applications/app00/templates/sealed-s01.yaml")
	if err := os.Chmod(target, 0o444); err != nil {
		t.Fatal(err)
	}
	w.plaintext(1)
	var out bytes.Buffer
	err := w.start(&out).Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(out.String(), "sealed-s01.yaml: nothing was written: the file is read-only") {
		t.Errorf("%v, want exit status 1 and the reason\n%s", err, out.String())
	}
	if got := w.rounds(); got[0] != 2 {
		t.Errorf("files changed: %v", got)
	}
}

// TestTwoRuns lets two runs write at once: one waits for the other.
func TestTwoRuns(t *testing.T) {
	w := newWorld(t, t.TempDir(), 2, 5)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	errs := make(chan error, 4)
	for range 4 {
		go func() {
			var out bytes.Buffer
			cmd := exec.CommandContext(ctx, w.command[0], w.command[1:]...)
			cmd.Dir, cmd.Env = w.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "KUBECONFIG=/dev/null"}
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out.String())
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := w.rounds(); got[0] != 10 {
		t.Errorf("rounds %v", got)
	}
	if out := w.seal(); !strings.Contains(out, "sealed 0 of 10 Secrets, 10 unchanged") {
		t.Errorf("the last run still found something to do:\n%s", out)
	}
}
