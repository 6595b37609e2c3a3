package targets

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/preflight"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/controller"
	"github.com/sealway/sealway/pkg/report"
)

// Cluster checks what the targets need: kubeconfig, permissions, Argo CD, Sealed Secrets, CloudNativePG, Git. Status 3 if a check fails.
func (Verify) Cluster(ctx context.Context,
	json *bool, // print the result as JSON
) error {
	return run(ctx, "verify:cluster", arguments{json: json}, func(ctx context.Context, s *session) error {
		return s.verifyCluster(ctx)
	})
}

func (s *session) verifyCluster(ctx context.Context) error {
	result, err := preflight.Run(ctx, preflight.Options{
		Kubeconfig: func() (*kube.Kubeconfig, error) { return kube.Describe(s.config.Context) },
		Cluster:    s.cluster, Context: s.config.Context,
		Repository: s.repo, Certificates: s.certificates(),
		Controller: controller.Options{Namespace: s.config.Controller.Namespace, Name: s.config.Controller.Name},
		ArgoCD:     argocd.ServerOptions{Namespace: s.config.ArgoCD.Namespace, Name: s.config.ArgoCD.Name},
		Server:     s.config.ArgoCD.Server, Token: s.config.ArgoCD.Token != "",
		LookPath: exec.LookPath,
	})
	if err != nil {
		return err
	}
	s.report.Checks = result.Checks
	if k, err := s.cluster(); err == nil {
		s.report.Fact("cluster", k.String())
	}
	s.report.Summary = checkSummary(result)
	return errors.Join(s.console.Report(s.report), checkError(result))
}

// checkSummary counts what there is.
func checkSummary(r *preflight.Result) string {
	text := fmt.Sprintf("%s, %d ok", count(len(r.Checks), "check"), r.Count(report.OK))
	for _, c := range []struct {
		state report.State
		noun  string
	}{{report.Failed, "%d failed"}, {report.Warned, "%d to look at"}, {report.Unknown, "%d not seen"}, {report.Skipped, "%d left out"}} {
		if n := r.Count(c.state); n > 0 {
			text += ", " + fmt.Sprintf(c.noun, n)
		}
	}
	return text
}

// unreached is that no API server could be asked: exit status 4.
type unreached struct{}

func (unreached) Error() string     { return "verify:cluster: no API server could be asked" }
func (unreached) Unavailable() bool { return true }

// checkError gives the result its exit status.
func checkError(r *preflight.Result) error {
	failed := r.Count(report.Failed)
	switch {
	case r.Unreachable:
		return unreached{}
	case failed > 0:
		return &console.Findings{Summary: "verify:cluster: " + count(failed, "check") + " failed"}
	}
	return nil
}
