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
	return subject{kind: "User", name: "YOUR-USER"} // `kubectl auth whoami` tells
}

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
	note := ""
	if s.name == "YOUR-USER" {
		note = " # `kubectl auth whoami` says who you are"
	}
	return fmt.Sprintf("{kind: User, apiGroup: rbac.authorization.k8s.io, name: %q}%s", s.name, note)
}

// role is the manifest that allows what is missing, one YAML document that may be
// indented: a Role and its RoleBinding for each namespace, a ClusterRole for what is
// in none.
func role(name string, missing []question, to subject) string {
	places := map[string][]question{}
	for _, q := range missing {
		places[q.namespace] = append(places[q.namespace], q)
	}
	lines := []string{"apiVersion: v1", "kind: List", "items:"}
	for _, ns := range slices.Sorted(maps.Keys(places)) {
		kind, meta := "Role", fmt.Sprintf("{name: sealway-%s, namespace: %s}", name, ns)
		if ns == "" {
			kind, meta = "ClusterRole", fmt.Sprintf("{name: sealway-%s}", name)
		}
		lines = append(lines, "- apiVersion: rbac.authorization.k8s.io/v1", "  kind: "+kind, "  metadata: "+meta, "  rules:")
		lines = append(lines, policy(places[ns])...)
		lines = append(lines, "- apiVersion: rbac.authorization.k8s.io/v1", "  kind: "+kind+"Binding", "  metadata: "+meta,
			fmt.Sprintf("  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: sealway-%s}", kind, name),
			"  subjects:", "  - "+to.yaml())
	}
	return strings.Join(lines, "\n")
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
