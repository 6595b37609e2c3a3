package preflight

import (
	"cmp"
	"slices"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

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

// kind is the resource in words.
func (r rule) kind() string {
	kind, sub, _ := strings.Cut(r.resource, "/")
	if r.group != "" {
		kind += "." + r.group
	}
	if sub != "" {
		kind += "/" + sub
	}
	return kind
}

const (
	proof   = "a fresh clone seals everything anew"
	look    = "gitops:ship does not compare the cluster with the plaintext"
	seen    = "what is not seen is not explained"
	unasked = "verify:cluster does not see it"
)

// sealing is what seal:* does in the cluster. The pinned certificate seals without
// any of it.
func sealing(i *inspection) []rule {
	const clone = "seal:all proves in a fresh clone what is unchanged"
	service, proxied := i.sealerNames()
	return []rule{
		{verb: "get", resource: "services", name: service, where: inController, why: "seal:* finds the controller"},
		{verb: "get", resource: "services/proxy", name: proxied, where: inController, why: "seal:cert and seal:status fetch the certificate"},
		{verb: "create", resource: "services/proxy", name: proxied, where: inController, why: "seal:verify has the controller decrypt"},
		{verb: "get", resource: "sealedsecrets", group: "bitnami.com", where: inApps, why: clone, spare: proof},
		{verb: "get", resource: "secrets", where: inApps, why: clone, spare: proof},
	}
}

// syncing is what gitops:* does in the cluster; the rest Argo CD does.
func syncing(i *inspection) []rule {
	const compare = "gitops:ship compares what has arrived"
	service, _ := i.argoNames()
	rules := []rule{
		{verb: "list", resource: "events", where: inApps, why: "gitops:sync says why a Pod does not start", spare: "it says less about such Pods"},
		{verb: "get", resource: "sealedsecrets", group: "bitnami.com", where: inApps, why: compare, spare: look},
		{verb: "get", resource: "secrets", where: inApps, why: compare, spare: look},
	}
	if i.Elsewhere != nil {
		return rules
	}
	tunnel := []rule{
		{verb: "get", resource: "services", name: service, where: inArgoCD, why: "gitops:* finds Argo CD's server"},
		{verb: "list", resource: "pods", where: inArgoCD, why: "the tunnel chooses a Pod"},
		{verb: "create", resource: "pods/portforward", where: inArgoCD, why: "the tunnel"},
		{verb: "get", resource: "pods/portforward", where: inArgoCD, why: "the tunnel over WebSocket", spare: "it uses SPDY, which some proxies cut"},
		{verb: "get", resource: "secrets", name: "argocd-server-tls", where: inArgoCD, why: "the server's certificate"},
		{verb: "get", resource: "secrets", name: "argocd-secret", where: inArgoCD, why: "the server's certificate"},
	}
	if !i.Token {
		tunnel = append(tunnel, rule{verb: "get", resource: "secrets", name: "argocd-initial-admin-secret", where: inArgoCD, why: "admin's first password", spare: "set ARGOCD_AUTH_TOKEN"})
	}
	return append(tunnel, rules...)
}

// verifying is what verify:app, verify:all and verify:cluster read.
func verifying(i *inspection) []rule {
	const why = "verify:app explains what is wrong there"
	var rules []rule
	for _, k := range []struct{ group, resource, spare string }{
		{"", "pods", ""}, {"", "events", ""}, {"", "configmaps", ""}, {"", "secrets", ""}, {"", "persistentvolumeclaims", ""},
		{"apps", "deployments", ""}, {"apps", "replicasets", ""}, {"apps", "statefulsets", ""}, {"apps", "daemonsets", ""},
		{"batch", "jobs", ""}, {"bitnami.com", "sealedsecrets", ""},
		{"", "services", seen}, {"", "serviceaccounts", seen}, {"", "resourcequotas", seen}, {"", "limitranges", seen},
		{"batch", "cronjobs", seen}, {"discovery.k8s.io", "endpointslices", seen}, {"postgresql.cnpg.io", "clusters", seen},
	} {
		rules = append(rules, rule{verb: "list", group: k.group, resource: k.resource, where: inApps, why: why, spare: k.spare})
	}
	rules = append(rules, rule{verb: "get", resource: "pods/log", where: inApps, why: "verify:app reads a crash's last lines", spare: "it explains a crash without them"})
	for _, k := range []struct{ group, resource string }{
		{"", "nodes"}, {"", "namespaces"}, {"", "persistentvolumes"}, {"storage.k8s.io", "storageclasses"},
	} {
		rules = append(rules, rule{verb: "list", group: k.group, resource: k.resource, where: inCluster, why: why, spare: seen})
	}
	return append(rules, i.inspecting()...)
}

// inspecting is what this package itself reads, and what verify:* reads of Argo CD.
func (i *inspection) inspecting() []rule {
	const why = "verify:cluster"
	rules := []rule{
		{verb: "list", group: "apps", resource: "deployments", where: inController, why: why, spare: unasked},
		{verb: "list", resource: "pods", where: inController, why: why, spare: unasked},
	}
	if i.Elsewhere == nil {
		_, proxied := i.argoNames()
		rules = append(rules,
			rule{verb: "list", resource: "applications", group: "argoproj.io", where: inArgoCD, why: "verify:* reads what Argo CD says"},
			rule{verb: "list", resource: "pods", where: inArgoCD, why: why, spare: unasked},
			rule{verb: "get", resource: "configmaps", name: diffConfig, where: inArgoCD, why: why, spare: unasked},
		)
		for _, name := range proxied {
			rules = append(rules, rule{verb: "get", resource: "services/proxy", name: name, where: inArgoCD, why: why, spare: unasked})
		}
	}
	if len(i.databases) > 0 {
		rules = append(rules, rule{verb: "list", group: "apps", resource: "deployments", where: inCluster, why: "verify:cluster looks for CloudNativePG's operator", spare: unasked})
	}
	return rules
}

// sealerNames are the controller's Service and its name for the API server's proxy:
// of the one that was found, else what release manifest and chart call it.
func (i *inspection) sealerNames() (service, proxied string) {
	if i.sealer != nil {
		return i.sealer.Name, i.sealer.ProxyName()
	}
	name := cmp.Or(i.Controller.Name, "sealed-secrets-controller")
	return name, utilnet.JoinSchemeNamePort("http", name, "http")
}

// argoNames are the same of Argo CD's server: two names for the proxy, as it may speak
// TLS or not.
func (i *inspection) argoNames() (service string, proxied []string) {
	service, port := cmp.Or(i.ArgoCD.Name, "argocd-server"), "http"
	if i.argo != nil {
		service, port = i.argo.Name, i.argo.Port
	}
	for _, scheme := range schemes() {
		proxied = append(proxied, utilnet.JoinSchemeNamePort(scheme, service, port))
	}
	return service, proxied
}

// namespacesOf are the places where rules of a scope have to hold; none is all of
// the cluster.
func (i *inspection) namespacesOf(s scope) []string {
	switch s {
	case inController:
		if i.sealer != nil {
			return []string{i.sealer.Namespace}
		}
		return []string{cmp.Or(i.Controller.Namespace, "kube-system")}
	case inArgoCD:
		if i.argo != nil {
			return []string{i.argo.Namespace}
		}
		return []string{cmp.Or(i.ArgoCD.Namespace, "argocd")}
	case inApps:
		var out []string
		for _, a := range i.apps {
			out = append(out, a.Namespace)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return []string{""}
}
