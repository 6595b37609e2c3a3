package seal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Status says for every Secret whether its sealed file is up to date for the
// certificate in o: sealed, changed, not sealed, stale, orphan, or
// refused when sealing would refuse the plaintext. SealedSecrets
// without plaintext on this machine are judged by what the file records, and what
// the contract asks for and is nowhere is not sealed.
func Status(ctx context.Context, apps []repo.Application, o Options) ([]report.Entry, []string, error) {
	// Without the ledger the loader reads everything, the files that no plaintext stands for too.
	p, err := newPlan(ctx, apps, o, loader{repo: o.Repository, plaintext: true, lenient: true})
	if err != nil {
		return nil, nil, err
	}
	out := p.Entries()
	for i := range p.changes {
		c := &p.changes[i]
		out[i].Action, out[i].Keys = c.state(), nil
		if out[i].Action == report.NotSealed {
			out[i].Detail = fmt.Sprintf("`mage seal:app %s`", c.app.Name)
		}
	}
	out = append(out, p.refused...)
	out = append(out, recorded(p.applications, out, o.Certificate)...)
	out = append(out, missing(p.applications, out)...)
	slices.SortStableFunc(out, func(a, b report.Entry) int {
		return cmp.Or(strings.Compare(a.Application, b.Application), strings.Compare(a.Subject(), b.Subject()))
	})
	return out, p.Warnings, nil
}

func (c *change) state() report.Action {
	switch c.action() {
	case report.Create:
		return report.NotSealed
	case report.Unchanged:
		return report.Sealed
	}
	if strings.Contains(c.why, otherCertificate) {
		return report.Stale
	}
	return report.Changed
}

// recorded judges the SealedSecrets that no plaintext here stands for.
func recorded(apps []application, seen []report.Entry, cert *Certificate) []report.Entry {
	have := map[string]bool{}
	for _, e := range seen {
		have[e.Application+":"+e.Subject()] = true
	}
	var out []report.Entry
	for i := range apps {
		a := &apps[i]
		for j := range a.sealed {
			for k := range a.sealed[j].objects {
				s := &a.sealed[j].objects[k]
				e := report.Entry{Action: report.Sealed, Application: a.Name, Namespace: a.namespaceOf(s), Name: s.Name, Path: s.Path, Detail: "no plaintext on this machine"}
				if have[a.Name+":"+e.Subject()] {
					continue
				}
				if s.Annotations[AnnotationCertificate] != cert.Fingerprint {
					e.Action = report.Stale
				}
				out = append(out, e)
			}
		}
	}
	return out
}

// missing are the Secrets that a contract asks for and that are neither here in
// plaintext nor sealed.
func missing(apps []application, seen []report.Entry) []report.Entry {
	have := map[string]bool{}
	for _, e := range seen {
		have[e.Subject()] = true
	}
	var out []report.Entry
	for i := range apps {
		a := &apps[i]
		if a.contract == nil {
			continue
		}
		for j := range a.contract.Secrets {
			spec := &a.contract.Secrets[j]
			e := report.Entry{
				Action: report.NotSealed, Application: a.Name, Namespace: spec.NamespaceOr(a.Namespace), Name: spec.Name,
				Path: a.contract.Path, Line: spec.Line, Detail: fmt.Sprintf("no plaintext either: `mage secrets:generate -app=%s`", a.Name),
			}
			if !have[e.Subject()] {
				out = append(out, e)
			}
		}
	}
	return out
}
