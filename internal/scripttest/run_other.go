//go:build !unix

package scripttest

import (
	"os"
	"os/exec"

	"github.com/rogpeppe/go-internal/testscript"
)

const exeSuffix = ".exe"

func signals() map[string]os.Signal { return map[string]os.Signal{"INT": os.Interrupt} }

func unprivileged(*testscript.TestScript, *exec.Cmd) {}
