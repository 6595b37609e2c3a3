package seal

import (
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// identity is what a ciphertext is bound to.
type identity struct {
	namespace, name string
	scope           repo.Scope
}

func (id identity) String() string { return id.namespace + "/" + id.name }

// label is the OAEP label that binds a ciphertext to its place, as
// v1alpha1.EncryptionLabel of sealed-secrets makes it; that package is not
// imported for it because it brings template functions and a global scheme.
func (id identity) label() []byte {
	switch id.scope {
	case repo.ScopeCluster:
		return nil
	case repo.ScopeNamespace:
		return []byte(id.namespace)
	default:
		return []byte(id.namespace + "/" + id.name)
	}
}

// scopeOf reads the scope from annotations; cluster-wide wins, as in the
// controller (v1alpha1.SecretScope).
func scopeOf(annotations map[string]string) repo.Scope {
	for _, s := range []repo.Scope{repo.ScopeCluster, repo.ScopeNamespace} {
		if annotations[s.Annotation()] == "true" {
			return s
		}
	}
	return repo.ScopeStrict
}

// Annotations that sealway writes on a SealedSecret. The controller ignores
// metadata-only changes, so they cost no reconciliation.
const (
	AnnotationCertificate = "sealway.github.io/certificate"    // fingerprint, see Certificate
	AnnotationHash        = "sealway.github.io/encrypted-data" // see encryptedDataHash
)

// ScopeOf reads the scope that annotations ask for.
func ScopeOf(annotations map[string]string) repo.Scope { return scopeOf(annotations) }

// Edited reports whether encryptedData is not what this tool has sealed. Of a
// SealedSecret that has no record of it nothing is known, and it is not.
func Edited(s *manifest.Sealed) bool {
	recorded := s.Annotations[AnnotationHash]
	return recorded != "" && recorded != encryptedDataHash(s.Items)
}
