package repo

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Contract is an application's secrets.yaml: which Secrets and keys the
// application needs and how each value comes about. It holds no secret value.
//
//	secrets:
//	  - name: db                        # metadata.name of the Secret
//	    namespace: shop                 # default: the application's namespace
//	    type: kubernetes.io/basic-auth  # default: Opaque
//	    scope: strict                   # or namespace-wide, cluster-wide
//	    labels: {}                      # of the Secret
//	    annotations: {}                 # of the Secret
//	    sealedAnnotations: {}           # of the SealedSecret, for instance a sync wave
//	    keys:
//	      username: {value: shop}
//	      password: {generate: password, length: 48}
//	      url: {derive: "postgresql://{{ username }}:{{ password | urlquery }}@db/shop"}
//
// Each key says with exactly one of generate, value, derive, link and external
// where its value comes from; see [Kind].
type Contract struct {
	Path    string       // as given to ReadContract
	Secrets []SecretSpec // in the file's order; no name twice

	// External are whole objects that the application needs and that come from elsewhere.
	External Externals
}

// Externals are objects that neither this repository nor an operator brings, written
//
//	external:
//	  secrets: [wildcard-tls]
//	  configMaps: [company-ca]
//
// A single key whose value a person fills in is another thing: see [KindExternal].
type Externals struct {
	Secrets, ConfigMaps, ServiceAccounts, PersistentVolumeClaims []External
}

// External is the name of such an object.
type External struct {
	Name string
	Line int // counted from 1
}

// Secret returns the Secret of that name, or nil.
func (c *Contract) Secret(name string) *SecretSpec {
	i := slices.IndexFunc(c.Secrets, func(s SecretSpec) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Secrets[i]
}

// Scope says to what a ciphertext is bound, as the Sealed Secrets controller has it.
type Scope string

// The scopes of a sealed Secret.
const (
	ScopeStrict    Scope = "strict"         // to name and namespace
	ScopeNamespace Scope = "namespace-wide" // to the namespace
	ScopeCluster   Scope = "cluster-wide"   // to the cluster's key alone
)

// Annotation is the annotation that asks for the scope on a plaintext Secret,
// with the value "true"; empty for the strict scope, which is the default.
func (s Scope) Annotation() string {
	switch s {
	case ScopeNamespace, ScopeCluster:
		return "sealedsecrets.bitnami.com/" + string(s)
	default:
		return ""
	}
}

// SecretSpec is one Secret of a contract.
type SecretSpec struct {
	Name              string
	Namespace         string // empty: the application's
	Type              corev1.SecretType
	Scope             Scope
	Labels            map[string]string // of the Secret
	Annotations       map[string]string // of the Secret
	SealedAnnotations map[string]string // of the SealedSecret
	Keys              []KeySpec         // in the file's order, at least one, no name twice
	Line              int               // counted from 1
}

// NamespaceOr is the Secret's namespace, or the application's when it names none.
func (s *SecretSpec) NamespaceOr(application string) string {
	if s.Namespace == "" {
		return application
	}
	return s.Namespace
}

// Key returns the key of that name, or nil.
func (s *SecretSpec) Key(name string) *KeySpec {
	i := slices.IndexFunc(s.Keys, func(k KeySpec) bool { return k.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Keys[i]
}

// Kind says where the value of a key comes from.
type Kind string

// The kinds. The last four are written `value:`, `derive:`, `link:` and
// `external:`, the others `generate: <kind>`. Of these
// bcrypt, htpasswd and public-key are computed from another key of the same
// Secret, named by `from`.
const (
	KindPassword  Kind = "password"   // length characters of alphabet
	KindHex       Kind = "hex"        // random bytes, lower-case hexadecimal
	KindBase64    Kind = "base64"     // random bytes, standard encoding with padding
	KindBase64URL Kind = "base64url"  // random bytes, URL encoding without padding
	KindUUID      Kind = "uuid"       // version 4 of RFC 9562
	KindBcrypt    Kind = "bcrypt"     // bcrypt of another key, $2a$
	KindHtpasswd  Kind = "htpasswd"   // a line user:hash with bcrypt of another key, $2y$
	KindRSA       Kind = "rsa"        // private key, PKCS#8 in PEM
	KindEd25519   Kind = "ed25519"    // private key, OpenSSH format
	KindPublicKey Kind = "public-key" // of another key: PKIX in PEM for RSA, an authorized_keys line for Ed25519
	KindValue     Kind = "value"      // fixed, and no secret
	KindDerive    Kind = "derive"     // a text around other keys of the same Secret
	KindLink      Kind = "link"       // the value of another Secret's key: application/secret/key
	KindExternal  Kind = "external"   // comes from elsewhere: a person fills it in
)

// KeySpec is one key of a Secret. Fields that its kind does not have are zero;
// those that it has are filled in, with the default where the file is silent.
type KeySpec struct {
	Name        string
	Kind        Kind
	Immutable   bool      // never made anew once it exists; random and external kinds alone
	Length      int       // password: characters without prefix and suffix, 8 to 1024, default 32
	Alphabet    string    // password: printable ASCII; empty is [A-Za-z0-9] with a letter in front
	Prefix      string    // password, hex, base64, base64url: at most 64 printable ASCII characters
	Suffix      string    // the same
	Bytes       int       // hex, base64, base64url: 8 to 1024, default 32
	Bits        int       // rsa: 2048, 3072 (default) or 4096
	Cost        int       // bcrypt, htpasswd: 10 (default) to 14
	User        string    // htpasswd
	From        string    // bcrypt, htpasswd, public-key: a key of the same Secret
	Value       string    // value
	Template    *Template // derive
	Link        Ref       // link
	Description string    // external: what has to be filled in
	Line        int       // counted from 1
}

// Sources are the keys of the same Secret that the value is computed from.
func (k *KeySpec) Sources() []string {
	switch {
	case k.Template != nil:
		return k.Template.Keys()
	case k.From != "":
		return []string{k.From}
	default:
		return nil
	}
}

// Ref names one key of one application's Secret.
type Ref struct{ Application, Secret, Key string }

// String is application/secret/key.
func (r Ref) String() string { return r.Application + "/" + r.Secret + "/" + r.Key }
