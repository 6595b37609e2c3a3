package argocd

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
)

// gaveUp is the error of a wait that ended before what it waited for was there,
// by its deadline or by the caller. Our operation goes on unless it was asked to
// be terminated.
func (j *job) gaveUp(ctx context.Context, waited time.Duration) error {
	byCaller := errors.Is(ctx.Err(), context.Canceled)
	patience := j.c.opts.Terminate
	if byCaller {
		patience = min(patience, interrupted)
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	j.lookAgain(late)
	if byCaller {
		e := &InterruptedError{App: j.r.String(), For: j.waitedFor(), Running: j.waitedForOperation()}
		e.Terminated, e.Spared = j.end(late)
		e.Running = j.waitedForOperation()
		return e
	}
	e := &TimeoutError{App: j.r.String(), Waited: waited, For: j.waitedFor(), Running: j.waitedForOperation()}
	if e.Running {
		e.Detail = j.app.Operation.Message
	}
	if j.feed != nil {
		e.Cause = j.feed.failed
	}
	switch j.step {
	case Refreshing, Comparing:
		e.Cause = j.culprit(late, waited)
	case Operating, Settling: // before its end takes the reasons away
		e.Blocking = j.awaited()
		if e.Cause == nil {
			e.Blocking = j.explained(ctx, e.Blocking)
		}
		j.out.Blocking = e.Blocking
	}
	e.Terminated, e.Spared = j.end(late)
	e.Running = j.waitedForOperation()
	return e
}

// culprit says which part has not answered, nil if that cannot be told soon.
func (j *job) culprit(ctx context.Context, waited time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	err := j.c.stuck(ctx, j.r, waited)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// otherOperation begins what is waited for while somebody else's operation runs.
const otherOperation = "the operation of "

func (j *job) waitedFor() string {
	switch j.step {
	case Refreshing, Comparing:
		return "Argo CD to compare it with Git"
	case Queueing:
		return otherOperation + by(j.app.Operation.by())
	case Starting:
		return "the operation to begin"
	case Operating:
		return "the operation"
	case Settling:
		return "Synced and Healthy; it is " + detail(j.app)
	}
	return string(j.step)
}

// lookAgain gets the state of now where that matters: the last one may be old, or the
// request for our operation was cut off half way.
func (j *job) lookAgain(ctx context.Context) {
	if !j.sent {
		return
	}
	if app, err := j.c.query(ctx, j.r, call{op: "get", app: j.r.String()}, ""); err == nil {
		j.see(app)
	}
}

// waitedForOperation says whether the operation that is waited for still runs.
func (j *job) waitedForOperation() bool {
	op := j.app.Operation
	return op.Running() && (j.mine(op) || j.out.Adopted)
}

// end terminates the operation where that was asked for and it is ours; spared says
// why it does not.
func (j *job) end(ctx context.Context) (terminated bool, spared string) {
	op := j.app.Operation
	switch {
	case !j.o.Terminate || !j.waitedForOperation():
		return false, ""
	case !j.mine(op):
		return false, "it was not begun by this run, and is not terminated"
	}
	app, err := j.c.terminate(ctx, j.r, op)
	if err != nil {
		return false, "it could not be terminated in time"
	}
	j.see(app)
	j.out.Operation = app.Operation
	return app.Operation != nil && app.Operation.Phase != "Succeeded", ""
}

// Terminate ends the operation of an application, whoever began it, and waits
// until it has ended. Without one it does nothing.
func (c *Client) Terminate(ctx context.Context, name string) (App, error) {
	r, err := parseName(name)
	if err != nil {
		return App{}, err
	}
	app, err := c.get(ctx, r)
	if err != nil || !app.Operation.Running() {
		return app, err
	}
	bounded, cancel := context.WithTimeout(ctx, c.opts.Terminate)
	defer cancel()
	return c.terminate(bounded, r.of(app), app.Operation)
}

// terminate asks until the controller has done it. An operation that the
// controller has not picked up cannot be terminated yet (argo-cd#17155), and one whose
// state it writes just now may answer with conflicts, terminated or not.
func (c *Client) terminate(ctx context.Context, r ref, op *Operation) (App, error) {
	for n := 0; ; n++ {
		_, err := do(ctx, c, call{op: "terminate the operation", app: r.String(), patience: c.opts.Patience}, func(ctx context.Context) (*application.OperationTerminateResponse, error) {
			return c.apps.TerminateOperation(ctx, &application.OperationTerminateRequest{Name: &r.name, AppNamespace: r.appNamespace(), Project: r.projectName()})
		})
		again := err != nil && (strings.Contains(err.Error(), "No operation is in progress") || strings.Contains(err.Error(), "Too many conflicts"))
		if err != nil && !again {
			return App{}, c.denied(ctx, r, "sync", err)
		}
		app, err := c.get(ctx, r)
		if err != nil {
			return App{}, err
		}
		if !app.Operation.Running() || !sameRequest(app.Operation, op) {
			return app, nil
		}
		if err := sleep(ctx, c.opts.delay(n)); err != nil {
			return App{}, err
		}
	}
}

// sameRequest says whether two states are of one operation, of which the first may
// have been begun meanwhile.
func sameRequest(now, before *Operation) bool {
	return now.tag == before.tag && now.By == before.By && (before.Started.IsZero() || now.Started.Equal(before.Started))
}
