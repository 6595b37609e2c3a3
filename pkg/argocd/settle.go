package argocd

import (
	"context"
	"slices"
	"strings"
	"time"
)

// settle waits, after an operation or without one, until the application is Synced
// and Healthy and stays so for a moment.
func (j *job) settle(ctx context.Context) error {
	s := settling{
		opts:    j.c.opts,
		targets: j.o.Resources,
		pinned:  j.o.Revision != "",
		ended:   j.app.Operation,
		since:   map[string]time.Time{},
	}
	if j.out.Unchanged {
		s.compared = j.app.Operation // it has just been
	}
	for {
		if op := j.app.Operation; !op.Running() && !same(op, s.compared) {
			// What is shown may be of before the operation: status and time stamps come
			// in whole seconds, and a comparison takes a while. One that is asked for
			// now is of now.
			if err := j.again(ctx); err != nil {
				return err
			}
			s.compared = op
		}
		v := s.judge(j.app, time.Now())
		switch {
		case v.err != nil:
			return j.named(v)
		case v.done:
			j.out.Waited = true
			return nil
		}
		j.seekWhy(ctx)
		j.event(Settling, v.detail)
		if err := j.next(ctx, v.within); err != nil {
			return err
		}
	}
}

// again compares after an operation, and sees to it that what was synced is still
// what is wanted.
func (j *job) again(ctx context.Context) error {
	op := j.app.Operation
	j.event(Comparing, "")
	app, err := j.c.refresh(ctx, j.r, false)
	if err != nil {
		return err
	}
	j.see(app)
	if j.o.Revision != "" || op == nil || slices.Equal(op.Revisions, app.Revisions) {
		return nil
	}
	// Somebody has pushed meanwhile.
	j.want = app.Revisions
	if err := j.expected(ctx); err != nil {
		return &OvertakenError{App: j.r.String(), Wanted: op.Revision(), Got: app.Revision(), By: "Git", Cause: err}
	}
	if app.Sync == OutOfSync {
		return errOvertaken
	}
	return nil
}

// verdict is what a state means.
type verdict struct {
	done   bool
	within time.Duration // look again by then
	detail string
	err    error // with the application's name to be filled in
}

// settling remembers since when an application has been how it is.
type settling struct {
	opts     Options
	targets  []Target   // of a partial sync
	pinned   bool       // synced to another revision than the one followed
	ended    *Operation // that was waited for
	compared *Operation // after which the application has been compared
	since    map[string]time.Time
}

// judge decides on one state. It looks at nothing else but the time.
func (s *settling) judge(a App, now time.Time) verdict {
	within := s.opts.Poll
	// lasting says whether something has been so for a while, without a break.
	lasting := func(what string, is bool, bound time.Duration) bool {
		if !is {
			delete(s.since, what)
			return false
		}
		if s.since[what].IsZero() {
			s.since[what] = now
		}
		left := bound - now.Sub(s.since[what])
		within = min(within, max(left, time.Millisecond))
		return left <= 0
	}
	blocking, sync, health := s.scope(a)
	op := a.Operation
	lost := slices.DeleteFunc(slices.Clone(blocking), func(r Resource) bool { return !hopeless(r) })
	ready := !op.Running() && sync && health && len(a.problems()) == 0
	drifted := !op.Running() && !sync && a.Sync == OutOfSync
	stopped := a.Health == Degraded || a.Health == Suspended

	v := verdict{detail: detail(a)}
	switch {
	case !a.Deleting.IsZero():
		v.err = &DeletingError{Since: a.Deleting}
	case op != nil && !op.Running() && op.Phase != "Succeeded" && !op.DryRun && !same(op, s.ended):
		v.err = &OperationError{Operation: *op, Failed: failed(op.Results)}
	case lasting("problem", len(a.problems()) > 0, s.opts.Settle):
		v.err = check(ref{}, a)
	case lasting("lost", len(lost) > 0, s.opts.Settle):
		v.err = &HealthError{Health: Degraded, Blocking: lost, Final: true}
	case lasting("stopped", stopped && !health, s.opts.Grace):
		v.err = &HealthError{Health: a.Health, Blocking: blocking}
	case lasting("drifted", drifted, s.opts.Grace):
		v.err = &DriftError{Resources: blocking}
	case lasting("ready", ready, s.opts.Stable):
		v.done = true
	}
	v.within = within
	return v
}

// scope says what is not there yet, and whether the application counts as synced
// and as healthy: all of it, or the resources of a partial sync.
func (s *settling) scope(a App) (blocking []Resource, sync, health bool) {
	blocking = a.Blocking()
	if len(s.targets) > 0 {
		blocking = slices.DeleteFunc(blocking, func(r Resource) bool {
			return !slices.ContainsFunc(s.targets, func(t Target) bool {
				return t.Group == r.Group && t.Kind == r.Kind && t.Name == r.Name && (t.Namespace == "" || t.Namespace == r.Namespace)
			})
		})
		sync, health = true, true
		for _, r := range blocking {
			sync = sync && (r.Sync == "" || r.Sync == Synced)
			health = health && (r.Health == "" || r.Health == Healthy)
		}
		return blocking, sync, health
	}
	health = a.Health == Healthy
	switch {
	case a.Sync == Synced:
		sync = true
	case a.Sync != OutOfSync:
	case s.pinned && a.Operation != nil && !slices.Equal(a.Operation.Revisions, a.Revisions):
		sync = true // compared with another revision than the one that was asked for
	default:
		// What is left is to be pruned, which was not asked for.
		sync = len(a.Pruning()) > 0 && !slices.ContainsFunc(blocking, func(r Resource) bool { return r.Sync != "" && r.Sync != Synced })
	}
	return blocking, sync, health
}

// hopeless says whether a resource will not get healthy by itself. A Deployment
// that has used up its deadline is reported for the generation it is about.
func hopeless(r Resource) bool {
	return r.Health == Degraded && (sealed(r) || r.Kind == "Deployment" && strings.Contains(r.Message, "exceeded its progress deadline"))
}

// sealed says whether a resource is a SealedSecret that cannot be decrypted; its
// health is Degraded for that reason alone (health.lua of SealedSecret).
func sealed(r Resource) bool { return r.Kind == "SealedSecret" && r.Health == Degraded }

func detail(a App) string {
	switch {
	case a.Operation.Running():
		return "an operation of " + by(a.Operation.By) + " runs"
	case a.Sync != Synced && a.Health != Healthy:
		return a.Sync + ", " + a.Health
	case a.Sync != Synced:
		return a.Sync
	case a.Health != Healthy:
		return a.Health
	}
	return "Synced and Healthy; seeing whether it stays so"
}

// named puts the application's name into the error of a verdict.
func (j *job) named(v verdict) error {
	name := j.r.String()
	switch e := v.err.(type) { //nolint:errorlint // judge has just made it
	case *DeletingError:
		e.App = name
	case *OperationError:
		e.App, e.Ours = name, j.mine(&e.Operation)
	case *ConditionError:
		e.App = name
	case *PartError:
		e.App = name
	case *HealthError:
		e.App = name
	case *DriftError:
		e.App = name
	}
	return v.err
}
