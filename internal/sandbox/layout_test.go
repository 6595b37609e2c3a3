package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

func TestForeignDirectoryIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir, CacheDir: t.TempDir()}
	for name, err := range map[string]error{
		"Down": Down(t.Context(), o),
		"Up":   func() error { _, err := Up(t.Context(), o); return err }(),
	} {
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "thesis.txt") || e.Hint() == "" {
			t.Errorf("%s: got %v, want a refusal that says why", name, err)
		}
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestNothingRuns(t *testing.T) {
	o := Options{Dir: filepath.Join(t.TempDir(), "none"), CacheDir: t.TempDir()}
	if err := Down(t.Context(), o); err != nil {
		t.Errorf("Down: %v", err)
	}
	if _, err := Inspect(t.Context(), o); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Inspect: %v, want ErrNotRunning", err)
	}
	if _, err := os.Stat(o.Dir); err == nil {
		t.Error("the directory was made")
	}
}

func TestDownOfAnEmptyDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := Down(t.Context(), Options{Dir: dir, CacheDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory is still there")
	}
}

// Only an ordinary user is kept out of a directory of mode 0.
func TestDownOfLockedDirectories(t *testing.T) {
	dir := t.TempDir()
	l := layout{dir}
	inner := filepath.Join(l.tmp(), "_argocd-repo", "1")
	if err := errors.Join(writeFile(filepath.Join(inner, "f"), nil, 0o400), l.save(sandboxState{})); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{inner, filepath.Dir(inner)} {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := Down(t.Context(), Options{Dir: dir, CacheDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory is still there")
	}
}

// sample is a sandbox of which only the paths exist.
func sample(dir string, argo Product) (layout, sandboxState, Binaries) {
	l := layout{dir}
	bin := Binaries{}
	for _, p := range platform(Options{ArgoCD: argo}) {
		for name := range (entry{recipe: recipes()[p]}).binaries() {
			bin[name] = "/bin/" + name
		}
	}
	return l, sandboxState{
		Sockets: dir + "/run", ArgoCD: argo, Git: "/git/bin/git",
		Ports: ports{
			APIServer: 1001, KWOK: 1002, SealedSecrets: 1003, SealedSecretsMetrics: 1004,
			ArgoCD: 1005, ArgoCDMetrics: 1006, ArgoCDRepo: 1007, ArgoCDRepoMetrics: 1008, ArgoCDControllerMetrics: 1009,
		},
	}, bin
}

func TestProcesses(t *testing.T) {
	all := processes(sample("/state", ArgoCD))
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
		if p.Argv[0] != "/bin/"+p.Name {
			t.Errorf("%s: its program is %q", p.Name, p.Argv[0])
		}
		if p.Log != "/state/logs/"+p.Name+".log" {
			t.Errorf("%s: its log is %s", p.Name, p.Log)
		}
		wantOnce(t, p)
		for _, arg := range append(p.Argv, p.Env...) {
			if strings.Contains(arg, "0.0.0.0") || strings.Contains(arg, "http://") {
				t.Errorf("%s: listens or talks in the open: %s", p.Name, arg)
			}
		}
		if strings.HasPrefix(p.Name, "argocd-") {
			wantContained(t, p)
		}
	}
	want := []string{
		etcdProgram, apiServer, controllerManager, scheduler, kubelet, kwok, sealedSecrets,
		redis, ArgoCDRepoServer, ArgoCDServer, ArgoCDController,
	}
	if !slices.Equal(names, want) {
		t.Errorf("in this order: %v, want %v", names, want)
	}
	if !slices.Equal(names[:2], controlPlane()) {
		t.Errorf("the control plane is %v, but the first are %v", controlPlane(), names[:2])
	}
	if without := processes(sample("/state", NoArgoCD)); len(without) != 7 {
		t.Errorf("without Argo CD there are %d", len(without))
	}
}

// wantOnce looks for a variable that is set twice.
func wantOnce(t *testing.T, p supervise.Process) {
	t.Helper()
	seen := map[string]bool{}
	for _, v := range p.Env {
		name, _, _ := strings.Cut(v, "=")
		if seen[name] {
			t.Errorf("%s: %s is set twice", p.Name, name)
		}
		seen[name] = true
	}
	for _, name := range []string{"HOME", "PATH", "TMPDIR"} {
		if !seen[name] {
			t.Errorf("%s: %s is not set", p.Name, name)
		}
	}
}

// wantContained looks at the environment of one of Argo CD's processes: what it
// is told of paths is in the sandbox, and its programs are the sandbox's own.
func wantContained(t *testing.T, p supervise.Process) {
	t.Helper()
	env := map[string]string{}
	for _, v := range p.Env {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
		if strings.HasPrefix(value, "/") && name != "PATH" && !strings.HasPrefix(value, "/state/") {
			t.Errorf("%s: is to use %s", p.Name, v)
		}
	}
	if want := "/bin:/bin:/git/bin:/usr/bin:/bin"; env["PATH"] != want {
		t.Errorf("%s: its PATH is %s, want %s", p.Name, env["PATH"], want)
	}
	for _, name := range []string{"HOME", "TMPDIR", "KUBECONFIG", "GIT_CONFIG_GLOBAL", "ARGOCD_ASK_PASS_SOCK"} {
		if env[name] == "" {
			t.Errorf("%s: %s is not set", p.Name, name)
		}
	}
}

// One mode is an argument of one process, and nothing else.
func TestInsecureServer(t *testing.T) {
	l, s, bin := sample("/state", ArgoCD)
	secure := processes(l, s, bin)
	s.ArgoCDInsecure = true
	for i, p := range processes(l, s, bin) {
		if insecure, want := slices.Contains(p.Argv, "--insecure"), p.Name == ArgoCDServer; insecure != want {
			t.Errorf("%s: insecure %t, want %t", p.Name, insecure, want)
		}
		if slices.Contains(secure[i].Argv, "--insecure") {
			t.Errorf("%s is insecure without being asked", p.Name)
		}
	}
}

func TestUnknownArgoCD(t *testing.T) {
	_, err := Up(t.Context(), Options{Dir: t.TempDir(), CacheDir: t.TempDir(), ArgoCD: Task})
	if err == nil || !strings.Contains(err.Error(), `product "task": use as Argo CD`) {
		t.Errorf("got %v", err)
	}
}

func TestOnlyWhatMustIsIsolated(t *testing.T) {
	for _, p := range processes(sample("/state", ArgoCD)) {
		want := p.Name == kubelet || p.Name == sealedSecrets
		if p.Isolate != want {
			t.Errorf("%s: isolated %t, want %t", p.Name, p.Isolate, want)
		}
		for _, f := range p.Files {
			if !strings.HasPrefix(f.To, "/run/") {
				t.Errorf("%s: %s is outside of its own /run", p.Name, f.To)
			}
		}
	}
}

func TestSocketPathsAreShort(t *testing.T) {
	for _, length := range []int{20, 200} {
		dir := filepath.Join(t.TempDir(), strings.Repeat("d", length))
		sockets, err := layout{dir}.socketDir()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(sockets) })
		s := sandboxState{Sockets: sockets}
		for _, path := range []string{s.control(), s.egress(), s.etcd(), s.peer(), s.redis(), s.askPass()} {
			if len(path) > 107 {
				t.Errorf("%d bytes: %s", len(path), path)
			}
		}
		if info, err := os.Stat(sockets); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", sockets, info, err)
		}
	}
}

