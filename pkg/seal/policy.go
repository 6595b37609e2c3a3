package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// policy holds a plaintext Secret against what sealing refuses and warns about.
func policy(a *application, s *manifest.Secret) (warnings []string, err error) {
	var errs []error
	for _, it := range s.Items {
		if manifest.IsPlaceholder(it.Value) {
			errs = append(errs, s.Errorf(it.Key, "put the value there; `mage secrets:generate` makes those that secrets.yaml does not call external", "%s", placeholderProblem(it.Value)))
			continue
		}
		if w := suspicious(it.Value); w != "" {
			warnings = append(warnings, fmt.Sprintf("%s:%d: %s: key %q: %s", s.Path, it.Line, s.Object(), it.Key, w))
		}
	}
	for _, m := range []map[string]string{s.Labels, templateAnnotations(s)} {
		for k, v := range m {
			if strings.Contains(k+v, "{{") {
				errs = append(errs, s.Errorf("", "write it without braces", "the label or annotation %q contains {{, which Helm would run in templates/", k))
			}
		}
	}
	warnings = append(warnings, misplaced(a, s)...)
	return warnings, errors.Join(append(errs, contractErrors(a, s)...)...)
}

func placeholderProblem(v []byte) string {
	if len(v) == 0 {
		return "the value is empty"
	}
	return "the value is still a placeholder"
}

// suspicious names what is legal and mostly a mistake; empty when there is nothing.
func suspicious(v []byte) string {
	body := bytes.TrimRight(v, "\r\n")
	switch {
	case len(body) < len(v) && !bytes.Contains(body, []byte("\n")):
		return "the value ends with a newline: programs take it for a part of the password (use |- or quotes)"
	case len(bytes.TrimSpace(v)) < len(body):
		return "the value begins or ends with white space"
	case doubleBase64(v):
		return "the value is base64 of readable text: encoded twice? (data is encoded once, stringData not at all)"
	}
	return ""
}

// doubleBase64 reports whether the decoded value is base64 of printable ASCII again.
func doubleBase64(v []byte) bool {
	if len(v) < 8 || len(v)%4 != 0 {
		return false
	}
	inner, err := base64.StdEncoding.DecodeString(string(v))
	return err == nil && !bytes.ContainsFunc(inner, func(r rune) bool { return (r < ' ' || r > '~') && r != '\n' })
}

// misplaced warns about a namespace that is neither the application's nor the contract's.
func misplaced(a *application, s *manifest.Secret) []string {
	want := a.Namespace
	if a.contract != nil {
		if spec := a.contract.Secret(s.Name); spec != nil {
			want = spec.NamespaceOr(a.Namespace)
		}
	}
	if s.Namespace == want {
		return nil
	}
	return []string{fmt.Sprintf("%s:%d: %s: the namespace of application %s is %q", s.Path, s.Line, s.Object(), a.Name, want)}
}

// contractErrors refuses a Secret that lacks a key of its contract: sealing it
// would take the key out of the cluster.
func contractErrors(a *application, s *manifest.Secret) []error {
	if a.contract == nil {
		return nil
	}
	spec := a.contract.Secret(s.Name)
	if spec == nil || spec.NamespaceOr(a.Namespace) != s.Namespace {
		return nil
	}
	var errs []error
	for _, k := range spec.Keys {
		if s.Item(k.Name) == nil {
			errs = append(errs, s.Errorf(k.Name, fmt.Sprintf("`mage secrets:generate -app=%s` adds it", a.Name), "%s:%d asks for this key and the file has none", a.contract.Path, k.Line))
		}
	}
	if have := scopeOf(s.Annotations); have != spec.Scope {
		errs = append(errs, s.Errorf("", "set the annotation or change the contract", "the scope is %s, %s:%d asks for %s", have, a.contract.Path, spec.Line, spec.Scope))
	}
	if spec.Type != s.Type {
		errs = append(errs, s.Errorf("", "", "the type is %s, %s:%d asks for %s", s.Type, a.contract.Path, spec.Line, spec.Type))
	}
	return errs
}

// stray reports whether an annotation belongs to a live object and must not
// travel into Git: kubectl's copy of the whole Secret (sealed-secrets#227), Argo
// CD's tracking, which would have it prune the unsealed Secret (argo-cd#13165).
func stray(annotation string) bool {
	switch annotation {
	case "kubectl.kubernetes.io/last-applied-configuration", "kubecfg.ksonnet.io/last-applied-configuration", "argocd.argoproj.io/tracking-id":
		return true
	}
	return strings.HasPrefix(annotation, "sealway.github.io/")
}

// templateAnnotations are the annotations that the unsealed Secret gets, without
// those of the scope: they follow from what the Secret asks for, see scopeOf.
func templateAnnotations(s *manifest.Secret) map[string]string {
	out := map[string]string{}
	for k, v := range s.Annotations {
		if !stray(k) && k != repo.ScopeNamespace.Annotation() && k != repo.ScopeCluster.Annotation() {
			out[k] = v
		}
	}
	return out
}
