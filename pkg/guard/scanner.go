package guard

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"go.yaml.in/yaml/v3"
)

// scanner judges one file after the other. It holds nothing of them.
type scanner struct {
	values  []Value
	matcher *matcher
	forms   []form
}

func newScanner(values []Value) *scanner {
	return &scanner{values: values, matcher: newMatcher(values), forms: forms()}
}

// found is what one file holds.
type found struct {
	hits    []hit
	written []scalarText
	sources []source
}

// scalarText is a scalar that is not written as it is meant: folded, escaped, indented.
type scalarText struct {
	text string
	line int
}

// scan judges the content of a file, the first line first.
func (s *scanner) scan(name string, data []byte) found {
	text, ok := decode(data)
	if !ok && kindOf(name) == isManifest { // a stray NUL byte spoils one document at most
		text, ok = data, true
	}
	var f found
	if !ok { // no text: only a value of ours would be known again
		f.hits = s.known(data, nil)
		return f
	}
	if structured(name, text) {
		f = s.structure(text)
	}
	f.hits = apart(f.hits, s.known(text, f.written))
	f.hits = ordered(apart(f.hits, tokens(s.forms, text)))
	return f
}

// structure judges the documents of a text.
func (s *scanner) structure(text []byte) (f found) {
	if opening(text) < 0 {
		s.judge(text, nil, true, &f)
		return f
	}
	t := neutralise(text)
	s.judge(t.text, &t, true, &f)
	// Braces in a file that is no template hide nothing: where the text can be read
	// as it stands, that counts too.
	s.judge(text, nil, false, &f)
	return f
}

// judge reads a text; with rest, what no parser takes is read line by line.
func (s *scanner) judge(text []byte, t *template, rest bool, f *found) {
	chunks := eachDocument(text, func(d document) {
		w := walker{template: t, shift: d.line - 1, seen: map[*yaml.Node]bool{}}
		if s.matcher != nil {
			w.scalars = func(text string, line int) { f.written = append(f.written, scalarText{text, line}) }
		}
		w.document(d.root)
		f.hits, f.sources = append(f.hits, w.hits...), append(f.sources, w.sources...)
	})
	if !rest {
		return
	}
	for _, c := range chunks {
		w := walker{template: t}
		w.lines(c)
		f.hits = append(f.hits, w.hits...)
	}
}

// known finds the values of this machine, each once.
func (s *scanner) known(text []byte, written []scalarText) (hits []hit) {
	told := map[int]bool{}
	tell := func(line int, n needle) {
		if told[n.value] {
			return
		}
		told[n.value] = true
		v := s.values[n.value]
		hits = append(hits, hit{rule: RuleValue, line: line, end: line, object: v.Object, key: v.Key, message: "its value stands here" + n.form})
	}
	s.matcher.each(text, func(at int, n needle) { tell(1+bytes.Count(text[:at], []byte("\n")), n) })
	for _, w := range written {
		s.matcher.each([]byte(w.text), func(at int, n needle) { tell(w.line, n) })
		if strings.Contains(w.text, "\n") {
			s.matcher.eachBroken([]byte(w.text), func(_ int, n needle) { tell(w.line, n) })
		}
	}
	s.matcher.eachBroken(text, tell)
	return hits
}

// apart adds the hits that are not told of already, by one at the same place.
func apart(hits, more []hit) []hit {
	for _, h := range more {
		if !slices.ContainsFunc(hits, func(have hit) bool { return have.line <= h.line && h.line <= have.end }) {
			hits = append(hits, h)
		}
	}
	return hits
}

// ordered sorts hits, and drops those that two ways of reading found.
func ordered(hits []hit) []hit {
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.key, b.key), cmp.Compare(a.rule, b.rule))
	})
	return slices.CompactFunc(hits, func(a, b hit) bool {
		return a.line == b.line && a.key == b.key && a.rule == b.rule && (a.rule != RuleValue || a.object == b.object)
	})
}

// decode makes UTF-8 of a text; ok is false when the data is none.
func decode(data []byte) (text []byte, ok bool) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		return fromUTF16(data[2:], binary.LittleEndian), true
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return fromUTF16(data[2:], binary.BigEndian), true
	}
	if isBinary(data) {
		return nil, false
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	return data, true
}

func fromUTF16(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return bytes.ReplaceAll([]byte(string(utf16.Decode(units))), []byte("\r\n"), []byte("\n"))
}

// isBinary reports whether data is no text: Git's own rule.
func isBinary(data []byte) bool {
	return bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0
}

// manifests are the extensions of files that hold documents.
var manifests = regexp.MustCompile(`(?i)\.(ya?ml|json|jsonc|json5|tpl|tmpl|gotmpl|gotpl|j2|jinja2?|erb|k8s|manifest)([.~_-].*)?$`)

// prose are the extensions of files that show documents, and do not hold them:
// documentation, and the sources and test data of programs.
var prose = regexp.MustCompile(`(?i)\.(md|mdx|markdown|rst|adoc|asciidoc|org|html?|svg|css|scss|go|py|rb|js|mjs|cjs|jsx|ts|tsx|java|kt|kts|groovy|rs|c|h|cc|cpp|hpp|cs|php|pl|lua|scala|swift|dart|ex|exs|erl|hs|txtar|txtar\.tmpl|golden|snap|lock|sum|mod|patch|diff|rego|cue|proto|ipynb)$`)

// mayHold is what a text of another kind must have for a document to be in it.
var mayHold = regexp.MustCompile(`(?m)^[\s{,-]*["']?kind["']?\s*:.*Secret|secretGenerator\s*:|"kind"\s*:\s*"(?:Sealed)?Secret"`)

// kind is how a file is read.
type kind int

const (
	isOther    kind = iota // documents are looked for where there seems to be one
	isManifest             // every document counts
	isProse                // only tokens and values of this machine do
)

func kindOf(name string) kind {
	name = path.Base(name)
	switch {
	case prose.MatchString(name):
		return isProse
	case manifests.MatchString(name):
		return isManifest
	default:
		return isOther
	}
}

// structured reports whether a file's documents are to be judged.
func structured(name string, text []byte) bool {
	switch kindOf(name) {
	case isManifest:
		return maySay(text)
	case isOther:
		return mayHold.Match(text)
	default:
		return false
	}
}

func base64Any(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
}
