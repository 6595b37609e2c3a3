//go:build unix

package scripttest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

const (
	exeSuffix = ""
	nobody    = 65534
)

func signals() map[string]os.Signal {
	return map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}
}

// unprivileged runs the command as somebody whom permissions bind: root may
// write a read-only file. The work directory changes its owner.
func unprivileged(ts *testscript.TestScript, cmd *exec.Cmd) {
	if os.Geteuid() != 0 {
		return
	}
	work := of(ts).work
	ts.Check(filepath.WalkDir(work, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	}))
	ts.Check(os.Chmod(filepath.Dir(work), 0o755))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
