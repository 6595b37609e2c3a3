package targets

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
			return s.reported(err)
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
			return nil, to, &revision.NotFollowedError{App: app.Name, Path: s.repo.Rel(app.Dir)}
		}
		source, _ := s.source(list[i])
		remote, branch, err := revision.Destination(ctx, s.repo.Tree, source)
		if err != nil {
			return nil, to, err
		}
		next := publish.Options{Remote: remote, Target: branch}
		if len(names) > 0 && (next.Remote != to.Remote || next.Target != to.Target) {
			return nil, to, &console.Usage{Problem: fmt.Sprintf("%s follows another branch or repository than %s", app.Name, apps[0].Name), Advice: "ship them one after the other"}
		}
		names, to = append(names, s.fullName(list[i])), next
	}
	return names, to, nil
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
