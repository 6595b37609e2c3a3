package seal

import (
	"github.com/bitnami-labs/sealed-secrets/pkg/apis/sealedsecrets/v1alpha1"

	"github.com/sealway/sealway/pkg/repo"
)

// identity is what a ciphertext is bound to.
type identity struct {
	namespace, name string
	scope           repo.Scope
}

func (id identity) String() string { return id.namespace + "/" + id.name }

// label is the OAEP label that binds a ciphertext to its place.
func (id identity) label() []byte {
	scope := v1alpha1.StrictScope
	switch id.scope {
	case repo.ScopeNamespace:
		scope = v1alpha1.NamespaceWideScope
	case repo.ScopeCluster:
		scope = v1alpha1.ClusterWideScope
	}
	return v1alpha1.EncryptionLabel(id.namespace, id.name, scope)
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