func TestServerStatus(t *testing.T) {
	log := filepath.Join(t.TempDir(), "x.log")
	var lines []string
	for i := range 30 {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	if err := os.WriteFile(log, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	running := supervise.ProcessStatus{Name: "x", State: supervise.Running, Log: log}
	if s := serverStatus(running, "v1", true); s.State != supervise.Running || s.Tail != nil || s.Version != "v1" {
		t.Errorf("running: %+v", s)
	}
	s := serverStatus(running, "v1", false)
	if s.State != supervise.Exited || !slices.Equal(s.Tail, lines[10:]) {
		t.Errorf("with its supervisor killed: %+v", s)
	}
	failed := (&Status{Servers: []ServerStatus{s, {State: supervise.Running}}}).Failed()
	if len(failed) != 1 || failed[0].Name != "x" {
		t.Errorf("failed: %+v", failed)
	}
}

func TestServerError(t *testing.T) {
	err := &ServerError{Server: "etcd", Exit: "exit status 1", Log: "/l/etcd.log", Tail: []string{"a", "listen tcp 127.0.0.1:1: bind: address already in use"}}
	if !err.portTaken() {
		t.Error("it does not see that the port was taken")
	}
	wrapped := layout{"/state"}.failed("start", fmt.Errorf("waiting: %w", err))
	const message = "sandbox /state: start: waiting: server etcd: ended by itself: exit status 1"
	if wrapped.Error() != message {
		t.Errorf("got %q, want %q", wrapped, message)
	}
	var hinted interface{ Hint() string }
	if !errors.As(wrapped, &hinted) || !strings.Contains(hinted.Hint(), "/l/etcd.log:\n  a\n  listen") {
		t.Errorf("the hint is %q", hinted.Hint())
	}
	if hint := (&ServerError{Log: "/l/x.log"}).Hint(); hint != "its log /l/x.log is empty" {
		t.Errorf("the hint is %q", hint)
	}
}

func TestTailOfALongLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(log, []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	got := tail(log)
	if len(got) != 20 || len(got[19]) != 99 {
		t.Errorf("%d lines, the last has %d bytes", len(got), len(got[len(got)-1]))
	}
	if got := tail(log + ".none"); got != nil {
		t.Errorf("of no file: %v", got)
	}
}

func TestNamespaceAdvice(t *testing.T) {
	for text, want := range map[string]bool{
		"kubelet: fork/exec /x/supervisor: operation not permitted":                         true,
		"kubelet: fork/exec /x/supervisor: no space left on device":                         true,
		"supervisor: isolate kubelet: " + supervise.IsolationFailed + ": permission denied": true,
		"write /var/lib: no space left on device":                                           false,
		"fork/exec /x/supervisor: no such file or directory":                                false,
	} {
		if got := namespaceAdvice(text) != ""; got != want {
			t.Errorf("%s: advice %t, want %t", text, got, want)
		}
	}
	err := &ServerError{Log: "/l", Tail: []string{supervise.IsolationFailed}}
	if !strings.Contains(err.Hint(), "sysctl") {
		t.Errorf("the hint is %q", err.Hint())
	}
}

func TestHiddenDirectory(t *testing.T) {
	for dir, want := range map[string]bool{"/run/user/1000/x": true, "/var/run": true, "/runner/x": false, "/home/run/x": false} {
		if got := checkVisible(dir) != nil; got != want {
			t.Errorf("%s: refused %t, want %t", dir, got, want)
		}
	}
}
