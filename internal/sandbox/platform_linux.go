package sandbox

import (
	"os/exec"
	"syscall"
)

func checkPlatform() error { return nil }

// ownSession detaches a command from the terminal and from its signals.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
