package repo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sealway/sealway/pkg/manifest"
)

const (
	maxContractSize = 1 << 20 // 1 MiB
	maxWord         = 128
)

// ReadContract reads a secrets.yaml. The path is used in messages alone.
// Unknown fields, keys that stand twice and values of the wrong type are
// refused. All errors found are joined; each is a *manifest.Error with the line.
func ReadContract(path string, data []byte) (*Contract, error) {
	r := &contractReader{path: path}
	c := &Contract{Path: path}
	if root := r.parse(data); root != nil {
		fields := r.mapping(root, "the file", "secrets", "external")
		list := fields["secrets"]
		switch {
		case list != nil && list.Kind == yaml.SequenceNode:
			for _, n := range list.Content {
				c.Secrets = append(c.Secrets, r.secret(n))
			}
			r.checkNames(c)
			r.externals(c, fields["external"])
		case len(r.errs) == 0:
			r.fail(root, "no list `secrets`", "write `secrets:` and below it one entry per Secret; `secrets: []` when there is none")
		}
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// externals reads the objects that come from elsewhere.
func (r *contractReader) externals(c *Contract, n *yaml.Node) {
	if n == nil {
		return
	}
	r.object = ""
	kinds := map[string]*[]External{
		"secrets": &c.External.Secrets, "configMaps": &c.External.ConfigMaps,
		"serviceAccounts": &c.External.ServiceAccounts, "persistentVolumeClaims": &c.External.PersistentVolumeClaims,
	}
	fields := r.mapping(n, "external", "secrets", "configMaps", "serviceAccounts", "persistentVolumeClaims")
	for _, kind := range slices.Sorted(maps.Keys(fields)) {
		list := fields[kind]
		if list.Kind != yaml.SequenceNode {
			r.fail(list, "external."+kind+" is not a list", "write the names as a list: "+kind+": [name]")
			continue
		}
		for _, item := range list.Content {
			name := r.named(item, "name", validation.IsDNS1123Subdomain)
			switch {
			case name == "":
			case slices.ContainsFunc(*kinds[kind], func(e External) bool { return e.Name == name }):
				r.fail(item, fmt.Sprintf("%q stands twice in external.%s", name, kind), "delete one of the two")
			case kind == "secrets" && c.Secret(name) != nil:
				r.fail(item, fmt.Sprintf("%q is external, and a Secret of this file", name), "it either comes from elsewhere or is sealed here")
			default:
				*kinds[kind] = append(*kinds[kind], External{Name: name, Line: item.Line})
			}
		}
	}
}

// contractReader collects the errors of one file. object and key say where it is.
type contractReader struct {
	path        string
	object, key string
	errs        []error
}

func (r *contractReader) fail(n *yaml.Node, problem, fix string) {
	line := 0
	if n != nil {
		line = n.Line
	}
	r.errs = append(r.errs, &manifest.Error{Path: r.path, Line: line, Object: r.object, Key: r.key, Problem: problem, Fix: fix})
}

// parse returns the root node, or nil after an error.
func (r *contractReader) parse(data []byte) *yaml.Node {
	switch {
	case len(data) > maxContractSize:
		r.fail(nil, "the file is larger than 1 MiB", "")
		return nil
	case !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0:
		r.fail(nil, "the file is not UTF-8 text", "save it as UTF-8")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.fail(nil, "the file is empty", "write `secrets: []` when the application needs no Secret")
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		r.fail(nil, "more than one document", "put all Secrets into one list")
		return nil
	}
	return doc.Content[0]
}

// syntax turns "yaml: line 3: what" into an error of line 3.
func (r *contractReader) syntax(err error) {
	e := &manifest.Error{Path: r.path, Problem: "not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := regexp.MustCompile(`^yaml: line (\d+): (?s)(.*)$`).FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Problem = "not valid YAML: " + m[2]
	}
	r.errs = append(r.errs, e)
}

// mapping returns the values of a mapping by key; with allowed names it refuses all others.
func (r *contractReader) mapping(n *yaml.Node, what string, allowed ...string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		r.fail(n, what+" is not a mapping", "")
		return nil
	}
	out := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		_, twice := out[k.Value]
		switch {
		case k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str":
			r.fail(k, fmt.Sprintf("the key %q of %s is not a string", k.Value, what), "put it in quotes; merge keys and anchors are not read")
		case twice:
			r.fail(k, fmt.Sprintf("%q stands twice in %s", k.Value, what), "delete the one that is not meant")
		case len(allowed) > 0 && !slices.Contains(allowed, k.Value):
			r.fail(k, fmt.Sprintf("unknown field %q in %s", k.Value, what), "there are "+strings.Join(allowed, ", "))
		default:
			out[k.Value] = v
		}
	}
	return out
}

