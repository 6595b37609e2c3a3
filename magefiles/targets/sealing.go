package targets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/generate"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

// seal is seal:all and seal:app: read, plan, apply, report.
func (s *session) seal(ctx context.Context, apps []string, dryRun, prune bool) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	plan, err := s.plan(ctx, apps, prune)
	if err != nil {
		return err
	}
	s.report.Entries = plan.Entries()
	s.report.Warnings = append(s.report.Warnings, plan.Warnings...)
	verb := "sealed"
	if dryRun {
		verb = "would seal"
	} else if err := s.apply(ctx, plan); err != nil {
		return err
	}
	s.report.Summary = s.summary(verb)
	return s.console.Report(s.report)
}

// apply writes, and remembers which certificate this machine seals for once
// there is a pin: a swapped one is refused from then on.
func (s *session) apply(ctx context.Context, plan *seal.Plan) error {
	if err := plan.Apply(ctx); err != nil {
		return err
	}
	o := s.certificates()
	if pin, err := o.LoadPin(); err != nil || pin == nil {
		return err
	}
	return o.Accept(ctx, plan.Certificate())
}

func (s *session) plan(ctx context.Context, apps []string, prune bool) (*seal.Plan, error) {
	selected, err := s.repo.Select(apps...)
	if err != nil {
		return nil, err
	}
	if err := s.agreed(); err != nil {
		return nil, err
	}
	opts, err := s.sealOptions(ctx)
	if err != nil {
		return nil, err
	}
	opts.Prune = prune
	plan, err := seal.NewPlan(ctx, selected, opts)
	if err != nil {
		return nil, err
	}
	return plan, s.disagreements(ctx, plan, selected)
}

// disagreements warns of computed values that are not what their sources make. Nothing is
// read for applications in which no byte has changed since a run that had nothing to say.
func (s *session) disagreements(ctx context.Context, plan *seal.Plan, selected []repo.Application) error {
	if plan.Settled() {
		return nil
	}
	apps, err := s.contracted(ctx)
	if err != nil {
		return err
	}
	found, err := generate.Disagreements(apps, generate.Options{Root: s.repo.Tree.Root})
	if err != nil {
		return err
	}
	for _, d := range found {
		if slices.ContainsFunc(selected, func(a repo.Application) bool { return slices.Contains(d.Applications, a.Name) }) {
			plan.Warn(d.Text, d.Applications...)
		}
	}
	return nil
}

// agreed refuses plaintext that a killed run left in disagreement.
func (s *session) agreed() error {
	unfinished, err := generate.ReadJournal(s.journal())
	if err == nil && len(unfinished) > 0 {
		err = &console.Advised{Err: errors.New("local-secrets: a run was interrupted while it wrote values that belong together: " + unfinished[0].String()),
			Advice: "`mage secrets:generate` finishes it"}
	}
	return err
}

// sealOptions loads certificate and ledger; the live cluster stands in for an
// empty ledger where there is one.
func (s *session) sealOptions(ctx context.Context) (seal.Options, error) {
	cert, err := seal.LoadCertificate(ctx, s.certificates())
	if err != nil {
		return seal.Options{}, err
	}
	s.announce(cert)
	ledger, err := seal.OpenLedger(s.repo.StateDir(), nil)
	if err != nil {
		return seal.Options{}, err
	}
	o := seal.Options{Repository: s.repo, Ledger: ledger, Certificate: cert, Now: s.now}
	if k, err := s.cluster(); err == nil {
		o.Live = k.Live()
	}
	return o, nil
}

// announce says which certificate this run seals for, and which cluster: the one
// that the certificate came from, or else whichever holds its key.
func (s *session) announce(cert *seal.Certificate) {
	s.report.Fact("certificate", cert.Fingerprint)
	s.report.Fact("certificateSource", cert.Source)
	cluster := "whichever cluster holds its key"
	if asked := s.report.Facts["cluster"]; asked != "" {
		cluster = asked
	} else if k, err := s.cluster(); err == nil {
		cluster += "; the current context is " + k.String()
	} else if !errors.Is(err, kube.ErrNoCluster) {
		s.report.Warnings = append(s.report.Warnings, err.Error())
	}
	if pin, err := s.certificates().LoadPin(); pin == nil && err == nil {
		s.report.Warnings = append(s.report.Warnings, "no certificate is pinned: compare its fingerprint, then `mage seal:cert -accept`")
	}
	s.console.Note("certificate %s from %s, for %s", cert.Short(), cert.Source, cluster)
	if w, soon := cert.Expiring(s.now); soon {
		s.report.Warnings = append(s.report.Warnings, w)
	}
}

func (s *session) summary(verb string) string {
	r := s.report
	total := len(r.Entries) - r.Count(report.Orphan) - r.Count(report.Delete)
	if len(r.Entries) == 0 {
		return "nothing to seal: no plaintext Secret found; `mage secrets:generate` makes the applications' own"
	}
	text := fmt.Sprintf("%s %d of %d Secrets, %d unchanged", verb, r.Count(report.Create)+r.Count(report.Update), total, r.Count(report.Unchanged))
	if n := r.Count(report.Orphan); n > 0 {
		text += fmt.Sprintf(", %d orphaned", n)
	}
	if n := r.Count(report.Delete); n > 0 {
		text += fmt.Sprintf(", %d removed", n)
	}
	return text
}

