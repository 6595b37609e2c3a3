package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Rules of Check.
const (
	RuleUnreadable    = "sealed-unreadable"    // a sealed file or a contract is not valid, or a SealedSecret stands twice
	RuleCiphertext    = "ciphertext-malformed" // an item is not what the controller could decrypt
	RuleName          = "name-mismatch"        // the template names another Secret than the SealedSecret
	RuleNamespace     = "namespace-mismatch"   // no namespace, or not the application's
	RuleScope         = "scope-mismatch"       // both places must say the same scope
	RuleCertificate   = "certificate-mismatch" // recorded fingerprint is missing or not the pin's
	RuleEdited        = "sealed-edited"        // the recorded hash does not fit the items
	RuleMissingSecret = "secret-missing"       // the contract asks for it
	RuleMissingKey    = "key-missing"          // likewise
	RuleTypeMismatch  = "type-mismatch"        // the contract says another type
	RulePlaintext     = "plaintext-exposed"    // Git tracks a plaintext file, or does not ignore it
	RulePin           = "pin-missing"          // nothing says which certificate is right
	RulePinInvalid    = "pin-invalid"          // the pinned certificate is expired, or none
)

// Check proves what can be known offline, without plaintext and without a
// cluster: every sealed file is well formed, was sealed for the pinned
// certificate, was not touched since, and covers the contract. pin and pinErr are
// what LoadPin returned; no pin and a bad one are findings of their own. The
// findings stand in the order of the files.
func Check(ctx context.Context, r *repo.Repository, apps []repo.Application, pin *Certificate, pinErr error) (findings []report.Finding, checked int, err error) {
	c := checker{repo: r, pin: pin}
	var bad *CertificateError
	switch {
	case errors.As(pinErr, &bad):
		c.add(report.Finding{Rule: RulePinInvalid, Path: r.Rel(r.PinPath()), Message: bad.Problem, Fix: bad.Fix})
	case pinErr != nil:
		return nil, 0, pinErr
	case pin == nil:
		c.add(report.Finding{Rule: RulePin, Path: r.Rel(r.PinPath()), Message: "no pinned certificate: nothing says which cluster these files are for", Fix: "`mage seal:cert -accept`, and commit the file"})
	}
	if err := c.plaintext(ctx, apps); err != nil {
		return nil, 0, err
	}
	for _, app := range apps {
		l := loader{repo: r}
		loaded, err := l.load(ctx, []repo.Application{app})
		if err != nil {
			if ctx.Err() != nil {
				return nil, 0, err
			}
			c.unreadable(RuleUnreadable, err)
			continue
		}
		c.application(&loaded[0])
	}
	return c.findings, c.checked, nil
}

type checker struct {
	repo     *repo.Repository
	pin      *Certificate
	findings []report.Finding
	checked  int
}

func (c *checker) add(f report.Finding) { c.findings = append(c.findings, f) }

// plaintext finds what lies in the plaintext folders and is not private.
func (c *checker) plaintext(ctx context.Context, apps []repo.Application) error {
	var paths []string
	for _, a := range apps {
		files, others, err := repo.Manifests(a.Plaintext)
		if err != nil {
			return c.repo.Unreadable(a.Plaintext, err)
		}
		for _, f := range append(files, others...) {
			paths = append(paths, c.repo.Rel(f))
		}
	}
	err := c.repo.CheckPrivate(ctx, paths)
	var exposed *manifest.Error
	if err != nil && !errors.As(err, &exposed) {
		return err
	}
	c.unreadable(RulePlaintext, err)
	return nil
}

// unreadable turns joined errors into findings.
func (c *checker) unreadable(rule string, err error) {
	if err == nil {
		return
	}
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			c.unreadable(rule, e)
		}
		return
	}
	f := report.Finding{Rule: rule, Message: err.Error()}
	var me *manifest.Error
	if errors.As(err, &me) {
		f = report.Finding{Rule: rule, Path: me.Path, Line: me.Line, Object: me.Object, Key: me.Key, Message: me.Problem, Fix: me.Fix}
	}
	c.add(f)
}

func (c *checker) application(a *application) {
	c.unreadable(RuleUnreadable, unique([]application{*a}))
	for i := range a.sealed {
		for j := range a.sealed[i].objects {
			c.checked++
			c.sealed(a, &a.sealed[i].objects[j])
		}
	}
	c.contract(a)
}