// text reads a string of 1 to limit bytes; a missing node gives "".
func (r *contractReader) text(n *yaml.Node, field string, limit int) string {
	switch {
	case n == nil:
		return ""
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str":
		r.fail(n, field+" is not a string", "put it in quotes; anchors are not read")
	case n.Value == "":
		r.fail(n, field+" is empty", "")
	case len(n.Value) > limit:
		r.fail(n, fmt.Sprintf("%s has %d bytes, at most %d are allowed", field, len(n.Value), limit), "")
	default:
		return n.Value
	}
	return ""
}

// number reads a whole number from low to high; a missing node gives the default.
func (r *contractReader) number(n *yaml.Node, field string, low, high, def int) int {
	if n == nil {
		return def
	}
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || v < low || v > high {
		r.fail(n, fmt.Sprintf("%s is not a whole number from %d to %d", field, low, high), "")
		return def
	}
	return v
}

func (r *contractReader) flag(n *yaml.Node, field string) bool {
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		r.fail(n, field+" is neither true nor false", "")
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

func (r *contractReader) secret(n *yaml.Node) SecretSpec {
	r.object = ""
	s := SecretSpec{Line: n.Line, Type: corev1.SecretTypeOpaque, Scope: ScopeStrict}
	f := r.mapping(n, "the Secret", "name", "namespace", "type", "scope", "labels", "annotations", "sealedAnnotations", "keys")
	if f == nil {
		return s
	}
	s.Name = r.named(f["name"], "name", validation.IsDNS1123Subdomain)
	if f["name"] == nil {
		r.fail(n, "the Secret has no name", "")
	}
	r.object = "Secret " + s.Name
	s.Namespace = r.named(f["namespace"], "namespace", validation.IsDNS1123Label)
	if v := r.text(f["type"], "type", maxWord); v != "" {
		s.Type = corev1.SecretType(v)
	}
	if v := r.text(f["scope"], "scope", maxWord); v != "" {
		s.Scope = Scope(v)
		if s.Scope != ScopeStrict && s.Scope.Annotation() == "" {
			r.fail(f["scope"], fmt.Sprintf("unknown scope %q", v), "there are strict, namespace-wide and cluster-wide")
		}
	}
	s.Labels = r.metadata(f["labels"], "labels", validation.IsValidLabelValue)
	s.Annotations = r.metadata(f["annotations"], "annotations", nil)
	s.SealedAnnotations = r.metadata(f["sealedAnnotations"], "sealedAnnotations", nil)
	if f["keys"] == nil {
		r.fail(n, "the Secret has no keys", "write `keys:` and below it each key with where its value comes from")
		return s
	}
	s.Keys = r.keys(f["keys"])
	r.checkType(n, &s)
	r.checkSources(&s)
	return s
}

func (r *contractReader) named(n *yaml.Node, field string, check func(string) []string) string {
	v := r.text(n, field, validation.DNS1123SubdomainMaxLength)
	if v != "" {
		if msgs := check(v); len(msgs) > 0 {
			r.fail(n, fmt.Sprintf("invalid %s %q: %s", field, v, msgs[0]), "")
		}
	}
	return v
}

// metadata reads labels or annotations; check, if any, judges a value.
func (r *contractReader) metadata(n *yaml.Node, field string, check func(string) []string) map[string]string {
	if n == nil {
		return nil
	}
	out := map[string]string{}
	for k, v := range r.mapping(n, field) {
		name := k
		if check == nil { // an annotation's name may have capitals anywhere
			name = strings.ToLower(k)
		}
		if msgs := validation.IsQualifiedName(name); len(msgs) > 0 {
			r.fail(v, fmt.Sprintf("invalid name %q in %s: %s", k, field, msgs[0]), "")
		}
		if k == ScopeNamespace.Annotation() || k == ScopeCluster.Annotation() {
			r.fail(v, fmt.Sprintf("%q in %s", k, field), "use the field `scope`")
		}
		switch {
		case v.Kind != yaml.ScalarNode || v.ShortTag() != "!!str":
			r.fail(v, fmt.Sprintf("%q in %s is not a string", k, field), "put it in quotes")
		case check != nil && len(check(v.Value)) > 0:
			r.fail(v, fmt.Sprintf("invalid value of %q in %s: %s", k, field, check(v.Value)[0]), "")
		}
		out[k] = v.Value
	}
	return out
}

func (r *contractReader) keys(n *yaml.Node) []KeySpec {
	fields := r.mapping(n, "keys")
	var out []KeySpec
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if fields[k.Value] != v { // refused, or the second of two
			continue
		}
		r.key = k.Value
		if msgs := validation.IsConfigMapKey(k.Value); len(msgs) > 0 {
			r.fail(k, "invalid key: "+msgs[0], "")
		}
		out = append(out, r.keySpec(k, v))
		r.key = ""
	}
	if fields != nil && len(n.Content) == 0 {
		r.fail(n, "the Secret has no keys", "")
	}
	return out
}
