package supervise

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test's own binary is the supervisor when it is called as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == isolateCommand || filepath.Base(os.Args[1]) == "spec.json") {
		os.Exit(Main(os.Args[1:], os.Stderr))
	}
	os.Exit(m.Run())
}

// fixture is a supervisor in a process of its own.
type fixture struct {
	Client
	ctx  context.Context
	dir  string
	spec Spec
	cmd  *exec.Cmd
	done chan error
}

func script(name, text string) Process {
	return Process{Name: name, Argv: []string{"/bin/sh", "-c", text}, Env: []string{"PATH=/usr/bin:/bin"}}
}

func startSupervisor(t *testing.T, processes ...Process) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	dir := t.TempDir()
	for i := range processes {
		processes[i].Log = filepath.Join(dir, processes[i].Name+".log")
		processes[i].Env = append(processes[i].Env, "DIR="+dir)
	}
	f := &fixture{
		ctx: ctx, dir: dir, done: make(chan error, 1),
		spec: Spec{
			Control: filepath.Join(dir, "control"), Egress: filepath.Join(dir, "egress"),
			Status: filepath.Join(dir, "status.json"), Processes: processes,
		},
	}
	f.Socket = f.spec.Control
	spec := filepath.Join(dir, "spec.json")
	if err := WriteSpec(spec, f.spec); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f.cmd = exec.CommandContext(ctx, self, spec)
	f.cmd.Stderr = os.Stderr
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { f.done <- f.cmd.Wait() }()
	t.Cleanup(func() { _ = f.cmd.Process.Kill() })
	eventually(ctx, t, func() bool { _, err := f.Status(ctx); return err == nil })
	return f
}

// end sends a signal to the supervisor and waits for its end.
func (f *fixture) end(t *testing.T, sig os.Signal) error {
	t.Helper()
	if err := f.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	return f.wait(t)
}

func (f *fixture) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-f.done:
		return err
	case <-f.ctx.Done():
		t.Fatal("the supervisor did not end in time")
		return nil
	}
}

