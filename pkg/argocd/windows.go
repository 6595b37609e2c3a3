package argocd

import (
	"context"
	"fmt"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"golang.org/x/sync/errgroup"
)

// Window is a sync window of an AppProject.
type Window struct {
	Kind       string // allow or deny
	Schedule   string // as cron has it
	Duration   string
	ManualSync bool // a person may sync in spite of it
	Active     bool
}

// String is the window in words.
func (w Window) String() string {
	return fmt.Sprintf("%s %q for %s", w.Kind, w.Schedule, w.Duration)
}

// Windows gives the sync windows of an application's project that concern it, and
// whether it may be synced now by a person or program.
func (c *Client) Windows(ctx context.Context, name string) (windows []Window, open bool, err error) {
	r, err := parseName(name)
	if err != nil {
		return nil, false, err
	}
	return c.windows(ctx, r)
}

func (c *Client) windows(ctx context.Context, r ref) (windows []Window, open bool, err error) {
	k := call{op: "ask for sync windows", app: r.String(), patience: c.opts.Patience}
	resp, err := do(ctx, c, k, func(ctx context.Context) (*application.ApplicationSyncWindowsResponse, error) {
		return c.apps.GetApplicationSyncWindows(ctx, &application.ApplicationSyncWindowsQuery{Name: &r.name, AppNamespace: r.appNamespace(), Project: r.projectName()})
	})
	if err != nil {
		return nil, false, c.denied(ctx, r, "get", err)
	}
	active := map[Window]bool{}
	for _, w := range resp.ActiveWindows {
		active[window(w)] = true
	}
	for _, w := range resp.AssignedWindows {
		found := window(w)
		found.Active = active[found]
		windows = append(windows, found)
	}
	return windows, resp.GetCanSync(), nil
}

func window(w *application.ApplicationSyncWindow) Window {
	return Window{Kind: w.GetKind(), Schedule: w.GetSchedule(), Duration: w.GetDuration(), ManualSync: w.GetManualSync()}
}

// allowed asks, before anything is begun, whether a sync would be refused. Where
// these questions themselves fail it is left to the sync to say so.
func (c *Client) allowed(ctx context.Context, r ref, app App) error {
	var group errgroup.Group
	group.Go(func() error {
		windows, open, err := c.windows(ctx, r)
		if err != nil || open {
			return nil //nolint:nilerr // see above
		}
		return &WindowError{App: r.String(), Windows: forbidding(windows)}
	})
	group.Go(func() error {
		answer, err := do(ctx, c, call{op: "ask for permission", app: r.String()}, func(ctx context.Context) (*account.CanIResponse, error) {
			return c.accounts.CanI(ctx, &account.CanIRequest{Resource: "applications", Action: "sync", Subresource: rbacName(app)})
		})
		if err != nil || answer.Value != "no" {
			return nil //nolint:nilerr // see above
		}
		return &PermissionError{App: r.String(), Project: app.Project, Action: "sync", User: c.user(ctx)}
	})
	return group.Wait()
}

// forbidding are the windows that are the reason: those that deny now, or else
// those that would allow at another time.
func forbidding(windows []Window) (found []Window) {
	for _, w := range windows {
		if w.Active && w.Kind == "deny" {
			found = append(found, w)
		}
	}
	if len(found) > 0 {
		return found
	}
	return windows
}

// rbacName is the application as Argo CD's rules name it (util/security, RBACName):
// with its namespace when that is not Argo CD's own.
func rbacName(a App) string {
	if a.controllerNamespace != "" && a.controllerNamespace != a.Namespace {
		return a.Project + "/" + a.Namespace + "/" + a.Name
	}
	return a.Project + "/" + a.Name
}
