//go:build unix

package sandbox

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a command into its own process group, and ends the whole group
// when the command's context is done: the go command has compilers under it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
