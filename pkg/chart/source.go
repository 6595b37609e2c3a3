package chart

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chart"

	"github.com/argoproj/gitops-engine/pkg/sync/common"
)

type hookType = common.HookType

// source ties the lines that a template rendered to the lines of the templates' text.
type source struct {
	file   int      // its number in all
	path   string   // relative to the chart's folder; of what is in an archive, the archive's
	text   []string // its lines; none of what is in an archive, where nobody can change any
	folder string   // of its chart, relative to the outermost one's
	prefix string   // of its values among those of the outermost chart: "db."
	spots  [][]spot // for each rendered line the places that it stems from, as far as they are known
	all    []*source
}

// trace finds out where rendered lines stem from: it renders the chart once more, with
// its place written into every piece of text, and keeps the places of the lines that
// came out the same otherwise. Text that comes out of a value has no place.
func trace(files []File, o Options, plain *output) map[string]*source {
	var all []*source
	byName := map[string]*source{}
	add := func(name string, data []byte) *source {
		s := &source{file: len(all), path: name}
		if !strings.HasSuffix(name, ".tgz") {
			s.text = strings.Split(string(data), "\n")
		}
		all = append(all, s)
		return s
	}
	at := folders{}
	at.fill(plain.chart, files, "")
	walk(plain.chart, func(c *chart.Chart, f *chart.File) {
		s := add(at.path(c, f.Name), f.Data)
		byName[path.Join(c.ChartFullPath(), f.Name)] = s
		s.folder, s.prefix = at[c], prefix(c)
	})
	for definitions := range both {
		marked, err := render(files, o, func(c *chart.Chart) {
			markAll(c, func(name string) marker { return marker{byName[name].file, definitions} })
		})
		if err == nil && compare(plain, marked, byName) {
			break
		}
	}
	definitions(plain.chart, func(c *chart.Chart, f *chart.File) {
		s := add(at.path(c, f.Name), f.Data)
		byName[path.Join(c.ChartFullPath(), f.Name)] = s
		for i := range s.text {
			s.spots = append(s.spots, []spot{{s.file, i + 1}})
		}
	})
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

// walk visits the templates of a chart and of its dependencies.
func walk(c *chart.Chart, visit func(c *chart.Chart, f *chart.File)) {
	for _, t := range c.Templates {
		visit(c, t)
	}
	for _, d := range c.Dependencies() {
		walk(d, visit)
	}
}

// markAll puts marked templates in the place of a chart's and of its dependencies'. The
// templates themselves stay: those of a chart under two names are the same.
func markAll(c *chart.Chart, with func(name string) marker) {
	marked := make([]*chart.File, len(c.Templates))
	for i, t := range c.Templates {
		marked[i] = &chart.File{Name: t.Name, Data: []byte(with(path.Join(c.ChartFullPath(), t.Name)).mark(string(t.Data)))}
	}
	c.Templates = marked
	for _, d := range c.Dependencies() {
		markAll(d, with)
	}
}

// prefix is where a chart's values are among those of the outermost one.
func prefix(c *chart.Chart) string {
	if c.IsRoot() {
		return ""
	}
	return prefix(c.Parent()) + c.Name() + "."
}

// definitions visits the files of crds/ of a chart and of its dependencies.
func definitions(c *chart.Chart, visit func(c *chart.Chart, f *chart.File)) {
	for _, f := range c.Files {
		if strings.HasPrefix(f.Name, "crds/") {
			visit(c, f)
		}
	}
	for _, d := range c.Dependencies() {
		definitions(d, visit)
	}
}

// folders are where the charts lie, relative to the outermost one's folder: a subchart
// under another name has the folder of its own, and one may be in an archive.
type folders map[*chart.Chart]string

func (at folders) fill(c *chart.Chart, files []File, folder string) {
	at[c] = folder
	names := aliases(c)
	for _, d := range c.Dependencies() {
		name := d.Name()
		if own, ok := names[name]; ok {
			name = own
		}
		at.fill(d, files, subfolder(files, path.Join(folder, "charts"), name))
	}
}

// aliases are the names that a chart gives to others, with their own. Helm has put them
// in the place of those; the file still has both.
func aliases(c *chart.Chart) map[string]string {
	names := map[string]string{}
	for _, f := range c.Raw {
		if f.Name != chartFile {
			continue
		}
		dependencies := child(nodes(string(f.Data)), "dependencies")
		for i := 0; dependencies != nil && i < len(dependencies.Content); i++ {
			alias, name := child(dependencies.Content[i], "alias"), child(dependencies.Content[i], "name")
			if alias != nil && name != nil {
				names[alias.Value] = name.Value
			}
		}
	}
	return names
}

// subfolder is where a chart of this name lies.
func subfolder(files []File, charts, name string) string {
	archive := ""
	for _, f := range files {
		rest, ok := strings.CutPrefix(f.Name, charts+"/")
		if !ok {
			continue
		}
		if folder, file, _ := strings.Cut(rest, "/"); file == chartFile {
			if n := child(nodes(string(f.Data)), "name"); n != nil && n.Value == name {
				return path.Join(charts, folder)
			}
		}
		if version, ok := strings.CutPrefix(rest, name+"-"); ok && strings.HasSuffix(rest, ".tgz") && version[0] >= '0' && version[0] <= '9' {
			archive = f.Name
		}
	}
	if archive == "" {
		return path.Join(charts, name)
	}
	return archive
}

// path is where a file of a chart lies.
func (at folders) path(c *chart.Chart, name string) string {
	if strings.HasSuffix(at[c], ".tgz") {
		return at[c]
	}
	return path.Join(at[c], name)
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
		if p.file == s.file && s.text != nil {
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

// around are the source's own lines from the last known one before a rendered line to
// the next known one: between them is the action that made it.
func (s *source) around(rendered int) []spot {
	first, last := max(s.line(rendered), 1), len(s.text)
	for i := rendered + 1; i <= len(s.spots); i++ {
		if n := s.exact(i); n > first {
			last = n - 1
			break
		}
	}
	out := []spot{{s.file, first}}
	for n := first + 1; n <= last; n++ {
		out = append(out, spot{s.file, n})
	}
	return out
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
	if errors.Is(err, errNoObject) {
		return &Error{Path: s.path, Line: s.line(doc.line + max(nodes(doc.text).Line, 1) - 1), Cause: err.Error()}
	}
	cause, line := yamlCause(err.Error())
	return &Error{Path: s.path, Line: s.line(doc.line + max(line, 1) - 1), Cause: "what it renders is not YAML: " + cause}
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
func (m *origin) nameLine(obj Object) int {
	for _, path := range [][]string{{"metadata", "name"}, {"metadata", "generateName"}, {"kind"}} {
		if n := child(m.root, path...); n != nil {
			if line := m.source.exact(m.first + n.Line - 1); line > 0 {
				return line
			}
		}
	}
	if m.source.spots != nil {
		return m.source.line(m.first + max(m.root.Line, 1) - 1)
	}
	// The marks were too much for this chart: what looks right.
	for _, word := range []string{obj.Name, obj.Kind} {
		if i := slices.IndexFunc(m.source.text, func(line string) bool { return word != "" && holds(line, word) }); i >= 0 {
			return i + 1
		}
	}
	return 0
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
