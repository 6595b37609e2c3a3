package verify

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
)

// wanted is a Secret that the application is to have by the repository.
type wanted struct {
	namespace, name string
	keys            []string // exactly these; nil when nobody says
	file            *diagnose.SealedFile
}

// wants are the Secrets that the contract asks for and those of the sealed files.
func (c *chain) wants() []wanted {
	var out []wanted
	if c.src.Contract != nil {
		for i := range c.src.Contract.Secrets {
			spec := &c.src.Contract.Secrets[i]
			w := wanted{namespace: spec.NamespaceOr(c.src.home()), name: spec.Name}
			for _, k := range spec.Keys {
				w.keys = append(w.keys, k.Name)
			}
			slices.Sort(w.keys)
			out = append(out, w)
		}
	}
	for i := range c.src.Sealed {
		f := &c.src.Sealed[i]
		at := slices.IndexFunc(out, func(w wanted) bool { return w.name == f.Name && w.namespace == or(f.Namespace, c.src.home()) })
		if at < 0 && f.State != report.Orphan {
			out = append(out, wanted{namespace: or(f.Namespace, c.src.home()), name: f.Name})
			at = len(out) - 1
		}
		if at >= 0 {
			out[at].file = f
		}
	}
	return out
}

// unsealedLink is the SealedSecrets in the cluster: each is there, and the controller
// has made a Secret of its newest generation. The health check of Argo CD up to 2.14
// does not look at the generation.
func (c *chain) unsealedLink() report.Link {
	list := slices.DeleteFunc(c.wants(), func(w wanted) bool { return w.file == nil || w.file.State == report.NotSealed })
	if len(list) == 0 {
		return report.Link{State: report.Skipped, Summary: "no SealedSecret in the repository"}
	}
	if c.space.Unseen["SealedSecret"] == cluster.NotInstalled && c.src.Offline == "" {
		return report.Link{State: report.Failed, Summary: "the cluster does not know SealedSecrets: the controller is not installed"}
	}
	if why := c.unseen("SealedSecret"); why != "" {
		return report.Link{State: report.Unknown, Summary: why}
	}
	var t tally
	for _, w := range list {
		t.add(c.unsealed(w))
	}
	return t.link("unsealed")
}

func (c *chain) unsealed(w wanted) (report.State, string) {
	s := c.sealedSecret(w)
	switch {
	case !c.src.State.In(w.namespace).Sees("SealedSecret"):
		return report.Unknown, w.name + " is in namespace " + w.namespace + ", which could not be seen"
	case s == nil:
		return report.Failed, w.name + " is not in the cluster"
	case s.Observed != s.Generation:
		return report.Waiting, w.name + ": the controller has not looked at its newest version"
	case s.Synced == "False":
		return report.Failed, w.name + ": " + c.said(s.Message)
	case !s.Unsealed():
		return report.Waiting, w.name + ": the controller has not said anything"
	}
	return report.OK, ""
}

func (c *chain) sealedSecret(w wanted) *cluster.SealedSecret {
	list := c.src.State.In(w.namespace).SealedSecrets
	at := slices.IndexFunc(list, func(s cluster.SealedSecret) bool { return s.Name == w.name })
	if at < 0 {
		return nil
	}
	return &list[at]
}

// secretsLink is the Secrets that came of them: there, owned by that SealedSecret,
// and with exactly the keys of secrets.yaml.
func (c *chain) secretsLink() report.Link {
	list := c.wants()
	if len(list) == 0 {
		return report.Link{State: report.Skipped, Summary: "no Secret in the repository"}
	}
	if why := c.unseen("Secret"); why != "" {
		return report.Link{State: report.Unknown, Summary: why}
	}
	var t tally
	for _, w := range list {
		t.add(c.secret(w))
	}
	return t.link("as in Git")
}

func (c *chain) secret(w wanted) (report.State, string) {
	list := c.src.State.In(w.namespace).Secrets
	at := slices.IndexFunc(list, func(s cluster.Secret) bool { return s.Name == w.name })
	switch {
	case !c.src.State.In(w.namespace).Sees("Secret"):
		return report.Unknown, w.name + " is in namespace " + w.namespace + ", which could not be seen"
	case at < 0:
		return report.Failed, w.name + " is not in the cluster"
	}
	s, sealed := &list[at], c.sealedSecret(w)
	if !ownedBy(s, sealed) && !heldLoosely(s) {
		return report.Warned, w.name + " does not belong to its SealedSecret"
	}
	missing, extra := difference(w.keys, s.Keys), difference(s.Keys, w.keys)
	switch {
	case w.keys == nil:
		return report.OK, ""
	case len(missing) > 0:
		return report.Failed, fmt.Sprintf("%s lacks %s", w.name, strings.Join(missing, ", "))
	case len(extra) > 0:
		return report.Warned, fmt.Sprintf("%s has %s, which %s does not name", w.name, strings.Join(extra, ", "), or(c.contractPath(), "secrets.yaml"))
	}
	return report.OK, ""
}

func (c *chain) contractPath() string {
	if c.src.Contract == nil {
		return ""
	}
	return c.src.Contract.Path
}

// ownedBy says whether a Secret was made from the SealedSecret that is there now.
func ownedBy(s *cluster.Secret, sealed *cluster.SealedSecret) bool {
	if sealed == nil {
		return false
	}
	return slices.ContainsFunc(s.Owners, func(o metav1.OwnerReference) bool {
		return o.Kind == "SealedSecret" && o.Name == sealed.Name && (sealed.UID == "" || string(o.UID) == sealed.UID)
	})
}

// heldLoosely says whether the controller was told not to own a Secret that it writes
// (sealed-secrets README, "Patching existing secrets").
func heldLoosely(s *cluster.Secret) bool {
	return s.Annotations["sealedsecrets.bitnami.com/skip-set-owner-references"] == "true" || s.Annotations["sealedsecrets.bitnami.com/patch"] == "true"
}

// difference is what is in one sorted list and not in another.
func difference(list, without []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(without, s) {
			out = append(out, s)
		}
	}
	return out
}

// databaseLink is the application's PostgreSQL clusters.
func (c *chain) databaseLink() report.Link {
	if c.space.Unseen["Cluster"] == cluster.NotInstalled && c.src.Offline == "" {
		return report.Link{State: report.Skipped, Summary: "no CloudNativePG in this cluster"}
	}
	if why := c.unseen("Cluster"); why != "" {
		return report.Link{State: report.Unknown, Summary: why}
	}
	var t tally
	for i := range c.space.Databases {
		d := &c.space.Databases[i]
		if !c.mine("Cluster", d.Name, d.Annotations) {
			continue
		}
		t.add(databaseState(d))
	}
	if t.total() == 0 {
		return c.nothingRuns("no PostgreSQL cluster")
	}
	return t.link("healthy")
}

// lost are the phases that CloudNativePG does not come back from by itself
// (api/v1/cluster_types.go).
var lost = []string{
	"Cluster is unrecoverable and needs manual intervention",
	"Invalid cluster definition",
	"Cluster has incomplete or invalid image catalog",
}

func databaseState(d *cluster.Database) (report.State, string) {
	name := d.Name
	switch {
	case d.Hibernated:
		return report.Warned, name + " is hibernated"
	case d.Healthy():
		return report.OK, ""
	case slices.Contains(lost, d.Phase):
		return report.Failed, name + ": " + d.Phase
	case d.Phase == "":
		return report.Waiting, name + ": the operator has not looked at it"
	}
	return report.Waiting, fmt.Sprintf("%s: %s, %d of %d ready", name, d.Phase, d.Ready, d.Instances)
}
