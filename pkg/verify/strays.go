package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// strays are what lives in the application's namespace and did not come from Git, or
// was changed since (issue 4, "source of truth"). They are told of and break nothing by
// themselves.
func (c *chain) strays(ctx context.Context) []report.Stray {
	var out []report.Stray
	out = append(out, c.straySecrets()...)
	out = append(out, c.straySealed()...)
	out = append(out, c.strayConfigMaps()...)
	return append(out, c.strayResources(ctx)...)
}

// straySecrets are the Secrets that somebody has made by hand.
func (c *chain) straySecrets() (out []report.Stray) {
	for i := range c.space.Secrets {
		s := &c.space.Secrets[i]
		if made(s) || c.known("Secret", &s.Meta) || c.isWanted(s.Name) || c.declared("Secret", s.Name) {
			continue
		}
		out = append(out, report.Stray{
			Object: "Secret " + s.Namespace + "/" + s.Name, Message: "it was made in the cluster; nothing in Git holds it",
			Fix: fmt.Sprintf("put it in Git: write it into %s/, then `%s`; or `%s`", c.plaintextFolder(), c.mage("seal:app"), c.kubectl(s.Namespace, "delete secret "+s.Name)),
		})
	}
	return out
}

func (c *chain) plaintextFolder() string { return or(c.src.Plaintext, c.src.Folder+"/local-secrets") }

// isWanted says whether the repository has a Secret of this name: whose it is, the
// link Secrets says.
func (c *chain) isWanted(name string) bool {
	return slices.ContainsFunc(c.wants(), func(w wanted) bool { return w.name == name && w.namespace == c.src.Namespace })
}

// declared says whether secrets.yaml has an object as one that comes from elsewhere.
func (c *chain) declared(kind, name string) bool {
	if c.src.Contract == nil {
		return false
	}
	list := c.src.Contract.External.Secrets
	if kind == "ConfigMap" {
		list = c.src.Contract.External.ConfigMaps
	}
	return slices.ContainsFunc(list, func(e repo.External) bool { return e.Name == name })
}

// madeBy are annotations and labels of programs that make Secrets and do not own them.
var madeBy = []string{
	"app.kubernetes.io/managed-by",
	"cert-manager.io/certificate-name",
	"controller.cert-manager.io/fao",
	"cnpg.io/cluster",
	"kubernetes.io/service-account.name",
	"openshift.io/internal-registry-auth-token.binding",
	"openshift.io/token-secret.name",
	"reflector.v1.k8s.emberstack.com/reflects",
	"replicator.v1.mittwald.de/replicated-from",
	"reconcile.external-secrets.io/data-hash",
	"sealedsecrets.bitnami.com/sealed-secrets-key",
}

// made says whether a program has made a Secret: a controller that owns it, or one
// that leaves its mark.
func made(s *cluster.Secret) bool {
	switch s.Type {
	case corev1.SecretTypeServiceAccountToken, corev1.SecretTypeBootstrapToken, "helm.sh/release.v1", "kubernetes.io/dockercfg":
		return true
	}
	if len(s.Owners) > 0 || s.Deleting || heldLoosely(s) {
		return true
	}
	return slices.ContainsFunc(madeBy, func(key string) bool { return s.Annotations[key] != "" || s.Labels[key] != "" })
}

// known says whether an object comes from Git after all: Argo CD tracks it for this
// or for another application, or the chart renders it.
func (c *chain) known(kind string, m *cluster.Meta) bool {
	name := ObjectName{kind, m.Name}
	return m.Annotations[tracking] != "" || c.own[name] || slices.Contains(c.src.Others, name) ||
		c.src.Origins != nil && c.rendered(kind, m.Name)
}

// rendered says whether the chart of the work tree renders an object. Where the origins can
// say that alone, nobody is asked why it does not: there may be many such objects.
func (c *chain) rendered(kind, name string) bool {
	if o, ok := c.src.Origins.(interface{ Has(kind, name string) bool }); ok {
		return o.Has(kind, name)
	}
	return c.src.Origins.Find(kind, name).Found
}

