package verify

import (
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
)

// Rules of the causes that are found here.
const (
	RuleNotDeployed = "application-missing" // Argo CD has no application for the folder
	RuleNotSynced   = "not-synced"          // Argo CD has the commit, and nobody has had it sync
	RuleSealedFile  = "sealed-file"         // the offline check refuses a sealed file
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
		}
		return []report.Cause{{
			Rule: RuleUnexplained, Link: l.Name, Object: "application " + c.src.Application, Message: l.Summary,
			Fix: report.Fix{Text: "`mage gitops:sync " + c.src.Application + "` tries again, and `mage gitops:diff " + c.src.Application + "` shows what it would change", Commands: []string{"mage gitops:sync " + c.src.Application}},
		}}
	}
	return nil
}

// sealedCauses are what the offline check refuses, and what is not sealed.
func (c *chain) sealedCauses() (out []report.Cause) {
	seal := "mage seal:app " + c.src.Application
	for i := range c.src.Sealed {
		f := &c.src.Sealed[i]
		if f.State != report.NotSealed {
			continue
		}
		fix := report.Fix{Text: "`" + seal + "`", Commands: []string{seal}}
		if f.Plain == "" {
			generate := "mage secrets:generate -app=" + c.src.Application
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

// argoCause is why Argo CD does not have the application as it should be.
func (c *chain) argoCause(l report.Link) report.Cause {
	object := "application " + c.src.Application
	if c.src.Argo.Missing {
		path := or(c.src.Argo.Path, c.src.Folder+"/application.yaml")
		apply := "kubectl apply -f " + path
		return report.Cause{Rule: RuleNotDeployed, Link: l.Name, Object: object, Message: "Argo CD does not know it: no Application has the path " + c.src.Folder, Path: path, Fix: report.Fix{Text: "`" + apply + "`", Commands: []string{apply}}, Final: true}
	}
	sync := "mage gitops:sync " + c.src.Argo.Name
	cause := report.Cause{Rule: RuleUnexplained, Link: l.Name, Object: object, Message: l.Summary, Fix: report.Fix{Text: "`" + sync + "`", Commands: []string{sync}}, Final: !c.src.Argo.AutoSync}
	if c.src.Argo.Sync == outOfSync && !drifted(c.src.Argo) {
		cause.Rule, cause.Message = RuleNotSynced, "Argo CD has compared "+short(c.src.Argo.Revision)+" with the cluster, and nobody has had it sync that"
	}
	return cause
}
