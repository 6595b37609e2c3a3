package publish

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/report"
)

// Rules of what must not be published, besides those of Options.Check.
const (
	RulePlaintext = "plaintext-exposed" // a plaintext file is tracked, a Secret stands among the SealedSecrets, a value shows up
	RuleHistory   = "plaintext-history" // a commit that would go along holds plaintext
	RuleField     = "sealed-field"      // a SealedSecret holds what its kind does not have
	RuleForeign   = "foreign-object"    // something else in the same file was changed
	RulePin       = "pin-invalid"       // the pinned certificate's file holds something else, too
)

// found collects findings.
type found []report.Finding

func (f *found) add(rule string, err error) {
	if err == nil {
		return
	}
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			f.add(rule, e)
		}
		return
	}
	finding := report.Finding{Rule: rule, Message: err.Error()}
	var me *manifest.Error
	if errors.As(err, &me) {
		finding = report.Finding{Rule: rule, Path: me.Path, Line: me.Line, Object: me.Object, Key: me.Key, Message: me.Problem, Fix: me.Fix}
	}
	*f = append(*f, finding)
}

func (f found) err() error {
	if len(f) == 0 {
		return nil
	}
	return &FindingsError{Findings: f}
}

// offline is what can be known without the remote: the caller's check, and
// whether Git holds any plaintext.
func (p *planner) offline(ctx context.Context) error {
	var f found
	if p.opts.Check != nil {
		findings, err := p.opts.Check(ctx)
		if err != nil {
			return err
		}
		f = findings
	}
	for _, path := range slices.Sorted(maps.Keys(p.index)) {
		told := slices.ContainsFunc(f, func(have report.Finding) bool { return have.Path == path && have.Rule == RulePlaintext })
		if p.repo.IsPlaintext(path) && !told {
			f = append(f, report.Finding{Rule: RulePlaintext, Path: path, Message: "Git tracks this plaintext file",
				Fix: "`git rm --cached " + quote(path) + "`, and change every value in it if it was ever committed: history keeps them"})
		}
	}
	return f.err()
}

// obstacles are what keeps the changes from being committed as they are.
func (p *planner) obstacles(ctx context.Context) error {
	if len(p.changes) == 0 {
		return nil
	}
	var errs []error
	var fresh []string
	head, err := p.at(ctx, p.head.Commit)
	if err != nil {
		return err
	}
	for _, c := range p.changes {
		staged, tracked := p.index[c.path]
		if committed := head[c.path]; staged.Entry != committed && !c.same(staged.Entry) {
			errs = append(errs, stagedOtherwise(c.path))
		} else if !tracked && committed.Hash == "" {
			fresh = append(fresh, c.path)
		}
	}
	old, err := p.outdated(ctx)
	if err != nil {
		return err
	}
	errs = append(errs, old...)
	rules, err := p.tree.IgnoreRules(ctx, fresh)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(rules)) {
		errs = append(errs, ignoredBy(path, rules[path]))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return p.tree.Identity(ctx)
}

// outdated are the files that somebody else changed on the followed branch: the
// version here does not know of that.
func (p *planner) outdated(ctx context.Context) (errs []error, err error) {
	if !p.isNew || p.fork == p.parent {
		return nil, nil
	}
	fork, err := p.at(ctx, cmp.Or(p.fork, p.head.Commit))
	if err != nil {
		return nil, err
	}
	for _, c := range p.changes {
		if fork[c.path].Hash != c.before.Hash {
			errs = append(errs, outdated(c.path, p.followed))
		}
	}
	return errs, nil
}

// inspect looks into everything that would get to the remote.
func (p *planner) inspect(ctx context.Context) error {
	if !p.push {
		return nil
	}
	var f found
	values := p.values(ctx)
	for _, c := range p.changes {
		if c.data == nil {
			continue
		}
		if c.app == "" {
			f.add(RulePin, certificateAlone(c))
		} else if err := p.objects(ctx, c, &f); err != nil {
			return err
		}
		f.add(RulePlaintext, values.in(c))
	}
	if err := p.history(ctx, &f); err != nil {
		return err
	}
	return f.err()
}

