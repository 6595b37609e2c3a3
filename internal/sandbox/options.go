package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Options say where a sandbox lives. The zero value is the one default
// sandbox of this user.
type Options struct {
	// Dir is the directory of the sandbox, made by Up and removed by Down;
	// the directory sandboxes/default in CacheDir when empty.
	Dir string
	// CacheDir holds the servers once they are built; the directory sealway
	// in the user's cache directory when empty.
	CacheDir string
	// Go is the go command; go, looked up in PATH, when empty.
	Go string
	// ArgoCD is the Argo CD that runs in it: ArgoCD3, NoArgoCD, or ArgoCD,
	// which is also meant when it is empty. One that runs is not changed.
	ArgoCD Product
	// ArgoCDInsecure makes Argo CD's server talk HTTP instead of HTTPS.
	ArgoCDInsecure bool
	// Audit makes the API server write down each request: who asked for what.
	// It is for tests: one that runs already is taken as it is.
	Audit bool
	// Timeout is how long the servers may take to be ready, building not
	// counted; 2 minutes when zero.
	Timeout time.Duration
	// Progress is told what is being done, from one goroutine at a time;
	// nobody is when nil.
	Progress func(Event)

	// findPorts is another function in tests alone.
	findPorts func(context.Context) (ports, error)
}

// Event says how far a step is. A step has any number of running events and
// at most one of another state, which is its last.
type Event struct {
	// Step names what is being done: "build kubernetes", "start etcd".
	Step string
	// Detail is what it is busy with: a package, a module, a condition.
	Detail string
	// Done of Total are finished; Total is 0 where nobody knows.
	Done, Total int
	// Elapsed counts from the start of the step.
	Elapsed time.Duration
	State   StepState
}

// StepState says whether a step goes on.
type StepState string

// The states of a step.
const (
	StepRunning StepState = "running"
	StepDone    StepState = "done"
	StepFailed  StepState = "failed"
)

func (o Options) withDefaults() (Options, error) {
	if o.CacheDir == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return o, &Error{Object: "cache directory", Op: "find", Err: err, Advice: "set HOME or XDG_CACHE_HOME"}
		}
		o.CacheDir = filepath.Join(dir, "sealway")
	}
	if o.Dir == "" {
		o.Dir = filepath.Join(o.CacheDir, "sandboxes", "default")
	}
	for _, dir := range []*string{&o.CacheDir, &o.Dir} {
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return o, fmt.Errorf("%s: %w", *dir, err)
		}
		*dir = abs
	}
	if o.ArgoCD == "" {
		o.ArgoCD = ArgoCD
	}
	if !slices.Contains([]Product{ArgoCD, ArgoCD3, NoArgoCD}, o.ArgoCD) {
		return o, &Error{Object: fmt.Sprintf("product %q", o.ArgoCD), Op: "use as Argo CD", Err: errors.New("it is none")}
	}
	if o.Go == "" {
		o.Go = "go"
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	if o.findPorts == nil {
		o.findPorts = freePorts
	}
	return o, nil
}

// step reports the progress of one step.
type step struct {
	name     string
	started  time.Time
	progress func(Event)
}

func (o Options) step(name string) step {
	s := step{name: name, started: time.Now(), progress: o.Progress}
	s.at("", 0, 0)
	return s
}

// at says how far the step is.
func (s step) at(detail string, done, total int) {
	s.send(Event{Detail: detail, Done: done, Total: total, State: StepRunning})
}

// end says that the step has ended, well or not, and returns err.
func (s step) end(err error) error {
	e := Event{State: StepDone}
	if err != nil {
		e = Event{State: StepFailed, Detail: err.Error()}
	}
	s.send(e)
	return err
}

func (s step) send(e Event) {
	e.Step, e.Elapsed = s.name, time.Since(s.started)
	s.progress(e)
}