// sealStatus compares with the controller's newest certificate where there is
// one to reach, and with the pinned one otherwise.
func (s *session) sealStatus(ctx context.Context, apps []string) error {
	selected, err := s.repo.Select(apps...)
	if err != nil {
		return err
	}
	opts, err := s.sealOptions(ctx)
	if err != nil {
		return err
	}
	if s.config.Certificate == "" {
		s.compareNewest(ctx, &opts)
	}
	entries, warnings, err := seal.Status(ctx, selected, opts)
	if err != nil {
		return err
	}
	s.report.Entries, s.report.Warnings = entries, append(s.report.Warnings, warnings...)
	s.report.Summary = fmt.Sprintf("%d of %d Secrets are sealed and up to date", s.report.Count(report.Sealed), len(entries))
	return s.console.Report(s.report)
}

// compareNewest takes the controller's certificate in place of the pinned one
// when it is newer; an older or unrelated one may be another cluster's.
func (s *session) compareNewest(ctx context.Context, o *seal.Options) {
	newest, err := s.newest(ctx)
	switch {
	case err != nil:
		s.report.Warnings = append(s.report.Warnings, "compared with "+o.Certificate.Source+" alone: "+err.Error())
	case newest.Fingerprint == o.Certificate.Fingerprint:
	case newest.NotBefore.After(o.Certificate.NotBefore):
		s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("%s has the newer certificate %s: if this is the right cluster (%s), `mage seal:cert -accept`, then `mage seal:all`", newest.Source, newest.Short(), s.report.Facts["cluster"]))
		o.Certificate = newest
	default:
		s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("%s has another certificate, %s, which is not newer: is %s the right cluster?", newest.Source, newest.Short(), s.report.Facts["cluster"]))
	}
}

// newest is the controller's current certificate, whatever is pinned.
func (s *session) newest(ctx context.Context) (*seal.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	o := s.certificates()
	o.Given = ""
	return o.Fetch(ctx)
}

func (s *session) sealCheck(ctx context.Context, apps []string) error {
	selected, err := s.repo.Select(apps...)
	if err != nil {
		return err
	}
	pin, pinErr := s.certificates().LoadPin()
	findings, checked, err := seal.Check(ctx, s.repo, selected, pin, pinErr)
	if err != nil {
		return err
	}
	return s.findings(findings, checked, len(selected), "checked")
}

// findings ends a checking command: exit status 3 when there are any.
func (s *session) findings(list []report.Finding, files, apps int, done string) error {
	s.report.Findings = list
	s.report.Summary = fmt.Sprintf("%s %s, %s", count(files, "SealedSecret"), done, count(len(list), "finding"))
	if files == 0 {
		s.report.Summary = fmt.Sprintf("no SealedSecret found in %s, %s", count(apps, "application"), count(len(list), "finding"))
	}
	if err := s.console.Report(s.report); err != nil || len(list) == 0 {
		return err
	}
	return &console.Findings{Summary: s.report.Command + ": " + count(len(list), "finding")}
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func (s *session) sealVerify(ctx context.Context, apps []string) error {
	selected, err := s.repo.Select(apps...)
	if err != nil {
		return err
	}
	c, err := s.controller(ctx)
	if err != nil {
		return err
	}
	s.console.Note("%s of %s decrypts each file, two a second", c, s.report.Facts["cluster"])
	findings, checked, err := seal.Verify(ctx, s.repo, selected, c, func(done, total int, o *manifest.Sealed) {
		s.console.Progress("verify", fmt.Sprintf("%d of %d, %s", done, total, o.Object()), done == total)
	})
	if err != nil {
		return err
	}
	return s.findings(findings, checked, len(selected), "verified")
}

// sealCert shows the certificate that would be pinned, and pins it when told to.
func (s *session) sealCert(ctx context.Context, accept bool) error {
	o := s.certificates()
	pin, pinErr := o.LoadPin()
	var bad *seal.CertificateError
	if pinErr != nil && !errors.As(pinErr, &bad) {
		return pinErr
	}
	cert, err := o.Fetch(ctx)
	if err != nil {
		return err
	}
	s.report.Fact("certificate", cert.Fingerprint)
	s.report.Steps = append(s.report.Steps, certStep("certificate", cert))
	switch {
	case pin != nil:
		s.report.Steps = append(s.report.Steps, certStep("pinned", pin))
	case pinErr != nil:
		s.report.Warnings = append(s.report.Warnings, pinErr.Error())
	}
	same := pin != nil && pin.Fingerprint == cert.Fingerprint
	switch {
	case !accept && same:
		s.report.Summary = "the pinned certificate is the current one"
	case !accept:
		s.report.Summary = "not pinned: compare the fingerprint with the cluster's, then `mage seal:cert -accept`"
	default:
		if err := s.accept(ctx, o, cert); err != nil {
			return err
		}
		s.report.Summary = fmt.Sprintf("pinned in %s: commit it, and run `mage seal:all`", o.PinName)
	}
	return s.console.Report(s.report)
}

// accept pins a certificate in the repository and trusts it on this machine.
func (s *session) accept(ctx context.Context, o seal.CertificateOptions, cert *seal.Certificate) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.MkdirAll(filepath.Dir(o.Pin), 0o755); err != nil {
		return fmt.Errorf("%s: %w", o.PinName, err)
	}
	if err := manifest.WriteFiles(ctx, []manifest.File{{Path: o.Pin, Data: cert.PEM, Mode: 0o644}}); err != nil {
		return err
	}
	return o.Accept(ctx, cert)
}

func certStep(name string, c *seal.Certificate) report.Step {
	return report.Step{Name: name, State: "SHA256:" + c.Fingerprint,
		Detail: fmt.Sprintf("%s, RSA %d, %s to %s", c.Source, c.Key.Size()*8, c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly))}
}
