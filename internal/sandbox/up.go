package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// Up makes sure that the sandbox runs: it builds what the cache lacks, starts
// the servers and returns when the platform is whole. One that runs and is
// whole is returned as it is; anything less is ended and started anew.
//
// When it fails, nothing that it started runs any more, but its files stay, for
// the logs among them. When ctx is cancelled, no file is left either.
func Up(ctx context.Context, o Options) (*Sandbox, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkPlatform(); err != nil {
		return nil, err
	}
	l := layout{o.Dir}
	if err := errors.Join(l.check(), checkVisible(o.Dir), checkVisible(o.CacheDir)); err != nil {
		return nil, err
	}
	unlock, err := lockDir(ctx, o, true)
	if err != nil {
		return nil, l.failed("lock", err)
	}
	defer unlock()
	if s, err := l.adopt(ctx, o); s != nil || err != nil {
		return s, err
	}
	if o.ArgoCD != NoArgoCD {
		// It would be missed only after all has been built.
		if _, err := findGit(); err != nil {
			return nil, err
		}
	}
	entries, err := buildAll(ctx, o, platform(o))
	if err != nil {
		return nil, err
	}
	const attempts = 3
	for attempt := 1; ; attempt++ {
		s, err := l.start(ctx, o, entries)
		var dead *ServerError
		if attempt < attempts && errors.As(err, &dead) && dead.portTaken() {
			continue // with other ports
		}
		return s, err
	}
}

// adopt returns the sandbox that runs in the directory, if it is whole. It
// refuses one that has another Argo CD: somebody may be using it.
func (l layout) adopt(ctx context.Context, o Options) (*Sandbox, error) {
	state, err := l.load()
	if err != nil || state.Ready.IsZero() || !state.Supervisor.Alive() {
		return nil, nil
	}
	s := l.sandbox(o, state)
	step := o.step("check the sandbox")
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if step.end(errors.Join(s.allRun(ctx), s.wait(ctx, step))) != nil {
		return nil, nil
	}
	if has, want := state.describeArgoCD(), o.describeArgoCD(); has != want {
		return nil, &Error{
			Object: "sandbox " + l.dir, Op: "use the one that runs",
			Err:    fmt.Errorf("it has %s, and %s was asked for", has, want),
			Advice: "end it first, or name another directory",
		}
	}
	return s, nil
}

// allRun says which server does not run.
func (s *Sandbox) allRun(ctx context.Context) error {
	status, err := s.client().Status(ctx)
	if err != nil {
		return err
	}
	for _, p := range status.Processes {
		if p.State != supervise.Running {
			return fmt.Errorf("server %s: %s", p.Name, p.State)
		}
	}
	return nil
}

// start ends what is left of an earlier sandbox and starts one.
func (l layout) start(ctx context.Context, o Options, entries []entry) (*Sandbox, error) {
	if err := l.tearDown(ctx); err != nil {
		return nil, err
	}
	step := o.step("start the servers")
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	s, err := l.launch(ctx, o, entries)
	if err == nil {
		err = s.assemble(ctx, step, entries)
	}
	if step.end(err) == nil {
		return s, nil
	}
	clean := context.WithoutCancel(ctx)
	if errors.Is(err, context.Canceled) {
		return nil, l.failed("start", errors.Join(err, l.remove(clean)))
	}
	// The files stay: somebody may want to see a log.
	return nil, l.failed("start", errors.Join(err, l.end(clean)))
}

