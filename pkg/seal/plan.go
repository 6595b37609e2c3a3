package seal

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Options configure a run. Repository, Ledger and Certificate are needed.
type Options struct {
	Repository  *repo.Repository
	Ledger      *Ledger
	Certificate *Certificate
	Live        Live      // proves items unchanged that the ledger does not know; nil: they are sealed anew
	Prune       bool      // remove the sealed files of Secrets that are gone
	Rand        io.Reader // source of the session keys; default crypto/rand.Reader
	Workers     int       // sealing goroutines; default GOMAXPROCS
	Now         time.Time // recorded with the values that are new; zero: nothing is
}

// Live compares an item with what the cluster holds.
type Live interface {
	// Proves reports whether the controller unsealed exactly this ciphertext to
	// exactly this value, in the Secret as it is now. An error means that the
	// cluster did not answer; it is not asked again in the same run.
	Proves(ctx context.Context, namespace, name, key, ciphertext string, value []byte) (bool, error)
}

// Plan is what a run would do. It holds plaintext; its report does not.
type Plan struct {
	Warnings []string

	opts         Options
	applications []application
	warned       map[string]bool // by application
	changes      []change
	orphans      []orphan
	refused      []report.Entry // only when the loader is lenient
}

// change is the work on one Secret.
type change struct {
	app    *application
	secret *manifest.Secret
	id     identity
	file   *sealedFile      // nil for a new one
	sealed *manifest.Sealed // nil for a new one
	path   string           // absolute path of the sealed file
	seal   []string         // keys to encrypt, sorted
	drop   []string         // keys to remove, sorted
	edits  []manifest.Edit  // of the metadata
	why    string           // for the report
	proven bool             // the live Secret took the ledger's place

	settled bool // nothing of its application changed; the fields from secret to sealed are not set
}

func (c *change) action() report.Action {
	switch {
	case c.settled:
		return report.Unchanged
	case c.sealed == nil:
		return report.Create
	case len(c.seal)+len(c.drop)+len(c.edits) > 0:
		return report.Update
	default:
		return report.Unchanged
	}
}

type orphan struct {
	app    *application
	file   *sealedFile
	sealed *manifest.Sealed
}

// NewPlan reads the applications and decides what is to be sealed. It writes
// nothing. Every bad Secret is an error, all of them joined.
func NewPlan(ctx context.Context, apps []repo.Application, o Options) (*Plan, error) {
	return newPlan(ctx, apps, o, loader{repo: o.Repository, plaintext: true, ledger: o.Ledger, cert: o.Certificate})
}

