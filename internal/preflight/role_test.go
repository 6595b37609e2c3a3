package preflight

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
)

// TestRole has a ClusterRole for each set of rules. Where one rule is missing, the
// role has the others of that place too.
func TestRole(t *testing.T) {
	at := func(r rule, namespaces ...string) (out []question) {
		for _, ns := range namespaces {
			out = append(out, question{r, ns})
		}
		return out
	}
	pods, log := rule{verb: "list", resource: "pods"}, rule{verb: "get", resource: "pods/log"}
	jobs, one := rule{verb: "list", group: "batch", resource: "jobs"}, rule{verb: "get", resource: "secrets", name: "http:x:"}
	create := rule{verb: "create", resource: "secrets", name: "http:x:"}
	nodes := rule{verb: "list", resource: "nodes", where: inCluster}
	var all []question
	for _, list := range [][]question{at(pods, "a", "b", "c"), at(rule{verb: "list", resource: "events"}, "a", "b", "c"), at(log, "a", "b", "c"), at(jobs, "a", "b", "c"), at(one, "d"), at(create, "d"), at(nodes, "")} {
		all = append(all, list...)
	}
	missing := append(append(at(pods, "a", "b"), at(create, "d")...), at(nodes, "")...)
	got := role("verify", all, missing, subject{kind: "User", name: "me@example.com"})
	want := `apiVersion: v1
kind: List
items:
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata: {name: sealway-verify-cluster-wide}
  rules:
  - {apiGroups: [""], resources: [nodes], verbs: [list]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: sealway-verify-cluster-wide}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sealway-verify-cluster-wide}, subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: "me@example.com"}]}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata: {name: sealway-verify-a-and-others}
  rules:
  - {apiGroups: [""], resources: [pods, events], verbs: [list]}
  - {apiGroups: [""], resources: [pods/log], verbs: [get]}
  - {apiGroups: ["batch"], resources: [jobs], verbs: [list]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: sealway-verify-a-and-others, namespace: a}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sealway-verify-a-and-others}, subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: "me@example.com"}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: sealway-verify-a-and-others, namespace: b}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sealway-verify-a-and-others}, subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: "me@example.com"}]}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata: {name: sealway-verify-d}
  rules:
  - {apiGroups: [""], resources: [secrets], resourceNames: ["http:x:"], verbs: [get, create]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: sealway-verify-d, namespace: d}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sealway-verify-d}, subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: "me@example.com"}]}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSubject(t *testing.T) {
	token := func(sub string) string {
		return "h." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+sub+`"}`)) + ".s"
	}
	for _, c := range []struct {
		reason string
		config rest.Config
		want   subject
	}{
		{"who is impersonated counts", rest.Config{Impersonate: rest.ImpersonationConfig{UserName: "jane"}, BearerToken: token("x")}, subject{kind: "User", name: "jane"}},
		{"a ServiceAccount may be impersonated", rest.Config{Impersonate: rest.ImpersonationConfig{UserName: "system:serviceaccount:ci:bot"}}, subject{"ServiceAccount", "ci", "bot"}},
		{"a ServiceAccount's token names it", rest.Config{BearerToken: token("system:serviceaccount:ci:bot")}, subject{"ServiceAccount", "ci", "bot"}},
		{"others name users as the API server is set up to", rest.Config{BearerToken: token("1234")}, subject{kind: "User", name: unknownUser}},
		{"any token", rest.Config{BearerToken: "a.b.c"}, subject{kind: "User", name: unknownUser}},
		{"a program may give any", rest.Config{}, subject{kind: "User", name: unknownUser}},
	} {
		if got := subjectOf(&c.config); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.reason, got, c.want)
		}
	}
}

func TestVersion(t *testing.T) {
	for text, want := range map[string]version{
		"v1.31.4-eks-5a1b": {1, 31, 4}, "v1.30.5-gke.1014001": {1, 30, 5}, "0.40.0": {0, 40, 0}, "v3.1": {3, 1, 0}, "v2.14.21+unknown": {2, 14, 21}, "latest": {}, "": {},
	} {
		if got := parseVersion(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// TestEveryNeedIsACheck keeps the list from naming a check that is not there, or one
// that waits for itself.
func TestEveryNeedIsACheck(t *testing.T) {
	i := &inspection{}
	before := map[string][]string{}
	for _, c := range i.checks() {
		if before[c.name] != nil {
			t.Errorf("%s is there twice", c.name)
		}
		before[c.name] = append(append([]string{}, c.needs...), c.after...)
	}
	var visit func(name string, way []string)
	visit = func(name string, way []string) {
		for _, w := range way {
			if w == name {
				t.Fatalf("%s waits for itself: %v", name, way)
			}
		}
		next, there := before[name]
		if !there {
			t.Errorf("%v: there is no check %q", way, name)
		}
		for _, n := range next {
			visit(n, append(way, name))
		}
	}
	for name := range before {
		visit(name, nil)
	}
}
