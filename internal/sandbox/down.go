package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// Down ends the sandbox: no process of it is left, and no file. It is fine if
// there is none.
func Down(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	l := layout{o.Dir}
	if _, err := os.Stat(o.Dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := l.check(); err != nil {
		return err
	}
	unlock, err := lockDir(ctx, o, false)
	if errors.Is(err, os.ErrNotExist) {
		return nil // another Down was faster
	}
	if err != nil {
		return l.failed("lock", err)
	}
	defer unlock()
	step := o.step("end the sandbox")
	return step.end(l.remove(ctx))
}

// remove ends all processes and removes the directory, whose lock is held.
func (l layout) remove(ctx context.Context) error {
	if err := l.tearDown(ctx); err != nil {
		return err
	}
	if err := os.Remove(l.dir); err != nil {
		return l.failed("remove", err)
	}
	return nil
}

// tearDown ends all processes and empties the directory, whose lock is held.
func (l layout) tearDown(ctx context.Context) error {
	if err := l.end(ctx); err != nil {
		return l.failed("end its processes", err)
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return l.failed("remove", err)
	}
	// The state goes last: as long as it is there, this is a sandbox's
	// directory, and a Down that was killed can be repeated.
	last := l.state()
	for _, e := range entries {
		if path := l.path(e.Name()); path != last {
			if err := removeAll(path); err != nil {
				return l.failed("remove", err)
			}
		}
	}
	if err := os.RemoveAll(last); err != nil {
		return l.failed("remove", err)
	}
	return nil
}

// removeAll removes directories too that nobody may look into: Argo CD locks
// those with what it has fetched.
func removeAll(path string) error {
	if err := os.RemoveAll(path); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700)
	})
	return errors.Join(err, os.RemoveAll(path))
}

// end ends the supervisor, and with it all servers, and removes the sockets.
func (l layout) end(ctx context.Context) error {
	state, err := l.load()
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	// Killed before it could note the supervisor, Up may have started one:
	// the supervisor's own file knows it.
	left := []supervise.ID{state.Supervisor}
	if status, err := supervise.ReadStatus(l.status()); err == nil {
		left = append(left, status.Supervisor)
		for _, p := range status.Processes {
			left = append(left, p.ID)
		}
	}
	if err := endSupervisors(ctx, left[:min(2, len(left))]); err != nil {
		return err
	}
	// They die with the supervisor; this only makes sure.
	if err := endAll(ctx, left); err != nil {
		return err
	}
	return os.RemoveAll(state.Sockets)
}

// endSupervisors asks supervisors to end their servers and themselves.
func endSupervisors(ctx context.Context, ids []supervise.ID) error {
	for _, id := range ids {
		if err := id.Signal(syscall.SIGTERM); err != nil {
			return err
		}
	}
	// Each server has a few seconds, and the most do not need one.
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	// What does not end in time is killed next.
	_ = poll(ctx, func() error { return anyAlive(ids) })
	return nil
}

// endAll kills what still runs.
func endAll(ctx context.Context, ids []supervise.ID) error {
	for _, id := range ids {
		if err := id.Signal(syscall.SIGKILL); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return poll(ctx, func() error { return anyAlive(ids) })
}

func anyAlive(ids []supervise.ID) error {
	for _, id := range ids {
		if id.Alive() {
			return fmt.Errorf("process %d still runs", id.PID)
		}
	}
	return nil
}

// lockDir takes the lock of the sandbox's directory, which is the lock on the
// directory itself: so nothing is left when that is removed.
func lockDir(ctx context.Context, o Options, create bool) (unlock func(), err error) {
	for {
		if create {
			if err := os.MkdirAll(o.Dir, 0o700); err != nil {
				return nil, err
			}
		}
		unlock, same, err := lockSame(ctx, o)
		if err != nil || same {
			return unlock, err
		}
		unlock()
	}
}

// lockSame locks the directory and says whether that is still the one with
// this path: a Down may have removed it while this waited.
func lockSame(ctx context.Context, o Options) (unlock func(), same bool, err error) {
	before, err := os.Stat(o.Dir)
	if err != nil {
		return nil, false, err
	}
	unlock, err = lockFile(ctx, o.Dir, func() {
		o.Progress(Event{Step: "wait for another command on this sandbox", State: StepRunning})
	})
	if err != nil {
		return nil, false, err
	}
	after, err := os.Stat(o.Dir)
	return unlock, err == nil && os.SameFile(before, after), nil
}
