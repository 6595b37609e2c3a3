package chart

import (
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
		for _, f := range files {
			if f.Name == name {
				out = append(out, valueFile{name, nodes(string(f.Data))})
			}
		}
	}
	slices.Reverse(out)
	return out
}

// Locate finds where a name that a template renders is written: in the template, in the
// files of values, else in a helper. Words are compared as a whole: "web" is not found
// in "web-config".
func (r *Rendered) Locate(path, text string) (Position, bool) {
	if text == "" {
		return Position{}, false
	}
	for _, s := range r.byPath(path) {
		for i, line := range s.text {
			if holds(line, text) {
				return Position{Path: path, Line: i + 1, Literal: true}, true
			}
		}
	}
	return r.elsewhere(text)
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
	rendered := o.made.first + n.Line - 1
	if p, ok := o.made.source.word(rendered, text); ok {
		return p, true
	}
	if p, ok := r.behind(o.made.source, rendered, text); ok {
		return p, true
	}
	if line := o.made.source.exact(rendered); line > 0 {
		return Position{Path: o.Path, Line: line}, true
	}
	return Position{}, false
}

// behind looks for a text in what the actions of a rendered line take it from.
func (r *Rendered) behind(s *source, rendered int, text string) (Position, bool) {
	places := s.at(rendered)
	if len(places) == 0 {
		return r.elsewhere(text)
	}
	open := false // an action takes it from a variable, or the like
	for _, place := range places {
		from := s.all[place.file]
		for _, action := range actions(from.text[place.line-1]) {
			for _, m := range valuePath.FindAllStringSubmatch(action, -1) {
				if p, ok := r.value(from.path, m[1][1:], text); ok {
					return p, true
				}
			}
			open = open || !builtIn.MatchString(action) && !valuePath.MatchString(action)
		}
	}
	if open || places[0].file != s.file {
		return r.elsewhere(text)
	}
	return Position{}, false
}

// builtIn is an action that takes from a release or a chart, which no value is.
var builtIn = regexp.MustCompile(`\.(Release|Chart|Template|Capabilities)\.`)

// value finds a text as the value at a path, or below it, that a template asks for.
func (r *Rendered) value(template, key, text string) (Position, bool) {
	prefix, own := "", valuesFile
	for rest := template; strings.HasPrefix(rest, "charts/"); {
		name, below, _ := strings.Cut(strings.TrimPrefix(rest, "charts/"), "/")
		prefix, rest = prefix+name+".", below
		own = strings.TrimSuffix(template, below) + valuesFile
	}
	for _, v := range r.values {
		if n := find(v.root, prefix+key); n != nil {
			if p, ok := findValue(n, text, prefix+key); ok {
				p.Path = v.name
				return p, true
			}
		}
	}
	for _, f := range r.files {
		if prefix == "" || f.Name != own {
			continue
		}
		if n := find(nodes(string(f.Data)), key); n != nil {
			if p, ok := findValue(n, text, key); ok {
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
func (r *Rendered) elsewhere(text string) (Position, bool) {
	for _, v := range r.values {
		if p, ok := findValue(v.root, text, ""); ok {
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
			p, ok := findValue(nodes(string(f.Data)), text, "")
			p.Path = chartFile
			return p, ok
		}
	}
	return Position{}, false
}

// byPath are the templates of a path; an aliased subchart has several.
func (r *Rendered) byPath(path string) []*source {
	var out []*source
	for _, s := range r.sources {
		if s.path == path {
			return append(out, s)
		}
	}
	return out
}

// findValue finds the value that is this text.
func findValue(n *yaml.Node, text, path string) (Position, bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Value == text {
			return Position{Line: n.Line, Key: path, Literal: true}, true
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if p, ok := findValue(n.Content[i+1], text, join(path, n.Content[i].Value)); ok {
				return p, true
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if p, ok := findValue(item, text, path); ok {
				return p, true
			}
		}
	}
	return Position{}, false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

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
