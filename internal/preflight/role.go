package preflight

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
)

// subject is who a role is given to.
type subject struct{ kind, namespace, name string }

// subjectOf reads from the credentials, without asking anybody, whose they are. Of a
// token only a ServiceAccount's name is believed; others name their users as the API
// server is set up to.
func subjectOf(c *rest.Config) subject {
	if c.Impersonate.UserName != "" {
		return userSubject(c.Impersonate.UserName)
	}
	if parts := strings.Split(c.BearerToken, "."); len(parts) == 3 {
		var claims struct{ Sub string }
		if data, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(data, &claims) == nil && strings.HasPrefix(claims.Sub, accountPrefix) {
			return userSubject(claims.Sub)
		}
	}
	if len(c.CertData) > 0 {
		if pair, err := tls.X509KeyPair(c.CertData, c.KeyData); err == nil && pair.Leaf != nil && pair.Leaf.Subject.CommonName != "" {
			return userSubject(pair.Leaf.Subject.CommonName)
		}
	}
	return subject{kind: "User", name: unknownUser}
}

// unknownUser stands where the credentials do not tell; whoever applies the role knows.
const unknownUser = "YOUR-NAME (kubectl auth whoami)"

const accountPrefix = "system:serviceaccount:"

func userSubject(name string) subject {
	if rest, ok := strings.CutPrefix(name, accountPrefix); ok {
		if ns, account, ok := strings.Cut(rest, ":"); ok {
			return subject{"ServiceAccount", ns, account}
		}
	}
	return subject{kind: "User", name: name}
}

func (s subject) yaml() string {
	if s.kind == "ServiceAccount" {
		return fmt.Sprintf("{kind: ServiceAccount, namespace: %s, name: %s}", s.namespace, s.name)
	}
	return fmt.Sprintf("{kind: User, apiGroup: rbac.authorization.k8s.io, name: %q}", s.name)
}

const rbac = "rbac.authorization.k8s.io"

// role is the manifest that allows what is missing, as one YAML document that may be
// indented: a ClusterRole for each set of rules, bound in the namespaces where they
// are missing, or in the whole cluster for what is in no namespace. Where a rule is
// missing it has all of the place's: applied again it must take nothing away.
func role(name string, all, missing []question, to subject) string {
	byPlace := map[string][]question{}
	for _, q := range missing {
		byPlace[q.namespace] = nil
	}
	for _, q := range all {
		if _, wanted := byPlace[q.namespace]; wanted {
			byPlace[q.namespace] = append(byPlace[q.namespace], q)
		}
	}
	places := map[string][]string{} // rules -> namespaces
	var sets []string
	for _, ns := range slices.Sorted(maps.Keys(byPlace)) {
		set := strings.Join(policy(byPlace[ns]), "\n")
		if ns == "" {
			set += "\n" // bound otherwise, so never shared
		}
		if places[set] == nil {
			sets = append(sets, set)
		}
		places[set] = append(places[set], ns)
	}
	lines := []string{"apiVersion: v1", "kind: List", "items:"}
	for _, set := range sets {
		full := "sealway-" + name + "-" + placeName(places[set])
		lines = append(lines, "- apiVersion: "+rbac+"/v1", "  kind: ClusterRole", "  metadata: {name: "+full+"}", "  rules:", strings.TrimRight(set, "\n"))
		for _, ns := range places[set] {
			lines = append(lines, binding(full, ns, to))
		}
	}
	return strings.Join(lines, "\n")
}

// placeName tells the roles of a family apart: each namespace is in one of them.
func placeName(namespaces []string) string {
	switch {
	case namespaces[0] == "":
		return "cluster-wide"
	case len(namespaces) > 1:
		return namespaces[0] + "-and-others"
	}
	return namespaces[0]
}

func binding(name, namespace string, to subject) string {
	kind, meta := "ClusterRoleBinding", "{name: "+name+"}"
	if namespace != "" {
		kind, meta = "RoleBinding", "{name: "+name+", namespace: "+namespace+"}"
	}
	return fmt.Sprintf("- {apiVersion: %s/v1, kind: %s, metadata: %s, roleRef: {apiGroup: %s, kind: ClusterRole, name: %s}, subjects: [%s]}", rbac, kind, meta, rbac, name, to.yaml())
}

// policy are the rules of one role; those that differ in the resource alone are one.
func policy(list []question) []string {
	type key struct{ verbs, group, name string }
	verbs := map[key][]string{} // of one resource: group is then group/resource
	var order []key
	for _, q := range list {
		k := key{group: q.group + "|" + q.resource, name: q.name}
		if verbs[k] == nil {
			order = append(order, k)
		}
		if !slices.Contains(verbs[k], q.verb) {
			verbs[k] = append(verbs[k], q.verb)
		}
	}
	resources := map[key][]string{}
	var merged []key
	for _, k := range order {
		group, resource, _ := strings.Cut(k.group, "|")
		m := key{strings.Join(verbs[k], ", "), group, k.name}
		if resources[m] == nil {
			merged = append(merged, m)
		}
		resources[m] = append(resources[m], resource)
	}
	var lines []string
	for _, m := range merged {
		line := fmt.Sprintf("  - {apiGroups: [%q], resources: [%s]", m.group, strings.Join(resources[m], ", "))
		if m.name != "" {
			line += fmt.Sprintf(", resourceNames: [%q]", m.name)
		}
		lines = append(lines, line+fmt.Sprintf(", verbs: [%s]}", m.verbs))
	}
	return lines
}
