package chart

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Position is a place in a chart's files.
type Position struct {
	Path string // relative to the chart's folder
	Line int    // counted from 1; 0 when it is not known
	Key  string // in a file of values: the path of the value, for instance "config.name"
	// Literal says that the line holds the text as it is; else the line only makes it.
	Literal bool
}

// valueFile is one file of values, with its lines.
type valueFile struct {
	name string
	root *yaml.Node
}

// valueFiles are those that a chart is rendered with, the one that wins first.
func valueFiles(files []File, o Options) []valueFile {
	var out []valueFile
	for _, name := range append([]string{valuesFile}, o.ValueFiles...) {
		if data, ok := content(files, name); ok {
			out = append(out, valueFile{path.Clean(name), nodes(string(data))})
		}
	}
	slices.Reverse(out)
	return out
}

// Locate finds where a name that a template renders is written: in the template, in the
// files of values, else in a helper. Words are compared as a whole: "web" is not found
// in "web-config".
func (r *Rendered) Locate(file, text string) (Position, bool) {
	if text == "" {
		return Position{}, false
	}
	for _, s := range r.byPath(file) {
		for i, line := range s.text {
			if holds(line, text) {
				return Position{Path: file, Line: i + 1, Literal: true}, true
			}
		}
	}
	return r.elsewhere(nil, text)
}

// LocateIn is Locate for a name within one object: of several places in a template it
// is the one that made the object.
func (r *Rendered) LocateIn(o Object, text string) (Position, bool) {
	if o.made != nil && text != "" {
		for i := o.made.first; i <= o.made.last; i++ {
			if p, ok := o.made.source.word(i, text); ok {
				return p, true
			}
		}
	}
	return r.Locate(o.Path, text)
}

// LocateReference finds where the name of a reference is written. o is the object whose
// PodSpec has it, or the one of ObjectReferences.
func (r *Rendered) LocateReference(o Object, ref Reference) (Position, bool) {
	return r.LocateField(o, podField(o, ref.Field), ref.Name)
}

// LocateKey finds where the key of a reference is written.
func (r *Rendered) LocateKey(o Object, ref Reference) (Position, bool) {
	at := podField(o, ref.Field)
	if i := strings.LastIndexByte(at, '.'); i >= 0 {
		at = at[:i]
	}
	root := o.root()
	if n := find(root, at+".key"); n != nil && n.Value == ref.Key {
		return r.LocateField(o, at+".key", ref.Key)
	}
	if items := find(root, at+".items"); items != nil {
		for i := range items.Content {
			place := field(at, "items", i, "key")
			if n := find(root, place); n != nil && n.Value == ref.Key {
				return r.LocateField(o, place, ref.Key)
			}
		}
	}
	return r.LocateIn(o, ref.Key)
}

// LocateField finds where the text of one of the object's fields is written, for
// instance the field "spec.template.spec.serviceAccountName".
func (r *Rendered) LocateField(o Object, at, text string) (Position, bool) {
	n := find(o.root(), at)
	if n == nil || n.Line == 0 || text == "" {
		return r.LocateIn(o, text)
	}
	return r.locateNode(o, place{n, strings.Split(at, ".")}, text)
}

// LocateText finds where a text is written that one of the object's fields has, or that
// stands in the object otherwise. The text is a value, or a key and its value as they
// stand in a line: `memory: 2Gi`. With a field only fields are looked at whose place ends
// like that: "limits.memory".
func (r *Rendered) LocateText(o Object, field, text string) (Position, bool) {
	key, value := keyValue(text)
	for _, p := range places(o.root(), nil) {
		if p.node.Value != value || !strings.HasSuffix(p.last(), key) || !p.ends(field) {
			continue
		}
		if at, ok := r.locateNode(o, p, value); ok && at.Literal && holds(r.lineAt(at), text) {
			return at, true
		}
	}
	if field != "" {
		return Position{}, false
	}
	return r.LocateIn(o, text)
}

// locateNode finds where the text of a scalar is written.
func (r *Rendered) locateNode(o Object, p place, text string) (Position, bool) {
	rendered := o.made.first + p.node.Line - 1
	if at, ok := o.made.source.word(rendered, text); ok {
		return at, true
	}
	if at, ok := r.behind(o.made.source, rendered, p.keys, text); ok {
		return at, true
	}
	if line := o.made.source.exact(rendered); line > 0 {
		return Position{Path: o.Path, Line: line}, true
	}
	return Position{}, false
}

// lineAt is the text at a position.
func (r *Rendered) lineAt(p Position) string {
	data, _ := content(r.files, p.Path)
	lines := strings.Split(string(data), "\n")
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	return lines[p.Line-1]
}

// behind looks for a text in what the actions of a rendered line take it from.
func (r *Rendered) behind(s *source, rendered int, at []string, text string) (Position, bool) {
	spots := s.at(rendered)
	open := len(spots) == 0 // it may come from a variable, or the like
	if open {
		spots = s.around(rendered)
	}
	for _, p := range spots {
		from := s.all[p.file]
		if p.line > len(from.text) {
			continue
		}
		for _, action := range actions(from.text[p.line-1]) {
			for _, m := range valuePath.FindAllStringSubmatch(action, -1) {
				if p, ok := r.value(from, m[1][1:], at, text); ok {
					return p, true
				}
			}
			open = open || !builtIn.MatchString(action) && !valuePath.MatchString(action)
		}
	}
	if open || spots[0].file != s.file {
		return r.elsewhere(at, text)
	}
	return Position{}, false
}

