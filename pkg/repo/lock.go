package repo

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Lock keeps other runs from writing in this repository until unlock is called.
// It waits for a run that holds the lock; the kernel releases that of a killed one.
func (r *Repository) Lock() (unlock func(), err error) {
	if err := os.MkdirAll(r.StateDir(), 0o700); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	unlock, err = lockedfile.MutexAt(filepath.Join(r.StateDir(), "lock")).Lock()
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	return unlock, nil
}
