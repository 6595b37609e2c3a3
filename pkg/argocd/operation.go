package argocd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// begin has an operation under way that does what is asked for: one that runs
// already, one that Argo CD begins by itself, or one of ours.
func (j *job) begin(ctx context.Context) error {
	automatic := j.app.AutoSync != nil && j.app.Sync == OutOfSync && j.plain() && !j.o.DryRun
	for n := 0; ; n++ {
		switch op := j.app.Operation; {
		case op.Running() && (j.mine(op) || j.asGood(op)):
			j.out.Adopted = !j.mine(op)
			return nil
		case op.Running():
			if err := j.waitOut(ctx); err != nil {
				return err
			}
			continue
		case automatic:
			automatic = false
			if begun, err := j.automated(ctx); begun || err != nil {
				return err
			}
			continue
		}
		j.event(Starting, "")
		if err := j.send(ctx); !errors.Is(err, errBusy) {
			return err
		}
		if err := j.next(ctx, j.c.opts.delay(n)); err != nil {
			return err
		}
	}
}

func (j *job) mine(op *Operation) bool { return op != nil && op.tag == j.tag }

// asGood says whether somebody else's operation does what is asked for.
func (j *job) asGood(op *Operation) bool {
	return op != nil && j.plain() && !j.o.DryRun && !op.DryRun && !op.Partial && op.Phase != "Terminating" &&
		(op.Prune || !j.o.Prune) && len(op.Revisions) > 0 && slices.Equal(op.Revisions, j.want)
}

// waitOut waits for the end of an operation that is none of ours, and compares
// anew: it may have changed what there is to do.
func (j *job) waitOut(ctx context.Context) error {
	for j.app.Operation.Running() {
		op := j.app.Operation
		detail := fmt.Sprintf("%s syncs %s", by(op.By), short(op.Revision()))
		if op.Retries > 0 {
			detail += fmt.Sprintf(", attempt %d", op.Retries+1)
		}
		j.event(Queueing, detail)
		if strings.Contains(op.Message, blockedByWindow) {
			return &WindowError{App: j.r.String(), Waiting: true}
		}
		if err := j.next(ctx, j.c.opts.Poll); err != nil {
			return err
		}
	}
	return j.compare(ctx)
}

// automated gives Argo CD the time to begin by itself. It does so while it
// compares, so mostly the operation is there before the refresh has returned; it
// does not when it has tried this revision before.
func (j *job) automated(ctx context.Context) (begun bool, err error) {
	j.event(Starting, "Argo CD is to sync it by itself")
	before := j.app.Operation
	for end := time.Now().Add(j.c.opts.AutoSync); time.Now().Before(end); {
		if err := j.next(ctx, time.Until(end)); err != nil {
			return false, err
		}
		if op := j.app.Operation; op != nil && !same(op, before) && j.asGood(op) {
			j.out.Adopted = true
			return true, nil
		}
		if j.app.Operation.Running() {
			return false, nil
		}
	}
	return false, nil
}

// same says whether two states show the same operation.
func same(a, b *Operation) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.tag == b.tag && a.Started.Equal(b.Started) && a.By == b.By
}

// errBusy says that another operation came first.
var errBusy = errors.New("another operation is in progress")

// send asks for our operation. It is sent again only when it is certain that the
// first one was not taken: the tag tells.
func (j *job) send(ctx context.Context) error {
	var since time.Time
	for n := 0; ; n++ {
		app, err := do(ctx, j.c, call{op: "sync", app: j.r.String()}, func(ctx context.Context) (*v1alpha1.Application, error) {
			return j.c.apps.Sync(ctx, j.request())
		})
		if err == nil {
			j.sent, j.out.Adopted = true, false
			j.see(convert(app))
			return nil
		}
		if ctx.Err() != nil {
			j.sent = true // perhaps
			return context.Cause(ctx)
		}
		again, err := j.refused(ctx, err)
		if !again {
			return err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) > j.c.opts.Patience {
			return err
		}
		if err := sleep(ctx, j.c.opts.delay(n)); err != nil {
			return err
		}
	}
}

