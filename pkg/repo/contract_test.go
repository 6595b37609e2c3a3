package repo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/manifest"
)

func TestReadContract(t *testing.T) {
	const text = `
secrets:
  - name: db
    namespace: shop
    type: kubernetes.io/basic-auth
    scope: namespace-wide
    labels: {cnpg.io/reload: "true"}
    annotations: {Example.com/Owner: team}
    sealedAnnotations: {argocd.argoproj.io/sync-wave: "-3"}
    keys:
      username: {value: shop}
      password: {generate: password, length: 48, prefix: p-, suffix: -s, alphabet: abcdef0123456789, immutable: true}
      url: {derive: "postgresql://{{ username }}:{{password|urlquery}}@db/shop"}
  - name: all
    keys:
      a: {generate: password}
      b: {generate: hex, bytes: 16, prefix: sk-}
      c: {generate: base64}
      d: {generate: base64url}
      e: {generate: uuid, immutable: true}
      f: {generate: bcrypt, from: a}
      g: {generate: htpasswd, user: admin, from: a, cost: 12}
      h: {generate: rsa}
      i: {generate: ed25519}
      j: {generate: public-key, from: h}
      k: {link: other/db/password}
      l: {external: key of the server}
`
	got, err := ReadContract("secrets.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	url, err := ParseTemplate("postgresql://{{ username }}:{{password|urlquery}}@db/shop")
	if err != nil {
		t.Fatal(err)
	}
	want := &Contract{Path: "secrets.yaml", Secrets: []SecretSpec{
		{
			Name: "db", Namespace: "shop", Type: corev1.SecretTypeBasicAuth, Scope: ScopeNamespace, Line: 3,
			Labels:            map[string]string{"cnpg.io/reload": "true"},
			Annotations:       map[string]string{"Example.com/Owner": "team"},
			SealedAnnotations: map[string]string{"argocd.argoproj.io/sync-wave": "-3"},
			Keys: []KeySpec{
				{Name: "username", Kind: KindValue, Value: "shop", Line: 11},
				{Name: "password", Kind: KindPassword, Length: 48, Prefix: "p-", Suffix: "-s", Alphabet: "abcdef0123456789", Immutable: true, Line: 12},
				{Name: "url", Kind: KindDerive, Template: url, Line: 13},
			},
		},
		{
			Name: "all", Type: corev1.SecretTypeOpaque, Scope: ScopeStrict, Line: 14,
			Keys: []KeySpec{
				{Name: "a", Kind: KindPassword, Length: 32, Line: 16},
				{Name: "b", Kind: KindHex, Bytes: 16, Prefix: "sk-", Line: 17},
				{Name: "c", Kind: KindBase64, Bytes: 32, Line: 18},
				{Name: "d", Kind: KindBase64URL, Bytes: 32, Line: 19},
				{Name: "e", Kind: KindUUID, Immutable: true, Line: 20},
				{Name: "f", Kind: KindBcrypt, From: "a", Cost: 10, Line: 21},
				{Name: "g", Kind: KindHtpasswd, From: "a", User: "admin", Cost: 12, Line: 22},
				{Name: "h", Kind: KindRSA, Bits: 3072, Line: 23},
				{Name: "i", Kind: KindEd25519, Line: 24},
				{Name: "j", Kind: KindPublicKey, From: "h", Line: 25},
				{Name: "k", Kind: KindLink, Link: Ref{"other", "db", "password"}, Line: 26},
				{Name: "l", Kind: KindExternal, Description: "key of the server", Line: 27},
			},
		},
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *Template) bool { return (a == nil) == (b == nil) && (a == nil || a.String() == b.String()) })); diff != "" {
		t.Errorf("contract (-want +got):\n%s", diff)
	}
	if ns := got.Secret("all").NamespaceOr("shop2"); ns != "shop2" {
		t.Errorf("namespace %q", ns)
	}
	if got.Secret("none") != nil || got.Secret("db").Key("none") != nil || got.Secret("db").Key("url") == nil {
		t.Error("Secret and Key find what is there and nothing else")
	}
}

