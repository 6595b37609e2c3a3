package preflight

import "strings"

// scope is where a rule has to hold.
type scope int

const (
	inController scope = iota // the controller's namespace
	inArgoCD                  // Argo CD's namespace
	inApps                    // each application's namespace
	inCluster                 // objects without a namespace
)

// rule is one thing that targets do in the cluster.
type rule struct {
	verb     string
	group    string // of the API; empty for core
	resource string // with its subresource: pods/log
	name     string // of the one object; empty for all
	where    scope
	why      string // what it is for
	spare    string // what happens without it; empty when the targets cannot do without
}

// String is the rule in words, without the place.
func (r rule) String() string {
	text := r.verb + " " + r.resource
	if r.group != "" {
		kind, sub, _ := strings.Cut(r.resource, "/")
		text = r.verb + " " + kind + "." + r.group
		if sub != "" {
			text += "/" + sub
		}
	}
	if r.name != "" {
		text += " " + r.name
	}
	return text
}

// family is a group of targets with the rules that they need.
type family struct {
	name  string // of the roles that are proposed: sealway-<name>
	rules func(i *inspection) []rule
}

// sealing is what seal:* does in the cluster. The pinned certificate seals without
// any of it.
var sealing = family{"seal", func(i *inspection) []rule {
	rules := []rule{
		{verb: "get", resource: "sealedsecrets", group: "bitnami.com", where: inApps, why: "seal:all proves in a fresh clone what is unchanged", spare: proof},
		{verb: "get", resource: "secrets", where: inApps, why: "seal:all proves in a fresh clone what is unchanged", spare: proof},
	}
	if i.sealer == nil {
		return rules
	}
	proxied := i.sealer.ProxyName()
	return append([]rule{
		{verb: "get", resource: "services", name: i.sealer.Name, where: inController, why: "seal:* finds the controller"},
		{verb: "get", resource: "services/proxy", name: proxied, where: inController, why: "seal:cert and seal:status fetch the certificate"},
		{verb: "create", resource: "services/proxy", name: proxied, where: inController, why: "seal:verify asks the controller to decrypt"},
	}, rules...)
}}

const (
	proof = "a fresh clone seals everything anew"
	look  = "gitops:ship does not compare the cluster with the plaintext"
	seen  = "what is not seen is not explained"
)

// syncing is what gitops:* does in the cluster; the rest Argo CD does.
var syncing = family{"gitops", func(i *inspection) []rule {
	rules := []rule{
		{verb: "list", resource: "events", where: inApps, why: "gitops:sync says why a Pod does not start", spare: "gitops:sync says less about Pods that do not start"},
		{verb: "get", resource: "sealedsecrets", group: "bitnami.com", where: inApps, why: "gitops:ship compares what has arrived", spare: look},
		{verb: "get", resource: "secrets", where: inApps, why: "gitops:ship compares what has arrived", spare: look},
	}
	if i.argo == nil {
		return rules
	}
	tunnel := []rule{
		{verb: "get", resource: "services", name: i.argo.Name, where: inArgoCD, why: "gitops:* finds Argo CD's server"},
		{verb: "list", resource: "pods", where: inArgoCD, why: "the tunnel chooses a Pod"},
		{verb: "create", resource: "pods/portforward", where: inArgoCD, why: "the tunnel"},
		{verb: "get", resource: "pods/portforward", where: inArgoCD, why: "the tunnel over WebSocket", spare: "the tunnel uses SPDY, which some proxies cut"},
		{verb: "get", resource: "secrets", name: "argocd-server-tls", where: inArgoCD, why: "the server's certificate"},
		{verb: "get", resource: "secrets", name: "argocd-secret", where: inArgoCD, why: "the server's certificate"},
	}
	if !i.Token {
		tunnel = append(tunnel, rule{verb: "get", resource: "secrets", name: "argocd-initial-admin-secret", where: inArgoCD, why: "admin's first password", spare: "set ARGOCD_AUTH_TOKEN"})
	}
	return append(tunnel, rules...)
}}

// verifying is what verify:app and verify:all read.
var verifying = family{"verify", func(i *inspection) []rule {
	const why = "verify:app reads the application's namespace"
	var rules []rule
	if i.argo != nil {
		rules = append(rules, rule{verb: "list", resource: "applications", group: "argoproj.io", where: inArgoCD, why: "verify:* reads what Argo CD says"})
	}
	for _, k := range []struct{ group, resource, spare string }{
		{"", "pods", ""}, {"", "events", ""}, {"", "configmaps", ""}, {"", "secrets", ""}, {"", "persistentvolumeclaims", ""},
		{"apps", "deployments", ""}, {"apps", "replicasets", ""}, {"apps", "statefulsets", ""}, {"apps", "daemonsets", ""},
		{"batch", "jobs", ""}, {"bitnami.com", "sealedsecrets", ""},
		{"", "services", seen}, {"", "serviceaccounts", seen}, {"", "resourcequotas", seen}, {"", "limitranges", seen},
		{"batch", "cronjobs", seen}, {"discovery.k8s.io", "endpointslices", seen}, {"postgresql.cnpg.io", "clusters", seen},
	} {
		rules = append(rules, rule{verb: "list", group: k.group, resource: k.resource, where: inApps, why: why, spare: k.spare})
	}
	rules = append(rules, rule{verb: "get", resource: "pods/log", where: inApps, why: "verify:app reads the last lines of a crash", spare: "a crash is explained without its log"})
	for _, k := range []struct{ group, resource string }{
		{"", "nodes"}, {"", "namespaces"}, {"", "persistentvolumes"}, {"storage.k8s.io", "storageclasses"},
	} {
		rules = append(rules, rule{verb: "list", group: k.group, resource: k.resource, where: inCluster, why: why, spare: seen})
	}
	return rules
}}