// launch writes all files and starts the supervisor.
func (l layout) launch(ctx context.Context, o Options, entries []entry) (*Sandbox, error) {
	if err := l.make(); err != nil {
		return nil, err
	}
	sockets, err := l.socketDir()
	if err != nil {
		return nil, err
	}
	state := sandboxState{
		Sockets: sockets, Versions: map[string]string{},
		ArgoCD: o.ArgoCD, ArgoCDInsecure: o.ArgoCDInsecure, Audit: o.Audit,
	}
	if state.withArgoCD() {
		if state.Git, err = findGit(); err != nil {
			return nil, err
		}
	}
	bin := Binaries{}
	for _, e := range entries {
		for name, path := range e.binaries() {
			bin[name], state.Versions[name] = path, e.recipe.versionOf(name)
		}
	}
	if err := l.save(state); err != nil {
		return nil, err
	}
	if state.Ports, err = o.findPorts(ctx); err != nil {
		return nil, err
	}
	if err := errors.Join(l.writePKI(state.server()), writeConfigs(l, state, manifests(entries, stages))); err != nil {
		return nil, err
	}
	if state.withArgoCD() {
		if err := l.makeRepository(ctx, state.Git); err != nil {
			return nil, err
		}
	}
	spec := supervise.Spec{
		Control: state.control(), Egress: state.egress(), Status: l.status(),
		Processes: processes(l, state, bin),
	}
	if err := supervise.WriteSpec(l.spec(), spec); err != nil {
		return nil, err
	}
	if state.Supervisor, err = l.supervise(bin[supervisorProgram]); err != nil {
		return nil, err
	}
	if err := l.save(state); err != nil {
		return nil, err
	}
	s := l.sandbox(o, state)
	return s, poll(ctx, func() error { return s.supervised(ctx) })
}

// supervised says whether the supervisor takes commands.
func (s *Sandbox) supervised(ctx context.Context) error {
	_, err := s.client().Status(ctx)
	return err
}

// supervise starts the supervisor as a process that outlives this one.
func (l layout) supervise(program string) (supervisorID, error) {
	log, err := os.OpenFile(l.log(supervisorProgram), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return supervisorID{}, err
	}
	defer log.Close()
	// It is not bound to a context: it is to stay.
	cmd := &exec.Cmd{Path: program, Args: []string{program, l.spec()}, Dir: "/", Env: []string{}, Stdout: log, Stderr: log}
	ownSession(cmd)
	if err := cmd.Start(); err != nil {
		return supervisorID{}, err
	}
	id, err := supervise.Identify(cmd.Process.Pid)
	// Someone has to wait for it in case it ends before this process does.
	go func() { _ = cmd.Wait() }()
	return id, err
}

// assemble starts the servers, each as soon as it can be, makes the objects
// that the platform consists of, and waits until all of it is ready.
func (s *Sandbox) assemble(ctx context.Context, step step, entries []entry) error {
	step.at("etcd and the API server", 0, 3)
	if err := s.startServers(ctx, controlPlane()...); err != nil {
		return err
	}
	c, err := s.layout.cluster()
	if err != nil {
		return err
	}
	if err := s.until(ctx, c.ready); err != nil {
		return err
	}
	step.at("controllers and nodes", 1, 3)
	if err := s.startServers(ctx, controllerManager, scheduler, kubelet); err != nil {
		return err
	}
	if err := s.populate(ctx, c, entries); err != nil {
		return errors.Join(s.checkServers(ctx), err)
	}
	if err := s.startServers(ctx, append([]string{kwok, sealedSecrets}, s.state.argocdServers()...)...); err != nil {
		return err
	}
	step.at("everything else", 2, 3)
	if err := s.wait(ctx, step); err != nil {
		return err
	}
	s.state.Ready = time.Now()
	return s.layout.save(s.state)
}

func (s *Sandbox) startServers(ctx context.Context, names ...string) error {
	err := s.client().Start(ctx, names...)
	if err != nil {
		return &Error{Object: "server", Op: "start", Err: err, Advice: namespaceAdvice(err.Error())}
	}
	return nil
}

// populate makes the platform's objects.
func (s *Sandbox) populate(ctx context.Context, c *cluster, entries []entry) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.applyDefinitions(groupCtx, manifests(entries, definitions)) })
	group.Go(func() error { return c.applyFiles(groupCtx, manifests(entries, objects), "") })
	group.Go(func() error { return s.populateArgoCD(groupCtx, c, entries) })
	group.Go(func() error {
		if _, err := c.apply(groupCtx, nodeManifests); err != nil {
			return err
		}
		if _, err := c.apply(groupCtx, sealedSecretsManifests); err != nil {
			return err
		}
		return c.controllerToken(groupCtx, s.layout.pki("sealed-secrets.token"))
	})
	if err := group.Wait(); err != nil {
		return err
	}
	// KWOK gives up if it asks before this.
	if err := poll(ctx, func() error { return c.described(ctx, "postgresql.cnpg.io/v1") }); err != nil {
		return err
	}
	return s.forward(ctx, c)
}

