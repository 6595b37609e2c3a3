package tunnel

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// PortTakenError says that a local port is taken, and by whom if that can be
// known: on Linux, of the processes of the same user.
type PortTakenError struct {
	Address string
	PID     int    // 0: not known
	Process string // its name
	Cause   error
}

func (e *PortTakenError) Error() string {
	if e.PID == 0 {
		return e.Address + ": listen: the port is taken"
	}
	return fmt.Sprintf("%s: listen: the port is taken by %s (process %d)", e.Address, e.Process, e.PID)
}

// Hint says what to do about it.
func (e *PortTakenError) Hint() string {
	if e.PID == 0 {
		return "take another port, or 0 for a free one"
	}
	return fmt.Sprintf("end it with `kill %d`, or take another port (0: a free one)", e.PID)
}

func (e *PortTakenError) Unwrap() error { return e.Cause }

func taken(address string, cause error) error {
	e := &PortTakenError{Address: address, Cause: cause}
	if _, port, err := net.SplitHostPort(address); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			e.PID, e.Process = holder(uint16(n))
		}
	}
	return e
}

// holder looks for the process that listens on the port.
func holder(port uint16) (pid int, name string) {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err == nil {
			listening(string(data), port, sockets)
		}
	}
	if len(sockets) == 0 {
		return 0, ""
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err != nil || !sockets[link] {
			continue
		}
		dir := filepath.Dir(filepath.Dir(fd))
		comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
		pid, _ = strconv.Atoi(filepath.Base(dir))
		return pid, strings.TrimSpace(string(comm))
	}
	return 0, ""
}

// listening collects the sockets of the kernel's table that listen on the port,
// as the links in /proc name them.
func listening(table string, port uint16, sockets map[string]bool) {
	const local, state, inode, listen = 1, 3, 9, "0A"
	suffix := fmt.Sprintf(":%04X", port)
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) > inode && strings.HasSuffix(f[local], suffix) && f[state] == listen {
			sockets["socket:["+f[inode]+"]"] = true
		}
	}
}
