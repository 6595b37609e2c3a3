//go:build !linux

package supervise

import (
	"errors"
	"os"
	"os/exec"
)

const isolateCommand = "isolate"

func isolate([]string) error { return errors.ErrUnsupported }

func prepare(Process) (*exec.Cmd, error) { return nil, errors.ErrUnsupported }

// Identify finds out when a process started; here it cannot.
func Identify(int) (ID, error) { return ID{}, errors.ErrUnsupported }

// Alive says whether the very process still runs; here none ever does.
func (id ID) Alive() bool { return false }

// Signal sends a signal to the very process; here there is none.
func (id ID) Signal(os.Signal) error { return errors.ErrUnsupported }

func terminate(p *os.Process) { _ = p.Kill() }

func killGroup(p *os.Process) { _ = p.Kill() }
