package targets

import (
	"context"
	"fmt"
	"time"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

const (
	arrivalTime = time.Minute // how long the controller may take after the sync
	arrivalPoll = 500 * time.Millisecond
)

// arrived waits until the controller has made Secrets of what was synced; look says
// what is missing. state is in words what they are to be. Where the cluster is not
// the kubeconfig's, or does not allow it, nothing is known, and that is said.
func (s *session) arrived(ctx context.Context, names []string, state string, look func(context.Context, seal.Cluster) ([]report.Finding, int, error)) error {
	for _, name := range names {
		if s.elsewhere[name] {
			s.report.Warnings = append(s.report.Warnings, name+": its Secrets were not looked at: "+s.whyElsewhere())
			return nil
		}
	}
	k, err := s.cluster()
	if err != nil {
		s.report.Warnings = append(s.report.Warnings, "the Secrets in the cluster were not looked at: "+err.Error())
		return nil
	}
	deadline := time.Now().Add(arrivalTime)
	tick := time.NewTicker(arrivalPoll)
	defer tick.Stop()
	for {
		findings, checked, err := look(ctx, k.Live())
		if err != nil { // the sync is done; what cannot be looked at is no failure of it
			s.report.Warnings = append(s.report.Warnings, "the Secrets in the cluster were not looked at: "+err.Error())
			return ctx.Err()
		}
		if len(findings) == 0 || time.Now().After(deadline) {
			return s.arrival(findings, checked, state)
		}
		s.console.Progress("Secrets", fmt.Sprintf("%d of %d %s", checked-len(findings), checked, state), false)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// whyElsewhere says why the kubeconfig's cluster is not the one to look into.
func (s *session) whyElsewhere() string {
	if s.config.ArgoCD.Server != "" {
		return "with ARGOCD_SERVER it is not known whether the kubeconfig's cluster is theirs; `mage verify:app` looks into it"
	}
	return "they are in another cluster than the kubeconfig's"
}

func (s *session) arrival(findings []report.Finding, checked int, state string) error {
	s.report.Findings = findings
	if len(findings) > 0 {
		s.report.Summary += fmt.Sprintf("; %d of %s not %s", len(findings), count(checked, "Secret"), state)
		return &console.Findings{Summary: fmt.Sprintf("%s: %d of %s not %s", s.report.Command, len(findings), count(checked, "Secret"), state)}
	}
	if checked > 0 {
		s.report.Summary += fmt.Sprintf("; %s %s", count(checked, "Secret"), state)
	}
	return nil
}

// inCluster reports whether an application is deployed to the cluster that the
// kubeconfig names, which is the one that Argo CD was found in.
func (s *session) inCluster(a argocd.App) bool {
	d := a.Destination
	return s.config.ArgoCD.Server == "" && (d.Server == "https://kubernetes.default.svc" || d.Name == "in-cluster")
}