func (j *job) request() *application.ApplicationSyncRequest {
	auto := j.app.AutoSync
	prune := j.o.Prune || auto != nil && auto.Prune // what Argo CD would do
	req := &application.ApplicationSyncRequest{
		Name:         &j.r.name,
		AppNamespace: j.r.appNamespace(),
		Project:      j.r.projectName(),
		Prune:        &prune,
		DryRun:       &j.o.DryRun,
		Revision:     j.revision(),
		Infos:        []*v1alpha1.Info{{Name: tagName, Value: j.tag}},
	}
	for _, t := range j.o.Resources {
		req.Resources = append(req.Resources, &v1alpha1.SyncOperationResource{Group: t.Group, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name})
	}
	if len(j.o.Options) > 0 {
		req.SyncOptions = &application.SyncOptions{Items: merge(j.app.SyncOptions, j.o.Options)}
	}
	return req
}

// revision is the one to ask for: the commit that was looked at, so that nothing
// newer slips in. A server that syncs by itself refuses any but what it follows.
func (j *job) revision() *string {
	if j.o.Revision != "" || j.app.AutoSync != nil || len(j.app.Sources) != 1 || j.app.Sources[0].Chart != "" {
		return optional(j.o.Revision)
	}
	if r := j.app.Revision(); r != short(r) { // a commit
		return &r
	}
	return nil
}

// merge puts options over those of the application: a request's replace all of
// them on the server.
func merge(own, over []string) []string {
	key := func(option string) string {
		k, _, _ := strings.Cut(option, "=")
		return strings.TrimSpace(k)
	}
	out := slices.DeleteFunc(slices.Clone(own), func(o string) bool {
		return slices.ContainsFunc(over, func(n string) bool { return key(n) == key(o) })
	})
	return append(out, over...)
}

// blockedByWindow is what the controller says of an operation whose window has
// closed before it began.
const blockedByWindow = "blocked by sync window"

// refused finds out what an error of the sync means and whether to send it again.
func (j *job) refused(ctx context.Context, err error) (again bool, out error) {
	var unreachable *UnreachableError
	var answer *ServerError
	switch {
	case errors.As(err, &unreachable):
		app, getErr := j.c.get(ctx, j.r)
		if getErr != nil {
			return false, getErr
		}
		j.see(app)
		if j.mine(app.Operation) {
			j.sent, j.out.Adopted = true, false
			return false, nil
		}
		return true, err
	case !errors.As(err, &answer):
		return false, err
	case strings.Contains(answer.Message, "another operation is already in progress"):
		return false, errBusy
	case strings.Contains(answer.Message, blockedByWindow):
		windows, _, _ := j.c.windows(ctx, j.r) // best effort
		return false, &WindowError{App: j.r.String(), Windows: forbidding(windows)}
	case answer.away:
		return true, &PartError{App: j.r.String(), Op: "sync", Part: RepoServer, Namespace: j.app.controllerNamespace, Cause: answer.Message}
	}
	return false, j.c.denied(ctx, j.r, "sync", err)
}

// operation waits until the operation is done.
func (j *job) operation(ctx context.Context) error {
	j.whySought = time.Now() // most are done before anybody asks
	for {
		op := j.app.Operation
		switch {
		case op == nil || !j.mine(op) && !j.asGood(op):
			return errOvertaken
		case !op.Running():
			return j.finished(op)
		case strings.Contains(op.Message, blockedByWindow):
			return &WindowError{App: j.r.String(), Waiting: true}
		}
		j.out.Operation, j.out.Adopted = op, !j.mine(op)
		j.step = Operating
		j.seekWhy(ctx)
		j.event(Operating, plain(op.Message))
		if err := j.next(ctx, j.c.opts.Poll); err != nil {
			return err
		}
	}
}

func (j *job) finished(op *Operation) error {
	j.out.Operation, j.out.Adopted = op, !j.mine(op)
	j.out.Revision = op.Revision()
	j.sent = j.sent && !j.mine(op)
	if op.Phase == "Succeeded" {
		return nil
	}
	return &OperationError{App: j.r.String(), Operation: *op, Failed: failed(op.Results), Ours: j.mine(op)}
}

func failed(results []Result) (found []Result) {
	for _, r := range results {
		switch r.Status {
		case "SyncFailed", "Failed", "Error":
			found = append(found, r)
		}
	}
	return found
}
