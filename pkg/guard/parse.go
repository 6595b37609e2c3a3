package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// document is one YAML or JSON document of a text.
type document struct {
	root *yaml.Node
	line int // of its first line in the text, counted from 1
}

// maxDepth is how deep documents may be nested, as the YAML parser has it; deeper
// ones are read line by line.
const maxDepth = 10000

// eachDocument parses what it can, and calls do for one document after the other:
// JSON first, as kubectl does, then YAML. rest is what no parser took, for the line
// scanner. What both read is handed over twice.
func eachDocument(text []byte, do func(document)) (rest []chunk) {
	trimmed := bytes.TrimLeft(text, " \t\r\n")
	if len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		if readJSON(text, do) == nil {
			return nil
		}
	}
	for _, c := range split(text) {
		if readYAML(c, do) == nil {
			continue
		}
		rest = append(rest, c)
		// The API server's own parser is another version, and takes other things.
		if root := viaJSON(c.text); root != nil {
			do(document{root, c.line})
		}
	}
	return rest
}

// documents are all of a text.
func documents(text []byte) (docs []document, rest []chunk) {
	rest = eachDocument(text, func(d document) { docs = append(docs, d) })
	return docs, rest
}

// chunk is the part of a text between two separators.
type chunk struct {
	text []byte
	line int
}

// split cuts a text at its --- lines, as apimachinery's reader does, and at those
// that end a document.
func split(text []byte) []chunk {
	var out []chunk
	start, first, line := 0, 1, 0
	for pos := 0; pos < len(text); {
		line++
		end := len(text)
		if i := bytes.IndexByte(text[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		if separates(text[pos:end]) {
			out = append(out, chunk{text[start:pos], first})
			start, first = end, line+1
		}
		pos = end
	}
	return append(out, chunk{text[start:], first})
}

// separates reports whether a line stands between documents: a comment may follow.
func separates(line []byte) bool {
	if rest, ok := bytes.CutPrefix(line, []byte("---")); ok {
		rest = bytes.TrimSpace(rest)
		return len(rest) == 0 || rest[0] == '#'
	}
	return string(bytes.TrimRight(line, " \t\r\n")) == "..."
}

// readYAML reads every document of a chunk: one may begin with `--- {` too.
func readYAML(c chunk, do func(document)) error {
	dec := yaml.NewDecoder(bytes.NewReader(c.text))
	for {
		root, err := decodeYAML(dec)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		do(document{root, c.line})
	}
}

func decodeYAML(dec *yaml.Decoder) (root *yaml.Node, err error) {
	defer func() { // whatever a text does to the parser, it is to be read line by line
		if r := recover(); r != nil {
			err = fmt.Errorf("not YAML: %v", r)
		}
	}()
	root = &yaml.Node{}
	return root, dec.Decode(root)
}

// viaJSON reads the first document as the API server does; its positions are not known.
func viaJSON(text []byte) (root *yaml.Node) {
	defer func() { _ = recover() }() // as above
	data, err := sigsyaml.YAMLToJSON(text)
	if err != nil {
		return nil
	}
	if readJSON(data, func(d document) { root = d.root }) != nil {
		return nil
	}
	return root
}

// readJSON reads a stream of JSON documents with positions, keys that stand twice
// included. What was read before an error is handed over.
func readJSON(text []byte, do func(document)) error {
	r := jsonReader{text: text, dec: json.NewDecoder(bytes.NewReader(text)), line: 1}
	r.dec.UseNumber()
	for {
		tok, err := r.dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		root, err := r.value(tok, 0)
		if err != nil {
			return err
		}
		do(document{root, 1})
	}
}

type jsonReader struct {
	text []byte
	dec  *json.Decoder
	pos  int // up to which lines are counted
	line int
}

// here is the line of the token that was read last.
func (r *jsonReader) here() int {
	end := int(r.dec.InputOffset())
	r.line += bytes.Count(r.text[r.pos:end], []byte("\n"))
	r.pos = end
	return r.line
}

func (r *jsonReader) value(tok json.Token, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deeply")
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Line: r.here()}
	switch t := tok.(type) {
	case json.Delim:
		return n, r.children(n, t, depth)
	case string:
		n.Value = t
	case json.Number:
		n.Value, n.Tag, n.Style = t.String(), "!!float", 0
	case bool:
		n.Value, n.Tag, n.Style = strconv.FormatBool(t), "!!bool", 0
	case nil:
		n.Value, n.Tag, n.Style = "null", "!!null", 0
	}
	return n, nil
}

func (r *jsonReader) children(n *yaml.Node, open json.Delim, depth int) error {
	n.Kind, n.Tag = yaml.MappingNode, "!!map"
	if open == '[' {
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	}
	for r.dec.More() {
		tok, err := r.dec.Token()
		if err != nil {
			return err
		}
		child, err := r.value(tok, depth+1)
		if err != nil {
			return err
		}
		n.Content = append(n.Content, child)
	}
	_, err := r.dec.Token()
	return err
}
