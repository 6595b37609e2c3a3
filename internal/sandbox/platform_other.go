//go:build !linux

package sandbox

import (
	"os/exec"
	"runtime"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

func checkPlatform() error {
	return &Error{
		Object: "sandbox", Op: "start on " + runtime.GOOS, Err: ErrUnsupported,
		Advice: "set KUBECONFIG to a cluster of yours, which takes the sandbox's place",
	}
}

func ownSession(*exec.Cmd) {}

func askForRenewal(supervise.ID) error { return ErrUnsupported }
