package targets

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/lint"
	"github.com/sealway/sealway/pkg/revision"
)

// verifyRepo checks the repository as it lies on the disk.
func (s *session) verifyRepo(ctx context.Context, apps []string) error {
	selected, err := s.repo.Select(apps...)
	if err != nil {
		return err
	}
	o := lint.Options{Upstream: s.upstream}
	for _, q := range s.config.Verify.Silence {
		o.Silence = append(o.Silence, lint.Silence(q))
	}
	res, err := lint.Check(ctx, s.repo, selected, o)
	if err != nil {
		return err
	}
	for _, q := range res.Unused {
		s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("%s: the silence of %s matches no finding: take it away", q.Where, q))
	}
	for _, name := range res.Unrendered {
		s.report.Warnings = append(s.report.Warnings, name+" is no Helm chart: only its sealed files, contract and application.yaml were checked")
	}
	s.report.Rules = map[string]string{}
	for _, r := range lint.Rules() {
		s.report.Rules[r.Name] = r.Doc
	}
	s.report.Findings = res.Findings
	s.report.Summary = fmt.Sprintf("checked %s and %s in %s: %s", count(res.References, "reference"), count(res.Objects, "object"),
		count(res.Applications, "application"), count(len(res.Findings), "finding"))
	if res.Silenced > 0 {
		s.report.Summary += fmt.Sprintf(", %d silenced", res.Silenced)
	}
	if err := s.console.Report(s.report); err != nil || len(res.Findings) == 0 {
		return err
	}
	return &console.Findings{Summary: s.report.Command + ": " + count(len(res.Findings), "finding")}
}

// upstream says what this clone knows of a repository, without asking it.
func (s *session) upstream(ctx context.Context, address string) (lint.Upstream, error) {
	var u lint.Upstream
	remotes, err := s.repo.Tree.Remotes(ctx)
	if err != nil {
		return u, err
	}
	for _, r := range remotes {
		if !onThisMachine(r.URL) {
			u.Remotes = append(u.Remotes, r.Name+" is "+git.Redact(r.URL))
		}
	}
	if u.Remote, err = revision.Remote(ctx, s.repo.Tree, address); err != nil || u.Remote == "" {
		return u, err
	}
	u.Default, u.Branches, err = s.repo.Tree.KnownBranches(ctx, u.Remote)
	return u, err
}

// onThisMachine reports whether a remote is a folder.
func onThisMachine(address string) bool {
	if u, err := url.Parse(address); err == nil && u.Scheme != "" {
		return u.Scheme == "file"
	}
	host, _, scp := strings.Cut(address, ":")
	return !scp || strings.Contains(host, "/")
}
