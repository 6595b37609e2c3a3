//go:build unix

package editor

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// NoCore forbids this process and its children to leave a core dump, which would
// have every value in it. To Linux a limit of 1 says so for programs that collect
// dumps, too: those do not heed a limit of 0 (core(5), fs/coredump.c). Where the limit is
// 0 already and may not be raised, this process at least is made one that is not dumped.
func NoCore() {
	limit := syscall.Rlimit{}
	if runtime.GOOS == "linux" {
		limit = syscall.Rlimit{Cur: 1, Max: 1}
	}
	if syscall.Setrlimit(syscall.RLIMIT_CORE, &limit) != nil {
		undumpable()
	}
}

// hold locks a folder; the kernel gives it back when the process ends.
func hold(dir string) (io.Closer, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// keeper is a shell that outlives this process, however that ends.
type keeper struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// watch starts the keeper of a folder: its input ends when this process does, and
// then the folder goes, however long an editor that is still there writes to it. A
// session of its own keeps the terminal's signals away.
func watch(dir string) (*keeper, error) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		return nil, nil //nolint:nilerr // then the next run has to do it
	}
	// Not the run's context: it has to outlive the run.
	cmd := exec.CommandContext(context.Background(), sh, "-c", `while read -r _; do :; done; for i in 1 2 3 4 5; do rm -rf -- "$1" && break; sleep 1; done`, "sh", dir)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin:" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &keeper{cmd, pipe}, nil
}

// end lets the keeper go once there is nothing to keep.
func (k *keeper) end() {
	_ = k.pipe.Close()
	_ = k.cmd.Wait()
}