func newPlan(ctx context.Context, apps []repo.Application, o Options, l loader) (*Plan, error) {
	loaded, err := l.load(ctx, apps)
	if err != nil {
		return nil, err
	}
	p := &Plan{opts: o, applications: loaded, warned: map[string]bool{}}
	live := &prover{live: o.Live}
	var errs []error
	taken := map[string]bool{}
	for i := range loaded {
		a := &loaded[i]
		for _, s := range a.settled {
			p.changes = append(p.changes, change{app: a, id: identity{namespace: s.Namespace, name: s.Name}, path: filepath.Join(o.Repository.Tree.Root, s.Sealed), settled: true})
		}
		for j := range a.secrets {
			s := &a.secrets[j]
			warnings, err := policy(a, s)
			p.Warnings = append(p.Warnings, warnings...)
			p.warned[a.Name] = p.warned[a.Name] || len(warnings) > 0
			if err != nil && l.lenient {
				p.refused = append(p.refused, refusal(a, s, err))
				continue
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			c, err := p.change(ctx, a, s, live, taken)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			p.changes = append(p.changes, c)
		}
		p.orphans = append(p.orphans, orphansOf(a)...)
		p.Warnings = append(p.Warnings, p.leftOut(a)...)
	}
	if live.err != nil {
		p.Warnings = append(p.Warnings, "the cluster could not be asked for what is unchanged: "+live.err.Error())
	}
	return p, errors.Join(errs...)
}

// leftOut says what a person may expect to happen and does not.
func (p *Plan) leftOut(a *application) []string {
	var out []string
	_, others, err := repo.Manifests(a.Plaintext)
	if err == nil {
		for _, path := range others {
			out = append(out, p.opts.Repository.Rel(path)+": left out: only the .yaml, .yml and .json files directly in this folder are sealed")
		}
	}
	if p.opts.Prune && len(a.secrets)+len(a.settled) == 0 {
		for _, f := range a.sealed {
			out = append(out, p.opts.Repository.Rel(f.path)+": not removed: this machine has no plaintext of "+a.Name+" at all, as in a clone; if the Secret is gone for good, `git rm` the file")
		}
	}
	return out
}

// refusal is the entry of a Secret that cannot be sealed as it is.
func refusal(a *application, s *manifest.Secret, err error) report.Entry {
	e := report.Entry{Action: report.Refused, Application: a.Name, Namespace: s.Namespace, Name: s.Name, Path: s.Path, Line: s.Line, Detail: err.Error()}
	var me *manifest.Error
	if errors.As(err, &me) {
		e.Line, e.Detail = me.Line, me.Problem
		if me.Key != "" {
			e.Keys = []string{me.Key}
		}
	}
	return e
}

// change decides about one Secret.
func (p *Plan) change(ctx context.Context, a *application, s *manifest.Secret, live *prover, taken map[string]bool) (change, error) {
	id := identity{s.Namespace, s.Name, scopeOf(s.Annotations)}
	c := change{app: a, secret: s, id: id}
	c.file, c.sealed = a.find(s.Namespace, s.Name)
	if c.sealed == nil {
		for _, it := range s.Items {
			c.seal = append(c.seal, it.Key)
		}
		var err error
		c.path, err = newPath(a, s, taken)
		return c, err
	}
	if c.sealed.InList {
		return c, &manifest.Error{Path: c.sealed.Path, Line: c.sealed.Line, Object: c.sealed.Object(),
			Problem: "a SealedSecret inside a List cannot be edited", Fix: "make it a document of its own"}
	}
	c.path = c.file.path
	record := p.opts.Ledger.lookup(a.Name, id)
	c.compare(ctx, p, record, live)
	c.edits = metadataEdits(&c, record, p.opts.Certificate.Fingerprint)
	return c, c.guardImmutable(ctx, p.opts.Ledger, record, live)
}

// guardImmutable refuses new ciphertext for a key that its contract calls
// immutable, unless the ledger or the live Secret says that the value is the same.
func (c *change) guardImmutable(ctx context.Context, l *Ledger, record secretRecord, live *prover) error {
	if c.app.contract == nil {
		return nil
	}
	spec := c.app.contract.Secret(c.id.name)
	if spec == nil || spec.NamespaceOr(c.app.Namespace) != c.id.namespace {
		return nil
	}
	var errs []error
	for _, key := range c.seal {
		k, old, it := spec.Key(key), c.sealed.Item(key), c.secret.Item(key)
		if k == nil || !k.Immutable || old == nil {
			continue
		}
		if hmac.Equal([]byte(record.Items[key].HMAC), []byte(l.hmac(c.id, string(c.secret.Type), key, it.Value))) || live.proves(ctx, c.id, old, it.Value) {
			continue
		}
		errs = append(errs, c.secret.Errorf(key, fmt.Sprintf("put the old value here; to replace it after all, take `immutable` out of %s:%d", c.app.contract.Path, k.Line),
			"the key is immutable, %s has it sealed already, and nothing here proves that this is the same value", c.sealed.Path))
	}
	return errors.Join(errs...)
}

func (p *Plan) warn(c *change, text string) {
	p.Warnings = append(p.Warnings, text)
	p.warned[c.app.Name] = true
}

// Settled reports whether nothing has changed in any application since the last run.
func (p *Plan) Settled() bool {
	return len(p.orphans) == 0 && !slices.ContainsFunc(p.changes, func(c change) bool { return !c.settled })
}

// Warn adds a warning. The next run looks at these applications again, whether anything
// has changed or not.
func (p *Plan) Warn(text string, apps ...string) {
	p.Warnings = append(p.Warnings, text)
	for _, a := range apps {
		p.warned[a] = true
	}
}

// otherCertificate is the reason that makes a sealed file stale.
const otherCertificate = "other certificate"

// compare finds the items to seal and those to drop.
func (c *change) compare(ctx context.Context, p *Plan, record secretRecord, live *prover) {
	reasons := map[string]bool{}
	for _, it := range c.secret.Items {
		old := c.sealed.Item(it.Key)
		why := ""
		switch rec, known := record.Items[it.Key]; {
		case old == nil:
			why = "new key"
		case scopeOf(c.sealed.Annotations) != c.id.scope:
			why = "scope changed"
		case known && rec.Ciphertext == ciphertextHash(old.Ciphertext) && record.Certificate == p.opts.Certificate.Fingerprint:
			if !hmac.Equal([]byte(rec.HMAC), []byte(p.opts.Ledger.hmac(c.id, string(c.secret.Type), it.Key, it.Value))) {
				why = "value changed"
			}
		case known && record.Certificate != p.opts.Certificate.Fingerprint:
			why = otherCertificate
		case known:
			why = "ciphertext is not the one recorded here"
			p.warn(c, fmt.Sprintf("%s: %s: key %q was sealed elsewhere since the last run here: if the plaintext on this machine is older, the old value comes back", c.sealed.Path, c.sealed.Object(), it.Key))
		case c.recordedFor(p.opts.Certificate) && live.proves(ctx, c.id, old, it.Value):
			c.proven = true
		case c.sealed.Annotations[AnnotationCertificate] != p.opts.Certificate.Fingerprint && c.sealed.Annotations[AnnotationCertificate] != "":
			why = otherCertificate
		default:
			why = "not recorded on this machine"
		}
		if why != "" {
			c.seal = append(c.seal, it.Key)
			reasons[why] = true
		}
	}
	for _, old := range c.sealed.Items {
		if c.secret.Item(old.Key) == nil {
			c.drop = append(c.drop, old.Key)
		}
	}
	c.why = strings.Join(slices.Sorted(maps.Keys(reasons)), ", ")
}

// recordedFor reports whether the sealed file says that it was sealed for the certificate.
func (c *change) recordedFor(cert *Certificate) bool {
	return c.sealed.Annotations[AnnotationCertificate] == cert.Fingerprint && c.sealed.Annotations[AnnotationHash] == encryptedDataHash(c.sealed.Items)
}

// newPath names a new sealed file: sealed-<name>.yaml, with the namespace in
// front when that name is taken.
func newPath(a *application, s *manifest.Secret, taken map[string]bool) (string, error) {
	for _, base := range []string{s.Name, s.Namespace + "-" + s.Name} {
		path := filepath.Join(a.Sealed, sealedPrefix+base+".yaml")
		if !taken[path] && !exists(path) {
			taken[path] = true
			return path, nil
		}
	}
	return "", s.Errorf("", "rename one of the files", "the file %s%s.yaml exists and holds another object", sealedPrefix, s.Name)
}

// orphansOf are the SealedSecrets whose plaintext is gone. Where there is no
// plaintext at all (a clone) nothing is an orphan, and neither is a Secret that
// the contract asks for.
func orphansOf(a *application) []orphan {
	if len(a.secrets) == 0 {
		return nil
	}
	have := map[string]bool{}
	for i := range a.secrets {
		have[a.secrets[i].Namespace+"/"+a.secrets[i].Name] = true
	}
	var out []orphan
	for i := range a.sealed {
		f := &a.sealed[i]
		for j := range f.objects {
			o := &f.objects[j]
			if !have[a.namespaceOf(o)+"/"+o.Name] && !a.asksFor(o) {
				out = append(out, orphan{a, f, o})
			}
		}
	}
	return out
}

func (a *application) asksFor(o *manifest.Sealed) bool {
	if a.contract == nil {
		return false
	}
	spec := a.contract.Secret(o.Name)
	return spec != nil && spec.NamespaceOr(a.Namespace) == a.namespaceOf(o)
}

// Entries are the plan as data, in the order of applications and files.
func (p *Plan) Entries() []report.Entry {
	out := make([]report.Entry, 0, len(p.changes)+len(p.orphans))
	for i := range p.changes {
		c := &p.changes[i]
		out = append(out, report.Entry{
			Action: c.action(), Application: c.app.Name, Namespace: c.id.namespace, Name: c.id.name,
			Path: p.opts.Repository.Rel(c.path), Keys: c.seal, Detail: c.detail(),
		})
	}
	for _, o := range p.orphans {
		e := report.Entry{
			Action: report.Orphan, Application: o.app.Name, Namespace: o.app.namespaceOf(o.sealed), Name: o.sealed.Name,
			Path: o.sealed.Path, Line: o.sealed.Line, Detail: "no plaintext; -prune removes it",
		}
		if p.opts.Prune {
			e.Action, e.Detail = report.Delete, ""
		}
		out = append(out, e)
	}
	return out
}

// detail explains an update in a few words.
func (c *change) detail() string {
	var parts []string
	if c.sealed != nil && len(c.seal) > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d keys: %s", len(c.seal), len(c.secret.Items), c.why))
	}
	if len(c.drop) > 0 {
		parts = append(parts, "removed: "+strings.Join(c.drop, ", "))
	}
	if len(c.edits) > 0 && len(c.seal)+len(c.drop) == 0 {
		parts = append(parts, "metadata")
	}
	if c.proven {
		parts = append(parts, "the rest is proven by the live Secret")
	}
	return strings.Join(parts, "; ")
}

// Certificate is the one that the plan seals for.
func (p *Plan) Certificate() *Certificate { return p.opts.Certificate }

// prover asks the cluster until it fails once.
type prover struct {
	live Live
	err  error
}

func (p *prover) proves(ctx context.Context, id identity, it *manifest.SealedItem, value []byte) bool {
	if p.live == nil || p.err != nil {
		return false
	}
	ok, err := p.live.Proves(ctx, id.namespace, id.name, it.Key, it.Ciphertext, value)
	p.err = err
	return ok && err == nil
}
