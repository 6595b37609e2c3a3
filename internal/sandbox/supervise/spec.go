package supervise

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Spec is all that a supervisor needs to know. It is handed over as a JSON
// file; a supervisor whose spec file is gone ends itself.
type Spec struct {
	// Control is the path of the Unix socket that takes commands.
	Control string
	// Egress is the path of the Unix socket of the CONNECT proxy.
	Egress string
	// Status is the path of the file that always holds the current Status.
	Status string
	// Processes are the servers. None is started before a command says so.
	Processes []Process
}

// Process is one server.
type Process struct {
	// Name is unique within the Spec.
	Name string
	// Argv is the absolute path of the program and its arguments.
	Argv []string
	// Env is the whole environment.
	Env []string
	// Log is the path of the file that output is appended to.
	Log string
	// Isolate gives the process a mount namespace of its own in which /run
	// is an empty tmpfs. An ordinary user gets a user namespace as well, and
	// with UserNamespace root does too.
	Isolate, UserNamespace bool
	// Files are copied into that tmpfs before the program starts.
	Files []File
	// Dirs are directories made in that tmpfs.
	Dirs []string
	// Grace is how long the process may take to end after SIGTERM before it
	// is killed; 5 s when zero.
	Grace time.Duration
}

// IsolationFailed is in the log of an isolated process to which the kernel did
// not give what it needs.
const IsolationFailed = "no mount namespace of its own"

// File says where a file is found outside the tmpfs and where it goes in it.
type File struct {
	From, To string
}

// State says what a process is doing.
type State string

// A process is idle before its first start, and stopped when it ended because
// it was told to; exited means that it ended by itself.
const (
	Idle    State = "idle"
	Running State = "running"
	Stopped State = "stopped"
	Exited  State = "exited"
)

// ID names a process for good: the kernel reuses a PID, but not together with
// the time at which the process started.
type ID struct {
	PID int
	// Ticks is the start time in clock ticks since the machine started.
	Ticks uint64
}

// Status is what a supervisor knows about itself and its processes.
type Status struct {
	Supervisor ID
	Started    time.Time
	Processes  []ProcessStatus
}

// ProcessStatus is the state of one process.
type ProcessStatus struct {
	ID

	Name    string
	State   State
	Log     string
	Started time.Time
	// Ended and Exit are set once the process has ended; Exit reads like
	// "exit status 1" or "signal: killed".
	Ended time.Time
	Exit  string
}

// Process returns the status of the named process.
func (s *Status) Process(name string) (ProcessStatus, bool) {
	for _, p := range s.Processes {
		if p.Name == name {
			return p, true
		}
	}
	return ProcessStatus{}, false
}

// ReadSpec reads a spec file.
func ReadSpec(path string) (Spec, error) {
	var s Spec
	err := readJSON(path, &s)
	return s, err
}

// ReadStatus reads a status file. What it says may be out of date when the
// supervisor was killed.
func ReadStatus(path string) (Status, error) {
	var s Status
	err := readJSON(path, &s)
	return s, err
}

// WriteSpec writes a spec file, whole or not at all.
func WriteSpec(path string, s Spec) error { return writeJSON(path, s) }

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: not valid: %w", path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(data, '\n'))
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
