package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Kept is what Redact puts in a value's place.
func Kept(value []byte) string {
	n, unit := utf8.RuneCount(value), "character"
	if !utf8.Valid(value) {
		n, unit = len(value), "byte"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("<kept: %d %s>", n, unit)
}

// IsKept reports whether a value is what Kept makes, of whatever length.
func IsKept(value string) bool { return kept.MatchString(value) }

var kept = regexp.MustCompile(`^<kept: \d+ (character|byte)s?>$`)

// Redact returns a file of Secrets with Kept in the place of every value that hide
// asks for. Comments, order and all the rest stay, but for keys that stand in
// braces, which get lines of their own. What cannot be shown this way (a List,
// anchors, merge keys) is an error.
func Redact(path string, src []byte, hide func(s *Secret, it *Item) bool) ([]byte, error) {
	secrets, err := ReadSecrets(path, src)
	if err != nil {
		return nil, err
	}
	out, err := inLines(path, src)
	if err != nil {
		return nil, err
	}
	docs, err := documents(path, out)
	if err != nil {
		return nil, err
	}
	for i := range docs {
		s := secretOf(secrets, docs[i].index)
		var edits []Edit
		for _, e := range docs[i].entries() {
			if it := s.Item(e.key); it != nil && hide(s, it) {
				edits = append(edits, Edit{Path: []string{e.field, e.key}, Value: Kept(it.Value)})
			}
		}
		if out, err = EditDocument(out, docs[i].index, edits); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return out, nil
}

func secretOf(secrets []Secret, document int) *Secret {
	for i := range secrets {
		if secrets[i].Document == document {
			return &secrets[i]
		}
	}
	return &Secret{}
}

// value is one entry of data or stringData.
type valueEntry struct {
	field, key string
	k, v       *yaml.Node
}

// entries are all entries of data and stringData, in the file's order.
func (d *document) entries() []valueEntry {
	var out []valueEntry
	for _, field := range []string{"data", "stringData"} {
		m := lookup(d.root, field)
		if m == nil || m.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i < len(m.Content); i += 2 {
			out = append(out, valueEntry{field, m.Content[i].Value, m.Content[i], m.Content[i+1]})
		}
	}
	slices.SortStableFunc(out, func(a, b valueEntry) int { return a.k.Line - b.k.Line })
	return out
}

// inLines gives every key of data and stringData a line of its own.
func inLines(path string, src []byte) ([]byte, error) {
	docs, err := documents(path, src)
	if err != nil {
		return nil, err
	}
	mark, out := cutMark(src)
	for _, d := range slices.Backward(docs) {
		if problem := d.odd(); problem != "" {
			return nil, &Error{Path: path, Line: d.line, Problem: problem + ", so its values cannot be hidden", Fix: "`-plain` shows the file as it is"}
		}
		text, err := d.unfold()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = slices.Concat(out[:d.offset], text, out[d.offset+len(d.data):])
	}
	return slices.Concat(mark, out), nil
}

// odd says why the document's values have no lines of their own.
func (d *document) odd() string {
	switch {
	case d.root == nil:
		return "this is JSON that YAML does not understand"
	case lookup(d.root, "items") != nil:
		return "this is a List"
	case references(d.root):
		return "it has anchors, aliases or merge keys"
	}
	return ""
}

func references(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" || n.Tag == "!!merge" || slices.ContainsFunc(n.Content, references)
}

// unfold writes data and stringData in block style where they stand in braces.
func (d *document) unfold() ([]byte, error) {
	text := d.data
	for _, field := range []string{"stringData", "data"} {
		k, v := entry(d.root, field)
		if k == nil || v.Kind != yaml.MappingNode || v.Style&yaml.FlowStyle == 0 || d.root.Style&yaml.FlowStyle != 0 {
			continue
		}
		edits := []Edit{{Path: []string{field}, Delete: true}}
		for i := 0; i < len(v.Content); i += 2 {
			edits = append(edits, Edit{Path: []string{field, v.Content[i].Value}, Value: v.Content[i+1].Value})
		}
		var err error
		if text, err = EditDocument(text, 1, edits); err != nil {
			return nil, err
		}
	}
	return text, nil
}

// Restore puts the values of src back where an edited copy of what Redact made of it
// still has Kept in their place, as they stood there, byte for byte. Errors are
// *Error with the line of the edited text; none quotes it.
func Restore(path string, src, edited []byte) ([]byte, error) {
	r := restorer{path: path}
	if err := r.read(src, edited); err != nil {
		return nil, err
	}
	out, err := r.restore(edited)
	if err != nil {
		return nil, err
	}
	secrets, err := ReadSecrets(path, out)
	if err != nil {
		return nil, WithoutLines(err)
	}
	return out, r.prove(secrets)
}

// restorer holds the old file, its redacted copy and the edited copy side by side.
type restorer struct {
	path            string
	old, view, docs []document
	before          []Secret
	back            []valueBack
}

// valueBack is one value to put back.
type valueBack struct {
	doc  *document // of the edited text
	at   valueEntry
	old  valueEntry
	src  *document // of the old file
	view *document
	item Item
}

func (r *restorer) read(src, edited []byte) error {
	var err error
	if r.before, err = ReadSecrets(r.path, src); err != nil {
		return err
	}
	if src, err = inLines(r.path, src); err != nil {
		return err
	}
	view, err := Redact(r.path, src, func(*Secret, *Item) bool { return true })
	if err != nil {
		return err
	}
	for _, f := range []struct {
		docs *[]document
		data []byte
	}{{&r.old, src}, {&r.view, view}, {&r.docs, edited}} {
		if *f.docs, err = documents(r.path, f.data); err != nil {
			return err
		}
	}
	return r.find(edited)
}

// find looks for the values to put back, and checks all the rest with something
// valid in their place: lines are then the edited text's.
func (r *restorer) find(edited []byte) error {
	var errs []error
	stand := edited
	for i := range r.docs {
		d := &r.docs[i]
		var edits []Edit
		for _, e := range d.entries() {
			if resolve(e.v).Kind != yaml.ScalarNode || !IsKept(resolve(e.v).Value) {
				continue
			}
			b, err := r.match(d, e)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			r.back = append(r.back, b)
			edits = append(edits, Edit{Path: []string{e.field, e.key}, Value: stands(e.field)})
		}
		var err error
		if stand, err = EditDocument(stand, d.index, edits); err != nil {
			return &Error{Path: r.path, Line: d.line, Problem: err.Error()}
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	_, err := ReadSecrets(r.path, stand)
	return err
}

// stands is something that the reader takes for a value yet to come.
func stands(field string) string {
	if field == "data" {
		return base64.StdEncoding.EncodeToString([]byte(Placeholder))
	}
	return Placeholder
}

// match finds the old value of an entry: in the Secret of that name or, where the
// name was changed, in the one at that place of the file.
func (r *restorer) match(d *document, e valueEntry) (valueBack, error) {
	at := slices.IndexFunc(r.old, func(o document) bool { return objectName(o.root) == objectName(d.root) })
	if at < 0 && d.index <= len(r.old) && !slices.ContainsFunc(r.docs, func(o document) bool { return objectName(o.root) == objectName(r.old[d.index-1].root) }) {
		at = d.index - 1
	}
	if at >= 0 {
		o := &r.old[at]
		entries := o.entries()
		i := slices.IndexFunc(entries, func(x valueEntry) bool { return x.field == e.field && x.key == e.key })
		it := secretOf(r.before, o.index).Item(e.key)
		if i >= 0 && it != nil {
			return valueBack{doc: d, at: e, old: entries[i], src: o, view: &r.view[at], item: *it}, nil
		}
	}
	return valueBack{}, &Error{Path: r.path, Line: d.at(e.k), Object: objectName(d.root), Key: e.key,
		Problem: "what stands for a kept value has come to a place that had none", Fix: "type the value; a key is renamed or moved with -plain"}
}

// restore puts the old lines back, the last ones first so that the places of the others stay.
func (r *restorer) restore(edited []byte) ([]byte, error) {
	mark, out := cutMark(edited)
	var odd []valueBack
	for _, b := range slices.Backward(r.back) {
		lines := slices.Collect(bytes.Lines(b.doc.data))
		from, to := extent(lines, b.at.k)
		shown := slices.Collect(bytes.Lines(b.view.data))
		k, _ := entry(lookup(b.view.root, b.old.field), b.old.key)
		if k == nil || b.doc.root.Style&yaml.FlowStyle != 0 {
			odd = append(odd, b)
			continue
		}
		a, z := extent(shown, k)
		if !bytes.Equal(bytes.Join(lines[from:to], nil), bytes.Join(shown[a:z], nil)) {
			odd = append(odd, b)
			continue
		}
		source := slices.Collect(bytes.Lines(b.src.data))
		a, z = extent(source, b.old.k)
		start := b.doc.offset + len(bytes.Join(lines[:from], nil))
		end := start + len(bytes.Join(lines[from:to], nil))
		out = slices.Concat(out[:start], bytes.Join(source[a:z], nil), out[end:])
	}
	out = slices.Concat(mark, out)
	for _, b := range odd {
		var err error
		e := Edit{Path: []string{b.at.field, b.at.key}, Value: resolve(b.old.v).Value}
		if out, err = EditDocument(out, b.doc.index, []Edit{e}); err != nil {
			return nil, fmt.Errorf("%s: %w", r.path, err)
		}
	}
	return out, nil
}

// prove holds every value that was put back against the old one.
func (r *restorer) prove(after []Secret) error {
	for _, b := range r.back {
		if it := secretOf(after, b.doc.index).Item(b.at.key); it == nil || !bytes.Equal(it.Value, b.item.Value) {
			return &Error{Path: r.path, Line: b.doc.at(b.at.k), Key: b.at.key, Problem: "the value cannot be put back", Fix: "edit the file with -plain"}
		}
	}
	for i := range after {
		for _, it := range after[i].Items {
			if IsKept(string(it.Value)) {
				return after[i].Errorf(it.Key, "type the value", "this stands for a kept value, and there is none")
			}
		}
	}
	return nil
}

// WithoutLines takes the lines out of errors about a text that nobody has seen.
func WithoutLines(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range many.Unwrap() {
			errs = append(errs, WithoutLines(e))
		}
		return errors.Join(errs...)
	}
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	there := *e
	there.Line = 0
	return &there
}

// Uncommented is a text without the lines that begin with a mark.
func Uncommented(text []byte, mark string) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		if !strings.HasPrefix(string(line), mark) {
			out = append(out, line...)
		}
	}
	return out
}
