package argocd

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// SyncOptions say how to sync.
type SyncOptions struct {
	Prune     bool     // delete what is no longer in Git
	DryRun    bool     // have the controller try it without changing anything
	Hard      bool     // render the manifests anew first
	Always    bool     // run an operation even when nothing has changed since the last one
	Revision  string   // of an application that is not synced automatically; default: what it follows
	Resources []Target // only these; default: all
	Options   []string // over the sync options of the application: "Replace=true"

	NoWait    bool          // return when the operation has begun
	Timeout   time.Duration // for all of it; default 5 min
	Terminate bool          // end our operation when the wait ends before it, by time or by an interruption; for that the Transport has to outlive ctx by some seconds

	// Expect is asked, after the comparison and again when it changes, whether what
	// Argo CD is about to sync is what the caller wants; its error ends the sync and
	// is returned as it is.
	// SyncAll calls it from several goroutines. Default: anything will do.
	Expect func(context.Context, App) error
}

// Target names a resource of an application.
type Target struct{ Group, Kind, Namespace, Name string }

// Outcome is what a sync came to. It is filled in as far as things went, also when
// there is an error.
type Outcome struct {
	App, Namespace, Project string

	Revision  string // that was synced, or that was found to be there
	Sync      string
	Health    string
	Operation *Operation // that was waited for; nil when none was needed or begun

	Unchanged bool // it was there already: no operation was needed
	Adopted   bool // somebody else's operation did it; Operation.By says whose
	AutoSync  bool // the application is synced by Argo CD itself
	DryRun    bool
	Waited    bool // for Synced and Healthy, with success

	Blocking []Resource // what is not Synced or not Healthy
	Pruning  []Resource // what is no longer in Git and still there: Prune was not asked for
	Duration time.Duration
}

// Step is what a sync is doing.
type Step string

// The steps of a sync, in their order.
const (
	Refreshing Step = "refresh"
	Checking   Step = "check"
	Queueing   Step = "wait for another operation"
	Starting   Step = "start"
	Operating  Step = "operation"
	Comparing  Step = "compare again"
	Settling   Step = "wait for Synced and Healthy"
	Done       Step = "done"
)

// Event is how far a sync is.
type Event struct {
	App      string
	Step     Step
	Detail   string // in words, may be empty
	Phase    string // of the operation
	Sync     string
	Health   string
	Blocking []Resource // what is not there yet
	Away     error      // why the server cannot be asked at the moment
}

// Observer is told events. It must return soon.
type Observer func(Event)

// tagName is the info by which an operation is recognised; its value is random.
const tagName = "sealway-operation"

// errDeadline is the cause of a context whose sync has taken too long.
var errDeadline = errors.New("not there in time")

// Sync brings an application to its revision, or to the one asked for, and waits
// until it is Synced and Healthy. See the package for how that is decided.
func (c *Client) Sync(ctx context.Context, name string, o SyncOptions, observe Observer) (Outcome, error) {
	outcomes, err := c.SyncAll(ctx, []string{name}, o, observe)
	return outcomes[0], err
}

// SyncAll syncs several applications, Options.Concurrent at once, under one
// deadline. The outcomes are in the order of the names; the errors are joined, and
// one application's does not stop the others. observe is called by one goroutine
// at a time.
func (c *Client) SyncAll(ctx context.Context, names []string, o SyncOptions, observe Observer) ([]Outcome, error) {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Minute
	}
	start := time.Now()
	bounded, cancel := context.WithTimeoutCause(ctx, o.Timeout, errDeadline)
	defer cancel()
	outcomes, errs := make([]Outcome, len(names)), make([]error, len(names))
	for i, name := range names {
		outcomes[i].App = name
	}
	if _, _, err := c.Login(bounded); err != nil { // once, and not once for each
		if errors.Is(err, errDeadline) {
			err = &TimeoutError{App: strings.Join(names, ", "), Waited: time.Since(start), For: "the login"}
		}
		return outcomes, err
	}
	observe = oneAtATime(observe)
	var group errgroup.Group
	group.SetLimit(c.opts.Concurrent)
	for i, name := range names {
		group.Go(func() error {
			j := &job{c: c, o: o, tag: rand.Text(), tell: observe, out: &outcomes[i]}
			errs[i] = j.do(ctx, bounded, name, start)
			return nil
		})
	}
	_ = group.Wait() // each has its slot
	return outcomes, errors.Join(errs...)
}

func oneAtATime(observe Observer) Observer {
	if observe == nil {
		return func(Event) {}
	}
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		observe(e)
	}
}

// job is the sync of one application.
type job struct {
	c    *Client
	o    SyncOptions
	tag  string
	tell Observer
	out  *Outcome

	r    ref
	step Step
	feed *feed
	app  App      // as it was seen last
	want []string // the revisions that were compared and checked
	sent bool     // our operation is under way, perhaps

	why       map[string][]string // of the resources that are not there, as asked for last
	whySought time.Time
}

// do runs the job. ctx is the caller's, bounded has the deadline of all of it.
func (j *job) do(ctx, bounded context.Context, name string, start time.Time) error {
	var err error
	if j.r, err = parseName(name); err != nil {
		return err
	}
	defer func() {
		if j.feed != nil {
			j.feed.stop()
		}
	}()
	err = j.run(bounded)
	if err != nil && bounded.Err() != nil {
		err = j.gaveUp(ctx, time.Since(start))
	}
	j.explain(ctx, err)
	j.out.Duration = time.Since(start)
	j.fill()
	if err == nil {
		j.event(Done, "")
	}
	return err
}