// Whole objects that come from elsewhere.
func TestReadContractExternal(t *testing.T) {
	got, err := ReadContract("secrets.yaml", []byte("secrets: []\nexternal:\n  secrets: [wildcard-tls, other]\n  configMaps:\n    - company-ca\n  serviceAccounts: [deployer]\n  persistentVolumeClaims: [models]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Externals{
		Secrets: []External{{"wildcard-tls", 3}, {"other", 3}}, ConfigMaps: []External{{"company-ca", 5}},
		ServiceAccounts: []External{{"deployer", 6}}, PersistentVolumeClaims: []External{{"models", 7}},
	}
	if diff := cmp.Diff(want, got.External); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// key wraps the text of one key into a contract; the key stands in line 5.
func key(text string) string {
	return "secrets:\n  - name: s\n    keys:\n      a: {generate: password}\n      k: " + text + "\n"
}

func TestReadContractRefuses(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := []struct {
		reason, text, want string
	}{
		{"empty file", "", "the file is empty"},
		{"comments alone", "# nothing\n", "the file is empty"},
		{"UTF-16", "\xff\xfes\x00", "not UTF-8 text"},
		{"NUL", "secrets: []\x00", "not UTF-8 text"},
		{"too large", "secrets: []\n#" + strings.Repeat("x", 1<<20), "larger than 1 MiB"},
		{"syntax", "secrets:\n\t- x\n", "secrets.yaml:2: not valid YAML"},
		{"second document", "secrets: []\n---\nsecrets: []\n", "more than one document"},
		{"no list", "{}\n", "no list `secrets`"},
		{"external is no mapping", "secrets: []\nexternal: [a]\n", "secrets.yaml:2: external is not a mapping"},
		{"external of an unknown kind", "secrets: []\nexternal: {services: [a]}\n", `secrets.yaml:2: unknown field "services" in external`},
		{"external is no list", "secrets: []\nexternal: {secrets: a}\n", "secrets.yaml:2: external.secrets is not a list"},
		{"external name", "secrets: []\nexternal: {secrets: [A_B]}\n", `secrets.yaml:2: invalid name "A_B"`},
		{"external number", "secrets: []\nexternal: {secrets: [12]}\n", "secrets.yaml:2: name is not a string"},
		{"external twice", "secrets: []\nexternal: {secrets: [a, a]}\n", `"a" stands twice in external.secrets`},
		{"external and sealed", key("{generate: hex}") + "external: {secrets: [s]}\n", `secrets.yaml:6: "s" is external, and a Secret of this file`},
		{"null list", "secrets:\n", "no list `secrets`"},
		{"a list at the top", "- secrets\n", "the file is not a mapping"},
		{"unknown field at the top", "secrets: []\nsecret: 1\n", `secrets.yaml:2: unknown field "secret"`},
		{"Secret is no mapping", "secrets: [x]\n", "the Secret is not a mapping"},
		{"no name", "secrets:\n  - keys: {a: {generate: uuid}}\n", "secrets.yaml:2: the Secret has no name"},
		{"name is a number", "secrets:\n  - name: 12\n    keys: {a: {generate: uuid}}\n", "name is not a string"},
		{"invalid name", "secrets:\n  - name: A_b\n    keys: {a: {generate: uuid}}\n", `invalid name "A_b"`},
		{"invalid namespace", "secrets:\n  - name: a\n    namespace: a.b\n    keys: {a: {generate: uuid}}\n", `secrets.yaml:3: Secret a: invalid namespace "a.b"`},
		{"unknown scope", "secrets:\n  - name: a\n    scope: wide\n    keys: {a: {generate: uuid}}\n", `unknown scope "wide"`},
		{"unknown field of a Secret", "secrets:\n  - name: a\n    key: {}\n    keys: {a: {generate: uuid}}\n", `secrets.yaml:3: unknown field "key"`},
		{"same Secret twice", "secrets:\n  - name: a\n    keys: {a: {generate: uuid}}\n  - name: a\n    namespace: b\n    keys: {a: {generate: uuid}}\n", "secrets.yaml:4: Secret a: the name is taken by the Secret in line 2"},
		{"no keys", "secrets:\n  - name: a\n", "the Secret has no keys"},
		{"empty keys", "secrets:\n  - name: a\n    keys: {}\n", "the Secret has no keys"},
		{"keys is null", "secrets:\n  - name: a\n    keys:\n", "keys is not a mapping"},
		{"duplicate key", key("{generate: uuid}") + "      k: {generate: hex}\n", `secrets.yaml:6: Secret s: "k" stands twice in keys`},
		{"invalid key name", "secrets:\n  - name: a\n    keys: {a b: {generate: uuid}}\n", `invalid key: a valid config key`},
		{"label is no string", "secrets:\n  - name: a\n    labels: {x: true}\n    keys: {a: {generate: uuid}}\n", `"x" in labels is not a string`},
		{"bad label value", "secrets:\n  - name: a\n    labels: {x: a b}\n    keys: {a: {generate: uuid}}\n", `invalid value of "x" in labels`},
		{"bad label name", "secrets:\n  - name: a\n    labels: {x/y/z: b}\n    keys: {a: {generate: uuid}}\n", `invalid name "x/y/z" in labels`},
		{"scope by annotation", "secrets:\n  - name: a\n    annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}\n    keys: {a: {generate: uuid}}\n", "cluster-wide"},
		{"anchor", "secrets:\n  - name: a\n    keys: {a: &x {generate: uuid}, b: *x}\n", "the key is not a mapping"},
		{"basic-auth without its keys", "secrets:\n  - name: a\n    type: kubernetes.io/basic-auth\n    keys: {a: {generate: uuid}}\n", `needs the key "password"`},
		{"tls without its keys", "secrets:\n  - name: a\n    type: kubernetes.io/tls\n    keys: {tls.crt: {external: x}}\n", `needs the key "tls.key"`},
		{"service account token", "secrets:\n  - name: a\n    type: kubernetes.io/service-account-token\n    keys: {a: {external: x}}\n", "cannot be sealed"},

		{"no source", key("{}"), `secrets.yaml:5: Secret s: key "k": does not say where the value comes from`},
		{"a bare word", key("password"), "the key is not a mapping"},
		{"two sources", key("{generate: uuid, external: x}"), "says twice where the value comes from: generate and external"},
		{"unknown kind", key("{generate: pasword}"), `unknown kind "pasword"`},
		{"value is not behind generate", key("{generate: value}"), `unknown kind "value"`},
		{"field of another kind", key("{generate: uuid, length: 3}"), `unknown field "length" for the kind uuid`},
		{"misspelt field", key("{generate: password, len: 30}"), `unknown field "len" for the kind password`},
		{"field twice", key("{generate: password, length: 30, length: 40}"), `"length" stands twice`},
		{"immutable value", key("{value: x, immutable: true}"), `unknown field "immutable" for the kind value`},
		{"immutable is no boolean", key("{generate: uuid, immutable: \"true\"}"), "immutable is neither true nor false"},
		{"length too small", key("{generate: password, length: 7}"), "length is not a whole number from 8 to 1024"},
		{"length too large", key("{generate: password, length: 1025}"), "from 8 to 1024"},
		{"length is a string", key("{generate: password, length: \"32\"}"), "length is not a whole number"},
		{"length is octal", key("{generate: password, length: 0o40}"), "length is not a whole number"},
		{"length is a fraction", key("{generate: password, length: 32.5}"), "length is not a whole number"},
		{"too easy to guess", key("{generate: password, length: 8}"), "8 characters out of 62 are 48 bits"},
		{"alphabet of one", key("{generate: password, alphabet: a}"), "alphabet is not two or more"},
		{"alphabet with a repeat", key("{generate: password, alphabet: abca}"), "alphabet is not two or more"},
		{"alphabet with a blank", key("{generate: password, alphabet: \"ab c\"}"), "alphabet is not two or more"},
		{"alphabet beyond ASCII", key("{generate: password, alphabet: abcé}"), "alphabet is not two or more"},
		{"prefix too long", key("{generate: hex, prefix: " + strings.Repeat("p", 65) + "}"), "prefix has 65 bytes, at most 64"},
		{"prefix with a newline", key(`{generate: hex, prefix: "a\n"}`), "prefix is not printable ASCII"},
		{"bytes too small", key("{generate: base64, bytes: 4}"), "bytes is not a whole number from 8 to 1024"},
		{"odd bits", key("{generate: rsa, bits: 2049}"), "bits is not 2048, 3072 or 4096"},
		{"few bits", key("{generate: rsa, bits: 1024}"), "bits is not a whole number from 2048 to 4096"},
		{"cost too high", key("{generate: bcrypt, from: a, cost: 31}"), "cost is not a whole number from 10 to 14"},
		{"bcrypt of nothing", key("{generate: bcrypt}"), "kind bcrypt without `from`"},
		{"htpasswd of nobody", key("{generate: htpasswd, from: a}"), "kind htpasswd without `user`"},
		{"htpasswd user with a colon", key("{generate: htpasswd, from: a, user: \"a:b\"}"), "user contains a colon"},
		{"from an unknown key", key("{generate: bcrypt, from: b}"), `is made of "b", which is no key of this Secret`},
		{"from itself", key("{generate: bcrypt, from: k}"), "is made of itself: k -> k"},
		{"public key of a password", key("{generate: public-key, from: a}"), "which is no private key"},
		{"derive without a key", key("{derive: text}"), "no {{ key }} in it"},
		{"derive from an unknown key", key(`{derive: "{{ b }}"}`), `is made of "b", which is no key of this Secret`},
		{"derive with an unknown filter", key(`{derive: "{{ a | sha1 }}"}`), `unknown filter "sha1"`},
		{"derive not closed", key(`{derive: "{{ a "}`), "{{ without }}"},
		{"derive not opened", key(`{derive: "a }} {{ a }}"}`), "}} without {{"},
		{"derive with two words", key(`{derive: "{{ a b }}"}`), "does not name one key"},
		{"cycle of two", key(`{derive: "{{ l }}"}`) + "      l: {derive: \"{{ k }}\"}\n", "is made of itself: k -> l -> k"},
		{"link to a Secret", key("{link: litellm/litellm-secrets}"), "is not application/secret/key"},
		{"link with an empty part", key("{link: a//c}"), "is not application/secret/key"},
		{"link with an invalid Secret", key("{link: a/B/c}"), "is not application/secret/key"},
		{"external without a word", key(`{external: ""}`), "external is empty"},
		{"external too long", key("{external: " + long + "}"), "external has 5000 bytes, at most 500"},
		{"external with control characters", key(`{external: "a\x1b[2J"}`), "external has control characters"},
		{"value too long", key("{value: " + long + "}"), "value has 5000 bytes, at most 4096"},
		{"value is a number", key("{value: 0123}"), "value is not a string"},
		{"value is a placeholder", key("{value: CHANGEME}"), "the value is a placeholder"},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		if seen[tt.reason] {
			t.Fatalf("reason %q stands twice", tt.reason)
		}
		seen[tt.reason] = true
		t.Run(tt.reason, func(t *testing.T) {
			c, err := ReadContract("secrets.yaml", []byte(tt.text))
			if err == nil || c != nil {
				t.Fatalf("accepted: %+v", c)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "secrets.yaml") {
				t.Errorf("error %q, want %q in it", err, tt.want)
			}
		})
	}
}

func TestReadContractTellsAllErrors(t *testing.T) {
	_, err := ReadContract("secrets.yaml", []byte(key("{generate: x}")+"      l: {}\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want two errors, got %v", err)
	}
}

func TestTemplate(t *testing.T) {
	tests := []struct{ reason, text, want string }{
		{"literal and key", "a{{ k }}b", "ap@s s/\"<é>b"},
		{"percent-encoding is right in a user name too", "{{k|urlquery}}", "p%40s%20s%2F%22%3C%C3%A9%3E"},
		{"base64", "{{ k | base64 }}", "cEBzIHMvIjzDqT4="},
		{"JSON string with its quotes", `{"a":{{ k | json }}}`, `{"a":"p@s s/\"<é>"}`},
		{"two filters from left to right", "{{ x.y_z-1 | base64 | urlquery }}", "Pz8%2F"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			tmpl, err := ParseTemplate(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			got := tmpl.Execute(func(key string) string {
				return map[string]string{"k": `p@s s/"<é>`, "x.y_z-1": "???"}[key]
			})
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestIsPlaceholder(t *testing.T) {
	for _, v := range []string{"", " \n", "CHANGEME", "changeme\n", "Change-Me", "CHANGE_ME", "<generated-value>", "<your API key>", "todo", "xxxx", "your-api-key", "sk-1234"} {
		if !manifest.IsPlaceholder([]byte(v)) {
			t.Errorf("%q is a placeholder", v)
		}
	}
	for _, v := range []string{"x", "CHANGEME1", "<", "<>", "<a>b", "<a><b>", "sk-<x>", "xx", "yours", "sk-12345", "<" + strings.Repeat("a", 70) + ">"} {
		if manifest.IsPlaceholder([]byte(v)) {
			t.Errorf("%q is a value", v)
		}
	}
}

// The contracts that the repository ships are read, and each names its Secrets.
func TestShippedContracts(t *testing.T) {
	paths, err := filepath.Glob("../../applications/*/secrets.yaml")
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d contracts found (%v)", len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReadContract(path, data)
		if err != nil {
			t.Error(err)
		} else if len(c.Secrets) == 0 {
			t.Errorf("%s: no Secret", path)
		}
	}
}

func FuzzReadContract(f *testing.F) {
	f.Add([]byte("secrets: []\n"))
	f.Add([]byte(key("{derive: \"{{ a | urlquery }}\"}")))
	f.Add([]byte(key("{link: a/b/c}")))
	f.Add([]byte(key("&x {<<: *x}")))
	f.Add([]byte("secrets: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadContract("secrets.yaml", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("contract %v and error %v", c, err)
		}
		if err != nil {
			return
		}
		for _, s := range c.Secrets {
			if s.Name == "" || len(s.Keys) == 0 {
				t.Fatalf("Secret without name or keys accepted: %+v", s)
			}
			for _, k := range s.Keys {
				if k.Kind == "" || k.Line == 0 {
					t.Fatalf("key without kind or line accepted: %+v", k)
				}
			}
		}
	})
}
