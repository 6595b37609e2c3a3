package verify

import (
	"fmt"
	"slices"

	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
)

// Rules of the causes that are found here.
const (
	RuleNotDeployed = "application-missing" // Argo CD has no application for the folder
	RuleNotSynced   = "not-synced"          // Argo CD has the commit, and nobody has had it sync
	RuleSealedFile  = "sealed-file"         // the offline check refuses a sealed file
	RuleAbsent      = "sealedsecret-absent" // a committed SealedSecret is not in the cluster, its Secret may be
	RuleKeys        = "secret-keys"         // a Secret has not the keys that secrets.yaml names
	RuleDeleted     = "object-deleted"      // what a workload needs was deleted, and its Pods do not know yet
	RuleUnexplained = "unexplained"         // a link is broken, and nothing says why
)

// unexplained gives a cause to what is broken and has none: nobody is told "failed"
// without a word on what to do.
func (c *chain) unexplained(links []report.Link, causes []report.Cause) []report.Cause {
	if len(causes) > 0 {
		return nil
	}
	for _, l := range links {
		if l.State != report.Failed {
			continue
		}
		switch l.Name {
		case diagnose.LinkSealed:
			return c.sealedCauses()
		case diagnose.LinkArgo:
			return []report.Cause{c.argoCause(l)}
		case diagnose.LinkUnsealed, diagnose.LinkSecrets:
			if found := c.secretCauses(l.Name); len(found) > 0 {
				return found
			}
		}
		return []report.Cause{{
			Rule: RuleUnexplained, Link: l.Name, Object: "application " + c.src.Application, Message: l.Summary,
			Fix: report.Fix{Text: "`" + c.argoMage("gitops:sync") + "` tries again, and `" + c.argoMage("gitops:diff") + "` shows what it would change", Commands: []string{c.argoMage("gitops:sync")}},
		}}
	}
	return nil
}

// deleted are the ConfigMaps that were deleted since the sync and that a workload needs:
// the Pods that run have read them, and the next one does not start.
func (c *chain) deleted(causes []report.Cause) (out []report.Cause) {
	a := c.argo()
	if a == nil || a.Stale() || !drifted(a) {
		return nil
	}
	needed := c.references("ConfigMap")
	for _, r := range a.Resources {
		name := "ConfigMap " + c.src.Namespace + "/" + r.Name
		if r.Kind != "ConfigMap" || r.Sync != outOfSync || r.NeedsPruning || needed[r.Name] == "" || !c.gone(r) ||
			slices.ContainsFunc(causes, func(cause report.Cause) bool { return cause.Object == name }) {
			continue
		}
		sync := c.argoMage("gitops:sync")
		out = append(out, report.Cause{
			Rule: RuleDeleted, Link: diagnose.LinkWorkloads, Object: name, Final: !a.SelfHeal,
			Message: "it was deleted in the cluster since the sync, and " + needed[r.Name] + " starts no new Pod without it",
			Fix:     report.Fix{Text: "`" + sync + "` brings it back", Commands: []string{sync}},
		})
	}
	return out
}

// sealedCauses are what the offline check refuses, and what is not sealed.
func (c *chain) sealedCauses() (out []report.Cause) {
	seal := c.mage("seal:app")
	for i := range c.src.Sealed {
		f := &c.src.Sealed[i]
		if f.State != report.NotSealed {
			continue
		}
		fix := report.Fix{Text: "`" + seal + "`", Commands: []string{seal}}
		if f.Plain == "" {
			generate := c.generate()
			fix = report.Fix{Text: "`" + generate + "`, then `" + seal + "`", Commands: []string{generate, seal}}
		}
		out = append(out, report.Cause{Rule: "not-sealed", Link: diagnose.LinkSealed, Object: "Secret " + f.Namespace + "/" + f.Name, Message: "no sealed file holds it", Path: f.Path, Line: f.Line, Fix: fix, Final: true})
	}
	for _, f := range c.src.Check {
		if broken(f) {
			out = append(out, report.Cause{Rule: RuleSealedFile, Link: diagnose.LinkSealed, Object: f.Object, Message: f.Message, Path: f.Path, Line: f.Line, Fix: report.Fix{Text: f.Fix}, Final: true})
		}
	}
	return out
}

