package report

import (
	"io"
	"maps"
	"slices"
	"strings"
)

// Renderer writes a report in one format.
type Renderer func(io.Writer, *Report) error

// renderers are the formats of files, by the ending of their names.
func renderers() map[string]Renderer {
	return map[string]Renderer{".sarif": SARIF, ".sarif.json": SARIF, ".xml": JUnit, ".json": JSON, ".md": Markdown, ".html": HTML}
}

// RendererOf is the renderer that belongs to a file's name, nil when there is none.
func RendererOf(file string) Renderer {
	all := renderers()
	for _, ending := range Endings() {
		if strings.HasSuffix(strings.ToLower(file), ending) {
			return all[ending]
		}
	}
	return nil
}

// Endings are the endings that RendererOf knows, the longest first.
func Endings() []string {
	return slices.SortedFunc(maps.Keys(renderers()), func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
}
