package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// Edit sets or deletes one string at a path of mapping keys.
type Edit struct {
	Path   []string
	Value  string
	Plain  bool // write without quotes and let YAML say what it is: for true and false, and for ciphertext
	Bare   bool // write the string as Marshal does, without quotes where it needs none
	Delete bool // remove the key; the value is not used
}

// EditDocument applies edits to one document (counted from 1) of a YAML or JSON
// file and leaves every other byte alone: comments, order, blank lines and line
// ends stay. Mappings on the way that are missing are created, new keys go to
// the end of their mapping. A document in flow style or JSON is written anew.
func EditDocument(src []byte, doc int, edits []Edit) ([]byte, error) {
	docs, err := documents("document", src)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(docs, func(d document) bool { return d.index == doc })
	if i < 0 {
		return nil, fmt.Errorf("document %d: not found, the file has %d", doc, len(docs))
	}
	mark, src := cutMark(src)
	d := docs[i]
	want, err := expected(d.json, edits)
	if err != nil {
		return nil, err
	}
	edited := d.data
	for _, e := range edits {
		if edited, err = splice(edited, e); err != nil {
			break
		}
	}
	if err != nil || !means(edited, want) {
		if edited, err = rewrite(d, want); err != nil {
			return nil, err
		}
	}
	if bytes.HasSuffix(d.data, []byte("\n")) && !bytes.HasSuffix(edited, []byte("\n")) {
		edited = append(edited, '\n')
	}
	return slices.Concat(mark, src[:d.offset], edited, src[d.offset+len(d.data):]), nil
}

// cutMark separates a byte order mark from the text.
func cutMark(src []byte) (mark, rest []byte) {
	const bom = "\xef\xbb\xbf"
	if bytes.HasPrefix(src, []byte(bom)) {
		return src[:len(bom)], src[len(bom):]
	}
	return nil, src
}

// DeleteDocument removes one document (counted from 1) of a YAML file together
// with its separator.
func DeleteDocument(src []byte, doc int) ([]byte, error) {
	mark, src := cutMark(src)
	docs := split(src)
	if doc < 1 || doc > len(docs) || len(docs) == 1 {
		return nil, fmt.Errorf("document %d: cannot be removed, the file has %d", doc, len(docs))
	}
	from, to := docs[doc-1].offset, len(src)
	if doc < len(docs) { // up to and with the separator behind it
		to = docs[doc].offset
	} else { // the last one goes with the separator before it
		from = docs[doc-2].offset + len(docs[doc-2].data)
	}
	return slices.Concat(mark, src[:from], src[to:]), nil
}

// CountDocuments is the number of objects in a YAML or JSON file: documents that
// hold more than comments, and the items of a List.
func CountDocuments(src []byte) (int, error) {
	docs, err := documents("document", src)
	n := 0
	for i := range docs {
		n += len(docs[i].objects())
	}
	return n, err
}

// expected is the document's content after the edits.
func expected(doc []byte, edits []Edit) (map[string]any, error) {
	var root map[string]any
	if err := json.Unmarshal(doc, &root); err != nil || root == nil {
		return nil, fmt.Errorf("edit: the document is not a mapping")
	}
	for _, e := range edits {
		m := root
		for _, key := range e.Path[:len(e.Path)-1] {
			child, ok := m[key].(map[string]any)
			if !ok {
				if m[key] != nil {
					return nil, fmt.Errorf("edit: %s is not a mapping", strings.Join(e.Path, "."))
				}
				child = map[string]any{}
				m[key] = child
			}
			m = child
		}
		switch last := e.Path[len(e.Path)-1]; {
		case e.Delete:
			delete(m, last)
		case e.Plain:
			var v any
			if err := sigsyaml.Unmarshal([]byte(e.Value), &v); err != nil {
				return nil, fmt.Errorf("edit: %s: the text cannot stand without quotes", strings.Join(e.Path, "."))
			}
			m[last] = v
		default:
			m[last] = e.Value
		}
	}
	return root, nil
}

// means reports whether the text says what is wanted; an empty mapping and none are the same.
func means(text []byte, want map[string]any) bool {
	var got map[string]any
	docs, err := documents("edit", text)
	if err != nil || len(docs) != 1 || json.Unmarshal(docs[0].json, &got) != nil {
		return false
	}
	return reflect.DeepEqual(prune(got), prune(want))
}

func prune(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for k, e := range m {
		if p := prune(e); p != nil && !reflect.DeepEqual(p, map[string]any{}) {
			out[k] = p
		}
	}
	return out
}

// rewrite is the way for documents that cannot be spliced.
func rewrite(d document, want map[string]any) ([]byte, error) {
	if d.root == nil || bytes.HasPrefix(bytes.TrimSpace(d.data), []byte("{")) {
		out, err := json.MarshalIndent(want, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("edit: %w", err)
		}
		return unprintable.ReplaceAllFunc(out, escape), nil
	}
	out, err := sigsyaml.Marshal(want)
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	return out, nil
}

