package repo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// lockNotice is how long a run waits for another one before it says so.
const lockNotice = 200 * time.Millisecond

// Lock keeps other runs from writing in this repository until unlock is called.
// It waits for a run that holds the lock, tells waiting (once) when that takes a
// moment, and gives up when ctx ends. The kernel releases a killed run's lock.
func (r *Repository) Lock(ctx context.Context, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(r.StateDir(), 0o700); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	type result struct {
		unlock func()
		err    error
	}
	got := make(chan result, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(filepath.Join(r.StateDir(), "lock")).Lock()
		got <- result{unlock, err}
	}()
	notice := time.NewTimer(lockNotice)
	defer notice.Stop()
	for {
		select {
		case l := <-got:
			if l.err != nil {
				return nil, fmt.Errorf("lock: %w", l.err)
			}
			return l.unlock, nil
		case <-notice.C:
			waiting()
		case <-ctx.Done():
			go func() { // a lock that comes too late is given back
				if l := <-got; l.err == nil {
					l.unlock()
				}
			}()
			return nil, fmt.Errorf("lock: another run holds it: %w", ctx.Err())
		}
	}
}
