package targets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/guard"
	"github.com/sealway/sealway/pkg/publish"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

// namesOrAll splits the names; -all in their place is every application.
func namesOrAll(app string) []string {
	if app == "-all" {
		return nil
	}
	return names(&app)
}

// publish is gitops:publish: read, plan, apply, report.
func (s *session) publish(ctx context.Context, apps []string, o publish.Options, dryRun bool) error {
	selected, err := s.repo.Select(apps...)
	if err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	plan, err := s.publishPlan(ctx, selected, o)
	var refused *publish.FindingsError
	if errors.As(err, &refused) {
		return s.refused(refused)
	}
	if err != nil {
		return err
	}
	var result publish.Result
	if !dryRun {
		result, err = s.publishApply(ctx, plan)
		if err != nil {
			return err
		}
	}
	s.report.Summary = published(plan, result, selected, dryRun)
	return s.console.Report(s.report)
}

func (s *session) publishPlan(ctx context.Context, apps []repo.Application, o publish.Options) (*publish.Plan, error) {
	o.Check = func(ctx context.Context) ([]report.Finding, error) {
		pin, pinErr := s.certificates().LoadPin()
		findings, _, err := seal.Check(ctx, s.repo, apps, pin, pinErr)
		return findings, err
	}
	o.Along = s.guardAlong
	o.Progress = func(what string) { s.console.Progress(what, "", false) }
	plan, err := publish.NewPlan(ctx, s.repo, apps, o)
	if err != nil {
		return nil, err
	}
	s.report.Entries = plan.Entries
	s.report.Fact("branch", plan.Branch)
	s.report.Fact("remote", plan.To.Remote)
	s.report.Fact("url", plan.To.URL)
	s.report.Fact("remoteBranch", plan.To.Branch)
	if plan.Commits() {
		s.report.Fact("message", plan.Message)
		subject, _, _ := strings.Cut(plan.Message, "\n") // the rest is what the entries say
		s.console.Note("commit message: %s", subject)
	}
	s.along(plan.Along)
	return plan, nil
}

// guardAlong is secrets:guard of the commits that a push takes along.
func (s *session) guardAlong(ctx context.Context, base, head string) ([]report.Finding, error) {
	o, _, err := s.guardOptions(ctx) // what is wrong with plaintext files, sealing tells
	if err != nil {
		return nil, err
	}
	r, err := guard.Range(ctx, s.repo.Tree, cmp.Or(base, "0")+"..."+head, o)
	var unseen *guard.RangeError
	if errors.As(err, &unseen) {
		return nil, &console.Usage{
			Problem: "gitops:publish: the commits that would go along cannot be looked at: " + unseen.Problem,
			Advice:  "`git fetch --unshallow` brings them; then publish again",
		}
	}
	if err != nil {
		return nil, err
	}
	return r.Findings, nil
}

// alongShown is how many of the commits that go along are named.
const alongShown = 5

func (s *session) along(commits []git.Commit) {
	for i, c := range commits {
		if i == alongShown {
			s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("and %d more", len(commits)-i))
			return
		}
		s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("commit %s was not pushed yet and goes along: %s", c.Short(), c.Subject))
	}
}

// publishApply commits and pushes; what the remote says is passed on, be it the
// address of a new pull request or why it refused.
func (s *session) publishApply(ctx context.Context, plan *publish.Plan) (publish.Result, error) {
	result, err := plan.Apply(ctx)
	for _, m := range result.Messages {
		s.console.Note("remote: %s", m)
		if at := strings.Index(m, "http"); at >= 0 && s.report.Facts["remoteSays"] == "" {
			s.report.Fact("remoteSays", strings.Fields(m[at:])[0])
		}
	}
	s.report.Fact("commit", result.Commit)
	s.report.Fact("pushed", strconv.FormatBool(result.Pushed))
	return result, err
}

// refused reports what must not be published.
func (s *session) refused(e *publish.FindingsError) error {
	s.report.Findings = e.Findings
	s.report.Summary = "nothing was committed: " + count(len(e.Findings), "finding")
	if err := s.console.Report(s.report); err != nil {
		return err
	}
	return &console.Findings{Summary: s.report.Command + ": " + count(len(e.Findings), "finding")}
}

// published is the last line.
func published(plan *publish.Plan, r publish.Result, apps []repo.Application, dryRun bool) string {
	to := plan.To.String()
	if plan.To.Remote != plan.To.URL {
		to += " (" + plan.To.URL + ")"
	}
	switch {
	case plan.Files() == 0 && plan.Empty():
		return fmt.Sprintf("nothing to publish: no sealed file in %s; `mage seal:all` makes them", count(len(apps), "application"))
	case plan.Empty():
		return fmt.Sprintf("nothing to publish: %s has the sealed files as they are here", to)
	case dryRun && plan.Commits():
		return fmt.Sprintf("would commit on %s and push to %s", plan.Branch, to)
	case dryRun:
		return fmt.Sprintf("nothing to commit; would push %s to %s", plan.Branch, to)
	case r.Committed:
		return fmt.Sprintf("published: commit %s on %s, pushed to %s", git.Short(r.Commit), plan.Branch, to)
	}
	return fmt.Sprintf("published: commit %s was there already, now pushed to %s", git.Short(r.Commit), to)
}
