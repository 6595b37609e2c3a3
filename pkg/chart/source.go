package chart

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chart"

	"github.com/argoproj/gitops-engine/pkg/sync/common"
)

type hookType = common.HookType

// source ties the lines that a template rendered to the lines of the templates' text.
type source struct {
	file  int      // its number in all
	path  string   // relative to the chart's folder
	text  []string // its lines
	spots [][]spot // for each rendered line the places that it stems from, as far as they are known
	all   []*source
}

// trace finds out where rendered lines stem from: it renders the chart once more, with
// its place written into every piece of text, and keeps the places of the lines that
// came out the same otherwise. Text that comes out of a value has no place.
func trace(files []File, o Options, plain *output) map[string]*source {
	var all []*source
	byName := map[string]*source{}
	add := func(name string, data []byte) *source {
		s := &source{file: len(all), path: strings.TrimPrefix(name, plain.chart.Name()+"/"), text: strings.Split(string(data), "\n")}
		all, byName[name] = append(all, s), s
		return s
	}
	walk(plain.chart, func(name string, f *chart.File) { add(name, f.Data) })
	for definitions := range both {
		marked, err := render(files, o, func(c *chart.Chart) {
			walk(c, func(name string, f *chart.File) {
				f.Data = []byte(marker{byName[name].file, definitions}.mark(string(f.Data)))
			})
		})
		if err == nil && compare(plain, marked, byName) {
			break
		}
	}
	for _, crd := range plain.chart.CRDObjects() {
		s := add(crd.Filename, crd.File.Data)
		for i := range s.text {
			s.spots = append(s.spots, []spot{{s.file, i + 1}})
		}
	}
	for _, s := range all {
		s.all = all
	}
	return byName
}

// both yields true and false.
func both(yield func(bool) bool) { _ = yield(true) && yield(false) }

// compare takes over the places from what was rendered with marks; false when some
// template has none, because the marks changed what comes of it.
func compare(plain, marked *output, byName map[string]*source) bool {
	complete := true
	for name, manifest := range plain.manifests {
		s := byName[name]
		lines, traced := strings.Split(manifest, "\n"), strings.Split(marked.manifests[name], "\n")
		if s.spots != nil {
			continue
		}
		if len(lines) != len(traced) {
			complete = false
			continue
		}
		s.spots = make([][]spot, len(lines))
		for i, line := range lines {
			if places, text := spots(traced[i]); text == line {
				s.spots[i] = places
			}
		}
	}
	return complete
}

// walk visits the templates of a chart and of its dependencies, under Helm's names.
func walk(c *chart.Chart, visit func(name string, f *chart.File)) {
	for _, t := range c.Templates {
		visit(c.ChartFullPath()+"/"+t.Name, t)
	}
	for _, d := range c.Dependencies() {
		walk(d, visit)
	}
}

// at are the places that a rendered line, counted from 1, stems from.
func (s *source) at(rendered int) []spot {
	if s == nil || rendered < 1 || rendered > len(s.spots) {
		return nil
	}
	return s.spots[rendered-1]
}

// exact is the source's own line of a rendered one; 0 when it is not known.
func (s *source) exact(rendered int) int {
	for _, p := range s.at(rendered) {
		if p.file == s.file {
			return p.line
		}
	}
	return 0
}

// line is exact of the line, or of the nearest before it that is known.
func (s *source) line(rendered int) int {
	for i := rendered; i > 0; i-- {
		if n := s.exact(i); n > 0 {
			return n
		}
	}
	return 0
}

// word finds a word in the places that a rendered line stems from.
func (s *source) word(rendered int, text string) (Position, bool) {
	for _, p := range s.at(rendered) {
		if from := s.all[p.file]; p.line <= len(from.text) && holds(from.text[p.line-1], text) {
			return Position{Path: from.path, Line: p.line, Literal: true}, true
		}
	}
	return Position{}, false
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

// checkAnnotations refuses what Helm refuses: an annotation that is no string, for
// instance a sync wave without quotes.
func (s *source) checkAnnotations(doc document, raw map[string]any) error {
	metadata, _ := raw["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if _, ok := annotations[key].(string); ok || annotations[key] == nil {
			continue
		}
		e := &Error{Path: s.path, Line: s.line(doc.line), Cause: "annotation " + key + ": it has to be a string, in quotes"}
		if n := child(nodes(doc.text), "metadata", "annotations", key); n != nil {
			e.Line = s.line(doc.line + n.Line - 1)
		}
		return e
	}
	return nil
}

// nameLine is where the name of an object stands in the source, else where the object
// begins there.
func (m *origin) nameLine() int {
	for _, path := range [][]string{{"metadata", "name"}, {"metadata", "generateName"}, {"kind"}} {
		if n := child(m.root, path...); n != nil {
			if line := m.source.exact(m.first + n.Line - 1); line > 0 {
				return line
			}
		}
	}
	return m.source.line(m.first + max(m.root.Line, 1) - 1)
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