// straySealed are the SealedSecrets that no file of the repository holds.
func (c *chain) straySealed() (out []report.Stray) {
	for i := range c.space.SealedSecrets {
		s := &c.space.SealedSecrets[i]
		message := "no file in Git holds it"
		if s.Synced == "False" {
			message += ", and the controller makes no Secret of it: " + c.said(s.Message)
		}
		held := slices.ContainsFunc(c.src.Sealed, func(f diagnose.SealedFile) bool {
			return f.Name == s.Name && or(f.Namespace, c.src.home()) == s.Namespace
		})
		if held || len(s.Owners) > 0 || c.known("SealedSecret", &s.Meta) {
			continue
		}
		out = append(out, report.Stray{
			Object: "SealedSecret " + s.Namespace + "/" + s.Name, Message: message,
			Fix: fmt.Sprintf("put its Secret into %s/, then `%s`; or `%s`, which deletes its Secret too", c.plaintextFolder(), c.mage("seal:app"), c.kubectl(s.Namespace, "delete sealedsecret "+s.Name)),
		})
	}
	return out
}

// strayConfigMaps are the ConfigMaps that a workload of the application reads and that
// somebody has made by hand. Others are left alone: many programs keep theirs here.
func (c *chain) strayConfigMaps() (out []report.Stray) {
	read := c.references("ConfigMap")
	for i := range c.space.ConfigMaps {
		m := &c.space.ConfigMaps[i]
		if _, needed := read[m.Name]; !needed || len(m.Owners) > 0 || m.Labels["app.kubernetes.io/managed-by"] != "" || strings.HasSuffix(m.Name, "-ca.crt") || c.known("ConfigMap", &m.Meta) || c.declared("ConfigMap", m.Name) {
			continue
		}
		out = append(out, report.Stray{
			Object: "ConfigMap " + m.Namespace + "/" + m.Name, Message: "a workload reads it, and nothing in Git holds it",
			Fix: fmt.Sprintf("put it in Git: `%s` shows what to write into %s/templates/; then `%s`", c.kubectl(m.Namespace, "get configmap "+m.Name+" -o yaml"), c.src.Folder, c.mage("gitops:ship")),
		})
	}
	return out
}

// references are the names of a kind that the application's workloads read, each with
// one that cannot do without; empty for what is optional.
func (c *chain) references(kind string) map[string]string {
	out := map[string]string{}
	add := func(by, name string, annotations map[string]string, spec *corev1.PodSpec) {
		if !c.mine(by, name, annotations) {
			return
		}
		for _, r := range chart.References(*spec) {
			if r.Kind != kind {
				continue
			}
			if !r.Optional {
				out[r.Name] = by + " " + name
			} else if _, known := out[r.Name]; !known {
				out[r.Name] = ""
			}
		}
	}
	for i := range c.space.Deployments {
		d := &c.space.Deployments[i]
		add("Deployment", d.Name, d.Annotations, &d.Spec.Template.Spec)
	}
	for i := range c.space.StatefulSets {
		s := &c.space.StatefulSets[i]
		add("StatefulSet", s.Name, s.Annotations, &s.Spec.Template.Spec)
	}
	for i := range c.space.DaemonSets {
		d := &c.space.DaemonSets[i]
		add("DaemonSet", d.Name, d.Annotations, &d.Spec.Template.Spec)
	}
	return out
}

// compared says whether what Argo CD says of resources counts: while the manifests in
// Git do not render, it takes all that is in the cluster for what is no longer in Git.
func compared(a *diagnose.Argo) bool {
	return a.Sync != unknown && !a.Stale() && !a.Operation.Running() && !slices.ContainsFunc(a.Conditions, func(cond diagnose.Condition) bool {
		return strings.HasSuffix(cond.Type, "Error") && cond.Type != "SyncError"
	})
}

