package manifest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/pkg/manifest"
)

const (
	canary = "canary-7f3a9b"
	head   = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\n"
)

func TestReadSecretsAccepts(t *testing.T) {
	cases := []struct {
		name, reason, in string
		want             []map[string]string // per Secret
	}{
		{"stringData", "the plain case", head + "stringData:\n  a: x\n", []map[string]string{{"a": "x"}}},
		{"data", "base64 is decoded", head + "data:\n  a: eA==\n", []map[string]string{{"a": "x"}}},
		{"both", "stringData wins, as in the API server", head + "data:\n  a: eA==\n  b: eQ==\nstringData:\n  a: z\n", []map[string]string{{"a": "z", "b": "y"}}},
		{"quoted number", "quotes make it a string", head + "stringData:\n  a: \"0123\"\n  b: 'yes'\n", []map[string]string{{"a": "0123", "b": "yes"}}},
		{"tagged", "so does a tag", head + "stringData:\n  a: !!str 0123\n", []map[string]string{{"a": "0123"}}},
		{"block", "a block scalar is a string", head + "stringData:\n  a: |\n    1\n", []map[string]string{{"a": "1\n"}}},
		{"two documents", "each is one Secret", head + "stringData: {a: x}\n---\n" + head + "stringData: {a: z}\n", []map[string]string{{"a": "x"}, {"a": "z"}}},
		{"empty documents", "comments between separators are nothing", "# c\n---\n---\n" + head + "stringData: {a: x}\n---\n# end\n", []map[string]string{{"a": "x"}}},
		{"list", "a List is opened", "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(head, "\n", "\n  ") + "stringData: {a: x}\n", []map[string]string{{"a": "x"}}},
		{"json", "JSON is fine", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"shop"},"stringData":{"a":"x"}}`, []map[string]string{{"a": "x"}}},
		{"json with tabs", "tabs are JSON's white space", "{\n\t\"apiVersion\":\"v1\",\"kind\":\"Secret\",\n\t\"metadata\":{\"name\":\"db\",\"namespace\":\"shop\"},\"stringData\":{\"a\":\"x\"}}", []map[string]string{{"a": "x"}}},
		{"json stream", "several objects", strings.Repeat(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"shop"},"stringData":{"a":"x"}}`+"\n", 2), []map[string]string{{"a": "x"}, {"a": "x"}}},
		{"anchors", "an alias is its anchor's value", head + "stringData:\n  a: &v x\n  b: *v\n", []map[string]string{{"a": "x", "b": "x"}}},
		{"byte order mark", "it is dropped", "\xef\xbb\xbf" + head + "stringData: {a: x}\n", []map[string]string{{"a": "x"}}},
		{"windows line ends", "they are white space", strings.ReplaceAll(head+"stringData:\n  a: x\n", "\n", "\r\n"), []map[string]string{{"a": "x"}}},
		{"docker", "a JSON object", head + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{\"auths\":{}}'\n", []map[string]string{{".dockerconfigjson": `{"auths":{}}`}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			list, err := manifest.ReadSecrets("f.yaml", []byte(c.in))
			if err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
			var got []map[string]string
			for _, s := range list {
				m := map[string]string{}
				for _, it := range s.Items {
					m[it.Key] = string(it.Value)
				}
				got = append(got, m)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestReadSecretsRefuses(t *testing.T) {
	crt, _ := pair(t)
	_, otherKey := pair(t)
	indent := func(s string) string { return "    " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    ") + "\n" }
	cases := []struct {
		name, in string
		line     int
		want     string // part of the message
	}{
		{"empty file", "", 0, "empty"},
		{"only comments", "# nothing\n", 0, "no document"},
		{"UTF-16", "\xff\xfea\x00", 0, "UTF-16"},
		{"NUL", "a\x00b", 0, "NUL"},
		{"not UTF-8", "a: \xc3\x28", 0, "not UTF-8"},
		{"config map", strings.Replace(head, "Secret", "ConfigMap", 1) + "data: {a: eA==}\n", 1, "this is a ConfigMap"},
		{"sealed secret", "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n", 1, "sealed already"},
		{"no kind", "a: " + canary + "\n", 1, "no kind"},
		{"scalar", canary + "\n", 1, "no kind"},
		{"api version", strings.Replace(head, "v1", "v2", 1) + "stringData: {a: x}\n", 1, "apiVersion"},
		{"unknown field", head + "stringdatas:\n  a: " + canary + "\n", 6, `unknown field "stringdatas"`},
		{"unknown metadata", head + "  nam: x\nstringData: {a: x}\n", 1, "would refuse"},
		{"duplicate field", head + "stringData: {a: x}\nstringData: {b: x}\n", 7, `key "stringData" stands twice, first in line 6`},
		{"duplicate key", head + "stringData:\n  a: x\n  a: " + canary + "\n", 8, `key "a" stands twice`},
		{"duplicate in JSON", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"shop"},"stringData":{"a":"x","a":"y"}}`, 1, "stands twice"},
		{"octal", head + "stringData:\n  a: 0123\n", 7, "takes the value for a number"},
		{"yes", head + "stringData:\n  a: yes\n", 7, "takes the value for a number, a boolean"},
		{"float", head + "stringData:\n  a: 1.10\n", 7, "takes the value"},
		{"exponent", head + "stringData:\n  a: 1e3\n", 7, "takes the value"},
		{"long number", head + "stringData:\n  a: 12345678901234567890123\n", 7, "takes the value"},
		{"underscores", head + "stringData:\n  a: 1_000\n", 7, "takes the value"},
		{"hexadecimal", head + "stringData:\n  a: 0x1F\n", 7, "takes the value"},
		{"null", head + "stringData:\n  a: null\n", 7, "takes the value"},
		{"nothing", head + "stringData:\n  a:\n", 7, "takes the value"},
		{"number as key", head + "stringData:\n  1: x\n", 7, "takes this key"},
		{"mapping as value", head + "stringData:\n  a: {b: " + canary + "}\n", 7, "not a string"},
		{"not base64", head + "data:\n  a: " + canary + "!\n", 7, "not base64"},
		{"data is a list", head + "data: [a]\n", 6, "not a mapping"},
		{"list without items", "apiVersion: v1\nkind: List\nitem:\n- a\n", 1, "has no items"},
		{"empty list", "apiVersion: v1\nkind: List\nitems: []\n", 1, "has no items"},
		{"invalid label", strings.Replace(head, "  namespace: shop\n", "  namespace: shop\n  labels: {\"a b\": \"x y\"}\n", 1) + "stringData: {a: x}\n", 1, "invalid metadata.labels"},
		{"a value as field", head + "DSN=" + canary + ":x?y: z\n", 6, "unknown field (not quoted"},
		{"no name", "apiVersion: v1\nkind: Secret\nmetadata: {namespace: shop}\nstringData: {a: x}\n", 1, "no metadata.name"},
		{"invalid name", strings.Replace(head, "db", "D_B", 1) + "stringData: {a: x}\n", 1, "invalid metadata.name"},
		{"no namespace", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {a: x}\n", 1, "no metadata.namespace"},
		{"boolean namespace", "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: n}\nstringData: {a: x}\n", 3, "metadata.namespace: YAML takes the value for a number or a boolean"},
		{"number as name", "apiVersion: v1\nkind: Secret\nmetadata: {name: 1e3, namespace: shop}\nstringData: {a: x}\n", 3, "metadata.name: YAML takes"},
		{"boolean annotation", head + "  annotations:\n    sealedsecrets.bitnami.com/cluster-wide: true\nstringData: {a: x}\n", 7, "metadata.annotations sealedsecrets.bitnami.com/cluster-wide: YAML takes"},
		{"number as label", head + "  labels: {version: 1.10}\nstringData: {a: x}\n", 6, "metadata.labels version: YAML takes"},
		{"invalid key", head + "stringData:\n  a/b: x\n", 7, "invalid key"},
		{"no keys", head, 1, "neither data nor stringData"},
		{"over 1 MiB", head + "stringData:\n  a: \"" + strings.Repeat("x", 1<<20) + "y\"\n", 1, "1 MiB"},
		{"broken second document", head + "stringData: {a: x}\n---\na: [" + canary + "\n", 8, "document 2 is not valid YAML"},
		{"second kind", head + "stringData: {a: x}\n---\napiVersion: v1\nkind: ConfigMap\n", 8, "this is a ConfigMap"},
		{"text behind the separator", head + "stringData: {a: x}\n--- {a: " + canary + "}\n", 7, "second document begins"},
		{"basic-auth", head + "type: kubernetes.io/basic-auth\nstringData: {a: x}\n", 1, "needs the key username or password"},
		{"ssh-auth", head + "type: kubernetes.io/ssh-auth\nstringData: {a: x}\n", 1, `needs the key "ssh-privatekey"`},
		{"docker not JSON", head + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: " + canary + "\n", 8, "needs a JSON object"},
		{"tls without key", head + "type: kubernetes.io/tls\nstringData: {tls.crt: x}\n", 1, `needs the key "tls.key"`},
		{"tls no PEM", head + "type: kubernetes.io/tls\nstringData: {tls.crt: x, tls.key: z}\n", 7, "no certificate with its key"},
		{"tls other key", head + "type: kubernetes.io/tls\nstringData:\n  tls.crt: |\n" + indent(crt) + "  tls.key: |\n" + indent(otherKey), 0, "not the key of the certificate"},
		{"service account token", head + "type: kubernetes.io/service-account-token\nstringData: {a: x}\n", 1, "cannot be sealed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := manifest.ReadSecrets("f.yaml", []byte(c.in))
			var e *manifest.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a *manifest.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want %q in it", err, c.want)
			}
			if c.line != 0 && e.Line != c.line {
				t.Errorf("line %d, want %d: %v", e.Line, c.line, err)
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(e.Fix, canary) {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}

// pair is a certificate and its key in PEM.
func pair(t *testing.T) (crt, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	enc := func(typ string, b []byte) string { return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: b})) }
	return enc("CERTIFICATE", der), enc("PRIVATE KEY", pkcs)
}

func TestTLSPairIsAccepted(t *testing.T) {
	crt, key := pair(t)
	in := fmt.Sprintf("%stype: kubernetes.io/tls\nstringData:\n  tls.crt: %q\n  tls.key: %q\n", head, crt, key)
	if _, err := manifest.ReadSecrets("f.yaml", []byte(in)); err != nil {
		t.Fatal(err)
	}
}

// FuzzReadSecrets holds the reader against the API server's own decoding: what
// it accepts must be what sigs.k8s.io/yaml and encoding/json make of the file.
func FuzzReadSecrets(f *testing.F) {
	seeds := []string{
		head + "stringData:\n  a: x\n", head + "data:\n  a: eA==\n  b: >-\n    eQ\n    ==\n", head + "stringData: {a: \"1\", b: yes}\n",
		head + "stringData:\n  a: &x y\n  b: *x\n  <<: {c: d}\n", head + "stringData:\n  a: !!binary eA==\n", head + "stringData:\n  ? a\n  : x\n",
		head + "stringData:\n  a: 2020-01-01\n  b: 1:30\n  c: ~\n", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"},\"data\":{\"k\":\"\\u0065A==\"}}",
		head + "stringData:\n  a: 'it''s'\n  b: \"\\x41\\u00e9\"\n  c: |+\n    x\n\n",
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := manifest.ReadSecrets("f.yaml", data)
		if err != nil || len(list) != 1 || bytes.Contains(data, []byte("List")) {
			return
		}
		doc := data
		if list[0].Document > 1 || bytes.Contains(data, []byte("---")) || bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
			return // the reference below reads one document
		}
		j, err := sigsyaml.YAMLToJSONStrict(doc)
		if err != nil {
			if json.Valid(doc) {
				j = doc
			} else {
				t.Fatalf("accepted what YAMLToJSONStrict refuses: %v", err)
			}
		}
		var want corev1.Secret
		if err := json.Unmarshal(j, &want); err != nil {
			t.Fatalf("accepted what the decoder refuses: %v", err)
		}
		values := map[string]string{}
		for k, v := range want.Data {
			values[k] = string(v)
		}
		for k, v := range want.StringData {
			values[k] = v
		}
		got := map[string]string{}
		for _, it := range list[0].Items {
			got[it.Key] = string(it.Value)
		}
		if diff := cmp.Diff(values, got); diff != "" || want.Name != list[0].Name || want.Namespace != list[0].Namespace {
			t.Errorf("read something else than the API server (-server +reader):\n%s", diff)
		}
	})
}
