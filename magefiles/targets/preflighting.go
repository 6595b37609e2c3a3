package targets

import (
	"context"
	"errors"
	"os/exec"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/preflight"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/controller"
	"github.com/sealway/sealway/pkg/report"
)

// verifyCluster is verify:cluster: look, report.
func (s *session) verifyCluster(ctx context.Context) error {
	o := preflight.Options{
		Kubeconfig: func() (*kube.Kubeconfig, error) { return kube.Describe(s.config.Context) },
		Cluster:    s.cluster, Context: s.config.Context,
		Repository: s.repo, Certificates: s.certificates(),
		Controller: controller.Options{Namespace: s.config.Controller.Namespace, Name: s.config.Controller.Name},
		ArgoCD:     argocd.ServerOptions{Namespace: s.config.ArgoCD.Namespace, Name: s.config.ArgoCD.Name},
		Token:      s.config.ArgoCD.Token != "",
		LookPath:   exec.LookPath,
	}
	if s.config.ArgoCD.Server != "" {
		o.Elsewhere = s.argoVersion
	}
	result, err := preflight.Run(ctx, o)
	if err != nil {
		return err
	}
	if k, err := s.cluster(); err == nil {
		s.report.Fact("cluster", k.String())
	}
	s.report.Checks, s.report.Summary = result.Checks, result.Summary()
	err = result.Err()
	if n := result.Count(report.Failed); err == nil && n > 0 {
		err = &console.Findings{Summary: "verify:cluster: " + count(n, "check") + " failed"}
	}
	return errors.Join(s.console.Report(s.report), err)
}

// argoVersion asks the Argo CD that ARGOCD_SERVER names.
func (s *session) argoVersion(ctx context.Context) (version string, err error) {
	err = s.argoNamed(ctx, func(_ context.Context, c *argocd.Client) error {
		version = c.ServerVersion()
		return nil
	})
	return version, err
}
