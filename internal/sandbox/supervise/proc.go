package supervise

import (
	"os"
	"os/exec"
	"slices"
	"time"
)

// proc is a process and what is known about it.
type proc struct {
	spec   Process
	status ProcessStatus
	cmd    *exec.Cmd
}

// exit says that a process has ended.
type exit struct {
	proc *proc
	how  string
	when time.Time
}

// start starts a process that does not run.
func (s *supervisor) start(p *proc) error {
	if p.status.State == Running {
		return nil
	}
	log, err := os.OpenFile(p.spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd, err := prepare(p.spec)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd = cmd
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		id = ID{PID: cmd.Process.Pid} // it has ended already
	}
	p.status = ProcessStatus{ID: id, Name: p.spec.Name, Log: p.spec.Log, State: Running, Started: time.Now()}
	s.running = append(s.running, p)
	go func() {
		// The error says no more than the state does.
		_ = cmd.Wait()
		// The programs that it has started, Git for instance, end with it;
		// as long as there is one, the group's number belongs to it.
		killGroup(cmd.Process)
		s.exits <- exit{proc: p, how: cmd.ProcessState.String(), when: time.Now()}
	}()
	return nil
}

// stop ends a process and waits for its end.
func (s *supervisor) stop(p *proc) error {
	if p.status.State != Running {
		return nil
	}
	terminate(p.cmd.Process)
	grace := p.spec.Grace
	if grace == 0 {
		grace = 5 * time.Second
	}
	kill := time.NewTimer(grace)
	defer kill.Stop()
	for {
		select {
		case e := <-s.exits:
			if e.proc != p {
				s.mark(e, Exited)
				continue
			}
			s.mark(e, Stopped)
			return nil
		case <-kill.C:
			killGroup(p.cmd.Process)
		}
	}
}

func (s *supervisor) restart(p *proc) error {
	if err := s.stop(p); err != nil {
		return err
	}
	return s.start(p)
}

// stopAll ends what runs, the last started first.
func (s *supervisor) stopAll() {
	for len(s.running) > 0 {
		// It cannot fail: a process that does not end is killed.
		_ = s.stop(s.running[len(s.running)-1])
	}
}

// mark notes the end of a process.
func (s *supervisor) mark(e exit, state State) {
	e.proc.status.State = state
	e.proc.status.Exit = e.how
	e.proc.status.Ended = e.when
	s.running = slices.DeleteFunc(s.running, func(p *proc) bool { return p == e.proc })
}
