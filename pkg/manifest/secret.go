package manifest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	sigsjson "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"
)

// Secret is one plaintext v1 Secret as the API server would take it: data and
// stringData are merged (stringData wins) and decoded.
type Secret struct {
	Path            string // as given to ReadSecrets
	Line            int    // where the object begins, counted from 1
	Document        int    // counted from 1
	Namespace, Name string
	Type            corev1.SecretType // Opaque when the file names none
	Immutable       *bool
	Labels          map[string]string
	Annotations     map[string]string
	Items           []Item // sorted by key
}

// Item is one key of a Secret.
type Item struct {
	Key   string
	Value []byte // plaintext: never print it
	Line  int    // counted from 1
}

// Object names the Secret in messages.
func (s *Secret) Object() string { return "Secret " + s.Namespace + "/" + s.Name }

// Item returns the item with the given key, or nil.
func (s *Secret) Item(key string) *Item {
	i, ok := slices.BinarySearchFunc(s.Items, key, func(it Item, k string) int { return strings.Compare(it.Key, k) })
	if !ok {
		return nil
	}
	return &s.Items[i]
}

// Errorf makes an error about the Secret, or about one of its keys when key is not empty.
func (s *Secret) Errorf(key, fix, format string, args ...any) *Error {
	line := s.Line
	if it := s.Item(key); it != nil {
		line = it.Line
	}
	return &Error{Path: s.Path, Line: line, Object: s.Object(), Key: key, Problem: fmt.Sprintf(format, args...), Fix: fix}
}

// ReadSecrets reads every v1 Secret of a YAML or JSON file: several documents
// and kind List are fine, anything that is no Secret is an error, and so is
// whatever the API server would refuse or silently change (a stringData value
// that YAML takes for a number or a boolean, an unknown field, a duplicate key).
// The path is used in messages alone. All errors found are joined; each is an
// *Error and none quotes a value.
func ReadSecrets(path string, data []byte) ([]Secret, error) {
	docs, err := documents(path, data)
	if err != nil {
		return nil, err
	}
	var out []Secret
	var errs []error
	for i := range docs {
		objects := docs[i].objects()
		if len(objects) == 0 {
			errs = append(errs, &Error{Path: path, Line: docs[i].line, Problem: "this List has no items", Fix: "fill in items, or delete the document"})
		}
		for _, o := range objects {
			s, err := o.secret(path)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			out = append(out, *s)
		}
	}
	return out, errors.Join(errs...)
}

// object is one Kubernetes object inside a document: the document itself, or an item of its List.
type object struct {
	doc  *document
	node *yaml.Node // nil when positions are unknown
	json []byte
}

// objects opens kind List; every other document is one object.
func (d *document) objects() []object {
	whole := object{d, d.root, d.json}
	var list struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}
	if json.Unmarshal(d.json, &list) != nil || list.APIVersion != "v1" || (list.Kind != "List" && list.Kind != "SecretList") {
		return []object{whole}
	}
	items := lookup(d.root, "items")
	out := make([]object, 0, len(list.Items))
	for i, raw := range list.Items {
		o := object{doc: d, json: raw}
		if items != nil && i < len(items.Content) {
			o.node = resolve(items.Content[i])
		}
		out = append(out, o)
	}
	return out
}

func (o *object) line() int {
	if o.node == nil {
		return o.doc.line
	}
	return o.doc.at(o.node)
}

// header is the part of an object that says what it is.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
}

// header reads what the object is, as far as the types of its fields allow.
func (o *object) header() (h header) {
	_ = json.Unmarshal(o.json, &h)
	return h
}

func (o *object) secret(path string) (*Secret, error) {
	h := o.header() // what does not fit is found again, with its line, below
	fail := func(line int, key, problem, fix string) error {
		e := &Error{Path: path, Line: line, Key: key, Problem: problem, Fix: fix}
		if h.Metadata.Name != "" {
			e.Object = "Secret " + strings.TrimPrefix(h.Metadata.Namespace+"/"+h.Metadata.Name, "/")
		}
		return e
	}
	if err := h.check(func(problem, fix string) error {
		return &Error{Path: path, Line: o.line(), Problem: problem, Fix: fix}
	}); err != nil {
		return nil, err
	}
	if err := o.shape(fail); err != nil {
		return nil, err
	}
	var in corev1.Secret
	strict, err := sigsjson.UnmarshalStrict(o.json, &in)
	if err != nil || len(strict) > 0 {
		return nil, fail(o.line(), "", "the API server would refuse this Secret: a field has the wrong type, is unknown or stands twice",
			"compare it with `kubectl explain secret --recursive`")
	}
	out := o.convert(path, &in)
	return out, out.validate(fail)
}

// check refuses what is not a v1 Secret, and names the likely mix-up.
func (h *header) check(fail func(problem, fix string) error) error {
	switch {
	case h.APIVersion == "v1" && h.Kind == "Secret":
		return nil
	case h.Kind == "SealedSecret":
		return fail("this is a SealedSecret, not a Secret: it is sealed already", "move it to the application's templates/ folder")
	case h.Kind == "":
		return fail("no kind: not a Kubernetes object", "write `apiVersion: v1` and `kind: Secret`")
	case h.Kind == "Secret":
		return fail(fmt.Sprintf("apiVersion is %q, a Secret's is \"v1\"", h.APIVersion), "write `apiVersion: v1`")
	default:
		return fail(fmt.Sprintf("this is a %s, not a Secret", h.Kind), "keep Secrets alone in this folder; other objects belong to the chart's templates/")
	}
}

