package cluster

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Secret is a Secret whose values can be asked about and not read.
type Secret struct {
	Meta
	Type      corev1.SecretType
	Immutable bool
	Keys      []string // sorted

	// A function prints as an address and is encoded by nothing: no %+v of
	// whatever holds a Secret comes to its values.
	value func(key string) []byte
}

// NewSecret keeps of a Secret what this package needs.
func NewSecret(s *corev1.Secret) Secret {
	data := s.Data
	return Secret{
		Meta: meta(&s.ObjectMeta), Type: s.Type, Immutable: s.Immutable != nil && *s.Immutable,
		Keys:  slices.Sorted(maps.Keys(data)),
		value: func(key string) []byte { return data[key] },
	}
}

// Test says whether the key is there and its value passes. The test must not keep
// the value.
func (s Secret) Test(key string, test func(value []byte) bool) bool {
	return slices.Contains(s.Keys, key) && s.value != nil && test(s.value(key))
}