// objects checks each object of a sealed file. What is no SealedSecret may stand
// beside one, and stays for its owner to commit.
func (p *planner) objects(ctx context.Context, c *candidate, f *found) error {
	objects, err := manifest.ReadObjects(c.path, c.data)
	if err != nil {
		f.add(RuleForeign, err)
		return nil
	}
	var before [][]byte
	for i := range objects {
		o := &objects[i]
		if o.Sealed() {
			f.add(RuleField, o.CheckSealed())
			continue
		}
		for _, key := range o.Plaintext() {
			f.add(RulePlaintext, &manifest.Error{Path: c.path, Line: o.Line, Object: o.String(), Key: key, Problem: "a Secret in plaintext",
				Fix: "move it to local-secrets/ and seal it; if it was ever committed, change its values"})
		}
		if len(o.Plaintext()) > 0 {
			continue
		}
		if before == nil {
			if before, err = p.documents(ctx, c.before); err != nil {
				return err
			}
		}
		if !slices.ContainsFunc(before, func(b []byte) bool { return bytes.Equal(bytes.TrimSpace(b), bytes.TrimSpace(o.Text)) }) {
			f.add(RuleForeign, &manifest.Error{Path: c.path, Line: o.Line, Object: o.String(), Problem: "it stands beside a SealedSecret and was changed, and it is not sealed",
				Fix: "give it a file of its own, or commit this file yourself"})
		}
	}
	return nil
}

// documents are those of a committed file.
func (p *planner) documents(ctx context.Context, e git.Entry) ([][]byte, error) {
	out := [][]byte{}
	if e.Hash == "" {
		return out, nil
	}
	blobs, err := p.tree.ReadBlobs(ctx, []string{e.Hash})
	if err != nil {
		return nil, err
	}
	objects, _ := manifest.ReadObjects("", blobs[0]) // one that cannot be read has none to compare with
	for i := range objects {
		out = append(out, objects[i].Text)
	}
	return out, nil
}

// certificateAlone refuses a file that holds more than certificates: a private
// key behind the certificate would be taken along.
func certificateAlone(c *candidate) error {
	fail := func(problem, fix string) error {
		return &manifest.Error{Path: c.path, Problem: problem, Fix: fix}
	}
	rest := bytes.TrimSpace(c.data)
	for n := 0; ; n++ {
		if n > 0 && len(rest) == 0 {
			return nil
		}
		block, behind := pem.Decode(rest)
		if block == nil || !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return fail("there is something else than certificates in it", "`mage seal:cert -accept` writes it anew")
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return fail("there is a private key in it", "never publish a private key: who has it reads every secret; `mage seal:cert -accept` writes the file anew")
		}
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || len(block.Headers) > 0 || err != nil {
			return fail("there is something else than certificates in it", "`mage seal:cert -accept` writes it anew")
		}
		rest = bytes.TrimSpace(behind)
	}
}

// history looks through the other commits that the push takes along.
func (p *planner) history(ctx context.Context, f *found) (err error) {
	if p.parent == "" {
		return nil
	}
	if p.Along, err = p.tree.Commits(ctx, p.parent, p.exclude()...); err != nil || len(p.Along) == 0 {
		return err
	}
	objects, err := p.tree.NewObjects(ctx, p.parent, p.exclude()...)
	if err != nil {
		return err
	}
	fix := fmt.Sprintf("take it out of these commits before anybody gets them (`git rebase -i`, or begin anew from %s), and change its values", p.To)
	var manifests []git.Object
	for _, o := range objects {
		if p.repo.IsPlaintext(o.Path) {
			f.add(RuleHistory, &manifest.Error{Path: o.Path, Problem: fmt.Sprintf("one of %s that would go along holds this plaintext file", commits(len(p.Along))), Fix: fix})
		} else if isManifest(o.Path) {
			manifests = append(manifests, o)
		}
	}
	hashes := make([]string, len(manifests))
	for i, o := range manifests {
		hashes[i] = o.Hash
	}
	blobs, err := p.tree.ReadBlobs(ctx, hashes)
	if err != nil {
		return err
	}
	for i, data := range blobs {
		p.plaintextSecrets(manifests[i].Path, data, fix, f)
	}
	return p.along(ctx, f)
}

// along adds what the caller finds in those commits, of files that were not told of yet.
func (p *planner) along(ctx context.Context, f *found) error {
	if p.opts.Along == nil {
		return nil
	}
	findings, err := p.opts.Along(ctx, p.seen, p.parent)
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for _, have := range *f {
		told[have.Path] = told[have.Path] || have.Rule == RuleHistory
	}
	for _, finding := range findings {
		if !told[finding.Path] {
			*f = append(*f, finding)
		}
	}
	return nil
}

// plaintextSecrets finds Secrets in a manifest of an earlier commit. One that
// cannot be read is a Helm template, mostly, and none of this package's business.
func (p *planner) plaintextSecrets(path string, data []byte, fix string, f *found) {
	if !bytes.Contains(data, []byte("Secret")) {
		return
	}
	objects, err := manifest.ReadObjects(path, data)
	if err != nil {
		return
	}
	for i := range objects {
		if keys := objects[i].Plaintext(); len(keys) > 0 {
			f.add(RuleHistory, &manifest.Error{Path: path, Line: objects[i].Line, Object: objects[i].String(),
				Problem: fmt.Sprintf("one of %s that would go along holds this Secret in plaintext", commits(len(p.Along))), Fix: fix})
		}
	}
}
