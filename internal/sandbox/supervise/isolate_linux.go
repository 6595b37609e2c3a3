package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

// isolate runs in the new namespace: it covers /run with an empty tmpfs, puts
// the files there and becomes the program. It returns only when that failed.
func isolate(args []string) error {
	if len(args) != 2 {
		return errors.New("isolate: want a process and the supervisor's PID")
	}
	var p Process
	if err := json.Unmarshal([]byte(args[0]), &p); err != nil {
		return fmt.Errorf("isolate: %w", err)
	}
	parent, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("isolate: %w", err)
	}
	if err := fillRun(p); err != nil {
		return fmt.Errorf("isolate %s: %w", p.Name, err)
	}
	// Who executes a program keeps the wish to die with its parent only if
	// it is the thread that has it; this may be another than the first.
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); errno != 0 {
		return fmt.Errorf("isolate %s: prctl: %w", p.Name, errno)
	}
	if os.Getppid() != parent {
		return fmt.Errorf("isolate %s: the supervisor is gone", p.Name)
	}
	return fmt.Errorf("isolate %s: %w", p.Name, syscall.Exec(p.Argv[0], p.Argv, p.Env))
}

// fillRun reads all files before the mount hides what lies below /run.
func fillRun(p Process) error {
	contents := make([][]byte, len(p.Files))
	for i, f := range p.Files {
		data, err := os.ReadFile(f.From)
		if err != nil {
			return err
		}
		contents[i] = data
	}
	// What is mounted here must not reach the rest of the machine.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("%s: make mounts private: %w", IsolationFailed, err)
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=0700"); err != nil {
		return fmt.Errorf("%s: mount /run: %w", IsolationFailed, err)
	}
	for _, dir := range p.Dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for i, f := range p.Files {
		if err := os.MkdirAll(filepath.Dir(f.To), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(f.To, contents[i], 0o600); err != nil {
			return err
		}
	}
	return nil
}
