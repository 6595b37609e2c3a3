package editor

import (
	"fmt"
	"os"
	"syscall"
)

// The magic numbers of file systems in memory, statfs(2).
const (
	tmpfs = 0x01021994
	ramfs = 0x858458f6
)

// memory is a folder in memory that this user may write in; empty when there is none.
func memory() string {
	for _, dir := range []string{"/dev/shm", fmt.Sprintf("/run/user/%d", os.Getuid())} {
		var s syscall.Statfs_t
		if syscall.Statfs(dir, &s) != nil || int64(s.Type) != tmpfs && int64(s.Type) != ramfs { //nolint:unconvert // 32 bits elsewhere
			continue
		}
		probe, err := os.MkdirTemp(dir, prefix)
		if err != nil {
			continue
		}
		_ = os.Remove(probe)
		return dir
	}
	return ""
}
