package edit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/edit"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

const contract = `secrets:
  - name: db
    keys:
      user: {value: shop}
      password: {generate: password}
      url: {derive: "{{ user }}:{{ password }}"}
      salt: {generate: hex, immutable: true}
      bank: {external: from the bank}
      front: {link: web/web/key}
  - name: new
    type: kubernetes.io/basic-auth
    scope: namespace-wide
    labels: {cnpg.io/reload: "true"}
    keys:
      username: {external: name}
      password: {external: word}
`

const file = `# The shop's.
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData:
  user: shop
  password: canary-old # here
  url: shop:canary-old
  salt: canary-salt
  bank: CHANGEME
  more: canary-more
  stub: your-password
`

func find(t *testing.T, secret string, fresh bool) *edit.Place {
	t.Helper()
	c, err := repo.ReadContract("shop/secrets.yaml", []byte(contract))
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := manifest.ReadSecrets("shop/local-secrets/db.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	a := &edit.App{Name: "shop", Namespace: "shop", Dir: "shop/local-secrets", Contract: c, Secrets: secrets}
	p, err := edit.Find(a, secret, fresh, func(string) ([]byte, error) { return []byte(file), nil })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// said are the entries of a change.
func said(c *edit.Change) string {
	var out []string
	for _, e := range c.Entries {
		out = append(out, string(e.Action)+" "+strings.Join(e.Keys, ","))
	}
	return strings.Join(out, "; ")
}

func TestSet(t *testing.T) {
	for _, c := range []struct {
		name, reason, key, value string
		o                        edit.Options
		want                     string // the entries, or the error
		line                     string // that stands in the file then
	}{
		{"replaced", "the comment stays", "password", "canary-new", edit.Options{}, "update password", "  password: \"canary-new\" # here\n"},
		{"the same", "nothing is written", "password", "canary-old", edit.Options{}, "unchanged password", ""},
		{"filled in", "a placeholder is no value", "bank", "canary-bank", edit.Options{}, "create bank", "  bank: \"canary-bank\"\n"},
		{"in no contract", "what is there may be set", "more", "x1", edit.Options{}, "update more", "  more: \"x1\"\n"},
		{"several lines", "as a block", "more", "a\nb\n", edit.Options{}, "update more", "  more: |\n    a\n    b\n"},
		{"bytes", "under data", "more", "\xff\x00", edit.Options{}, "update more", "  more: \"/wA=\"\n"},
		{"new", "asked for", "fresh", "canary-f", edit.Options{New: true}, "create fresh", "  fresh: \"canary-f\"\n"},
		{"misspelt", "most likely", "pasword", "x", edit.Options{}, `key "pasword": neither Secret db nor its contract has it`, ""},
		{"fixed", "", "user", "x", edit.Options{}, `shop/local-secrets/db.yaml:6: Secret shop/db: key "user": the value is fixed in shop/secrets.yaml:4`, ""},
		{"derived", "", "url", "x", edit.Options{}, `shop/local-secrets/db.yaml:8: Secret shop/db: key "url": the value is made of password, user (shop/secrets.yaml:6)`, ""},
		{"linked", "not here yet", "front", "x", edit.Options{}, `shop/local-secrets/db.yaml:2: Secret shop/db: key "front": the value is made of web/web/key (shop/secrets.yaml:9)`, ""},
		{"immutable", "", "salt", "x", edit.Options{}, `shop/local-secrets/db.yaml:9: Secret shop/db: key "salt": immutable (shop/secrets.yaml:7)`, ""},
		{"empty", "", "bank", "", edit.Options{}, `shop/local-secrets/db.yaml: Secret shop/db: key "bank": the value that was given is empty`, ""},
		{"filled in over a model", "sealing would refuse it", "stub", "canary-stub", edit.Options{Import: true}, "create stub", "  stub: \"canary-stub\"\n"},
		{"placeholder", "sealing would refuse it", "bank", "change-me", edit.Options{}, `shop/local-secrets/db.yaml: Secret shop/db: key "bank": the value that was given is a placeholder`, ""},
		{"the view's", "copied out of an editor", "bank", "<kept: 3 characters>", edit.Options{}, `shop/local-secrets/db.yaml: Secret shop/db: key "bank": the value that was given is a placeholder`, ""},
		{"imported over", "never without force", "password", "canary-x", edit.Options{Import: true}, `shop/local-secrets/db.yaml:7: Secret shop/db: key "password": there is another value here already`, ""},
		{"imported with force", "", "password", "canary-x", edit.Options{Import: true, Force: true}, "update password", "  password: \"canary-x\" # here\n"},
		{"imported link", "it is what is in use", "front", "canary-x", edit.Options{Import: true}, "create front", "  front: \"canary-x\"\n"},
		{"imported immutable", "not even with force", "salt", "canary-x", edit.Options{Import: true, Force: true}, `shop/local-secrets/db.yaml:9: Secret shop/db: key "salt": immutable (shop/secrets.yaml:7)`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := find(t, "db", false).Set([]edit.Value{{Key: c.key, Data: []byte(c.value)}}, c.o)
			if err != nil {
				if err.Error() != c.want {
					t.Errorf("%s: got %v\nwant %s", c.reason, err, c.want)
				}
				return
			}
			if said(got) != c.want || !strings.Contains(string(got.Data), c.line) || (c.line == "") != (got.Data == nil) {
				t.Errorf("%s: %s, want %s\n%s", c.reason, said(got), c.want, got.Data)
			}
			if (len(got.Changed) > 0) != (c.line != "") {
				t.Errorf("changed: %v", got.Changed)
			}
		})
	}
}

func TestSetNewFile(t *testing.T) {
	p := find(t, "new", false)
	_, err := p.Set([]edit.Value{{Key: "username", Data: []byte("u1")}}, edit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Set([]edit.Value{{Key: "username", Data: []byte("u1")}, {Key: "password", Data: []byte("canary")}}, edit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := `# Plaintext of the Secret shop/new. It stays out of Git.
# Where each value comes from: shop/secrets.yaml.
apiVersion: v1
kind: Secret
metadata:
  name: "new"
  namespace: "shop"
  labels:
    cnpg.io/reload: "true"
  annotations:
    sealedsecrets.bitnami.com/namespace-wide: "true"
type: "kubernetes.io/basic-auth"
stringData:
  username: "u1"
  password: "canary"
`
	if d := cmp.Diff(want, string(got.Data)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMerge(t *testing.T) {
	for _, c := range []struct{ name, reason, from, to, want, changed string }{
		{"nothing", "no change at all", "", "", "", ""},
		{"remarks", "are not the file's", "#: ", "#: x ", "", ""},
		{"a value", "", `password: "<kept: 10 characters>"`, "password: 'canary$new'", "update password", "shop/db/password"},
		{"a placeholder filled in", "", "bank: CHANGEME", "bank: canary-bank", "create bank", "shop/db/bank"},
		{"a key more", "", "  salt:", "  key: canary-k\n  salt:", "create key", "shop/db/key"},
		{"a key less", "", "  more: \"<kept: 11 characters>\"\n", "", "delete more", ""},
		{"a comment", "is a change of the file", "# The shop's.", "# Ours.", "", ""},
		{"immutable", "", `salt: "<kept: 11 characters>"`, "salt: canary", `error: shop/local-secrets/db.yaml: Secret shop/db: key "salt": immutable (shop/secrets.yaml:7)`, ""},
		{"derived", "", `url: "<kept: 15 characters>"`, "url: canary", `error: shop/local-secrets/db.yaml: Secret shop/db: key "url": the value is made of password, user (shop/secrets.yaml:6)`, ""},
		{"fixed", "", "user: shop", "user: other", `error: shop/local-secrets/db.yaml: Secret shop/db: key "user": the value is fixed in shop/secrets.yaml:4`, ""},
		{"syntax", "", `more: "<kept: 11 characters>"`, `more: "canary`, "error: shop/local-secrets/db.yaml:11: document 1 is not valid YAML", ""},
		{"all gone", "", "", "gone", "error: shop/local-secrets/db.yaml: the file is empty", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := find(t, "db", false)
			view, err := p.View(false)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(view), "canary") {
				t.Fatalf("the view has a value:\n%s", view)
			}
			if c.from != "" && !strings.Contains(string(view), c.from) {
				t.Fatalf("%q is not in the view:\n%s", c.from, view)
			}
			edited := strings.Replace(string(view), c.from, c.to, 1)
			if c.to == "gone" {
				edited = ""
			}
			got, err := p.Merge(view, []byte(edited), false)
			if err != nil {
				if "error: "+err.Error() != c.want {
					t.Errorf("got %v\nwant %s", err, c.want)
				}
				explained := string(p.Explain([]byte(edited), err, false))
				if c.name == "syntax" && !strings.Contains(explained, "line 21: document 1 is not valid YAML") {
					t.Errorf("the line is not the editor's:\n%s", explained)
				}
				if c.name == "syntax" && strings.Split(explained, "\n")[20] != `  more: "canary` {
					t.Errorf("line 21 is not the one:\n%s", explained)
				}
				return
			}
			if said(got) != c.want || strings.Contains(c.want, "error") {
				t.Errorf("%s: %s, want %s", c.reason, said(got), c.want)
			}
			var changed []string
			for _, r := range got.Changed {
				changed = append(changed, r.String())
			}
			if strings.Join(changed, " ") != c.changed {
				t.Errorf("changed %v, want %s", changed, c.changed)
			}
			if (got.Data == nil) != (c.name == "nothing" || c.name == "remarks") || strings.Contains(string(got.Data), "#:") || strings.Contains(string(got.Data), "<kept") {
				t.Errorf("the file:\n%s", got.Data)
			}
		})
	}
}

func TestMergePlain(t *testing.T) {
	p := find(t, "db", false)
	view, err := p.View(true)
	if err != nil || !strings.Contains(string(view), "canary-old") {
		t.Fatalf("%s, %v", view, err)
	}
	got, err := p.Merge(view, []byte(strings.Replace(string(view), "password: canary-old", "password: canary-new", 1)), true)
	if err != nil || said(got) != "update password" || string(got.Data) != strings.Replace(file, "password: canary-old", "password: canary-new", 1) {
		t.Errorf("%v, %v\n%s", said(got), err, got.Data)
	}
}

func TestFind(t *testing.T) {
	p := find(t, "db", false)
	if p.Path != "shop/local-secrets/db.yaml" || p.Secret == nil || p.Spec == nil {
		t.Errorf("%+v", p)
	}
	var unknown *edit.UnknownError
	_, err := edit.Find(p.App, "dp", false, nil)
	if !errors.As(err, &unknown) || unknown.Hint() != "there are: db, new" {
		t.Errorf("%v", err)
	}
	if _, err := find(t, "new", false).View(false); err == nil || !strings.Contains(err.Error(), "there is no plaintext here to edit") {
		t.Errorf("%v", err)
	}
}

const live = `apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  uid: 6f
  resourceVersion: "1"
  creationTimestamp: "2026-01-01T00:00:00Z"
  ownerReferences:
  - {apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, name: db, uid: x, controller: true}
  managedFields:
  - {manager: controller, operation: Update, apiVersion: v1, fieldsType: FieldsV1, fieldsV1: {"f:data": {}}}
  labels: {app.kubernetes.io/instance: shop, app.kubernetes.io/managed-by: Helm, tier: db}
  annotations:
    argocd.argoproj.io/tracking-id: shop:/Secret:shop/db
    kubectl.kubernetes.io/last-applied-configuration: '{"data":{"p":"Y2FuYXJ5"}}'
    sealedsecrets.bitnami.com/managed: "true"
    note: ours
data: {password: Y2FuYXJ5LW9sZA==, extra: Y2FuYXJ5}
type: Opaque
`

func TestManifest(t *testing.T) {
	values, m, stripped, err := edit.Manifest("stdin", []byte(live), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if show(values) != "extra=[canary]password=[canary-old]" {
		t.Error(show(values))
	}
	if d := cmp.Diff(edit.Metadata{Type: "Opaque", Labels: map[string]string{"tier": "db"}, Annotations: map[string]string{"note": "ours"}}, m); d != "" {
		t.Error(d)
	}
	if got := strings.Join(stripped, ", "); got != "annotation argocd.argoproj.io/tracking-id, annotation kubectl.kubernetes.io/last-applied-configuration, "+
		"annotation sealedsecrets.bitnami.com/managed, label app.kubernetes.io/instance, label app.kubernetes.io/managed-by" {
		t.Error(got)
	}
	// As kubectl create --dry-run=client prints it: without a namespace.
	if _, _, _, err := edit.Manifest("stdin", []byte("apiVersion: v1\nkind: Secret\nmetadata:\n  creationTimestamp: null\n  name: x\ndata:\n  a: Y2FuYXJ5\n"), "shop"); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ text, want string }{
		{"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n", "stdin:1: this is a ConfigMap, not a Secret"},
		{live + "---\n" + live, "stdin: there are 2 Secrets in it"},
		{"canary", "stdin:1: no kind: not a Kubernetes object"},
		{"apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\ntype: kubernetes.io/tls\nstringData: {tls.crt: canary, tls.key: canary}\n",
			`stdin:5: Secret b/a: key "tls.key": tls.crt and tls.key are no certificate with its key in PEM`},
	} {
		if _, _, _, err := edit.Manifest("stdin", []byte(c.text), "shop"); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestSnippet(t *testing.T) {
	values := []edit.Value{{Key: "password", Data: []byte("canary")}, {Key: "extra", Data: []byte("canary")}}
	if got := find(t, "db", false).Snippet(values, edit.Metadata{}); got != "      extra: {external: where it comes from}\n" {
		t.Error(got)
	}
	got := find(t, "other", true).Snippet(values[:1], edit.Metadata{Type: "kubernetes.io/basic-auth", Labels: map[string]string{"a": "b"}})
	if want := "  - name: other\n    type: kubernetes.io/basic-auth\n    labels: {a: \"b\"}\n    keys:\n      password: {external: where it comes from}\n"; got != want {
		t.Error(cmp.Diff(want, got))
	}
	if _, err := repo.ReadContract("f", []byte("secrets:\n"+got)); err != nil {
		t.Errorf("the snippet is no contract: %v", err)
	}
}