// convert merges data and stringData and finds each key's line.
func (o *object) convert(path string, in *corev1.Secret) *Secret {
	s := &Secret{
		Path: path, Line: o.line(), Document: o.doc.index,
		Namespace: in.Namespace, Name: in.Name, Type: in.Type, Immutable: in.Immutable,
		Labels: in.Labels, Annotations: in.Annotations,
	}
	if s.Type == "" {
		s.Type = corev1.SecretTypeOpaque
	}
	values := make(map[string][]byte, len(in.Data)+len(in.StringData))
	maps.Copy(values, in.Data)
	for k, v := range in.StringData {
		values[k] = []byte(v)
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		s.Items = append(s.Items, Item{Key: k, Value: values[k], Line: o.keyLine(k)})
	}
	return s
}

func (o *object) keyLine(key string) int {
	for _, field := range []string{"stringData", "data"} {
		if k, _ := entry(lookup(o.node, field), key); k != nil {
			return o.doc.at(k)
		}
	}
	return o.line()
}

// shape finds, with its line, what the strict decoder would refuse without one.
func (o *object) shape(fail func(line int, key, problem, fix string) error) error {
	if o.node == nil {
		return nil
	}
	if o.node.Kind != yaml.MappingNode {
		return fail(o.line(), "", "not a Kubernetes object", "write `apiVersion: v1` and `kind: Secret`")
	}
	for i := 0; i < len(o.node.Content); i += 2 {
		k, v := o.node.Content[i], resolve(o.node.Content[i+1])
		var err error
		switch k.Value {
		case "apiVersion", "kind", "type", "immutable", "<<":
		case "metadata":
			err = o.metadata(v, fail)
		case "data", "stringData":
			err = o.values(k.Value, v, fail)
		default:
			err = fail(o.doc.at(k), "", "unknown field"+quoted(k.Value), "a Secret has data, stringData, type and immutable; field names are case-sensitive")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// metadata checks that names, labels and annotations are strings: YAML 1.1 takes
// a name n and an annotation true for booleans.
func (o *object) metadata(m *yaml.Node, fail func(line int, key, problem, fix string) error) error {
	for _, field := range []string{"name", "namespace"} {
		if err := o.word("metadata."+field, lookup(m, field), fail); err != nil {
			return err
		}
	}
	for _, field := range []string{"labels", "annotations"} {
		entries := lookup(m, field)
		for i := 0; entries != nil && entries.Kind == yaml.MappingNode && i < len(entries.Content); i += 2 {
			if err := o.word("metadata."+field+" "+entries.Content[i].Value, resolve(entries.Content[i+1]), fail); err != nil {
				return err
			}
		}
	}
	return nil
}

// word refuses a scalar that is no string; nothing and null have their own rules.
func (o *object) word(name string, n *yaml.Node, fail func(line int, key, problem, fix string) error) error {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" || isString(n) {
		return nil
	}
	return fail(o.doc.at(n), "", name+": YAML takes the value for a number or a boolean, not for a string", "put it in quotes")
}

// values checks the entries of data or stringData.
func (o *object) values(field string, m *yaml.Node, fail func(line int, key, problem, fix string) error) error {
	if m.Kind != yaml.MappingNode {
		if m.Tag == "!!null" {
			return nil
		}
		return fail(o.doc.at(m), "", field+" is not a mapping of keys to strings", "")
	}
	for i := 0; i < len(m.Content); i += 2 {
		k, v := m.Content[i], resolve(m.Content[i+1])
		if k.Value == "<<" {
			continue
		}
		line := o.doc.at(m.Content[i+1])
		switch {
		case k.Kind != yaml.ScalarNode || !isString(k):
			return fail(o.doc.at(k), k.Value, "YAML takes this key for something else than a string", "put the key in quotes")
		case v.Kind != yaml.ScalarNode:
			return fail(line, k.Value, "the value is not a string", "for structured content use a block scalar: `|`")
		case !isString(v):
			return fail(line, k.Value, "YAML takes the value for a number, a boolean or null, not for a string; it would be sealed altered", "put the value in quotes")
		case field == "data" && !isBase64(v.Value):
			return fail(line, k.Value, "the value under data is not base64", "encode it, or move it to stringData")
		}
	}
	return nil
}

// isString asks the API server's own YAML library what it makes of a scalar:
// YAML 1.1 sees a boolean in an unquoted yes and the number 83 in 0123.
func isString(n *yaml.Node) bool {
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return true
	}
	if n.Style&yaml.TaggedStyle != 0 {
		return n.Tag == "!!str"
	}
	if plainWord(n.Value) {
		return true
	}
	var v any
	if err := sigsyaml.Unmarshal([]byte(n.Value), &v); err != nil {
		return true // in its place it parsed; the strict decoder has the last word
	}
	_, ok := v.(string)
	return ok
}

// plainWord is a cheap answer for the common case: what begins with a letter can
// only be a boolean or null, and the longest of those is "false".
func plainWord(s string) bool {
	return len(s) > len("false") && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
}

// quoted is a name in quotes, or nothing when it may be a value that slipped out
// of its place: the text of a plaintext file is not for messages.
func quoted(name string) string {
	if len(name) > 63 || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}) {
		return " (not quoted: it may be a value)"
	}
	return fmt.Sprintf(" %q", name)
}

func isBase64(s string) bool {
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}

// resolve follows an alias to its anchor.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// entry finds a key of a mapping node; both results are nil when it is not there.
func entry(m *yaml.Node, key string) (k, v *yaml.Node) {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i], resolve(m.Content[i+1])
		}
	}
	return nil, nil
}

// lookup follows a path of keys; nil when it leads nowhere.
func lookup(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		_, n = entry(n, key)
	}
	return n
}
