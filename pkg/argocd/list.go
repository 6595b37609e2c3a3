package argocd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"

	"github.com/sealway/sealway/pkg/manifest"
)

// Filter says which applications are meant. The zero value is all of them.
type Filter struct {
	Selector  string   // over labels, as kubectl has it
	Projects  []string // any of these
	Namespace string   // of the Application objects
}

// List gives the applications that the account can see, those too that are being
// deleted, sorted by namespace and name.
func (c *Client) List(ctx context.Context, f Filter) ([]App, error) {
	list, err := do(ctx, c, call{op: "list applications", patience: c.opts.Patience}, func(ctx context.Context) (*v1alpha1.ApplicationList, error) {
		return c.apps.List(ctx, &application.ApplicationQuery{
			Selector:     optional(f.Selector),
			Projects:     f.Projects,
			AppNamespace: optional(f.Namespace),
		})
	})
	if err != nil {
		return nil, err
	}
	apps := make([]App, len(list.Items))
	for i := range list.Items {
		apps[i] = convert(&list.Items[i])
	}
	sortApps(apps)
	return apps, nil
}

// Complete asks once more for those of a list that are not Synced and Healthy and whose
// resources came without their health: Argo CD 3 keeps it outside of the Application
// object, and its list leaves it out (argo-cd v3.1 server/application/application.go,
// List). One that cannot be asked for stays as it was.
func (c *Client) Complete(ctx context.Context, apps []App) []App {
	out := slices.Clone(apps)
	var group errgroup.Group
	group.SetLimit(8)
	for i, a := range out {
		if a.Sync == Synced && a.Health == Healthy || len(a.Resources) == 0 || slices.ContainsFunc(a.Resources, func(r Resource) bool { return r.Health != "" }) {
			continue
		}
		group.Go(func() error {
			if whole, err := c.get(ctx, ref{name: a.Name, shown: a.FullName()}.of(a)); err == nil {
				out[i] = whole
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	return out
}

// Get gives an application as it stands.
func (c *Client) Get(ctx context.Context, name string) (App, error) {
	r, err := parseName(name)
	if err != nil {
		return App{}, err
	}
	return c.get(ctx, r)
}

func (c *Client) get(ctx context.Context, r ref) (App, error) {
	return c.query(ctx, r, call{op: "get", app: r.String(), patience: c.opts.Patience}, "")
}

func (c *Client) query(ctx context.Context, r ref, k call, refresh string) (App, error) {
	app, err := do(ctx, c, k, func(ctx context.Context) (*v1alpha1.Application, error) {
		return c.apps.Get(ctx, &application.ApplicationQuery{
			Name:         &r.name,
			AppNamespace: r.appNamespace(),
			Projects:     r.projects(),
			Refresh:      optional(refresh),
		})
	})
	if err != nil {
		return App{}, c.denied(ctx, r, "get", err)
	}
	return convert(app), nil
}

// denied finds out what a refusal means. The server answers "permission denied" for
// what is not there, for what may not be seen, and for a moment in which it could
// not ask the Kubernetes API. A list shows what can be seen.
func (c *Client) denied(ctx context.Context, r ref, action string, err error) error {
	var refused *ServerError
	if !errors.As(err, &refused) || refused.Code != codes.PermissionDenied && refused.Code != codes.NotFound {
		return err
	}
	apps, listErr := c.List(ctx, Filter{})
	if listErr != nil {
		return errors.Join(err, listErr)
	}
	names := make([]string, len(apps))
	for i, a := range apps {
		names[i] = a.Name
		if strings.Contains(r.shown, "/") {
			names[i] = a.Namespace + "/" + a.Name
		}
		if a.Name != r.name || r.namespace != "" && a.Namespace != r.namespace {
			continue
		}
		if action == "get" {
			return &UnreachableError{Server: c.server, Op: "get " + r.String(), Cause: errors.New("the server lists it and does not give it: can it reach the Kubernetes API?")}
		}
		return &PermissionError{App: r.String(), Project: a.Project, Action: action, User: c.user(ctx)}
	}
	e := &NoApplicationError{Name: r.String(), Near: near(r.String(), names), Seen: len(apps)}
	if len(names) <= few {
		e.Known = names
	}
	return e
}

// user is who the calls are made as, as far as that is known.
func (c *Client) user(ctx context.Context) string {
	t, err := c.auth.get(ctx)
	if err != nil {
		return ""
	}
	return t.user
}

// near are up to three of the names that may have been meant: the nearest ones.
func near(name string, names []string) []string {
	const most = 3
	limit := max(1, len(name)/3)
	distances := map[string]int{}
	var found []string
	for _, n := range names {
		d := manifest.Distance(name, n)
		if d > limit && (len(name) < most || !strings.Contains(n, name) && !strings.Contains(name, n)) {
			continue
		}
		if _, seen := distances[n]; !seen {
			distances[n] = d
			found = append(found, n)
		}
	}
	slices.SortStableFunc(found, func(a, b string) int { return distances[a] - distances[b] })
	found = slices.DeleteFunc(found, func(n string) bool { return distances[n] > distances[found[0]] })
	return found[:min(most, len(found))]
}

// few is how many applications an error may list.
const few = 8
