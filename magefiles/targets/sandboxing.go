package targets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/pkg/report"
)

func (s *session) sandboxOptions(dir string) sandbox.Options {
	return sandbox.Options{Dir: dir, Progress: s.progress}
}

// progress shows a step of the sandbox.
func (s *session) progress(e sandbox.Event) {
	var parts []string
	if e.Total > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d", e.Done, e.Total))
	}
	if e.Elapsed >= time.Second || e.State != sandbox.StepRunning {
		parts = append(parts, e.Elapsed.Round(100*time.Millisecond).String())
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	s.console.Progress(e.Step, strings.Join(parts, ", "), e.State != sandbox.StepRunning)
}

func (s *session) sandboxUp(ctx context.Context, dir, argo string, insecure bool) error {
	o := s.sandboxOptions(dir)
	o.ArgoCDInsecure = insecure
	switch argo {
	case "", "2":
		o.ArgoCD = sandbox.ArgoCD
	case "3":
		o.ArgoCD = sandbox.ArgoCD3
	case "none":
		o.ArgoCD = sandbox.NoArgoCD
	default:
		return &console.Usage{Problem: fmt.Sprintf("sandbox:up: there is no Argo CD %q here", argo), Advice: "-argocd is 2, 3 or none"}
	}
	up, err := sandbox.Up(ctx, o)
	if err != nil {
		return err
	}
	s.report.Fact("kubeconfig", up.Kubeconfig)
	s.report.Fact("server", up.Server)
	if up.Repository != "" {
		if err := s.follow(ctx, up); err != nil {
			return err
		}
	}
	s.report.Summary = "export KUBECONFIG=" + up.Kubeconfig
	return s.console.Report(s.report)
}

// follow has the sandbox's Argo CD follow what is committed here. That it cannot is
// no reason to be without the sandbox.
func (s *session) follow(ctx context.Context, up *sandbox.Sandbox) error {
	s.report.Fact("repository", up.Repository)
	names, err := up.Register(ctx, s.repo.Tree.Root)
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		s.report.Warnings = append(s.report.Warnings, "Argo CD follows nothing here: "+err.Error())
		return nil //nolint:nilerr // it is a warning
	}
	s.console.Note("Argo CD follows main of %s: %s", up.Repository, strings.Join(names, ", "))
	return nil
}

func (s *session) sandboxStatus(ctx context.Context, dir string) error {
	status, err := sandbox.Inspect(ctx, s.sandboxOptions(dir))
	if err != nil {
		return err
	}
	if len(status.Servers) == 0 {
		s.report.Summary = "no sandbox is running; `mage sandbox:up` starts one"
		return s.console.Report(s.report)
	}
	for _, server := range status.Servers {
		s.report.Steps = append(s.report.Steps, report.Step{Name: server.Name, State: string(server.State), Detail: serverDetail(server)})
	}
	s.report.Fact("kubeconfig", status.Kubeconfig)
	s.report.Summary = fmt.Sprintf("running since %s: export KUBECONFIG=%s", status.Uptime().Round(time.Second), status.Kubeconfig)
	failed := status.Failed()
	if len(failed) > 0 {
		s.report.Summary = fmt.Sprintf("%d of %d servers ended by themselves; `mage sandbox:up` starts anew", len(failed), len(status.Servers))
	}
	if err := s.console.Report(s.report); err != nil || len(failed) == 0 {
		return err
	}
	return &console.Findings{Summary: "sandbox: " + s.report.Summary}
}

func serverDetail(server sandbox.ServerStatus) string {
	detail := fmt.Sprintf("%s, process %d", server.Version, server.PID)
	if server.Exit == "" {
		return detail
	}
	detail = fmt.Sprintf("%s, %s at %s, log %s", detail, server.Exit, server.Ended.Format(time.TimeOnly), server.Log)
	return strings.Join(append([]string{detail}, server.Tail...), "\n    ")
}

func (s *session) sandboxDown(ctx context.Context, dir string) error {
	s.report.Summary = "the sandbox is gone"
	if _, err := sandbox.Inspect(ctx, s.sandboxOptions(dir)); errors.Is(err, sandbox.ErrNotRunning) {
		s.report.Summary = "no sandbox was running"
	}
	if err := sandbox.Down(ctx, s.sandboxOptions(dir)); err != nil {
		return err
	}
	return s.console.Report(s.report)
}

// text reads an optional string.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
