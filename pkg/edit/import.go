package edit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/pkg/manifest"
)

// Manifest reads the one Secret of a file or of what `kubectl get secret -o yaml`
// prints. One without a namespace gets the given one. The metadata is without what
// belongs to the object in the cluster; stripped names what was left out.
func Manifest(path string, data []byte, namespace string) (values []Value, m Metadata, stripped []string, err error) {
	data, err = placed(data, namespace)
	if err != nil {
		return nil, m, nil, &manifest.Error{Path: path, Problem: "this is no Secret in YAML or JSON"}
	}
	list, err := manifest.ReadSecrets(path, data)
	if err != nil {
		return nil, m, nil, err
	}
	if len(list) != 1 {
		return nil, m, nil, &manifest.Error{Path: path, Problem: fmt.Sprintf("there are %d Secrets in it", len(list)), Fix: "give one at a time"}
	}
	s := &list[0]
	for _, it := range s.Items {
		values = append(values, Value{it.Key, it.Value})
	}
	m = Metadata{Type: s.Type, Labels: maps.Clone(s.Labels), Annotations: maps.Clone(s.Annotations)}
	stripped = m.strip()
	return values, m, stripped, nil
}

// placed writes the namespace into a manifest that has none, as `kubectl create
// --dry-run=client` prints it.
func placed(data []byte, namespace string) ([]byte, error) {
	var head struct {
		Metadata struct {
			Namespace *string `json:"namespace"`
		} `json:"metadata"`
	}
	if n, err := manifest.CountDocuments(data); err != nil || n != 1 {
		return data, err
	}
	asJSON, err := sigsyaml.YAMLToJSON(data)
	if err != nil || json.Unmarshal(asJSON, &head) != nil || head.Metadata.Namespace != nil {
		return data, err
	}
	return manifest.EditDocument(data, 1, []manifest.Edit{{Path: []string{"metadata", "namespace"}, Value: namespace}})
}

// strip removes what would tie the Secret to another owner in the cluster: Argo CD's
// tracking would have it prune the unsealed Secret (argo-cd#13165), kubectl's and
// kubecfg's copies have the values in them (sealed-secrets#227).
func (m *Metadata) strip() []string {
	var out []string
	for what, entries := range map[string]map[string]string{"label": m.Labels, "annotation": m.Annotations} {
		for _, k := range slices.Sorted(maps.Keys(entries)) {
			if foreign(k, entries[k]) {
				delete(entries, k)
				out = append(out, what+" "+k)
			}
		}
	}
	slices.Sort(out)
	return out
}

func foreign(key, value string) bool {
	switch key {
	case "app.kubernetes.io/instance", "argocd.argoproj.io/instance", "argocd.argoproj.io/tracking-id",
		"kubectl.kubernetes.io/last-applied-configuration", "kubecfg.ksonnet.io/last-applied-configuration":
		return true
	case "app.kubernetes.io/managed-by":
		return value == "Helm"
	}
	for _, prefix := range []string{"sealedsecrets.bitnami.com/", "sealway.github.io/", "meta.helm.sh/"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// CheckType holds an imported type against the one that the Secret has here.
func (p *Place) CheckType(m Metadata) error {
	want, at := m.Type, ""
	switch {
	case p.Secret != nil:
		want, at = p.Secret.Type, fmt.Sprintf("%s:%d", p.Secret.Path, p.Secret.Line)
	case p.Spec != nil:
		want, at = p.Spec.Type, fmt.Sprintf("%s:%d", p.App.Contract.Path, p.Spec.Line)
	}
	if m.Type == "" || m.Type == want {
		return nil
	}
	return p.errorf("", "correct the one that is wrong; a type cannot be changed in the cluster", "the type is %s there and %s in %s", m.Type, want, at)
}

// Snippet is what the contract could say of a Secret that it does not know, or of keys
// that it does not; empty when it knows all.
func (p *Place) Snippet(values []Value, m Metadata) string {
	var b bytes.Buffer
	for _, v := range values {
		if p.rule(v.Key) == nil {
			fmt.Fprintf(&b, "      %s: {external: where it comes from}\n", v.Key)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	if p.Spec != nil {
		return b.String()
	}
	head := "  - name: " + p.Name + "\n"
	if p.Namespace != p.App.Namespace {
		head += "    namespace: " + p.Namespace + "\n"
	}
	if m.Type != "" && m.Type != "Opaque" {
		head += "    type: " + string(m.Type) + "\n"
	}
	if len(m.Labels) > 0 {
		head += fmt.Sprintf("    labels: %s\n", flow(m.Labels))
	}
	return head + "    keys:\n" + b.String()
}

func flow(m map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s: %q", k, m[k]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
