package seal

import (
	"context"
	"fmt"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// RuleUndelivered is the finding of Delivered.
const RuleUndelivered = "secret-undelivered"

// Cluster is Live, and knows why it cannot prove something.
type Cluster interface {
	Live
	// Why says what stands between the SealedSecret and its Secret; empty when
	// the controller has unsealed it in its newest generation.
	Why(ctx context.Context, namespace, name string) (string, error)
	// Exists reports whether there is such a SealedSecret.
	Exists(ctx context.Context, namespace, name string) (bool, error)
}

// Delivered holds every plaintext Secret of the applications against the cluster:
// the SealedSecret there is the committed one, the controller has unsealed it, and
// each value is the one at hand. What is not so is a finding. checked counts the
// Secrets.
func Delivered(ctx context.Context, r *repo.Repository, apps []repo.Application, c Cluster) (findings []report.Finding, checked int, err error) {
	l := loader{repo: r, plaintext: true}
	loaded, err := l.load(ctx, apps)
	if err != nil {
		return nil, 0, err
	}
	for i := range loaded {
		a := &loaded[i]
		for j := range a.secrets {
			checked++
			f, err := a.undelivered(ctx, &a.secrets[j], c)
			if err != nil {
				return nil, checked, err
			}
			if f != nil {
				findings = append(findings, *f)
			}
		}
	}
	return findings, checked, nil
}

// Unsealed asks of every SealedSecret of the applications that has come to the
// cluster whether the controller has unsealed it in its newest generation: the health
// check of Argo CD up to 2.14 looks at no generation. What is not so is a finding.
func Unsealed(ctx context.Context, r *repo.Repository, apps []repo.Application, c Cluster) (findings []report.Finding, checked int, err error) {
	for _, app := range apps {
		list, err := Committed(ctx, r, app)
		if err != nil {
			return nil, checked, err
		}
		a := application{Application: app}
		for i := range list {
			o := &list[i]
			if there, err := c.Exists(ctx, a.namespaceOf(o), o.Name); err != nil || !there {
				if err != nil {
					return nil, checked, err
				}
				continue // not published yet
			}
			checked++
			why, err := c.Why(ctx, a.namespaceOf(o), o.Name)
			if err != nil {
				return nil, checked, err
			}
			if why != "" {
				findings = append(findings, report.Finding{Rule: RuleUndelivered, Path: o.Path, Line: o.Line, Object: o.Object(), Message: why, Fix: verifyFix(app.Name)})
			}
		}
	}
	return findings, checked, nil
}

func verifyFix(app string) string {
	return fmt.Sprintf("`mage seal:verify -app=%s` asks the controller itself", app)
}

// undelivered is what is wrong with one Secret; nil when nothing is.
func (a *application) undelivered(ctx context.Context, s *manifest.Secret, c Cluster) (*report.Finding, error) {
	f := &report.Finding{Rule: RuleUndelivered, Path: s.Path, Line: s.Line, Object: s.Object()}
	_, o := a.find(s.Namespace, s.Name)
	if o == nil {
		f.Message, f.Fix = "it is not sealed", fmt.Sprintf("`mage gitops:ship %s`", a.Name)
		return f, nil
	}
	f.Path, f.Line, f.Object = o.Path, o.Line, o.Object()
	var keys []string
	for _, it := range s.Items {
		item := o.Item(it.Key)
		ok := false
		if item != nil {
			var err error
			if ok, err = c.Proves(ctx, s.Namespace, s.Name, it.Key, item.Ciphertext, it.Value); err != nil {
				return nil, err
			}
		}
		if !ok {
			keys = append(keys, it.Key)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	why, err := c.Why(ctx, s.Namespace, s.Name)
	if err != nil {
		return nil, err
	}
	f.Message, f.Fix = why, verifyFix(a.Name)
	if why == "" {
		f.Message, f.Fix = "the cluster has another version of these keys: "+strings.Join(keys, ", "), fmt.Sprintf("`mage gitops:ship %s`", a.Name)
	}
	return f, nil
}
