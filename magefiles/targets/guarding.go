package targets

import (
	"context"
	"fmt"
	"os"

	"github.com/sealway/sealway/internal/config"
	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/guard"
)

// guardScope is what secrets:guard looks at; the index when it is empty.
type guardScope struct {
	commits, push *string // push is the remote's name; the refs are on stdin
	all, history  bool
}

// guard is secrets:guard.
func (s *session) guard(ctx context.Context, scope guardScope) error {
	scan, what, err := scope.pick()
	if err != nil {
		return err
	}
	o, warnings, err := s.guardOptions(ctx)
	if err != nil {
		return err
	}
	o.Published = s.config.CI && scope.commits != nil
	r, err := scan(ctx, s.repo.Tree.WithIndex(s.config.Index), o)
	if err != nil {
		return err
	}
	s.report.Findings, s.report.Warnings = r.Findings, append(warnings, r.Warnings...)
	s.report.Summary = fmt.Sprintf("%s looked at, %s", count(r.Files, what), count(len(r.Findings), "finding"))
	if r.Allowed > 0 {
		s.report.Summary += fmt.Sprintf(", %d let pass by %s", r.Allowed, config.File)
	}
	if n := len(r.Skipped); n > 0 {
		s.report.Summary += fmt.Sprintf(", %d too large to be looked into", n)
	}
	if err := s.console.Report(s.report); err != nil || len(r.Findings) == 0 {
		return err
	}
	return &console.Findings{Summary: s.report.Command + ": " + count(len(r.Findings), "finding")}
}

// guardOptions has this machine's plaintext values and the repository's allow-list.
func (s *session) guardOptions(ctx context.Context) (o guard.Options, warnings []string, err error) {
	values, warnings, err := guard.LocalValues(ctx, s.repo)
	return guard.Options{
		IsPlaintext: s.repo.InPlaintextFolder, Values: values, Allow: allowList(s.config.Guard.Allow), AllowFile: config.File, Now: s.now,
	}, warnings, err
}

// pick chooses the scan, and says what it counts.
func (g guardScope) pick() (scan func(context.Context, *git.Tree, guard.Options) (*guard.Result, error), what string, err error) {
	given := 0
	for _, is := range []bool{g.commits != nil, g.push != nil, g.all, g.history} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, "", &console.Usage{Problem: "secrets:guard: -range, -push, -all and -history exclude each other", Advice: "give one of them, or none for the index"}
	case g.commits != nil:
		return func(ctx context.Context, t *git.Tree, o guard.Options) (*guard.Result, error) {
			return guard.Range(ctx, t, *g.commits, o)
		}, "version", nil
	case g.push != nil:
		return func(ctx context.Context, t *git.Tree, o guard.Options) (*guard.Result, error) {
			return guard.Push(ctx, t, *g.push, os.Stdin, o)
		}, "version", nil
	case g.history:
		return guard.History, "version", nil
	case g.all:
		return guard.All, "tracked file", nil
	default:
		return guard.Index, "staged file", nil
	}
}

func allowList(list []config.Allow) []guard.Allow {
	out := make([]guard.Allow, len(list))
	for i, a := range list {
		out[i] = guard.Allow(a)
	}
	return out
}