// builtIn is an action that takes from a release or a chart, which no value is.
var builtIn = regexp.MustCompile(`\.(Release|Chart|Template|Capabilities)\.`)

// value finds a text as the value at a path, or below it, that a template asks for.
func (r *Rendered) value(from *source, key string, at []string, text string) (Position, bool) {
	for _, v := range r.values {
		if n := find(v.root, from.prefix+key); n != nil {
			if p, ok := findValue(n, text, from.prefix+key, at); ok {
				p.Path = v.name
				return p, true
			}
		}
	}
	own := path.Join(from.folder, valuesFile)
	for _, f := range r.files {
		if from.prefix == "" || f.Name != own {
			continue
		}
		if n := find(nodes(string(f.Data)), key); n != nil {
			if p, ok := findValue(n, text, key, at); ok {
				p.Path = own
				return p, true
			}
		}
	}
	return Position{}, false
}

// podField is the place of a Pod's field in the object that makes the Pod.
func podField(o Object, at string) string {
	path, ok := podPaths[o.Group+"/"+o.Kind]
	if !ok {
		return at
	}
	return strings.Join(append(slices.Clone(path), "spec", at), ".")
}

// root is the object with its lines.
func (o Object) root() *yaml.Node {
	if o.made == nil {
		return &yaml.Node{}
	}
	return o.made.root
}

// find follows a place through a document.
func find(n *yaml.Node, at string) *yaml.Node {
	for key := range strings.SplitSeq(at, ".") {
		if n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n == nil {
			return nil
		}
		if n.Kind != yaml.SequenceNode {
			n = child(n, key)
			continue
		}
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(n.Content) {
			return nil
		}
		n = n.Content[i]
	}
	return n
}

// elsewhere looks for a name in what a template takes names from.
func (r *Rendered) elsewhere(at []string, text string) (Position, bool) {
	for _, v := range r.values {
		if p, ok := findValue(v.root, text, "", at); ok {
			p.Path = v.name
			return p, true
		}
	}
	for _, f := range r.files {
		if !strings.HasPrefix(f.Name, "templates/") || !partial(f.Name) {
			continue
		}
		for i, line := range strings.Split(string(f.Data), "\n") {
			if holds(line, text) {
				return Position{Path: f.Name, Line: i + 1, Literal: true}, true
			}
		}
	}
	for _, f := range r.files {
		if f.Name == chartFile {
			if p, ok := findValue(nodes(string(f.Data)), text, "", at); ok {
				p.Path = chartFile
				return p, true
			}
		}
	}
	return Position{}, false
}

// byPath are the templates of a path; an aliased subchart has several.
func (r *Rendered) byPath(file string) []*source {
	var out []*source
	for _, s := range r.sources {
		if s.path == file {
			return append(out, s)
		}
	}
	return out
}

// findValue finds a value that is this text: of several the one whose path ends most
// like the field that it is for.
func findValue(n *yaml.Node, text, path string, at []string) (best Position, found bool) {
	most := -1
	for _, p := range places(n, nil) {
		if p.node.Value != text {
			continue
		}
		if like := alike(p.keys, at); like > most {
			most, found = like, true
			best = Position{Line: p.node.Line, Key: p.path(path), Literal: true}
		}
	}
	return best, found
}

// place is a scalar in a document, with the keys and indices that lead to it.
type place struct {
	node *yaml.Node
	keys []string
}

// places are all scalars below a node.
func places(n *yaml.Node, keys []string) []place {
	var out []place
	switch n.Kind {
	case yaml.ScalarNode:
		return []place{{n, slices.Clone(keys)}}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			out = append(out, places(n.Content[i+1], append(keys, n.Content[i].Value))...)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			out = append(out, places(item, append(keys, strconv.Itoa(i)))...)
		}
	}
	return out
}

// last is the key of the value itself.
func (p place) last() string {
	if k := names(p.keys); len(k) > 0 {
		return k[len(k)-1]
	}
	return ""
}

// path is that of the value, below another one, without indices.
func (p place) path(below string) string {
	return strings.TrimPrefix(strings.Join(append([]string{below}, names(p.keys)...), "."), ".")
}

// ends reports whether the place ends with the keys of a field.
func (p place) ends(field string) bool {
	return field == "" || strings.HasSuffix("."+strings.Join(names(p.keys), "."), "."+field)
}

// names are keys without indices.
func names(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return strings.Trim(k, "0123456789") == "" })
}

// alike counts the keys that two places have in common, from the end.
func alike(a, b []string) int {
	a, b = names(a), names(b)
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// keyValue takes a line of YAML apart; key is empty when the text is a value alone.
func keyValue(text string) (key, value string) {
	m := pair.FindStringSubmatch(text)
	if m == nil {
		return "", text
	}
	return m[1], strings.Trim(m[2], `"'`)
}

var pair = regexp.MustCompile(`^([A-Za-z0-9./_-]+): (\S.*)$`)

// holds reports whether a line has a word, and is not a comment as a whole.
func holds(line, word string) bool {
	trimmed := strings.TrimSpace(line)
	return !strings.HasPrefix(trimmed, "#") && !strings.HasPrefix(trimmed, "{{/*") && !strings.HasPrefix(trimmed, "{{- /*") && hasWord(line, word)
}

// hasWord reports whether a line has a word that is not part of a longer name.
func hasWord(line, word string) bool {
	for from := 0; ; {
		i := strings.Index(line[from:], word)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(word)
		if (i == 0 || !nameByte(line[i-1])) && (end == len(line) || !nameByte(line[end])) {
			return true
		}
		from = i + 1
	}
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}