// process returns the current status of one process.
func (f *fixture) process(t *testing.T, name string) ProcessStatus {
	t.Helper()
	s, err := f.Status(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := s.Process(name)
	if !ok {
		t.Fatalf("no process %s in the status", name)
	}
	return p
}

func (f *fixture) start(t *testing.T, names ...string) {
	t.Helper()
	if err := f.Start(f.ctx, names...); err != nil {
		t.Fatal(err)
	}
}

// file waits until a file in the directory has this text.
func (f *fixture) file(t *testing.T, name, want string) {
	t.Helper()
	eventually(f.ctx, t, func() bool {
		got, _ := os.ReadFile(filepath.Join(f.dir, name))
		return string(got) == want
	})
}

const forever = "exec sleep 300"

// What a server has started itself would go on writing into a directory that
// is about to be removed.
func TestChildrenEndWithTheirProcess(t *testing.T) {
	f := startSupervisor(t, script("a", "sleep 300 & echo $! >$DIR/child; wait"))
	f.start(t, "a")
	var child ID
	eventually(f.ctx, t, func() bool {
		data, _ := os.ReadFile(filepath.Join(f.dir, "child"))
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err == nil {
			child, err = Identify(pid)
		}
		return err == nil
	})
	if err := f.Stop(f.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	eventually(f.ctx, t, func() bool { return !child.Alive() })
}

func TestStartStopRestart(t *testing.T) {
	f := startSupervisor(t, script("a", forever), script("b", forever))
	if p := f.process(t, "a"); p.State != Idle || p.PID != 0 {
		t.Errorf("before its start: %+v", p)
	}
	f.start(t, "a")
	first := f.process(t, "a")
	if first.State != Running || !first.Alive() {
		t.Fatalf("started: %+v", first)
	}
	f.start(t, "a")
	if again := f.process(t, "a"); again.ID != first.ID {
		t.Errorf("a second start made another process: %v, %v", first.ID, again.ID)
	}
	if err := f.Restart(f.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	second := f.process(t, "a")
	if second.State != Running || second.ID == first.ID || first.Alive() {
		t.Errorf("restarted: %+v, before %+v", second, first)
	}
	if err := f.Stop(f.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if p := f.process(t, "a"); p.State != Stopped || p.Exit != "signal: terminated" || p.Alive() {
		t.Errorf("stopped: %+v", p)
	}
	if p := f.process(t, "b"); p.State != Idle {
		t.Errorf("the other: %+v", p)
	}
	if err := f.Start(f.ctx, "a", "c"); err == nil || !strings.Contains(err.Error(), "c: no such process") {
		t.Errorf("unknown process: %v", err)
	}
	if p := f.process(t, "a"); p.State != Stopped {
		t.Errorf("a command that fails has started a process: %+v", p)
	}
}

func TestProgramThatIsNotThere(t *testing.T) {
	f := startSupervisor(t, Process{Name: "a", Argv: []string{"/no/such/program"}})
	if err := f.Start(f.ctx, "a"); err == nil || !strings.Contains(err.Error(), "a: ") {
		t.Errorf("got %v, want an error that names the process", err)
	}
}

func TestCrashIsNoticed(t *testing.T) {
	f := startSupervisor(t, script("a", "echo oops >&2; exit 3"), script("b", forever))
	f.start(t, "a", "b")
	eventually(f.ctx, t, func() bool { return f.process(t, "a").State == Exited })
	status, err := ReadStatus(f.spec.Status)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := status.Process("a")
	if p.State != Exited || p.Exit != "exit status 3" || p.Ended.Before(p.Started) {
		t.Errorf("in the file: %+v", p)
	}
	f.file(t, "a.log", "oops\n")
	if p := f.process(t, "b"); p.State != Running {
		t.Errorf("the other process: %+v", p)
	}
}

func TestEndsInReverseOrder(t *testing.T) {
	var all []Process
	names := []string{"a", "b", "c"}
	for _, name := range names {
		all = append(all, script(name, "trap 'echo "+name+" >>$DIR/ends; exit' TERM; echo "+name+" >>$DIR/starts; while :; do sleep 0.05; done"))
	}
	f := startSupervisor(t, all...)
	for i, name := range names {
		f.start(t, name)
		f.file(t, "starts", strings.Join(names[:i+1], "\n")+"\n")
	}
	if err := f.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("the supervisor: %v", err)
	}
	f.file(t, "ends", "c\nb\na\n")
	if _, err := os.Stat(f.spec.Control); err == nil {
		t.Error("the control socket is still there")
	}
}

func TestStubbornProcessIsKilled(t *testing.T) {
	p := script("a", "trap '' TERM; echo >$DIR/ready; while :; do sleep 0.05; done")
	p.Grace = 100 * time.Millisecond
	f := startSupervisor(t, p)
	f.start(t, "a")
	f.file(t, "ready", "\n")
	if err := f.Stop(f.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if p := f.process(t, "a"); p.Exit != "signal: killed" || p.Alive() {
		t.Errorf("stopped: %+v", p)
	}
}

func TestNothingOutlivesTheSupervisor(t *testing.T) {
	isolated := script("isolated", forever)
	isolated.Isolate = true
	own := script("own", forever)
	own.Isolate, own.UserNamespace = true, true
	// Many starts, so that one would be on another thread than the rest if
	// that were possible.
	all := []Process{isolated, own}
	for _, name := range []string{"a", "b", "c", "d"} {
		all = append(all, script(name, forever))
	}
	f := startSupervisor(t, all...)
	var ids []ID
	for _, p := range all {
		f.start(t, p.Name)
		ids = append(ids, f.process(t, p.Name).ID)
	}
	for i, id := range ids {
		if !id.Alive() {
			t.Errorf("%s does not run", all[i].Name)
		}
	}
	_ = f.end(t, syscall.SIGKILL)
	eventually(f.ctx, t, func() bool { return !slices.ContainsFunc(ids, ID.Alive) })
}

func TestEndsWithItsSpec(t *testing.T) {
	f := startSupervisor(t, script("a", forever))
	f.start(t, "a")
	id := f.process(t, "a").ID
	if err := os.Remove(filepath.Join(f.dir, "spec.json")); err != nil {
		t.Fatal(err)
	}
	if err := f.wait(t); err == nil {
		t.Error("it ended as if all was well")
	}
	if id.Alive() {
		t.Error("its process still runs")
	}
}

func TestIsolation(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	const to = "/run/sealway-test/token"
	for _, userNamespace := range []bool{false, true} {
		p := script("a", "cat "+to+" >$DIR/seen; ls /run >$DIR/run; "+forever)
		p.Isolate, p.UserNamespace = true, userNamespace
		p.Dirs = []string{"/run/empty"}
		p.Files = []File{{From: secret, To: to}}
		f := startSupervisor(t, p)
		f.start(t, "a")
		f.file(t, "seen", "canary")
		f.file(t, "run", "empty\nsealway-test\n")
		if _, err := os.Stat(filepath.Dir(to)); err == nil {
			t.Errorf("user namespace %t: the file can be seen from outside", userNamespace)
		}
		if err := f.Stop(f.ctx, "a"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIDKnowsAnotherProcess(t *testing.T) {
	self, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.Alive() {
		t.Error("this process is not alive")
	}
	other := ID{PID: self.PID, Ticks: self.Ticks + 1}
	if other.Alive() {
		t.Error("a process that started at another time counts as this one")
	}
	// It would end this process.
	if err := other.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	if (ID{}).Alive() {
		t.Error("no process is alive")
	}
}

func TestRoutesThroughTheSockets(t *testing.T) {
	f := startSupervisor(t)
	if err := f.SetRoutes(f.ctx, Routes{pod: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	if err := f.SetFaults(f.ctx, Faults{pod: {Refuse: true}}); err != nil {
		t.Fatal(err)
	}
	_, _, resp := connect(t, f.spec.Egress, "CONNECT", pod)
	if resp.StatusCode != http.StatusBadGateway {
		t.Errorf("status %d, want the fault's 502", resp.StatusCode)
	}
}
