package targets

import (
	"context"
	"errors"
	"fmt"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/deployment"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/controller"
	"github.com/sealway/sealway/pkg/publish"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
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
			return s.reported(s.because(ctx, err))
		}
		return s.shown(s.arrived(ctx, names, "in the cluster as here", func(ctx context.Context, c seal.Cluster) ([]report.Finding, int, error) {
			return seal.Delivered(ctx, s.repo, apps, c)
		}))
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

// deployed are the applications of Argo CD that deploy these folders, and the place
// in Git that all of them follow.
func (s *session) deployed(ctx context.Context, c *argocd.Client, apps []repo.Application) (names []string, to publish.Options, err error) {
	list, err := c.List(ctx, argocd.Filter{})
	if err != nil {
		return nil, to, err
	}
	m, err := deployment.New(s.repo)
	if err != nil {
		return nil, to, err
	}
	for _, app := range apps {
		place, err := m.Find(ctx, list, app)
		if err != nil {
			return nil, to, err
		}
		if len(names) > 0 && (place.Remote != to.Remote || place.Branch != to.Target) {
			return nil, to, &console.Usage{Problem: fmt.Sprintf("gitops:ship: %s follows another branch or repository than %s", app.Name, apps[0].Name), Advice: "ship them one after the other"}
		}
		s.elsewhere[place.App.FullName()] = !s.inCluster(place.App)
		names, to = append(names, place.App.FullName()), publish.Options{Remote: place.Remote, Target: place.Branch, Commits: true}
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
	if err := s.opens(ctx, sealed.Certificate()); err != nil {
		return err
	}
	if err := s.apply(ctx, sealed); err != nil {
		return err
	}
	s.report.Entries = sealed.Entries()
	s.report.Warnings = append(s.report.Warnings, sealed.Warnings...)
	s.console.Note("%s", s.summary("sealed"))
	plan, err := s.publishPlan(ctx, apps, to)
	if err != nil {
		return err
	}
	result, err := s.publishApply(ctx, plan)
	if err != nil {
		return err
	}
	s.console.Note("%s", published(plan, result, apps, false))
	return nil
}

// opens refuses a certificate whose key the cluster's controller does not have: what
// is sealed for it would be published and never unsealed. Where the controller cannot
// be asked, or is not that of the applications, nothing is known.
func (s *session) opens(ctx context.Context, cert *seal.Certificate) error {
	for _, elsewhere := range s.elsewhere {
		if elsewhere {
			return nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, controllerTime)
	defer cancel()
	c, err := s.controller(ctx)
	if err == nil {
		err = seal.Opens(ctx, c, cert)
	}
	if !errors.Is(err, controller.ErrUndecryptable) {
		return nil // the comparison at the end tells of it
	}
	return &console.Advised{
		Err:    fmt.Errorf("%s: the certificate %s is of another cluster: %s of %s has no key for it", s.report.Command, cert.Fingerprint, c, s.report.Facts["cluster"]),
		Advice: "if that is the cluster you mean: `mage seal:cert` shows its certificate, `mage seal:cert -accept` pins it, and the same command goes on; if not, `kubectl config use-context`",
	}
}