// errOvertaken says that another operation has come between: what is known is no
// longer true.
var errOvertaken = errors.New("another operation came between")

func (j *job) run(ctx context.Context) error {
	const rounds = 3
	var err error
	for range rounds {
		if err = j.round(ctx); !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return &OvertakenError{App: j.r.String(), Wanted: j.out.Revision, Got: j.app.Operation.Revision(), By: j.app.Operation.by()}
}

func (j *job) round(ctx context.Context) error {
	if err := j.compare(ctx); err != nil {
		return err
	}
	if j.unchanged() {
		return j.stay(ctx)
	}
	j.event(Checking, "")
	if err := j.allowed(ctx); err != nil {
		return err
	}
	if err := j.begin(ctx); err != nil {
		return err
	}
	if j.o.NoWait {
		j.out.Operation = j.app.Operation
		return nil
	}
	if err := j.operation(ctx); err != nil || j.o.DryRun {
		return err
	}
	return j.settle(ctx)
}

// allowed says, before anything is begun, why a sync would be refused.
func (j *job) allowed(ctx context.Context) error {
	if j.app.AutoSync != nil && j.o.Revision != "" && !j.o.DryRun && len(j.app.Sources) == 1 {
		if follows := j.app.Sources[0].TargetRevision; follows != j.o.Revision {
			return &FollowError{App: j.r.String(), Revision: j.o.Revision, Follows: follows}
		}
	}
	return j.c.allowed(ctx, j.r, j.app)
}

// compare has Argo CD look at Git and says whether it is right to go on.
func (j *job) compare(ctx context.Context) error {
	j.event(Refreshing, "")
	app, err := j.c.refresh(ctx, j.r, j.o.Hard)
	if err != nil {
		return err
	}
	j.see(app)
	j.want = app.Revisions
	return j.expected(ctx)
}

func (j *job) expected(ctx context.Context) error {
	if err := check(j.r, j.app); err != nil {
		return err
	}
	if j.o.Revision == "" {
		j.out.Revision = j.app.Revision()
	}
	if j.o.Expect == nil {
		return nil
	}
	j.event(Checking, "") // it may take a fetch, for which Argo CD is not to blame
	return j.o.Expect(ctx, j.app)
}

func (j *job) see(a App) {
	j.app, j.r = a, j.r.of(a)
	j.out.Namespace, j.out.Project, j.out.AutoSync = a.Namespace, a.Project, a.AutoSync != nil
	if j.feed != nil {
		j.feed.last = max(j.feed.last, a.version)
	}
}

// follow makes sure that states come in.
func (j *job) follow(ctx context.Context) *feed {
	if j.feed == nil {
		j.feed = j.c.follow(ctx, j.r, func(err error) { j.tell(Event{App: j.r.String(), Step: j.step, Away: err}) })
		j.feed.last = j.app.version
	}
	return j.feed
}

// next waits for another state of the application.
func (j *job) next(ctx context.Context, within time.Duration) error {
	app, err := j.follow(ctx).next(ctx, within)
	if err != nil {
		return err
	}
	j.see(app)
	return nil
}

func (j *job) event(step Step, detail string) {
	j.step = step
	e := Event{App: j.r.String(), Step: step, Detail: detail, Sync: j.app.Sync, Health: j.app.Health}
	if j.app.Operation != nil {
		e.Phase = j.app.Operation.Phase
	}
	switch step {
	case Operating:
		e.Blocking = slices.DeleteFunc(j.withWhy(j.awaited()), unapplied)
	case Settling:
		e.Blocking = j.withWhy(j.awaited())
	}
	j.tell(e)
}

// unchanged says whether there is nothing to do: the last operation has brought
// this very revision, and the cluster is still like that. An operation that would
// change no resource may still run hooks, hence the revision. Argo CD heals parts
// by itself only of what it has synced as a whole before.
func (j *job) unchanged() bool {
	last := j.app.Operation
	return j.plain() && !j.o.Always && !j.o.DryRun && j.app.Sync == Synced &&
		last != nil && last.Phase == "Succeeded" && !last.DryRun && (!last.Partial || last.By == autoSync) &&
		len(j.app.Revisions) > 0 && slices.Equal(last.Revisions, j.app.Revisions)
}

// plain says whether what is asked for is no more than to be at the revision that
// the application follows.
func (j *job) plain() bool {
	return j.o.Revision == "" && len(j.o.Resources) == 0 && len(j.o.Options) == 0
}

func (j *job) stay(ctx context.Context) error {
	if j.out.Operation == nil {
		j.out.Unchanged = true
	} else { // ours was overtaken by one that is as good
		j.out.Operation, j.out.Adopted = j.app.Operation, !j.mine(j.app.Operation)
	}
	if j.o.NoWait {
		return nil
	}
	if j.out.Unchanged && j.app.Health == Healthy {
		j.out.Waited = true
		return nil
	}
	return j.settle(ctx)
}

// fill completes the outcome by the last state.
func (j *job) fill() {
	a := j.app
	j.out.Sync, j.out.Health, j.out.DryRun = a.Sync, a.Health, j.o.DryRun
	if j.out.Blocking == nil {
		j.out.Blocking = a.Blocking()
	}
	if len(a.problems()) == 0 { // without manifests everything looks superfluous
		j.out.Pruning = a.Pruning()
	}
}
