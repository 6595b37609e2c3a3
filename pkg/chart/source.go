package chart

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chart"

	"github.com/argoproj/gitops-engine/pkg/sync/common"
)

type hookType = common.HookType

// source ties the lines that a template rendered to the lines of its text.
type source struct {
	path  string   // of the file, relative to the chart's folder
	text  []string // its lines
	lines []int    // for each rendered line the line it stems from, counted from 1; 0 when unknown
}

// trace finds out where rendered lines stem from: it renders the chart once more, with
// the number of its line written into every piece of text that stands in a template
// itself. Text that comes out of a helper or a value stays without a number.
func trace(files []File, o Options, plain *output) map[string]*source {
	sources := map[string]*source{}
	texts := map[string]string{}
	marked, err := render(files, o, func(c *chart.Chart) { markAll(c, texts) })
	for name, manifest := range plain.manifests {
		s := &source{path: strings.TrimPrefix(name, plain.chart.Name()+"/"), text: strings.Split(texts[name], "\n")}
		if err == nil {
			s.lines = numbers(marked.manifests[name])
		}
		// Where the marks changed what is rendered, they say nothing.
		if len(s.lines) != strings.Count(manifest, "\n")+1 {
			s.lines = nil
		}
		sources[name] = s
	}
	for _, crd := range plain.chart.CRDObjects() {
		s := &source{path: strings.TrimPrefix(crd.Filename, plain.chart.Name()+"/"), text: strings.Split(string(crd.File.Data), "\n")}
		for i := range s.text {
			s.lines = append(s.lines, i+1)
		}
		sources[crd.Filename] = s
	}
	return sources
}

// markAll marks the templates of a chart and of its dependencies, and keeps their text.
func markAll(c *chart.Chart, texts map[string]string) {
	for _, t := range c.Templates {
		name := c.ChartFullPath() + "/" + t.Name
		texts[name] = string(t.Data)
		if !partial(name) {
			t.Data = []byte(mark(string(t.Data)))
		}
	}
	for _, d := range c.Dependencies() {
		markAll(d, texts)
	}
}

// The runes around the number of a line: for private use, so no chart has them, and
// neither space nor syntax to YAML and to templates.
const (
	markBegin = '\uE0A0'
	markEnd   = '\uE0A1'
)

var marks = regexp.MustCompile(string(markBegin) + `(\d+)` + string(markEnd))

// numbers are the marks of each line.
func numbers(text string) []int {
	var out []int
	for line := range strings.SplitSeq(text, "\n") {
		n := 0
		if m := marks.FindStringSubmatch(line); m != nil {
			n, _ = strconv.Atoi(m[1])
		}
		out = append(out, n)
	}
	return out
}

// line is the source's line of a rendered one, or of the nearest before it that is known.
func (s *source) line(rendered int) int {
	if s == nil {
		return 0
	}
	for i := min(rendered, len(s.lines)); i > 0; i-- {
		if s.lines[i-1] > 0 {
			return s.lines[i-1]
		}
	}
	return 0
}

// exact is the source's line of a rendered one; 0 when it is not known.
func (s *source) exact(rendered int) int {
	if s == nil || rendered < 1 || rendered > len(s.lines) {
		return 0
	}
	return s.lines[rendered-1]
}

// yamlError ties what a YAML library says about a rendered document to the template.
func (s *source) yamlError(doc document, err error) error {
	e := &Error{Path: s.path, Line: s.line(doc.line), Cause: "what it renders is not YAML: " + withoutValues(err.Error())}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		e.Line = s.line(doc.line + n - 1)
		e.Cause = strings.Replace(e.Cause, m[0]+": ", "", 1)
	}
	return e
}

// nameLine is where the name of a document's object stands in the source, else where
// the object begins there. item is its place in a List.
func (s *source) nameLine(doc document, obj Object, item int) int {
	root := nodes(doc.text)
	if items := child(root, "items"); items != nil && item < len(items.Content) && child(root, "metadata", "name") == nil {
		root = items.Content[item]
	}
	for _, path := range [][]string{{"metadata", "name"}, {"metadata", "generateName"}, {"kind"}} {
		if n := child(root, path...); n != nil {
			if line := s.exact(doc.line + n.Line - 1); line > 0 {
				return line
			}
		}
	}
	return s.line(doc.line + max(root.Line, 1) - 1)
}

// nodes reads a document with its lines.
func nodes(text string) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
		return &yaml.Node{}
	}
	return doc.Content[0]
}

// child follows keys through mappings.
func child(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		next := -1
		for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				next = i + 1
			}
		}
		if next < 0 {
			return nil
		}
		n = n.Content[next]
	}
	return n
}
