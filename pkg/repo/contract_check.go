package repo

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
)

// checkNames refuses two Secrets of one name: their file would be the same, and
// a link could not tell them apart.
func (r *contractReader) checkNames(c *Contract) {
	first := map[string]int{}
	for _, s := range c.Secrets {
		if s.Name == "" {
			continue
		}
		if line, twice := first[s.Name]; twice {
			r.object = "Secret " + s.Name
			r.fail(&yaml.Node{Line: s.Line}, fmt.Sprintf("the name is taken by the Secret in line %d", line),
				"an application has one Secret of a name, whatever the namespace")
			continue
		}
		first[s.Name] = s.Line
	}
}

// checkType looks for the keys that the Secret's type asks for.
func (r *contractReader) checkType(n *yaml.Node, s *SecretSpec) {
	var need []string
	switch s.Type {
	case corev1.SecretTypeBasicAuth:
		if s.Key(corev1.BasicAuthUsernameKey) == nil {
			need = []string{corev1.BasicAuthPasswordKey} // either will do
		}
	case corev1.SecretTypeSSHAuth:
		need = []string{corev1.SSHAuthPrivateKey}
	case corev1.SecretTypeTLS:
		need = []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}
	case corev1.SecretTypeDockerConfigJson:
		need = []string{corev1.DockerConfigJsonKey}
	case corev1.SecretTypeDockercfg:
		need = []string{corev1.DockerConfigKey}
	case corev1.SecretTypeServiceAccountToken:
		r.fail(n, "type kubernetes.io/service-account-token is filled in by the cluster and cannot be sealed", "")
	}
	for _, key := range need {
		if s.Key(key) == nil {
			r.fail(n, fmt.Sprintf("type %s needs the key %q", s.Type, key), "")
		}
	}
}

// checkSources looks at what the keys are computed from: it has to be there, to
// fit, and not to lead back to the key itself.
func (r *contractReader) checkSources(s *SecretSpec) {
	for i := range s.Keys {
		k := &s.Keys[i]
		r.key = k.Name
		at := &yaml.Node{Line: k.Line}
		for _, name := range k.Sources() {
			source := s.Key(name)
			switch {
			case source == nil:
				r.fail(at, fmt.Sprintf("is made of %q, which is no key of this Secret", name), "a value of another Secret comes by `link`")
			case k.Kind == KindPublicKey && !source.mayBePrivateKey():
				r.fail(at, fmt.Sprintf("is the public key of %q, which is no private key", name), "its kind has to be rsa or ed25519")
			}
		}
		if cycle := s.cycle(k.Name); cycle != nil {
			r.fail(at, "is made of itself: "+strings.Join(cycle, " -> "), "one of them needs a value of its own")
		}
	}
	r.key = ""
}

func (k *KeySpec) mayBePrivateKey() bool {
	return slices.Contains([]Kind{KindRSA, KindEd25519, KindLink, KindExternal}, k.Kind)
}

// cycle is the way from a key along its sources back to it, or nil. A cycle is
// told once, at the key that comes first in alphabetical order.
func (s *SecretSpec) cycle(start string) []string {
	seen := map[string]bool{}
	var walk func(name string, way []string) []string
	walk = func(name string, way []string) []string {
		k := s.Key(name)
		if k == nil {
			return nil
		}
		for _, next := range k.Sources() {
			if next == start {
				return append(way, next)
			}
			if next < start || seen[next] {
				continue
			}
			seen[next] = true
			if found := walk(next, append(slices.Clone(way), next)); found != nil {
				return found
			}
		}
		return nil
	}
	return walk(start, []string{start})
}