// sealed checks one SealedSecret.
func (c *checker) sealed(a *application, s *manifest.Sealed) {
	fail := func(rule, fix, format string, args ...any) {
		c.add(report.Finding{Rule: rule, Path: s.Path, Line: s.Line, Object: s.Object(), Message: fmt.Sprintf(format, args...), Fix: fix})
	}
	reseal := fmt.Sprintf("`mage seal:app %s`", a.Name)
	if s.Namespace == "" {
		fail(RuleNamespace, "write metadata.namespace and seal again: "+reseal, "no namespace: the ciphertext is bound to one")
	}
	if t := s.Template; t.Name != "" && t.Name != s.Name || t.Namespace != "" && t.Namespace != s.Namespace {
		fail(RuleName, reseal, "the template is for %s/%s", t.Namespace, t.Name)
	}
	if top, tmpl := scopeOf(s.Annotations), scopeOf(s.Template.Annotations); top != tmpl {
		fail(RuleScope, reseal, "metadata.annotations say %s, spec.template says %s", top, tmpl)
	}
	switch recorded := s.Annotations[AnnotationCertificate]; {
	case recorded == "":
		fail(RuleCertificate, reseal, "no certificate is recorded: not sealed by sealway, or the annotation was removed")
	case c.pin != nil && recorded != c.pin.Fingerprint:
		// Whoever swaps the pin wants just this: that everything is sealed for it.
		fail(RuleCertificate, "was the pin changed on purpose? `git log -p -- "+c.repo.Rel(c.repo.PinPath())+"` shows by whom. If not, put the old one back; only if so, "+reseal+", where the plaintext is",
			"sealed for certificate %s, the pinned one is %s", short(recorded), c.pin.Short())
	}
	switch h := s.Annotations[AnnotationHash]; {
	case h == "" && s.Annotations[AnnotationCertificate] != "":
		fail(RuleEdited, reseal, "the record of encryptedData was removed")
	case h != "" && h != encryptedDataHash(s.Items):
		fail(RuleEdited, reseal+", or take the file from Git again", "encryptedData was changed after it was sealed")
	}
	if len(s.Items) == 0 {
		fail(RuleCiphertext, reseal, "encryptedData is empty")
	}
	pin := c.pin
	if recorded := s.Annotations[AnnotationCertificate]; pin != nil && recorded != "" && recorded != pin.Fingerprint {
		pin = nil // said already; the length of its key says nothing new
	}
	for _, it := range s.Items {
		if problem := malformed(it.Ciphertext, pin); problem != "" {
			c.add(report.Finding{Rule: RuleCiphertext, Path: s.Path, Line: it.Line, Object: s.Object(), Key: it.Key, Message: problem, Fix: reseal})
		}
	}
}

// malformed says what is wrong with a ciphertext.
func malformed(text string, pin *Certificate) string {
	block, problem := manifest.CheckCiphertext(text)
	if pin != nil && block > 0 && block != pin.Key.Size() {
		return fmt.Sprintf("the RSA block has %d bytes, the pinned certificate's key makes %d", block, pin.Key.Size())
	}
	return problem
}

// contract looks for every Secret and key that secrets.yaml asks for.
func (c *checker) contract(a *application) {
	if a.contract == nil {
		return
	}
	for i := range a.contract.Secrets {
		spec := &a.contract.Secrets[i]
		ns := spec.NamespaceOr(a.Namespace)
		at := report.Finding{Path: a.contract.Path, Line: spec.Line, Object: "Secret " + ns + "/" + spec.Name, Fix: fmt.Sprintf("`mage secrets:generate -app=%s`, then `mage seal:app %s`", a.Name, a.Name)}
		_, s := a.find(ns, spec.Name)
		if s == nil {
			at.Rule, at.Message = RuleMissingSecret, "no sealed file holds this Secret"
			if other := a.elsewhere(spec.Name); other != "" {
				at.Message += fmt.Sprintf("; there is one for namespace %q", other)
			}
			c.add(at)
			continue
		}
		c.keys(at, spec, s)
		if have := scopeOf(s.Annotations); have != spec.Scope {
			at := at
			at.Rule, at.Path, at.Line = RuleScope, s.Path, s.Line
			at.Message = fmt.Sprintf("the scope is %s, the contract asks for %s", have, spec.Scope)
			c.add(at)
		}
		typ := s.Template.Type
		if typ == "" {
			typ = "Opaque"
		}
		if typ != string(spec.Type) {
			at.Rule, at.Path, at.Line = RuleTypeMismatch, s.Path, s.Line
			at.Message = fmt.Sprintf("the type is %s, the contract asks for %s", typ, spec.Type)
			c.add(at)
		}
	}
}

func (c *checker) keys(at report.Finding, spec *repo.SecretSpec, s *manifest.Sealed) {
	for _, k := range spec.Keys {
		if s.Item(k.Name) == nil && !slices.Contains(s.Template.Data, k.Name) {
			at.Rule, at.Line, at.Key, at.Message = RuleMissingKey, k.Line, k.Name, "the sealed file "+s.Path+" does not have this key"
			c.add(at)
		}
	}
}

// elsewhere is the namespace of a SealedSecret with this name, if there is one.
func (a *application) elsewhere(name string) string {
	for i := range a.sealed {
		for _, o := range a.sealed[i].objects {
			if o.Name == name {
				return o.Namespace
			}
		}
	}
	return ""
}
