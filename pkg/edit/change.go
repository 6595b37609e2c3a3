package edit

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Change is the new content of a file, and what becomes of the keys in it.
type Change struct {
	Place   *Place
	Data    []byte            // the new content; nil when nothing changes
	Secrets []manifest.Secret // what stands in it
	Entries []report.Entry    // per action, with the keys
	Changed []repo.Ref        // keys that have another value now
}

// Value is a value for a key. Never print it.
type Value struct {
	Key  string
	Data []byte
}

// Metadata is what a new Secret gets besides its values where no contract says it.
type Metadata struct {
	Type        corev1.SecretType
	Labels      map[string]string
	Annotations map[string]string
}

// Options say how far Set may go.
type Options struct {
	New   bool // keys that neither the file nor the contract has
	Force bool // replace values that are there: Import alone asks for it
	// Import takes over what exists elsewhere: computed keys, too, and immutable ones
	// that have no value here.
	Import   bool
	Metadata Metadata // of a Secret that is not there yet
}

// Set gives keys a value, all or none. A value that the contract computes or fixes is
// refused, and so is another value for an immutable key.
func (p *Place) Set(values []Value, o Options) (*Change, error) {
	var errs []error
	count := map[report.Action][]string{}
	edits := make([]manifest.Edit, 0, 2*len(values))
	for _, v := range values {
		action, err := p.judge(v, o)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		count[action] = append(count[action], v.Key)
		if action != report.Unchanged {
			edits = append(edits, p.write(v)...)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	c := &Change{Place: p}
	for _, a := range []report.Action{report.Create, report.Update, report.Unchanged} {
		c.add(a, count[a])
	}
	if len(edits) == 0 {
		return c, nil
	}
	data, document := p.Base, 1
	if p.Secret == nil {
		data, edits = p.header(), append(p.metadata(o.Metadata), edits...)
	} else {
		document = p.Secret.Document
	}
	data, err := manifest.EditDocument(data, document, edits)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	return c, c.finish(data, values)
}

// Check refuses a key that Set would refuse whatever the value: before somebody is
// asked to type one.
func (p *Place) Check(key string, o Options) error {
	_, err := p.judge(Value{Key: key, Data: []byte{0}}, o)
	return err
}

// judge says what setting a key does.
func (p *Place) judge(v Value, o Options) (report.Action, error) {
	have, rule := p.value(v.Key), p.rule(v.Key)
	if have == nil && rule == nil && !o.New {
		return "", &UnknownError{Application: p.App.Name, Name: p.Name, Key: v.Key, Known: p.keys()}
	}
	if err := p.possible(v); err != nil {
		return "", err
	}
	switch {
	case have != nil && bytes.Equal(have, v.Data):
		return report.Unchanged, nil
	case rule != nil && !o.Import && rule.Kind == repo.KindValue:
		return "", p.errorf(v.Key, "change it there", "the value is fixed in %s:%d", p.App.Contract.Path, rule.Line)
	case rule != nil && !o.Import && computed(rule):
		return "", p.errorf(v.Key, "set that, and this one follows", "the value is made of %s (%s:%d)", sources(rule), p.App.Contract.Path, rule.Line)
	case have == nil || manifest.IsPlaceholder(have):
		return report.Create, nil
	case rule != nil && rule.Immutable:
		return "", p.errorf(v.Key, "what was made with the old value would be lost; whoever still wants a new one removes the key from the plaintext file by hand",
			"immutable (%s:%d)", p.App.Contract.Path, rule.Line)
	case o.Import && !o.Force:
		return "", p.errorf(v.Key, "-force takes the other one; -dryRun shows what it would do", "there is another value here already")
	}
	return report.Update, nil
}

// possible refuses what sealing would refuse.
func (p *Place) possible(v Value) error {
	switch {
	case len(v.Data) == 0:
		return p.given(v.Key, "type it, or pipe it in: mage secrets:set %[1]s %[2]s %[3]s < FILE", "the value that was given is empty")
	case manifest.IsPlaceholder(v.Data), manifest.IsKept(string(v.Data)):
		return p.given(v.Key, "give the real one: mage secrets:set %[1]s %[2]s %[3]s", "the value that was given is a placeholder")
	case len(v.Data) > corev1.MaxSecretSize:
		return p.given(v.Key, "", "the value that was given has %d bytes, a Secret holds at most 1 MiB", len(v.Data))
	}
	return nil
}

// given is an error about a value that is not in the file: it names no line of it.
func (p *Place) given(key, fix, format string, args ...any) error {
	if fix != "" {
		fix = fmt.Sprintf(fix, p.App.Name, p.Name, key)
	}
	return &manifest.Error{Path: p.Path, Object: p.Object(), Key: key, Problem: fmt.Sprintf(format, args...), Fix: fix}
}

func computed(k *repo.KeySpec) bool { return k.Kind == repo.KindLink || len(k.Sources()) > 0 }

// sources names what a key is computed from.
func sources(k *repo.KeySpec) string {
	if k.Kind == repo.KindLink {
		return k.Link.String()
	}
	return strings.Join(k.Sources(), ", ")
}

// write is the value as text or, when it is none, as bytes.
func (p *Place) write(v Value) []manifest.Edit {
	var out []manifest.Edit
	field, other, text := "stringData", "data", string(v.Data)
	if !utf8.Valid(v.Data) || bytes.ContainsRune(v.Data, 0) {
		field, other, text = other, field, encode(v.Data)
	}
	if p.Secret != nil && p.Secret.Item(v.Key) != nil {
		out = append(out, manifest.Edit{Path: []string{other, v.Key}, Delete: true})
	}
	return append(out, manifest.Edit{Path: []string{field, v.Key}, Value: text})
}

// header begins a new file.
func (p *Place) header() []byte {
	text := fmt.Sprintf("# Plaintext of the Secret %s/%s. It stays out of Git.\n", p.Namespace, p.Name)
	if p.Spec != nil {
		text += fmt.Sprintf("# Where each value comes from: %s.\n", p.App.Contract.Path)
	}
	return []byte(text + "apiVersion: v1\nkind: Secret\n")
}

// metadata is what stands before the values in a new file.
func (p *Place) metadata(m Metadata) []manifest.Edit {
	if p.Spec != nil {
		m = Metadata{Type: p.Spec.Type, Labels: p.Spec.Labels, Annotations: maps.Clone(p.Spec.Annotations)}
		if a := p.Spec.Scope.Annotation(); a != "" {
			if m.Annotations == nil {
				m.Annotations = map[string]string{}
			}
			m.Annotations[a] = "true"
		}
	}
	if m.Type == "" {
		m.Type = corev1.SecretTypeOpaque
	}
	edits := []manifest.Edit{{Path: []string{"metadata", "name"}, Value: p.Name}, {Path: []string{"metadata", "namespace"}, Value: p.Namespace}}
	for _, k := range slices.Sorted(maps.Keys(m.Labels)) {
		edits = append(edits, manifest.Edit{Path: []string{"metadata", "labels", k}, Value: m.Labels[k]})
	}
	for _, k := range slices.Sorted(maps.Keys(m.Annotations)) {
		edits = append(edits, manifest.Edit{Path: []string{"metadata", "annotations", k}, Value: m.Annotations[k]})
	}
	return append(edits, manifest.Edit{Path: []string{"type"}, Value: string(m.Type)})
}

func (c *Change) add(a report.Action, keys []string) {
	if len(keys) == 0 {
		return
	}
	slices.Sort(keys)
	p := c.Place
	e := report.Entry{Action: a, Application: p.App.Name, Namespace: p.Namespace, Name: p.Name, Path: p.Path, Keys: keys}
	if len(keys) == 1 && p.Secret != nil {
		if it := p.Secret.Item(keys[0]); it != nil {
			e.Line = it.Line
		}
	}
	c.Entries = append(c.Entries, e)
}

// finish reads what was made, and proves that it is what was meant: every value of
// before, but for those that were set.
func (c *Change) finish(data []byte, values []Value) error {
	p := c.Place
	after, err := manifest.ReadSecrets(p.Path, data)
	if err != nil {
		return err
	}
	want := map[string]string{}
	if p.Secret != nil {
		for _, it := range p.Secret.Items {
			want[it.Key] = string(it.Value)
		}
	}
	for _, v := range values {
		if string(v.Data) != want[v.Key] {
			c.Changed = append(c.Changed, p.Ref(v.Key))
		}
		want[v.Key] = string(v.Data)
	}
	if !maps.Equal(want, valuesOf(after, p.Namespace, p.Name)) || !p.others(after) {
		return p.errorf("", "give the Secret a file of its own, or edit it by hand", "the file cannot be edited in place")
	}
	c.Data, c.Secrets = data, after
	return nil
}

// others holds the other Secrets of the file against those of before.
func (p *Place) others(after []manifest.Secret) bool {
	n := 1
	for i := range p.App.Secrets {
		s := &p.App.Secrets[i]
		if s.Path != p.Path || s == p.Secret {
			continue
		}
		n++
		if !maps.Equal(valuesOf([]manifest.Secret{*s}, s.Namespace, s.Name), valuesOf(after, s.Namespace, s.Name)) {
			return false
		}
	}
	return n == len(after)
}

func valuesOf(list []manifest.Secret, namespace, name string) map[string]string {
	out := map[string]string{}
	for _, s := range list {
		if s.Namespace == namespace && s.Name == name {
			for _, it := range s.Items {
				out[it.Key] = string(it.Value)
			}
		}
	}
	return out
}

// Replace is what stands in for the application's Secrets once the change is made.
func (c *Change) Replace() []manifest.Secret {
	if c.Data == nil {
		return c.Place.App.Secrets
	}
	var out []manifest.Secret
	for _, s := range c.Place.App.Secrets {
		if s.Path != c.Place.Path {
			out = append(out, s)
		}
	}
	return append(out, c.Secrets...)
}
