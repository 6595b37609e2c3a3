package origin

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/manifest"
)

// near are names of a kind that look like another one, the most similar first.
func near(r *chart.Rendered, kind, name, release string) []string {
	distance := map[string]int{}
	var names []string
	for _, obj := range r.Objects {
		for _, p := range chart.Products(obj) {
			if _, known := distance[p.Name]; known || p.Kind != kind || p.Name == name || p.Name == "" {
				continue
			}
			if d, ok := similar(name, p.Name, release); ok {
				distance[p.Name] = d
				names = append(names, p.Name)
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return distance[a] - distance[b] })
	return names
}

// similar reports whether one name is probably meant by another, and how far it is away.
func similar(a, b, release string) (int, bool) {
	if strings.TrimPrefix(a, release+"-") == strings.TrimPrefix(b, release+"-") {
		return 1, true
	}
	d := manifest.Distance(a, b)
	if d <= min(2, max(len(a), len(b))/4) {
		return d, true
	}
	if strings.HasSuffix(a, "-"+b) || strings.HasSuffix(b, "-"+a) {
		return 3, true
	}
	return 0, false
}

// maxFile bounds the files that are searched for a misplaced object.
const maxFile = 1 << 20

// misplaced finds a file of the application that has an object and that its chart does
// not render: outside of templates/, a partial, one that .helmignore leaves out.
func misplaced(tree reading, kind, name string) (file string, line int) {
	for _, f := range tree.files {
		if len(f.Data) > maxFile || tree.rendered.Renders(f.Name) || strings.HasPrefix(f.Name, "..") || strings.HasPrefix(f.Name, "/") {
			continue
		}
		if n := declares(string(f.Data), kind, name); n > 0 {
			return f.Name, n
		}
	}
	return "", 0
}

var (
	beginning = regexp.MustCompile(`^---(\s|$)`)
	keyLine   = regexp.MustCompile(`^(\s*(?:- )?)["']?([A-Za-z]+)["']?:\s*(.*?)\s*$`)
)

// declares finds the line in which a text names an object of a kind, without being able
// to parse it: it may be a template. 0 when it does not.
func declares(text, kind, name string) int {
	line, named, isKind, metadata := 0, 0, false, -1 // metadata is its indentation
	for l := range strings.Lines(text) {
		line++
		if beginning.MatchString(l) {
			named, isKind, metadata = 0, false, -1
			continue
		}
		m := keyLine.FindStringSubmatch(strings.TrimRight(l, "\r\n"))
		if m == nil {
			continue
		}
		indent, key, value := len(m[1]), m[2], scalar(m[3])
		if indent <= metadata {
			metadata = -1
		}
		switch {
		case key == "kind" && value == kind:
			isKind = true
		case key == "metadata" && value == "":
			metadata = indent
		case key == "name" && value == name && metadata >= 0 && named == 0:
			named = line
		}
		if isKind && named > 0 {
			return named
		}
	}
	return 0
}

// scalar is a value without quotes, comma and comment.
func scalar(text string) string {
	text, _, _ = strings.Cut(text, " #")
	return strings.Trim(strings.TrimSpace(text), `"',{`)
}
