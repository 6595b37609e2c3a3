package lint

import (
	"bytes"
	"errors"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/report"
)

// applicationFile is Argo CD's Application of an application's folder.
const applicationFile = "application.yaml"

// argoApplication is what application.yaml says.
type argoApplication struct {
	path      string // relative to the root
	name      string
	namespace lined // of the destination
	sources   []argoSource
}

// lined is a text with its line; an empty one has the line where it would stand.
type lined struct {
	Value string
	Line  int
}

// argoSource is spec.source, or one of spec.sources.
type argoSource struct {
	RepoURL, Path, Revision, Chart, Ref lined
	Helm                                map[string]any // see chart.Options.WithSource
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// readApplication reads the first Application of a file; nil when it has none.
func readApplication(name string, data []byte) (*argoApplication, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			line := 0
			if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
				line, _ = strconv.Atoi(m[1])
			}
			return nil, &manifest.Error{Path: name, Line: line, Problem: "not valid YAML", Fix: "look at the indentation, the quotes and the colons of this line and the one above"}
		}
		if len(doc.Content) == 0 {
			continue
		}
		root := doc.Content[0]
		if text(root, "kind").Value == "Application" && strings.HasPrefix(text(root, "apiVersion").Value, "argoproj.io/") {
			return newApplication(name, root), nil
		}
	}
}

func newApplication(name string, root *yaml.Node) *argoApplication {
	a := &argoApplication{path: name, name: text(root, "metadata", "name").Value, namespace: text(root, "spec", "destination", "namespace")}
	if s := node(root, "spec", "source"); s != nil {
		a.sources = append(a.sources, newSource(s))
	}
	if list := node(root, "spec", "sources"); list != nil && list.Kind == yaml.SequenceNode {
		for _, s := range list.Content {
			a.sources = append(a.sources, newSource(s))
		}
	}
	return a
}

func newSource(n *yaml.Node) argoSource {
	s := argoSource{RepoURL: text(n, "repoURL"), Path: text(n, "path"), Revision: text(n, "targetRevision"), Chart: text(n, "chart"), Ref: text(n, "ref")}
	if h := node(n, "helm"); h != nil {
		_ = h.Decode(&s.Helm) // what is of another type is not there
	}
	return s
}

// source is the source that deploys a folder of this repository: the one with that path,
// else the only one that names a path.
func (a *argoApplication) source(dir string) (argoSource, bool) {
	var found argoSource
	n := 0
	for _, s := range a.sources {
		if s.Chart.Value != "" || s.Path.Value == "" && s.Ref.Value != "" {
			continue
		}
		if folder(s.Path.Value) == dir {
			return s, true
		}
		found, n = s, n+1
	}
	return found, n == 1
}

// folder is a path as Argo CD takes it.
func folder(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// helm sets what the source says about rendering, and returns the value files that lie
// outside of the application's folder.
func (a *argoApplication) helm(o *chart.Options, dir string, read func(rel string) ([]byte, error)) ([]chart.File, error) {
	if a.name != "" {
		o.Release = a.name
	}
	s, ok := a.source(dir)
	if !ok {
		return nil, nil
	}
	with, err := o.WithSource(s.Helm)
	if err != nil {
		return nil, err
	}
	names := with.ValueFiles
	*o = with
	o.ValueFiles = nil
	return valueFiles(o, names, dir, read), nil
}

// valueFiles turns the names that Argo CD knows, relative to the folder, to the root
// (/x) or to another source ($values/x), into those of the chart's files.
func valueFiles(o *chart.Options, names []string, dir string, read func(rel string) ([]byte, error)) []chart.File {
	var out []chart.File
	for _, name := range names {
		rel := path.Join(dir, name)
		if rest, ok := strings.CutPrefix(name, "/"); ok {
			rel = path.Clean(rest)
		} else if strings.HasPrefix(name, "$") {
			_, rest, _ := strings.Cut(name, "/")
			rel = path.Clean(rest)
		} else if strings.Contains(name, "://") {
			continue // from the network
		}
		name = relative(dir, rel)
		o.ValueFiles = append(o.ValueFiles, name)
		if strings.HasPrefix(name, "../") {
			if data, err := read(rel); err == nil {
				out = append(out, chart.File{Name: name, Data: data})
			}
		}
	}
	return out
}

// node follows keys through mappings.
func node(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		var next *yaml.Node
		for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				next = n.Content[i+1]
			}
		}
		if n = next; n == nil {
			return nil
		}
	}
	return n
}

// text is the scalar at a path, with its line or that of what is nearest above it.
func text(n *yaml.Node, keys ...string) lined {
	out := lined{Line: n.Line}
	for i := range keys {
		at := node(n, keys[:i+1]...)
		if at == nil {
			return out
		}
		out.Line = at.Line
		if i == len(keys)-1 && at.Kind == yaml.ScalarNode {
			out.Value = at.Value
		}
	}
	return out
}

// finding puts together what most findings have.
func finding(object, message, fix string) report.Finding {
	return report.Finding{Object: object, Message: message, Fix: fix}
}
