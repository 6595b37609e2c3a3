package targets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/verify"
)

// verifyArguments are the flags of the verifying targets.
type verifyArguments struct {
	wait    *bool
	timeout *time.Duration
	html    *string
}

// check refuses what would silently mean the default.
func (a verifyArguments) check(command string) error {
	switch {
	case a.timeout != nil && *a.timeout <= 0:
		return &console.Usage{Problem: fmt.Sprintf("%s: -timeout=%s is no time to wait", command, *a.timeout), Advice: "for instance -timeout=10m"}
	case a.timeout != nil && !is(a.wait):
		return &console.Usage{Problem: command + ": -timeout without -wait", Advice: "one look has no time to be over: mage " + command + " -wait -timeout=10m"}
	}
	return nil
}

// verify is verify:app and verify:all: gather, judge, report.
func (s *session) verify(ctx context.Context, folders []string, a verifyArguments) error {
	v, err := s.newVerifier(ctx, folders)
	if err != nil {
		return err
	}
	o := verify.WaitOptions{Progress: s.verifyProgress()}
	if a.timeout != nil {
		o.Timeout = *a.timeout
	}
	var end verify.End
	if is(a.wait) {
		end, err = verify.Wait(ctx, o, v.look)
	} else {
		end.Chains, err = v.look(ctx)
	}
	if end.Chains == nil {
		return errors.Join(err, s.verdict(end))
	}
	s.report.Rules = map[string]string{}
	for _, r := range diagnose.Rules() {
		s.report.Rules[r.ID] = r.Doc
	}
	s.report.Chains = end.Chains
	s.report.Summary = verify.Summary(end.Chains)
	if err == nil {
		err = s.verdict(end)
	} else {
		s.report.Errors = console.Problems(err)
	}
	return errors.Join(s.console.Report(s.report), err)
}

// verdict is the error of applications that are not healthy: findings, or that time is
// over, or that they could not be seen.
func (s *session) verdict(end verify.End) error {
	summary := s.report.Command + ": " + verify.Summary(end.Chains)
	switch state := verify.State(end.Chains); {
	case end.TimedOut:
		if end.Chains == nil {
			summary = s.report.Command + ": the cluster did not answer"
		}
		return &console.Late{Summary: summary + " after " + end.Waited.Round(time.Second).String()}
	case state == report.Failed || state == report.Waiting:
		return &console.Findings{Summary: summary}
	case state == report.Unknown:
		return &console.Unseen{Summary: summary, Advice: "`mage verify:cluster` says what cannot be reached or is not allowed"}
	}
	return nil
}

// verifyProgress shows a line for each change.
func (s *session) verifyProgress() func(verify.Event) {
	return func(e verify.Event) {
		text := e.After.Round(time.Second).String()
		if e.Away != nil {
			s.console.Progress(s.report.Command, text+" not answered: "+e.Away.Error(), false)
			return
		}
		s.console.Progress(e.Chain.Application, text+" "+verify.Line(e.Chain), true)
	}
}