// back says of an object that Argo CD calls missing that the cluster has it: it was made
// since Argo CD looked.
func (c *chain) back(r diagnose.Resource) bool {
	if r.Health != "Missing" {
		return false
	}
	switch r.Kind {
	case "SealedSecret":
		return slices.ContainsFunc(c.space.SealedSecrets, func(s cluster.SealedSecret) bool { return s.Name == r.Name })
	case "Deployment":
		return slices.ContainsFunc(c.space.Deployments, func(d appsv1.Deployment) bool { return d.Name == r.Name })
	case "StatefulSet":
		return slices.ContainsFunc(c.space.StatefulSets, func(s appsv1.StatefulSet) bool { return s.Name == r.Name })
	case "Cluster":
		return slices.ContainsFunc(c.space.Databases, func(d cluster.Database) bool { return d.Name == r.Name })
	}
	return false
}

// gone says of an object that Argo CD tracks that it is not in the cluster any more.
func (c *chain) gone(r diagnose.Resource) bool {
	if r.Kind != "ConfigMap" || r.Group != "" || !c.space.Sees("ConfigMap") {
		return r.Health == "Missing"
	}
	return !slices.ContainsFunc(c.space.ConfigMaps, func(m cluster.ConfigMap) bool { return m.Name == r.Name })
}

// strayResources are what Argo CD says is not as in Git, where the last sync brought
// all of it, and what is no longer in Git.
func (c *chain) strayResources(ctx context.Context) (out []report.Stray) {
	a := c.argo()
	if a == nil || !compared(a) {
		return nil
	}
	precious := slices.ContainsFunc(a.Resources, func(r diagnose.Resource) bool { return precious(r) || r.NeedsPruning && c.reader(r) != "" })
	for _, r := range a.Resources {
		name := r.Kind + " " + r.Name
		if r.Namespace != "" {
			name = r.Kind + " " + r.Namespace + "/" + r.Name
		}
		switch {
		case r.Hook:
		case r.NeedsPruning && c.reader(r) != "":
			out = append(out, report.Stray{Object: name, Message: "it is no longer in Git, and " + c.reader(r) + " needs it: without it no new Pod starts",
				Fix: "put it back (`git log -- " + c.src.Folder + "` shows the commit that took it out), or take out what refers to it; do not prune before that"})
		case r.NeedsPruning:
			out = append(out, report.Stray{Object: name, Message: "it is no longer in Git and still in the cluster", Fix: c.prune(r, precious)})
		case r.Sync != outOfSync || !drifted(a) || c.back(r):
		case c.gone(r):
			out = append(out, report.Stray{Object: name, Message: "it was deleted in the cluster since the sync", Fix: "`" + c.argoMage("gitops:sync") + "` brings it back"})
		default:
			out = append(out, report.Stray{Object: name, Message: "it was changed in the cluster since the sync" + c.changedBy(ctx, r), Fix: "`" + c.argoMage("gitops:diff") + "` shows what; `" + c.argoMage("gitops:sync") + "` puts it back"})
		}
	}
	return out
}

// precious says of a resource that is no longer in Git that its data goes with it.
func precious(r diagnose.Resource) bool {
	return r.NeedsPruning && slices.Contains([]string{"Cluster", "PersistentVolumeClaim", "Namespace"}, r.Kind)
}

// reader is a workload that does not start without a resource, or without the Secret
// that a SealedSecret becomes; empty when there is none.
func (c *chain) reader(r diagnose.Resource) string {
	kind := r.Kind
	if kind == "SealedSecret" {
		kind = "Secret"
	}
	return c.references(kind)[r.Name]
}

// prune is what to do about a resource that is no longer in Git. A sync with -prune deletes
// all of them: beside one with data, or one that a workload needs, it is no command.
func (c *chain) prune(r diagnose.Resource, beside bool) string {
	switch {
	case precious(r):
		return "a sync with -prune deletes its data, too: write it into Git again, or save what is in it before you delete it"
	case beside:
		kind := strings.ToLower(r.Kind)
		if r.Group != "" {
			kind += "." + r.Group
		}
		return "`" + c.kubectl(r.Namespace, "delete "+kind+" "+r.Name) + "` deletes it; a sync with -prune would also delete what is needed"
	}
	return "`" + c.argoMage("gitops:sync", "-prune") + "` deletes it"
}

func (c *chain) changedBy(ctx context.Context, r diagnose.Resource) string {
	if c.src.Changer == nil {
		return ""
	}
	if who := c.src.Changer(ctx, r); who != "" {
		return ", by " + who
	}
	return ""
}