// secretCauses are the SealedSecrets that are not in the cluster, or the Secrets that
// lack keys.
func (c *chain) secretCauses(link string) (out []report.Cause) {
	ship := c.mage("gitops:ship")
	for _, w := range c.wants() {
		cause := report.Cause{Link: link, Path: c.contractPath(), Fix: report.Fix{Text: "`" + ship + "`", Commands: []string{ship}}, Final: true}
		if w.file != nil {
			cause.Path, cause.Line = w.file.Path, w.file.Line
		}
		name := w.namespace + "/" + w.name
		switch state, note := c.secret(w); {
		case link == diagnose.LinkSecrets && state == report.Failed:
			cause.Rule, cause.Object, cause.Message = RuleKeys, "Secret "+name, note
		case link == diagnose.LinkUnsealed && w.file != nil && c.sealedSecret(w) == nil:
			cause.Rule, cause.Object, cause.Message = RuleAbsent, "SealedSecret "+name, "it is not in the cluster"
			if w.namespace != c.src.Namespace {
				c.elsewhere(&cause, w)
			} else if c.src.Origins != nil && c.src.Origins.Find("SealedSecret", w.name).Deployed {
				sync := c.argoMage("gitops:sync")
				cause.Message = "it was deleted in the cluster"
				cause.Fix = report.Fix{Text: "`" + sync + "` brings it back", Commands: []string{sync}}
			}
		default:
			continue
		}
		out = append(out, cause)
	}
	return out
}

// elsewhere says of a SealedSecret for another namespace than the application's that this
// is probably not meant.
func (c *chain) elsewhere(cause *report.Cause, w wanted) {
	cause.Message = fmt.Sprintf("it is not in the cluster: it is for namespace %s, and the application is in %s", w.namespace, c.src.Namespace)
	if w.file.Plain != "" {
		cause.Path, cause.Line = w.file.Plain, w.file.PlainLine
		cause.Fix.Text = fmt.Sprintf("correct metadata.namespace in %s if %s is not meant, then %s", cause.Position(), w.namespace, cause.Fix.Text)
	}
}

// argoCause is why Argo CD does not have the application as it should be.
func (c *chain) argoCause(l report.Link) report.Cause {
	object := "application " + c.src.Application
	if c.src.Argo.Missing {
		return report.Cause{Rule: RuleNotDeployed, Link: l.Name, Object: object, Message: "Argo CD does not know it: no Application has the path " + c.src.Folder, Path: c.src.Argo.Path, Fix: c.deploy(), Final: true}
	}
	sync := c.argoMage("gitops:sync")
	cause := report.Cause{Rule: RuleUnexplained, Link: l.Name, Object: object, Message: l.Summary, Fix: report.Fix{Text: "`" + sync + "`", Commands: []string{sync}}, Final: !c.src.Argo.AutoSync}
	if c.src.Argo.Sync == outOfSync && !drifted(c.src.Argo) {
		cause.Rule, cause.Message = RuleNotSynced, "Argo CD has compared "+short(c.src.Argo.Revision)+" with the cluster, and nobody has had it sync that"
	}
	return cause
}

// deploy has Argo CD know the application. Where no file holds its Application, a person
// has to write it first.
func (c *chain) deploy() report.Fix {
	path := c.src.Argo.Path
	if path == "" {
		return report.Fix{Text: fmt.Sprintf("write %[1]s/application.yaml, an Application of Argo CD with the path %[1]s, and apply it", c.src.Folder)}
	}
	apply := c.kubectl("", "apply -f "+path)
	return report.Fix{Text: "`" + apply + "`", Commands: []string{apply}}
}
