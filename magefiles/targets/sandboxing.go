package targets

import (
	"context"
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

func (s *session) sandboxUp(ctx context.Context, dir string) error {
	up, err := sandbox.Up(ctx, s.sandboxOptions(dir))
	if err != nil {
		return err
	}
	s.report.Fact("kubeconfig", up.Kubeconfig)
	s.report.Fact("server", up.Server)
	if up.Repository != "" {
		s.report.Fact("repository", up.Repository)
	}
	s.report.Summary = "export KUBECONFIG=" + up.Kubeconfig
	return s.console.Report(s.report)
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
	if err := sandbox.Down(ctx, s.sandboxOptions(dir)); err != nil {
		return err
	}
	s.report.Summary = "the sandbox is gone"
	return s.console.Report(s.report)
}

// text reads an optional string.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
