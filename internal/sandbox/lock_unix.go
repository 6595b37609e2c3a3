//go:build linux || darwin

package sandbox

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockFile takes the lock on a file, which it makes, or on a directory. The
// kernel lets go of it when the process ends, however that happens. waiting is
// called once if another process has the lock.
func lockFile(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	flag := os.O_CREATE | os.O_RDWR
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		flag = os.O_RDONLY
	}
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return nil, err
	}
	for told := false; ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, err
		}
		if !told {
			waiting()
			told = true
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		}
	}
}
