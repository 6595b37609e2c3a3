package supervise

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// isolateCommand is the first argument of a supervisor that is to prepare a
// mount namespace and then become the program proper.
const isolateCommand = "isolate"

// prepare makes the command that runs p. The child gets its own process
// group, so that a Ctrl-C at a terminal does not reach it, and dies with the
// thread that starts it.
func prepare(p Process) (*exec.Cmd, error) {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if !p.Isolate {
		return &exec.Cmd{Path: p.Argv[0], Args: p.Argv, Env: p.Env, SysProcAttr: attr}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	what, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	attr.Cloneflags = syscall.CLONE_NEWNS
	if uid := os.Geteuid(); uid != 0 || p.UserNamespace {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return &exec.Cmd{
		Path:        self,
		Args:        []string{self, isolateCommand, string(what), strconv.Itoa(os.Getpid())},
		Env:         p.Env,
		SysProcAttr: attr,
	}, nil
}

// Identify finds out when a process started.
func Identify(pid int) (ID, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ID{}, err
	}
	// The second field is the program's name in parentheses, and may itself
	// hold spaces and parentheses.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	const startTime = 22 - 3 // the fields count from 1, and two are cut off
	if len(fields) <= startTime {
		return ID{}, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields)+2)
	}
	ticks, err := strconv.ParseUint(string(fields[startTime]), 10, 64)
	return ID{PID: pid, Ticks: ticks}, err
}

// Alive says whether the very process still runs. One that has ended and was
// not yet waited for counts as ended.
func (id ID) Alive() bool {
	now, err := Identify(id.PID)
	return err == nil && id.PID > 0 && now == id && !zombie(id.PID)
}

func zombie(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	return len(fields) > 0 && (fields[0][0] == 'Z' || fields[0][0] == 'X')
}

// Signal sends a signal to the very process; nothing happens when it is gone.
func (id ID) Signal(sig os.Signal) error {
	// The handle is taken first: what it stands for cannot change any more.
	p, err := os.FindProcess(id.PID)
	if err != nil || !id.Alive() {
		return err
	}
	defer func() { _ = p.Release() }()
	return p.Signal(sig)
}

func terminate(p *os.Process) { _ = p.Signal(syscall.SIGTERM) }

func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
