package targets

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sealway/sealway/pkg/generate"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

// generate is secrets:generate: read, plan, apply, report.
func (s *session) generate(ctx context.Context, apps, force []string, dryRun bool) error {
	if _, err := s.repo.Select(apps...); err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	known, err := s.contracted(ctx)
	if err != nil {
		return err
	}
	o, err := s.options()
	if err != nil {
		return err
	}
	o.Follow, o.Applications, o.Force = false, apps, force
	plan, err := generate.New(ctx, known, o)
	if err != nil {
		return err
	}
	s.report.Entries = plan.Entries()
	if err := s.repo.CheckPrivate(ctx, paths(s.report.Entries)); err != nil {
		return err
	}
	verb := "generated"
	if dryRun {
		verb = "would generate"
	} else if err := plan.Apply(ctx); err != nil {
		return err
	}
	for i := range known {
		if len(apps) == 0 || slices.Contains(apps, known[i].Name) {
			s.elsewhereWarnings(&known[i], "")
		}
	}
	s.report.Summary = s.generated(verb)
	return s.console.Report(s.report)
}

// elsewhereWarnings name the command for sealed Secrets, or the one of that name, whose
// plaintext is not on this machine.
func (s *session) elsewhereWarnings(a *generate.App, secret string) {
	for _, ab := range a.Absent() {
		if secret == "" || secret == ab.Secret {
			s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("%s/%s: %s sealed and without plaintext on this machine: %s brings it here",
				ab.Namespace, ab.Secret, count(len(ab.Keys), "key"), generate.ImportCommand(a.Name, ab.Secret)))
		}
	}
}

// contracted reads contract and plaintext of every application: links lead
// from one to another.
func (s *session) contracted(ctx context.Context) ([]generate.App, error) {
	apps, err := s.repo.Applications()
	if err != nil {
		return nil, err
	}
	out := make([]generate.App, len(apps))
	var errs []error
	for i, a := range apps {
		out[i] = generate.App{Name: a.Name, Namespace: a.Namespace, Dir: a.Plaintext}
		out[i].Contract, err = s.repo.LoadContract(a)
		errs = append(errs, err)
		out[i].Secrets, err = s.repo.Secrets(ctx, a)
		errs = append(errs, err)
		out[i].Sealed, err = seal.Committed(ctx, s.repo, a)
		errs = append(errs, err)
	}
	return out, errors.Join(errs...)
}

func (s *session) generated(verb string) string {
	count := map[report.Action]int{}
	var todo []string
	for _, e := range s.report.Entries {
		count[e.Action] += len(e.Keys)
		if e.Action == report.Placeholder {
			for _, k := range e.Keys {
				todo = append(todo, fmt.Sprintf("%s: %s of %s", e.Path, k, e.Subject()))
			}
		}
	}
	if len(s.report.Entries) == 0 {
		return "nothing to generate: no application here has a " + s.repo.ContractName()
	}
	for _, t := range todo {
		s.report.Warnings = append(s.report.Warnings, "fill in "+t)
	}
	return fmt.Sprintf("%s %d values, kept %d, %d to fill in by hand", verb, count[report.Create]+count[report.Update], count[report.Keep], count[report.Placeholder])
}

func paths(entries []report.Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Path
	}
	return out
}
