package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// Sandbox is a running platform.
type Sandbox struct {
	// Dir is its directory, and Kubeconfig the path of the administrator's
	// kubeconfig in it.
	Dir, Kubeconfig string
	// Server is the URL of the API server.
	Server string
	// Repository is the URL of the Git repository that Argo CD follows;
	// empty without Argo CD.
	Repository string

	layout  layout
	state   sandboxState
	options Options
}

// Status is what is known about a sandbox.
type Status struct {
	Dir, Kubeconfig, Server string
	// Running says that the platform is whole: made to the end, and no
	// server has ended since.
	Running bool
	// Since is when it was ready; zero if it never was.
	Since   time.Time
	Servers []ServerStatus
}

// Uptime is how long the platform has been ready.
func (s *Status) Uptime() time.Duration {
	if s.Since.IsZero() {
		return 0
	}
	return time.Since(s.Since)
}

// Failed returns the servers that have ended by themselves.
func (s *Status) Failed() []ServerStatus {
	var failed []ServerStatus
	for _, server := range s.Servers {
		if server.State == supervise.Exited {
			failed = append(failed, server)
		}
	}
	return failed
}

// ServerStatus is the state of one server.
type ServerStatus struct {
	Name, Version string
	PID           int
	State         supervise.State
	// Exit is how it ended, and Ended when.
	Exit  string
	Ended time.Time
	// Log is the path of its log, and Tail its last lines if it has ended
	// by itself.
	Log  string
	Tail []string
}

// Inspect tells what is known about the sandbox. It fails with
// ErrNotRunning if there is none.
func Inspect(ctx context.Context, o Options) (*Status, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	l := layout{o.Dir}
	state, err := l.load()
	if err != nil {
		return nil, &Error{Object: "sandbox " + o.Dir, Op: "status", Err: err}
	}
	status := &Status{Dir: l.dir, Kubeconfig: l.kubeconfig(), Server: state.server(), Since: state.Ready}
	alive := state.Supervisor.Alive()
	processes, err := supervise.ReadStatus(l.status())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, &Error{Object: "sandbox " + o.Dir, Op: "status", Err: err}
	}
	status.Running = alive && !state.Ready.IsZero()
	for _, p := range processes.Processes {
		server := serverStatus(p, state.Versions[p.Name], alive)
		status.Running = status.Running && server.State == supervise.Running
		status.Servers = append(status.Servers, server)
	}
	return status, ctx.Err()
}

// serverStatus is what the supervisor wrote, unless it was killed: then its
// servers are gone too.
func serverStatus(p supervise.ProcessStatus, version string, alive bool) ServerStatus {
	s := ServerStatus{
		Name: p.Name, Version: version, PID: p.PID, State: p.State,
		Exit: p.Exit, Ended: p.Ended, Log: p.Log,
	}
	if !alive && s.State == supervise.Running {
		s.State, s.Exit = supervise.Exited, "killed with its supervisor"
	}
	if s.State == supervise.Exited {
		s.Tail = tail(p.Log)
	}
	return s
}

// Restart restarts one server and waits until the platform is whole again.
// What it knows is in etcd, so nothing but etcd's own restart is felt for long.
// One of Argo CD gets another Pod, with another name.
func (s *Sandbox) Restart(ctx context.Context, server string) error {
	return s.control(ctx, "restart", server, func(ctx context.Context, step step) error {
		if err := errors.Join(s.evict(ctx, server), s.client().Restart(ctx, server)); err != nil {
			return err
		}
		return s.wait(ctx, step)
	})
}

// Stop ends one server until Start, and waits until it has ended. If it is one
// of Argo CD, its Pod is replaced by one that is pending.
func (s *Sandbox) Stop(ctx context.Context, server string) error {
	return s.control(ctx, "stop", server, func(ctx context.Context, _ step) error {
		return errors.Join(s.evict(ctx, server), s.client().Stop(ctx, server))
	})
}

// Start starts one server that was stopped, and waits until it is ready.
func (s *Sandbox) Start(ctx context.Context, server string) error {
	return s.control(ctx, "start", server, func(ctx context.Context, step step) error {
		if err := s.client().Start(ctx, server); err != nil {
			return err
		}
		return s.wait(ctx, step)
	})
}

func (s *Sandbox) control(ctx context.Context, op, server string, do func(context.Context, step) error) error {
	step := s.options.step(op + " " + server)
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	if err := step.end(do(ctx, step)); err != nil {
		e := &Error{Object: "server " + server, Op: op, Err: err}
		var hinted interface{ Hint() string }
		if errors.As(err, &hinted) {
			e.Advice = hinted.Hint()
		}
		return e
	}
	return nil
}

// evict deletes the Pod that stands for a server of Argo CD.
func (s *Sandbox) evict(ctx context.Context, server string) error {
	if !slices.Contains(s.state.argocdServers(), server) {
		return nil
	}
	c, err := s.layout.cluster()
	if err != nil {
		return err
	}
	return c.deletePods(ctx, ArgoCDNamespace, server)
}

// SetFaults makes connections to Pods fail as the faults say, and those to all
// other Pods work. Pods are named by address and port.
func (s *Sandbox) SetFaults(ctx context.Context, faults supervise.Faults) error {
	return s.client().SetFaults(ctx, faults)
}

// ForwardAddress is what SetFaults takes for the one way of all port-forwards to
// the platform's own Pods.
func (s *Sandbox) ForwardAddress() string { return loopback(s.state.Ports.KWOK) }

// AuditLog is the path of the API server's audit log: a line of JSON for each
// request (audit.k8s.io/v1, Event), of the level Metadata, written before the
// request is answered. It is empty when Options.Audit was not set.
func (s *Sandbox) AuditLog() string {
	if !s.state.Audit {
		return ""
	}
	return s.layout.audit()
}

func (s *Sandbox) client() supervise.Client {
	return supervise.Client{Socket: s.state.control()}
}

func (l layout) sandbox(o Options, state sandboxState) *Sandbox {
	s := &Sandbox{
		Dir: l.dir, Kubeconfig: l.kubeconfig(), Server: state.server(),
		layout: l, state: state, options: o,
	}
	if state.withArgoCD() {
		s.Repository = l.repositoryURL()
	}
	return s
}

// checkServers says which server has ended by itself.
func (s *Sandbox) checkServers(ctx context.Context) error {
	status, err := s.client().Status(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &ServerError{Server: supervisorProgram, Exit: err.Error(), Log: s.layout.log(supervisorProgram), Tail: tail(s.layout.log(supervisorProgram))}
	}
	for _, p := range status.Processes {
		if p.State == supervise.Exited {
			return &ServerError{Server: p.Name, Exit: p.Exit, Log: p.Log, Tail: tail(p.Log)}
		}
	}
	return nil
}

// until polls a condition, and gives up early if a server has ended.
func (s *Sandbox) until(ctx context.Context, condition func(context.Context) error) error {
	var dead error
	err := poll(ctx, func() error {
		if dead = s.checkServers(ctx); dead != nil {
			return nil //nolint:nilerr // ends the polling; the error is returned below
		}
		return condition(ctx)
	})
	if dead != nil {
		return dead
	}
	if err != nil {
		return fmt.Errorf("not ready in time: %w", err)
	}
	return nil
}
