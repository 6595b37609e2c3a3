package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
)

// localLink is the plaintext, held against secrets.yaml. A machine without any is a
// clone, and nothing is missing there.
func (c *chain) localLink() report.Link {
	if len(c.src.Local) == 0 {
		return report.Link{State: report.Skipped, Summary: "no plaintext on this machine"}
	}
	if c.src.Contract == nil {
		return report.Link{State: report.OK, Summary: plural(len(c.src.Local), "Secret")}
	}
	var t tally
	for i := range c.src.Contract.Secrets {
		spec := &c.src.Contract.Secrets[i]
		have := c.local(spec.NamespaceOr(c.src.home()), spec.Name)
		if have == nil {
			t.add(report.Warned, spec.Name+" is missing: `"+c.generate()+"`")
			continue
		}
		var missing []string
		for _, k := range spec.Keys {
			if !slices.Contains(have.Keys, k.Name) {
				missing = append(missing, k.Name)
			}
		}
		if len(missing) > 0 {
			t.add(report.Warned, fmt.Sprintf("%s: no value for %s in %s", spec.Name, strings.Join(missing, ", "), have.Path))
			continue
		}
		t.add(report.OK, "")
	}
	return t.link("complete")
}

func (c *chain) local(namespace, name string) *LocalSecret {
	for i := range c.src.Local {
		if s := &c.src.Local[i]; s.Name == name && s.Namespace == namespace {
			return s
		}
	}
	return nil
}

// sealedLink is the sealed files of the work tree.
func (c *chain) sealedLink() report.Link {
	if c.src.Uncheck != "" {
		return report.Link{State: report.Unknown, Summary: c.src.Uncheck}
	}
	if len(c.src.Sealed) == 0 {
		return report.Link{State: report.Skipped, Summary: "no SealedSecret in the repository"}
	}
	var t tally
	for i := range c.src.Sealed {
		f := &c.src.Sealed[i]
		name := f.Namespace + "/" + f.Name
		switch f.State {
		case report.NotSealed:
			t.add(report.Failed, name+" is not sealed")
		case report.Changed:
			t.add(report.Warned, name+" has changed since it was sealed: `"+c.mage("seal:app")+"`")
		case report.Stale:
			t.add(report.Warned, name+" is sealed for another certificate than the pinned one: `"+c.mage("seal:app")+"`")
		case report.Orphan:
			t.add(report.Warned, name+" has no plaintext any more: `"+c.mage("seal:app", "-prune")+"` removes it")
		case report.Refused:
			t.add(report.Warned, name+": its plaintext cannot be sealed as it is: `"+or(c.src.Command, "mage")+" seal:status -app="+c.src.Application+"`")
		default:
			t.add(c.checked(f))
		}
	}
	l := t.link("sealed")
	if pin := c.src.Pin; pin != "" && l.State == report.OK {
		l.Summary += " for certificate " + pin[:min(16, len(pin))]
	}
	return l
}

// tolerated are the rules of the offline check that say nothing against a file that
// the cluster unseals: kubeseal records no certificate, for instance.
var tolerated = []string{"certificate-mismatch", "pin-missing", "pin-invalid", "sealed-edited", "plaintext-exposed"}

// broken says whether a finding of the offline check is about a file that cannot work.
func broken(f report.Finding) bool { return !slices.Contains(tolerated, f.Rule) }

// checked is what the offline check says about one SealedSecret.
func (c *chain) checked(s *diagnose.SealedFile) (report.State, string) {
	state, note := report.OK, ""
	for _, f := range c.src.Check {
		if f.Path != s.Path && !strings.HasSuffix(f.Object, " "+s.Namespace+"/"+s.Name) {
			continue
		}
		if broken(f) {
			return report.Failed, f.Position() + ": " + f.Message
		}
		state, note = report.Warned, f.Position()+": "+f.Message
	}
	return state, note
}

// commitLink is the way from the work tree to what Argo CD has seen.
func (c *chain) commitLink() report.Link {
	m := c.src.Commit
	if m == nil {
		return report.Link{State: report.Unknown, Summary: "not compared with what Argo CD follows"}
	}
	l := report.Link{State: report.OK, Summary: m.Head}
	switch m.State {
	case CommitSame:
		l.Summary += " on " + m.Followed + ", pushed and seen by Argo CD"
		if m.Seen != m.Head {
			l.Summary = fmt.Sprintf("%s on %s; Argo CD has the same version of the folder (%s)", m.Head, m.Followed, m.Seen)
		}
	case CommitNewer:
		l.Summary = fmt.Sprintf("%s has newer commits than %s", m.Followed, m.Head)
	case CommitNotPushed:
		l.State, l.Summary = report.Warned, fmt.Sprintf("%s is not pushed; Argo CD has %s", m.Head, m.Seen)
	case CommitNotSeen:
		l.State, l.Summary = report.Waiting, fmt.Sprintf("%s is pushed; Argo CD has looked at %s so far", m.Head, m.Seen)
	case CommitOtherBranch:
		l.State, l.Summary = report.Warned, fmt.Sprintf("%s is on %s, Argo CD follows %s", m.Head, branch(m.Branch), m.Followed)
	case CommitDiverged:
		l.State, l.Summary = report.Warned, fmt.Sprintf("%s and %s, which Argo CD has, went separate ways", m.Head, m.Seen)
	default:
		l.State, l.Summary = report.Unknown, m.Problem
	}
	if n := len(m.Dirty); n > 0 {
		l.State = report.Gravest(l.State, report.Warned)
		l.Summary += fmt.Sprintf("; %s not committed: %s", plural(n, "file"), some(m.Dirty))
	}
	return l
}

func branch(name string) string {
	if name == "" {
		return "no branch"
	}
	return name
}

// some are the first of several names.
func some(names []string) string {
	const few = 2
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
