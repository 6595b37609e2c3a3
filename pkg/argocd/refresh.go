package argocd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// The ways to refresh: normal looks into Git again; hard renders the manifests
// again, too, past every cache.
const (
	normal = "normal"
	hard   = "hard"
)

// Refresh has Argo CD compare an application with Git anew and gives what came of
// it. The server waits without a bound for its controller (argo-cd#21613); this
// waits for Options.Refresh and then says which part is away.
func (c *Client) Refresh(ctx context.Context, name string, anew bool) (App, error) {
	r, err := parseName(name)
	if err != nil {
		return App{}, err
	}
	return c.refresh(ctx, r, anew)
}

// errSlow is the cause of a context whose refresh has taken too long.
var errSlow = errors.New("the refresh has taken too long")

func (c *Client) refresh(ctx context.Context, r ref, anew bool) (App, error) {
	kind := normal
	if anew {
		kind = hard
	}
	bounded, cancel := context.WithTimeoutCause(ctx, c.opts.Refresh, errSlow)
	defer cancel()
	app, err := c.query(bounded, r, call{op: "refresh", app: r.String(), bound: c.opts.Refresh, patience: c.opts.Patience}, kind)
	switch {
	case ctx.Err() != nil:
		return App{}, context.Cause(ctx)
	case errors.Is(err, errSlow), err != nil && strings.Contains(err.Error(), "refresh deadline exceeded"): // the server's own words for it
		return App{}, c.stuck(ctx, r, c.opts.Refresh)
	case err != nil:
		return App{}, err
	}
	return app, nil
}

// stuck finds out which part does not answer: a commit's author and message come
// from the repo server and need no controller.
func (c *Client) stuck(ctx context.Context, r ref, waited time.Duration) error {
	app, err := c.get(ctx, r)
	if err != nil {
		return err
	}
	e := &PartError{App: r.String(), Op: "refresh", Namespace: app.controllerNamespace, Cause: fmt.Sprintf("no answer in %s", waited.Round(time.Second))}
	if len(app.problems()) > 0 {
		// The controller was there to say so; what it waits for is in the condition.
		return errors.Join(e, &ConditionError{App: r.String(), Conditions: app.problems()})
	}
	if len(app.Revisions) == 0 || app.Sources[0].Chart != "" {
		return e
	}
	k := call{op: "ask for the commit", app: r.String(), bound: min(c.opts.Call, 5*time.Second)}
	_, err = do(ctx, c, k, func(ctx context.Context) (*v1alpha1.RevisionMetadata, error) {
		return c.apps.RevisionMetadata(ctx, &application.RevisionMetadataQuery{Name: &r.name, AppNamespace: r.appNamespace(), Project: optional(app.Project), Revision: &app.Revisions[0]})
	})
	var unreachable *UnreachableError
	switch {
	case err == nil:
		e.Part = Controller
	case errors.As(err, &unreachable), strings.Contains(err.Error(), "connection refused"):
		e.Part = RepoServer
	}
	return e
}

// check says what stands in the way of a sync, as the comparison found it.
func check(r ref, app App) error {
	if !app.Deleting.IsZero() {
		return &DeletingError{App: r.String(), Since: app.Deleting}
	}
	found := app.problems()
	if len(found) == 0 {
		return nil
	}
	for _, p := range found {
		if away(p.Message) {
			return &PartError{App: r.String(), Op: "compare with Git", Part: RepoServer, Namespace: app.controllerNamespace, Cause: plain(p.Message)}
		}
	}
	return &ConditionError{App: r.String(), Conditions: found}
}