// unprintable may stand in JSON and not in YAML (YAML 1.1, section 5.1).
var unprintable = regexp.MustCompile("[\x7f-\u009f\ufeff\ufffe\uffff]")

func escape(char []byte) []byte {
	r, _ := utf8.DecodeRune(char)
	return fmt.Appendf(nil, `\u%04x`, r)
}

// splice applies one edit to a document in block style, line by line.
func splice(src []byte, e Edit) ([]byte, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(src, &node); err != nil || len(node.Content) != 1 || oddBreaks.Match(src) {
		return nil, errFlow
	}
	lines := slices.Collect(bytes.Lines(src))
	eol := "\n"
	if len(lines) > 0 && bytes.HasSuffix(lines[0], []byte("\r\n")) {
		eol = "\r\n"
	}
	parent, depth := node.Content[0], 0
	for ; depth < len(e.Path); depth++ {
		if parent.Kind != yaml.MappingNode || parent.Style&yaml.FlowStyle != 0 || len(parent.Content) == 0 {
			return nil, errFlow
		}
		k, v := entry(parent, e.Path[depth])
		if k == nil {
			break
		}
		if last := depth == len(e.Path)-1; last || emptyMapping(v) {
			from, to := extent(lines, k)
			var text string
			if !last || !e.Delete {
				text = e.text(depth, k.Column-1, eol, comment(k, v, last))
			}
			return join(lines[:from], text, lines[to:]), nil
		}
		parent = v
	}
	if e.Delete {
		return src, nil
	}
	lastKey := parent.Content[len(parent.Content)-2]
	_, to := extent(lines, lastKey)
	if n := len(lines[to-1]); lines[to-1][n-1] != '\n' {
		lines[to-1] = append(slices.Clone(lines[to-1]), eol...)
	}
	return join(lines[:to], e.text(depth, lastKey.Column-1, eol, ""), lines[to:]), nil
}

// oddBreaks end a line in YAML 1.1 and in no editor; lines are counted without them.
var oddBreaks = regexp.MustCompile("\r[^\n]|\r$|[\u0085\u2028\u2029]")

var errFlow = fmt.Errorf("edit: not in block style")

func emptyMapping(n *yaml.Node) bool {
	return n.Tag == "!!null" || n.Kind == yaml.MappingNode && len(n.Content) == 0
}

// comment is the remark that stands behind the value on the same line.
func comment(k, v *yaml.Node, last bool) string {
	if last && v.LineComment != "" && !strings.Contains(v.LineComment, "\n") {
		return v.LineComment
	}
	return k.LineComment
}

// extent is the half-open range of lines that a key and its value take: up to
// the next line that is indented no deeper, without trailing blank lines.
func extent(lines [][]byte, k *yaml.Node) (from, to int) {
	from = k.Line - 1
	to = from + 1
	for i := to; i < len(lines); i++ {
		line := bytes.TrimRight(lines[i], " \t\r\n")
		if len(line) == 0 {
			continue
		}
		if len(line)-len(bytes.TrimLeft(line, " ")) < k.Column {
			break
		}
		to = i + 1
	}
	return from, to
}

// text writes the rest of the path from depth on and the value, each line
// indented by at least indent blanks.
func (e Edit) text(depth, indent int, eol, remark string) string {
	var b strings.Builder
	for ; depth < len(e.Path)-1; depth++ {
		b.WriteString(strings.Repeat(" ", indent) + plainOrQuoted(e.Path[depth]) + ":" + eol)
		indent += 2
	}
	b.WriteString(strings.Repeat(" ", indent) + plainOrQuoted(e.Path[depth]) + ": ")
	value := e.Value
	switch {
	case e.Plain:
	case e.Bare:
		value = plainOrQuoted(value)
	default:
		value = quote(value, indent+2, eol)
	}
	b.WriteString(value)
	if remark != "" && !strings.Contains(value, "\n") {
		b.WriteString(" " + remark)
	}
	b.WriteString(eol)
	return b.String()
}

// quote writes a value so that it can be nothing but a string: text of several
// lines as a block scalar, everything else in double quotes.
func quote(s string, indent int, eol string) string {
	if block := strings.TrimSuffix(s, "\n"); eol == "\n" && strings.Contains(block, "\n") && blockSafe(block) {
		chomp := "|-"
		if block != s {
			chomp = "|"
		}
		pad := strings.Repeat(" ", indent)
		return chomp + "\n" + pad + strings.ReplaceAll(block, "\n", "\n"+pad)
	}
	return strconv.Quote(s) // Go's escapes are all YAML's too, and it escapes what YAML forbids
}

// blockSafe reports whether every line can stand in a block scalar unchanged.
func blockSafe(s string) bool {
	for line := range strings.SplitSeq(s, "\n") {
		if line == "" || line[0] == ' ' || line[len(line)-1] == ' ' || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			return false
		}
	}
	return true
}

// plain is a scalar without quotes.
func plain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

func join(before [][]byte, text string, after [][]byte) []byte {
	return slices.Concat(bytes.Join(before, nil), []byte(text), bytes.Join(after, nil))
}
