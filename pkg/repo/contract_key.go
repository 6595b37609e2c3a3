package repo

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sealway/sealway/pkg/manifest"
)

const (
	defaultLength = 32
	minLength     = 8
	maxLength     = 1024
	minEntropy    = 64 // bits of a password
	maxAffix      = 64
	defaultBytes  = 32
	minBytes      = 8
	maxBytes      = 1024
	defaultBits   = 3072
	minCost       = 10
	maxCost       = 14
	maxValue      = 4 << 10  // 4 KiB
	maxTemplate   = 16 << 10 // 16 KiB
	maxText       = 500
)

// keySpec reads {generate: password, length: 48} and its like.
func (r *contractReader) keySpec(key, n *yaml.Node) KeySpec {
	k := KeySpec{Name: key.Value, Line: key.Line}
	f := r.mapping(n, "the key")
	if f == nil {
		return k
	}
	k.Kind = r.kind(n, f)
	if k.Kind == "" {
		return k
	}
	allowed := k.Kind.fields()
	for i := 0; i < len(n.Content); i += 2 {
		if name := n.Content[i]; f[name.Value] != nil && !slices.Contains(allowed, name.Value) {
			r.fail(name, fmt.Sprintf("unknown field %q for the kind %s", name.Value, k.Kind), "there are "+strings.Join(allowed, ", "))
		}
	}
	r.details(&k, n, f)
	return k
}