// forward makes port-forwards reach the processes.
func (s *Sandbox) forward(ctx context.Context, c *cluster) error {
	if err := c.forward(ctx, s.state.Ports.SealedSecrets); err != nil || !s.state.withArgoCD() {
		return err
	}
	_, err := c.apply(ctx, argocdForward(s.state.Ports))
	return err
}

// condition is something to wait for; it does not count while the server that
// it is about is stopped.
type condition struct {
	name, server string
	met          func(context.Context) error
}

// wait waits until every server runs and does what it is there for.
func (s *Sandbox) wait(ctx context.Context, step step) error {
	c, err := s.layout.cluster()
	if err != nil {
		return err
	}
	conditions := []condition{
		{"the API server", apiServer, c.ready},
		{"the nodes", kwok, c.nodesReady},
		{"the address of the kubelet", kubelet, c.kubeletAddress},
		{"the service accounts", controllerManager, c.accountsReady},
	}
	conditions = append(conditions, s.argocdConditions(c)...)
	conditions = append(conditions,
		condition{"the Pod of " + sealedSecrets, kwok, c.nudge},
		condition{"the endpoints of Services", controllerManager, s.route(c)},
		condition{"the certificate of the Sealed Secrets controller", sealedSecrets, func(ctx context.Context) error {
			_, err := c.certificate(ctx)
			return err
		}},
	)
	if s.state.withArgoCD() {
		conditions = append(conditions, condition{"the Service of Argo CD", ArgoCDServer, func(ctx context.Context) error {
			return c.argocdHealth(ctx, s.state.ArgoCDInsecure)
		}})
	}
	status, err := s.client().Status(ctx)
	if err != nil {
		return err
	}
	for i, condition := range conditions {
		step.at(condition.name, i, len(conditions))
		if server, _ := status.Process(condition.server); server.State == supervise.Stopped {
			continue
		}
		if err := s.until(ctx, condition.met); err != nil {
			return fmt.Errorf("%s: %w", condition.name, err)
		}
	}
	return nil
}

// route connects the addresses of Pods with the processes that they stand for.
func (s *Sandbox) route(c *cluster) func(context.Context) error {
	return func(ctx context.Context) error {
		status, err := s.client().Status(ctx)
		if err != nil {
			return err
		}
		all := supervise.Routes{}
		for _, service := range s.services() {
			if p, _ := status.Process(service.server); p.State == supervise.Stopped {
				continue
			}
			routes, err := c.routes(ctx, service)
			if err != nil {
				return err
			}
			maps.Copy(all, routes)
		}
		return s.client().SetRoutes(ctx, all)
	}
}

// services are the Services that are reached through the API server.
func (s *Sandbox) services() []service {
	p := s.state.Ports
	all := []service{{controllerNamespace, controllerName, sealedSecrets, 8080, p.SealedSecrets}}
	if s.state.withArgoCD() {
		all = append(all,
			service{ArgoCDNamespace, ArgoCDServer, ArgoCDServer, argocdServerPort, p.ArgoCD},
			service{ArgoCDNamespace, ArgoCDRepoServer, ArgoCDRepoServer, argocdRepoPort, p.ArgoCDRepo},
		)
	}
	return all
}

// manifests returns the files of one kind that were copied from modules.
func manifests(entries []entry, f folder) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.manifestFiles(f)...)
	}
	return all
}

func (l layout) failed(op string, err error) error {
	e := &Error{Object: "sandbox " + l.dir, Op: op, Err: err}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		e.Advice = hinted.Hint()
	}
	return e
}
