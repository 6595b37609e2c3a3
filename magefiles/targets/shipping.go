package targets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/publish"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/revision"
	"github.com/sealway/sealway/pkg/seal"
)

// ship is gitops:ship. Each step begins only when the one before it has succeeded,
// and does nothing where its work is done: after a failure the same command goes on.
func (s *session) ship(ctx context.Context, folders []string, o argocd.SyncOptions) error {
	apps, err := s.repo.Select(folders...)
	if err != nil {
		return err
	}
	return s.argo(ctx, func(ctx context.Context, c *argocd.Client) error {
		names, to, err := s.deployed(ctx, c, apps)
		if err != nil {
			return err
		}
		if err := s.sealAndPublish(ctx, apps, to); err != nil {
			return s.shown(err)
		}
		if err := s.synced(ctx, c, names, o); err != nil {
			return errors.Join(s.console.Report(s.report), err)
		}
		return s.shown(s.delivered(ctx, apps))
	})
}

// shown prints the report; findings are part of it, anything else stands alone.
func (s *session) shown(err error) error {
	var refused *publish.FindingsError
	var findings *console.Findings
	switch {
	case errors.As(err, &refused):
		return s.refused(refused)
	case err != nil && !errors.As(err, &findings):
		return err
	}
	return errors.Join(s.console.Report(s.report), err)
}

// deployed are the applications of Argo CD that follow these folders, and the place
// in Git that all of them follow.
func (s *session) deployed(ctx context.Context, c *argocd.Client, apps []repo.Application) ([]string, publish.Options, error) {
	list, err := c.List(ctx, argocd.Filter{})
	if err != nil {
		return nil, publish.Options{}, err
	}
	var names []string
	var to publish.Options
	for _, app := range apps {
		i := slices.IndexFunc(list, func(a argocd.App) bool {
			source, ok := s.source(a)
			return ok && source.Path == s.repo.Rel(app.Dir)
		})
		if i < 0 {
			return nil, to, &notDeployedError{app: app.Name, path: s.repo.Rel(app.Dir)}
		}
		source, _ := s.source(list[i])
		next, err := s.followed(ctx, app, source)
		if err != nil {
			return nil, to, err
		}
		if len(names) > 0 && (next.Remote != to.Remote || next.Target != to.Target) {
			return nil, to, &console.Usage{Problem: fmt.Sprintf("%s follows another branch or repository than %s", app.Name, apps[0].Name), Advice: "ship them one after the other"}
		}
		names, to = append(names, list[i].Namespace+"/"+list[i].Name), next
	}
	return names, to, nil
}

// followed is where a commit has to be pushed for Argo CD to see it.
func (s *session) followed(ctx context.Context, app repo.Application, source revision.Source) (publish.Options, error) {
	remote, err := revision.Remote(ctx, s.repo.Tree, source.URL)
	if err != nil {
		return publish.Options{}, err
	}
	if remote == "" {
		return publish.Options{}, &elsewhereError{app: app.Name, url: source.URL}
	}
	head, err := s.repo.Tree.Head(ctx)
	if err != nil {
		return publish.Options{}, err
	}
	target := strings.TrimPrefix(source.Target, "refs/heads/")
	if target == "" || target == "HEAD" {
		target = head.Branch
	}
	if head.Branch != target {
		return publish.Options{}, &otherBranchError{app: app.Name, follows: target, branch: head.Branch}
	}
	return publish.Options{Remote: remote, Target: target}, nil
}

// sealAndPublish brings the plaintext at hand to where Argo CD looks. The
// repository is locked meanwhile, so that what is sealed is what is published.
func (s *session) sealAndPublish(ctx context.Context, apps []repo.Application, to publish.Options) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	names := make([]string, len(apps))
	for i, a := range apps {
		names[i] = a.Name
	}
	sealed, err := s.plan(ctx, names, false)
	if err != nil {
		return err
	}
	if err := s.apply(ctx, sealed); err != nil {
		return err
	}
	s.report.Entries = sealed.Entries()
	s.report.Warnings = append(s.report.Warnings, sealed.Warnings...)
	s.console.Note("seal: %s", s.summary("sealed"))
	plan, err := s.publishPlan(ctx, apps, to)
	if err != nil {
		return err
	}
	result, err := s.publishApply(ctx, plan)
	if err != nil {
		return err
	}
	s.console.Note("publish: %s", published(plan, result, apps, false))
	return nil
}

const (
	deliveryTime = time.Minute // how long the controller may take after the sync
	deliveryPoll = 500 * time.Millisecond
)

// delivered waits until the controller has made exactly the plaintext at hand of
// what was shipped.
func (s *session) delivered(ctx context.Context, apps []repo.Application) error {
	k, err := s.cluster()
	if err != nil {
		s.report.Warnings = append(s.report.Warnings, "the Secrets in the cluster were not compared: "+err.Error())
		return nil
	}
	deadline := time.Now().Add(deliveryTime)
	tick := time.NewTicker(deliveryPoll)
	defer tick.Stop()
	for {
		findings, checked, err := seal.Delivered(ctx, s.repo, apps, k.Live())
		if err != nil {
			return err
		}
		if len(findings) == 0 || time.Now().After(deadline) {
			return s.delivery(findings, checked)
		}
		s.console.Progress("verify", fmt.Sprintf("%d of %d Secrets are in the cluster", checked-len(findings), checked), false)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *session) delivery(findings []report.Finding, checked int) error {
	s.report.Findings = findings
	if len(findings) > 0 {
		return &console.Findings{Summary: fmt.Sprintf("gitops:ship: %d of %s not in the cluster", len(findings), count(checked, "Secret"))}
	}
	if checked > 0 {
		s.report.Summary += fmt.Sprintf("; %s in the cluster as here", count(checked, "Secret"))
	}
	return nil
}

// notDeployedError says that Argo CD does not know an application of the repository.
type notDeployedError struct{ app, path string }

func (e *notDeployedError) Error() string {
	return fmt.Sprintf("application %s: no application in Argo CD has the path %s", e.app, e.path)
}

// Hint says how it comes into being.
func (e *notDeployedError) Hint() string {
	return "`kubectl apply -f " + e.path + "/application.yaml`, or is this the wrong cluster?"
}

// elsewhereError says that a push from here does not reach what Argo CD follows.
type elsewhereError struct{ app, url string }

func (e *elsewhereError) Error() string {
	return fmt.Sprintf("application %s: Argo CD follows %s, which is no remote of this repository", e.app, e.url)
}

// Hint says how to add it.
func (e *elsewhereError) Hint() string { return "`git remote add NAME " + e.url + "`, then again" }

// otherBranchError says that what is committed here is not what Argo CD looks at.
type otherBranchError struct{ app, follows, branch string }

func (e *otherBranchError) Error() string {
	return fmt.Sprintf("application %s: Argo CD follows %s, you are on %s", e.app, e.follows, cmp.Or(e.branch, "a detached HEAD"))
}

// Hint says which ways there are.
func (e *otherBranchError) Hint() string {
	return fmt.Sprintf("`git switch %s`, or seal here, `mage gitops:publish %s -branch=NAME`, and `mage gitops:sync %s` after the merge", e.follows, e.app, e.app)
}
