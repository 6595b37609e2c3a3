package argocd

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/watch"
)

// feed gives the states of one application as they come: from a watch, which is
// quick, and from looking every now and then, which loses nothing.
type feed struct {
	c    *Client
	r    ref
	away func(error) // is told that the server cannot be asked at the moment

	states chan state // holds the newest state of the watch
	last   int64      // version of the newest state given
	failed error      // why the last look failed; nil when it did not

	cancel context.CancelFunc
	ended  sync.WaitGroup
}

type state struct {
	app  App
	gone bool
}

// follow starts a feed; stop ends it.
func (c *Client) follow(ctx context.Context, r ref, away func(error)) *feed {
	ctx, cancel := context.WithCancel(ctx)
	f := &feed{c: c, r: r, away: away, states: make(chan state, 1), cancel: cancel}
	f.ended.Go(func() { f.watch(ctx) })
	return f
}

func (f *feed) stop() {
	f.cancel()
	f.ended.Wait()
}

// next waits for a state: one that the watch brings, or what a look finds after
// the given time, or the interval of looking if that is shorter. While the server
// is away it waits on.
func (f *feed) next(ctx context.Context, within time.Duration) (App, error) {
	timer := time.NewTimer(max(0, min(within, f.c.opts.Poll)))
	defer timer.Stop()
	for {
		select {
		case s := <-f.states:
			if s.gone {
				timer.Reset(0) // a look says for certain
			} else if s.app.version >= f.last {
				return f.give(s.app), nil
			}
		case <-timer.C:
			app, err := f.c.query(ctx, f.r, call{op: "get", app: f.r.String()}, "")
			switch {
			case err == nil && app.version >= f.last:
				return f.give(app), nil
			case ctx.Err() != nil:
				return App{}, context.Cause(ctx)
			case err != nil && !forNow(err):
				return App{}, err
			case err != nil:
				f.failed = err
				f.away(err)
			}
			timer.Reset(f.c.opts.Poll)
		case <-ctx.Done():
			return App{}, context.Cause(ctx)
		}
	}
}

// forNow says whether an error may be gone at the next look: one answer of a proxy or
// of a busy server must not end a wait.
func forNow(err error) bool {
	var unreachable *UnreachableError
	var answer *ServerError
	return errors.As(err, &unreachable) || errors.As(err, &answer) && answer.passing
}

func (f *feed) give(a App) App {
	f.last, f.failed = a.version, nil
	return a
}

// watch keeps a stream open. A stream that ends is opened again; one that is
// refused is not: looking goes on.
func (f *feed) watch(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		t, err := f.c.auth.get(ctx)
		if err != nil {
			return
		}
		got, err := f.stream(metadata.AppendToOutgoingContext(ctx, "token", t.token))
		switch status.Code(err) {
		case codes.Unauthenticated:
			if _, err := f.c.auth.renew(ctx, t, status.Convert(err).Message()); err != nil {
				return
			}
		case codes.PermissionDenied, codes.NotFound, codes.InvalidArgument:
			return
		case codes.Unimplemented: // also what a proxy without streams makes of it
			return
		}
		if got {
			n = 0
		}
		if sleep(ctx, f.c.opts.delay(n)) != nil {
			return
		}
	}
}

func (f *feed) stream(ctx context.Context) (got bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := f.c.apps.Watch(ctx, &application.ApplicationQuery{Name: &f.r.name, AppNamespace: f.r.appNamespace(), Projects: f.r.projects()})
	if err != nil {
		return false, err
	}
	var newest int64
	for {
		event, err := stream.Recv()
		if err != nil {
			return got, err
		}
		got = true
		s := state{app: convert(&event.Application), gone: event.Type == watch.Deleted}
		if s.app.Name != f.r.name || s.app.version < newest {
			continue
		}
		newest = s.app.version
		select {
		case <-f.states:
		default:
		}
		f.states <- s
	}
}
