package sandbox

import (
	"os/exec"
	"syscall"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

func checkPlatform() error { return nil }

// ownSession detaches a command from the terminal and from its signals.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// askForRenewal makes the Sealed Secrets controller believe that the time for
// a new key has come.
func askForRenewal(controller supervise.ID) error { return controller.Signal(syscall.SIGUSR1) }
