package supervise

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"
)

// supervisor owns the processes. All but the egress proxy belongs to the one
// goroutine that runs loop.
type supervisor struct {
	spec    Spec
	started time.Time
	self    ID
	egress  *egress

	procs   []*proc // in the order of the spec
	running []*proc // in the order of their start

	commands chan command
	exits    chan exit
	ended    chan struct{}
}

// Run supervises until ctx is done, a socket fails or the spec file is gone.
// It ends all processes, the last started first, before it returns.
func Run(ctx context.Context, specFile string) error {
	// The kernel kills a child when the thread that made it ends, not the
	// process: this goroutine keeps its thread until the end.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	spec, err := ReadSpec(specFile)
	if err != nil {
		return err
	}
	s, err := newSupervisor(spec)
	if err != nil {
		return err
	}
	serving, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	closeSockets, err := s.serve(serving, cancel)
	if err != nil {
		return err
	}
	defer closeSockets()
	if err := s.save(); err != nil {
		return err
	}
	err = s.loop(serving, specFile)
	if ctx.Err() != nil {
		err = nil // the wish of whoever runs it
	}
	close(s.ended)
	s.stopAll()
	return errors.Join(err, s.save())
}

func newSupervisor(spec Spec) (*supervisor, error) {
	self, err := Identify(os.Getpid())
	if err != nil {
		return nil, err
	}
	s := &supervisor{
		spec:     spec,
		started:  time.Now(),
		self:     self,
		egress:   newEgress(),
		commands: make(chan command),
		exits:    make(chan exit),
		ended:    make(chan struct{}),
	}
	for _, p := range spec.Processes {
		s.procs = append(s.procs, &proc{spec: p, status: ProcessStatus{Name: p.Name, State: Idle, Log: p.Log}})
	}
	return s, nil
}

// serve opens both sockets; a failure of either later on cancels.
func (s *supervisor) serve(ctx context.Context, cancel context.CancelCauseFunc) (closeAll func(), err error) {
	var lc net.ListenConfig
	egress, err := lc.Listen(ctx, "unix", s.spec.Egress)
	if err != nil {
		return nil, err
	}
	control, err := lc.Listen(ctx, "unix", s.spec.Control)
	if err != nil {
		egress.Close()
		return nil, err
	}
	server := &http.Server{Handler: s.control(), ReadHeaderTimeout: time.Minute}
	go func() {
		if err := s.egress.serve(ctx, egress); err != nil {
			cancel(err)
		}
	}()
	go func() {
		if err := server.Serve(control); !errors.Is(err, http.ErrServerClosed) {
			cancel(err)
		}
	}()
	return func() { egress.Close(); server.Close() }, nil
}

// loop does what commands say, and notices exits, until ctx is done.
func (s *supervisor) loop(ctx context.Context, specFile string) error {
	watch := time.NewTicker(2 * time.Second)
	defer watch.Stop()
	for {
		select {
		case c := <-s.commands:
			c.reply <- errors.Join(c.do(), s.save())
		case e := <-s.exits:
			s.mark(e, Exited)
			if err := s.save(); err != nil {
				return err
			}
		case <-watch.C:
			if _, err := os.Stat(specFile); errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("%s: gone, so the sandbox ends", specFile)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *supervisor) status() Status {
	status := Status{Supervisor: s.self, Started: s.started}
	for _, p := range s.procs {
		status.Processes = append(status.Processes, p.status)
	}
	return status
}

// save writes the status file; a sandbox whose directory is gone has none.
func (s *supervisor) save() error {
	err := writeJSON(s.spec.Status, s.status())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// each finds the named processes and does the same with all of them.
func (s *supervisor) each(names []string, do func(*proc) error) error {
	var procs []*proc
	for _, name := range names {
		p := s.find(name)
		if p == nil {
			return fmt.Errorf("%s: no such process", name)
		}
		procs = append(procs, p)
	}
	for _, p := range procs {
		if err := do(p); err != nil {
			return fmt.Errorf("%s: %w", p.spec.Name, err)
		}
	}
	return nil
}

func (s *supervisor) find(name string) *proc {
	for _, p := range s.procs {
		if p.spec.Name == name {
			return p
		}
	}
	return nil
}