// kind finds the one field that says where the value comes from.
func (r *contractReader) kind(n *yaml.Node, f map[string]*yaml.Node) Kind {
	sources := []string{"generate", string(KindValue), string(KindDerive), string(KindLink), string(KindExternal)}
	var found []string
	for _, s := range sources {
		if f[s] != nil {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 0:
		r.fail(n, "does not say where the value comes from", "write one of "+strings.Join(sources, ", "))
		return ""
	case len(found) > 1:
		r.fail(n, "says twice where the value comes from: "+strings.Join(found, " and "), "keep one of them")
		return ""
	case found[0] != "generate":
		return Kind(found[0])
	}
	v := Kind(r.text(f["generate"], "generate", maxWord))
	if v != "" && !slices.Contains(generated(), v) {
		r.fail(f["generate"], fmt.Sprintf("unknown kind %q", v), fmt.Sprintf("there are %s", strings.Trim(fmt.Sprint(generated()), "[]")))
		return ""
	}
	return v
}

// generated are the kinds that stand behind `generate:`.
func generated() []Kind {
	return []Kind{KindPassword, KindHex, KindBase64, KindBase64URL, KindUUID, KindBcrypt, KindHtpasswd, KindRSA, KindEd25519, KindPublicKey}
}

// fields are the fields that a key of this kind may have.
func (k Kind) fields() []string {
	switch k {
	case KindPassword:
		return []string{"generate", "length", "alphabet", "prefix", "suffix", "immutable"}
	case KindHex, KindBase64, KindBase64URL:
		return []string{"generate", "bytes", "prefix", "suffix", "immutable"}
	case KindUUID, KindEd25519:
		return []string{"generate", "immutable"}
	case KindRSA:
		return []string{"generate", "bits", "immutable"}
	case KindBcrypt:
		return []string{"generate", "from", "cost"}
	case KindHtpasswd:
		return []string{"generate", "from", "user", "cost"}
	case KindPublicKey:
		return []string{"generate", "from"}
	case KindExternal:
		return []string{"external", "immutable"}
	default:
		return []string{string(k)}
	}
}

// details reads the fields of the kind.
func (r *contractReader) details(k *KeySpec, n *yaml.Node, f map[string]*yaml.Node) {
	k.Immutable = r.flag(f["immutable"], "immutable")
	k.Prefix = r.printable(f["prefix"], "prefix", maxAffix)
	k.Suffix = r.printable(f["suffix"], "suffix", maxAffix)
	switch k.Kind {
	case KindPassword:
		k.Length = r.number(f["length"], "length", minLength, maxLength, defaultLength)
		r.alphabet(k, n, f)
	case KindHex, KindBase64, KindBase64URL:
		k.Bytes = r.number(f["bytes"], "bytes", minBytes, maxBytes, defaultBytes)
	case KindRSA:
		k.Bits = r.number(f["bits"], "bits", 2048, 4096, defaultBits)
		if k.Bits%1024 != 0 {
			r.fail(f["bits"], "bits is not 2048, 3072 or 4096", "")
		}
	case KindBcrypt, KindHtpasswd, KindPublicKey:
		r.computed(k, n, f)
	case KindValue:
		k.Value = r.text(f["value"], "value", maxValue)
		if k.Value != "" && manifest.IsPlaceholder([]byte(k.Value)) {
			r.fail(f["value"], "the value is a placeholder", "write `external:` with what has to be filled in")
		}
	case KindDerive:
		r.template(k, f["derive"])
	case KindLink:
		r.link(k, f["link"])
	case KindExternal:
		k.Description = r.text(f["external"], "external", maxText)
		if strings.ContainsFunc(k.Description, func(c rune) bool { return c != '\n' && (c < ' ' || c == 0x7f) }) {
			r.fail(f["external"], "external has control characters", "")
		}
	}
}

// printable reads ASCII text without blanks at the ends, quotes or not.
func (r *contractReader) printable(n *yaml.Node, field string, limit int) string {
	v := r.text(n, field, limit)
	if strings.ContainsFunc(v, func(c rune) bool { return c < ' ' || c > '~' }) || strings.TrimSpace(v) != v {
		r.fail(n, field+" is not printable ASCII without blanks at its ends", "")
		return ""
	}
	return v
}

func (r *contractReader) alphabet(k *KeySpec, n *yaml.Node, f map[string]*yaml.Node) {
	size := 62
	if a := f["alphabet"]; a != nil {
		k.Alphabet = r.text(a, "alphabet", '~'-'!'+1)
		if k.Alphabet == "" {
			return
		}
		chars := []byte(k.Alphabet)
		slices.Sort(chars)
		size = len(slices.Compact(chars))
		if size != len(k.Alphabet) || size < 2 || chars[0] <= ' ' || slices.Max([]byte(k.Alphabet)) > '~' {
			r.fail(a, "alphabet is not two or more different printable ASCII characters", "blanks are not allowed")
			return
		}
	}
	if bits := float64(k.Length) * math.Log2(float64(size)); bits < minEntropy {
		at := n
		if f["length"] != nil {
			at = f["length"]
		}
		r.fail(at, fmt.Sprintf("%d characters out of %d are %.0f bits, too easy to guess", k.Length, size, bits),
			fmt.Sprintf("a length of %d makes %d bits", int(math.Ceil(minEntropy/math.Log2(float64(size)))), minEntropy))
	}
}

// computed reads the kinds that are computed from one other key.
func (r *contractReader) computed(k *KeySpec, n *yaml.Node, f map[string]*yaml.Node) {
	k.From = r.text(f["from"], "from", validation.DNS1123SubdomainMaxLength)
	if f["from"] == nil {
		r.fail(n, fmt.Sprintf("kind %s without `from`", k.Kind), "name the key of the same Secret that it is made of")
	}
	if k.Kind != KindPublicKey {
		k.Cost = r.number(f["cost"], "cost", minCost, maxCost, minCost)
	}
	if k.Kind == KindHtpasswd {
		k.User = r.printable(f["user"], "user", maxAffix)
		switch {
		case f["user"] == nil:
			r.fail(n, "kind htpasswd without `user`", "")
		case strings.Contains(k.User, ":"):
			r.fail(f["user"], "user contains a colon", "")
		}
	}
}

func (r *contractReader) template(k *KeySpec, n *yaml.Node) {
	text := r.text(n, "derive", maxTemplate)
	if text == "" {
		return
	}
	t, err := ParseTemplate(text)
	if err != nil {
		r.fail(n, "derive: "+err.Error(), "write {{ key }} or {{ key | urlquery }} with a key of the same Secret")
		return
	}
	k.Template = t
}

func (r *contractReader) link(k *KeySpec, n *yaml.Node) {
	text := r.text(n, "link", 3*validation.DNS1123SubdomainMaxLength)
	if text == "" {
		return
	}
	parts := strings.Split(text, "/")
	if len(parts) != 3 || slices.Contains(parts, "") ||
		len(validation.IsDNS1123Subdomain(parts[1])) > 0 || len(validation.IsConfigMapKey(parts[2])) > 0 {
		r.fail(n, fmt.Sprintf("link %q is not application/secret/key", text), "for instance litellm/litellm-secrets/PROXY_MASTER_KEY")
		return
	}
	k.Link = Ref{Application: parts[0], Secret: parts[1], Key: parts[2]}
}
