package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Object is any object of a file.
type Object struct {
	Path             string
	Line             int // where it begins, counted from 1
	APIVersion, Kind string
	Namespace, Name  string
	Text             []byte // the document it stands in, with comments; that of the whole List for an item

	object *object
}

// String names the object in messages.
func (o *Object) String() string {
	kind := o.Kind
	if kind == "" {
		kind = "object without a kind"
	}
	return strings.TrimRight(kind+" "+strings.TrimPrefix(o.Namespace+"/"+o.Name, "/"), " ")
}

// ReadObjects reads every object of a YAML or JSON file, those in a List one by
// one. A document that cannot be read fails the whole file.
func ReadObjects(path string, data []byte) ([]Object, error) {
	docs, err := documents(path, data)
	if err != nil {
		return nil, err
	}
	var out []Object
	for i := range docs {
		for _, o := range docs[i].objects() {
			h := o.header()
			out = append(out, Object{
				Path: path, Line: o.line(), APIVersion: h.APIVersion, Kind: h.Kind,
				Namespace: h.Metadata.Namespace, Name: h.Metadata.Name, Text: docs[i].data, object: &o,
			})
		}
	}
	return out, nil
}

// Sealed reports whether the object is a SealedSecret.
func (o *Object) Sealed() bool { return o.Kind == sealedKind }

// Plaintext are the keys of a Secret whose values anybody can read, sorted: none
// for another kind, for values that Helm fills in, and for what sops encrypted.
func (o *Object) Plaintext() []string {
	if o.Kind != "Secret" {
		return nil
	}
	var in struct {
		Data       map[string]any  `json:"data"`
		StringData map[string]any  `json:"stringData"`
		SOPS       json.RawMessage `json:"sops"`
	}
	if err := json.Unmarshal(o.object.json, &in); err != nil {
		return []string{"?"} // data is no mapping: whatever it is, it can be read
	}
	if len(in.SOPS) > 0 {
		return nil
	}
	keys := map[string]bool{}
	for _, m := range []map[string]any{in.Data, in.StringData} {
		for k, v := range m {
			if text, ok := v.(string); v != nil && (!ok || text != "" && !helmAction.MatchString(text)) {
				keys[k] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// helmAction is a value that Helm fills in as a whole.
var helmAction = regexp.MustCompile(`^\s*\{\{[^{}]*\}\}\s*$`)

// plainName is what names and keys of Kubernetes objects are made of.
var plainName = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)

// sealedFields are the fields of a SealedSecret, by the path to them.
func sealedFields() map[string][]string {
	return map[string][]string{
		"":              {"apiVersion", "kind", "metadata", "spec", "status"},
		"spec":          {"encryptedData", "template"},
		"spec template": {"data", "immutable", "metadata", "type"},
	}
}

// CheckSealed refuses what a SealedSecret may not hold: a field that its kind does
// not have (stringData beside spec, where somebody meant to seal it), a key or
// name that is none, and an entry of encryptedData that is not base64. All errors
// are joined, each is an *Error and none quotes a value.
func (o *Object) CheckSealed() error {
	var found []*Error
	fail := func(n *yaml.Node, key, problem, fix string) {
		e := &Error{Path: o.Path, Line: o.Line, Object: o.String(), Key: key, Problem: problem, Fix: fix}
		if n != nil {
			e.Line = o.object.doc.at(n)
		}
		found = append(found, e)
	}
	for at, known := range sealedFields() {
		path := strings.Fields(at)
		node := lookup(o.object.node, path...)
		for name := range dig(o.object.json, path...) {
			if !slices.Contains(known, name) {
				k, _ := entry(node, name)
				fail(k, "", "unknown field"+quoted(name), "a SealedSecret holds spec.encryptedData and spec.template; values in plaintext belong to local-secrets/")
			}
		}
	}
	if !plainName.MatchString(o.Name) || o.Namespace != "" && !plainName.MatchString(o.Namespace) {
		fail(nil, "", "metadata.name or metadata.namespace is not the name of an object", "seal it again")
	}
	items := lookup(o.object.node, "spec", "encryptedData")
	for key, raw := range dig(o.object.json, "spec", "encryptedData") {
		k, _ := entry(items, key)
		var text string
		if !plainName.MatchString(key) {
			fail(k, "", "a key of encryptedData is not the name of a key", "seal it again")
		} else if json.Unmarshal(raw, &text) != nil || text == "" || !isBase64(text) {
			fail(k, key, "not base64: plaintext pasted into encryptedData?", "seal it again, and change the value if it was plaintext")
		}
	}
	slices.SortFunc(found, func(a, b *Error) int { // maps have no order
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Error(), b.Error()))
	})
	errs := make([]error, len(found))
	for i, e := range found {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// dig opens a JSON object at a path; nil when there is none.
func dig(data []byte, path ...string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(data, &m) != nil {
		return nil
	}
	if len(path) == 0 {
		return m
	}
	return dig(m[path[0]], path[1:]...)
}
