package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// document is one YAML or JSON document of a file.
type document struct {
	index  int // counted from 1 over all documents, empty ones included
	offset int // of its first byte in the file
	line   int // of its first byte, counted from 1
	data   []byte
	json   []byte     // the document as the API server would see it
	root   *yaml.Node // nil when only the JSON decoder could read it
}

const maxFileSize = 32 << 20 // 32 MiB: a folder of full Secrets, and no mistaken disk image

// text refuses what is not UTF-8 text and drops a byte order mark.
func text(path string, data []byte) ([]byte, error) {
	problem, fix := "", ""
	switch {
	case len(data) == 0:
		problem, fix = "the file is empty", "fill it in or delete it"
	case len(data) > maxFileSize:
		problem = "the file is larger than 32 MiB"
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		problem, fix = "the file is UTF-16", "save it as UTF-8"
	case bytes.IndexByte(data, 0) >= 0:
		problem, fix = "the file contains a NUL byte", "save it as UTF-8 text"
	case !utf8.Valid(data):
		problem, fix = "the file is not UTF-8", "save it as UTF-8; bytes that are no text go base64-encoded under data"
	}
	if problem != "" {
		return nil, &Error{Path: path, Problem: problem, Fix: fix}
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}

// documents splits a file and parses every document; empty ones are left out.
// One document that cannot be read fails the whole file.
func documents(path string, data []byte) ([]document, error) {
	data, err := text(path, data)
	if err != nil {
		return nil, err
	}
	if docs, ok := jsonDocuments(data); ok {
		return docs, nil
	}
	var out []document
	for _, d := range split(data) {
		if blank(d.data) {
			continue
		}
		if err := d.parse(path); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if len(out) == 0 {
		return nil, &Error{Path: path, Problem: "the file holds no document", Fix: "fill it in or delete it"}
	}
	return out, nil
}

// jsonDocuments reads a stream of JSON objects; ok is false when the data is no
// such stream, so that YAML gets its turn (as kubectl does).
func jsonDocuments(data []byte) (docs []document, ok bool) {
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return docs, len(docs) > 0
		}
		if err != nil {
			return nil, false
		}
		start := int(dec.InputOffset()) - len(raw)
		d := document{index: len(docs) + 1, offset: start, line: 1 + bytes.Count(data[:start], []byte("\n")), data: raw, json: raw}
		// A tab cannot stand inside a JSON string, so blanks in its place change
		// nothing but let the YAML parser find the positions.
		var node yaml.Node
		if yaml.Unmarshal(bytes.ReplaceAll(raw, []byte("\t"), []byte(" ")), &node) == nil && len(node.Content) == 1 {
			d.root = node.Content[0]
		}
		docs = append(docs, d)
	}
}

// split cuts a YAML stream at its "---" lines, as apimachinery's YAMLReader does.
func split(data []byte) []document {
	docs := []document{{index: 1, line: 1}}
	start, line := 0, 0
	for pos := 0; pos < len(data); {
		line++
		end := len(data)
		if i := bytes.IndexByte(data[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		if separator(data[pos:end]) {
			docs[len(docs)-1].data = data[start:pos]
			docs = append(docs, document{index: len(docs) + 1, offset: end, line: line + 1})
			start = end
		}
		pos = end
	}
	docs[len(docs)-1].data = data[start:]
	if blank(docs[0].data) && len(docs) > 1 { // what stands before the first "---" is no document
		docs = docs[1:]
		for i := range docs {
			docs[i].index = i + 1
		}
	}
	return docs
}

func separator(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	if !ok {
		return false
	}
	rest = bytes.TrimSpace(rest)
	return len(rest) == 0 || rest[0] == '#'
}

// blank reports whether a document has nothing but comments and white space.
func blank(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// parse fills in the node tree and the JSON form.
func (d *document) parse(path string) error {
	dec := yaml.NewDecoder(bytes.NewReader(d.data))
	var node yaml.Node
	if err := dec.Decode(&node); err != nil {
		return d.invalid(path, err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return &Error{Path: path, Line: d.line + max(second.Line-1, 0), Problem: "a second document begins without a --- line of its own",
			Fix: "put --- alone on a line between the documents"}
	}
	d.root = node.Content[0]
	if err := d.unique(path, d.root); err != nil {
		return err
	}
	var err error
	if d.json, err = sigsyaml.YAMLToJSONStrict(d.data); err != nil {
		return d.invalid(path, err)
	}
	return nil
}

// invalid is a syntax error: of the parser's own words only the line number is
// kept, since the rest may quote the file.
func (d *document) invalid(path string, err error) error {
	line := d.line
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		line += max(n-1, 0)
	}
	return &Error{Path: path, Line: line, Problem: "document " + strconv.Itoa(d.index) + " is not valid YAML",
		Fix: "look at the indentation, the quotes and the colons of this line and the one above"}
}

// unique refuses a mapping that has a key twice, at any depth.
func (d *document) unique(path string, n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		seen := make(map[string]int, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			k := n.Content[i]
			if first, twice := seen[k.Value]; twice && k.Kind == yaml.ScalarNode {
				return &Error{Path: path, Line: d.at(k), Object: objectName(d.root), Problem: fmt.Sprintf("key%s stands twice, first in line %d", quoted(k.Value), first),
					Fix: "delete the one that is not meant"}
			}
			seen[k.Value] = d.at(k)
		}
	}
	for _, c := range n.Content {
		if err := d.unique(path, c); err != nil {
			return err
		}
	}
	return nil
}

// objectName is what a document says of itself, as far as it does.
func objectName(root *yaml.Node) string {
	text := func(path ...string) string {
		if n := lookup(root, path...); n != nil {
			return n.Value
		}
		return ""
	}
	if text("kind") == "" || text("metadata", "name") == "" {
		return ""
	}
	return text("kind") + " " + strings.TrimPrefix(text("metadata", "namespace")+"/"+text("metadata", "name"), "/")
}

// at is the node's line in the file.
func (d *document) at(n *yaml.Node) int {
	if n == nil {
		return d.line
	}
	return d.line + n.Line - 1
}
