package manifest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/manifest"
)

// join joins lines.
func join(l ...string) string { return strings.Join(l, "\n") + "\n" }

func TestPlaintext(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // object: keys
	}{
		{"stringData", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: canary, j: canary}\n", []string{"Secret a: j,k"}},
		{"data and JSON", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"b"},"data":{"k":"Y2FuYXJ5"}}`, []string{"Secret b/a: k"}},
		{"in a List", "apiVersion: v1\nkind: List\nitems:\n- kind: ConfigMap\n  data: {k: x}\n- kind: Secret\n  apiVersion: v1\n  data: {k: Y2FuYXJ5}\n",
			[]string{"ConfigMap: ", "Secret: k"}},
		{"second document", "kind: ConfigMap\n---\nkind: Secret\nstringData: {k: canary}\n", []string{"ConfigMap: ", "Secret: k"}},
		{"a number is a value, too", "kind: Secret\nstringData: {k: 12345678}\n", []string{"Secret: k"}},
		{"data is a string", "kind: Secret\ndata: canary\n", []string{"Secret: ?"}},
		{"nothing in it", "kind: Secret\ntype: kubernetes.io/service-account-token\ndata: {k: '', j: null}\n", []string{"Secret: "}},
		{"Helm fills it in", "kind: Secret\nstringData: {k: '{{ .Values.k | b64enc }}'}\n", []string{"Secret: "}},
		{"Helm and a literal", "kind: Secret\nstringData: {k: 'canary{{ .Values.k }}', j: '{{ a }}canary{{ b }}'}\n", []string{"Secret: j,k"}},
		{"sops", "kind: Secret\nstringData: {k: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: x}\n", []string{"Secret: "}},
		{"no kind", "data: {k: x}\n", []string{"object without a kind: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, err := manifest.ReadObjects("f.yaml", []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i := range objects {
				got = append(got, objects[i].String()+": "+strings.Join(objects[i].Plaintext(), ","))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestCheckSealed(t *testing.T) {
	good := join("apiVersion: bitnami.com/v1alpha1", "kind: SealedSecret", "metadata:", "  name: db", "  namespace: shop", "spec:",
		"  encryptedData:", "    password: AgBy", "  template:", "    metadata: {name: db}", "    type: Opaque", "    data: {a: b}")
	for _, c := range []struct {
		name, text string
		want       string
	}{
		{"good", good, ""},
		{"JSON", `{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret","metadata":{"name":"a","creationTimestamp":null},"spec":{"encryptedData":{"k":"AgBy"}},"status":{}}`, ""},
		{"stringData beside spec", good + "stringData:\n  password: canary\n", `f.yaml:13: SealedSecret shop/db: unknown field "stringData"`},
		{"stringData in the template", strings.Replace(good, "    type: Opaque\n", "    stringData: {p: canary}\n", 1), `f.yaml:11: SealedSecret shop/db: unknown field "stringData"`},
		{"deprecated data", strings.Replace(good, "  encryptedData:\n", "  data: Y2FuYXJ5\n  encryptedData:\n", 1), `f.yaml:7: SealedSecret shop/db: unknown field "data"`},
		{"a value for a field", good + "\"canary horse\": x\n", "f.yaml:13: SealedSecret shop/db: unknown field (not quoted: it may be a value)"},
		{"plaintext", strings.Replace(good, "AgBy", "canary horse", 1), `f.yaml:8: SealedSecret shop/db: key "password": not base64: plaintext pasted into encryptedData?`},
		{"nothing", strings.Replace(good, "AgBy", "''", 1), `f.yaml:8: SealedSecret shop/db: key "password": not base64: plaintext pasted into encryptedData?`},
		{"a key that is none", strings.Replace(good, "password:", `"canary\nhorse":`, 1), "f.yaml:8: SealedSecret shop/db: a key of encryptedData is not the name of a key"},
		{"no name", strings.Replace(good, "  name: db\n", "", 1), "f.yaml:1: SealedSecret shop/: metadata.name or metadata.namespace is not the name of an object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, err := manifest.ReadObjects("f.yaml", []byte(c.text))
			if err != nil || len(objects) != 1 || !objects[0].Sealed() {
				t.Fatalf("%v, %v", objects, err)
			}
			err = objects[0].CheckSealed()
			text := ""
			if err != nil {
				text = err.Error()
				var e *manifest.Error
				if !errors.As(err, &e) || e.Hint() == "" {
					t.Errorf("no hint: %v", err)
				}
			}
			if d := cmp.Diff(c.want, text); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestFindSealed(t *testing.T) {
	const template = "{{- if .Values.x }}\nkind: SealedSecret\n{{- end }}\n"
	if got, err := manifest.FindSealed("templates/x.yaml", []byte(template)); got != nil || err != nil {
		t.Errorf("a template: %v, %v", got, err)
	}
	if _, err := manifest.FindSealed("templates/sealed-x.yaml", []byte(template)); err == nil {
		t.Error("a file that says it is sealed, and cannot be read: no error")
	}
}
