package chart

import (
	"regexp"
	"strconv"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
)

// Error says that a chart does not render.
type Error struct {
	Path  string // relative to the chart's folder; empty when it is the chart as a whole
	Line  int    // counted from 1; 0 when it is not known
	Cause string
}

func (e *Error) Error() string {
	where := e.Path
	if where == "" {
		where = "chart"
	} else if e.Line > 0 {
		where += ":" + strconv.Itoa(e.Line)
	}
	return where + ": render: " + e.Cause
}

// Hint says how to look at it.
func (e *Error) Hint() string {
	return "mend the chart; `helm template` in its folder shows the same error"
}

// DependencyError says that charts which Chart.yaml names are not in charts/.
type DependencyError struct {
	Chart   string
	Missing []string
}

func (e *DependencyError) Error() string {
	return chartFile + ": render: dependencies that are not in charts/: " + strings.Join(e.Missing, ", ")
}

// Hint says how to get them.
func (e *DependencyError) Hint() string {
	return "run `helm dependency build` in the chart's folder; nothing is fetched here"
}

var (
	// located is how Helm and text/template begin: template: app/templates/x.yaml:12:3: ...,
	// or: parse error at (app/templates/x.yaml:12): ...
	located = regexp.MustCompile(`([^\s()]+?):(\d+)(?::\d+)?[:)]`)
	// quoted is text of a template or a value, which may be anything.
	quoted = regexp.MustCompile("`[^`]*`|\"(?:[^\"\\\\]|\\\\.)*\"")
)

// templateError finds the file and line in an error of the engine. The innermost place
// is the most telling: that of a helper, not of the line that includes it.
func templateError(c *chart.Chart, err error) error {
	text := err.Error()
	e := &Error{Cause: withoutValues(lastCause(text))}
	for _, m := range located.FindAllStringSubmatch(text, -1) {
		if name, ok := strings.CutPrefix(m[1], c.Name()+"/"); ok {
			e.Path = name
			e.Line, _ = strconv.Atoi(m[2])
		}
	}
	return e
}

// lastCause is what stands behind the chain of places.
func lastCause(text string) string {
	for _, mark := range []string{"HELM_ERR_END", "HELM_ERR_START"} {
		text = strings.ReplaceAll(text, mark, "")
	}
	if at := located.FindAllStringIndex(text, -1); at != nil {
		text = strings.TrimLeft(text[at[len(at)-1][1]:], ": ")
	}
	if rest, ok := strings.CutPrefix(text, "executing "); ok {
		if _, cause, ok := strings.Cut(rest, ">: "); ok {
			text = cause
		}
	}
	return text
}

// withoutValues takes out what could be a value: long quotations.
func withoutValues(text string) string {
	text = quoted.ReplaceAllStringFunc(text, func(q string) string {
		if len(q) > 64 || strings.Contains(q, `\n`) {
			return "..."
		}
		return q
	})
	return strings.Join(strings.Fields(text), " ")
}

// chartError is an error of Helm's about a file.
func chartError(path string, err error) error {
	text := err.Error()
	if path == "" {
		for _, name := range []string{chartFile, valuesFile, "Chart.lock", "requirements.yaml"} {
			if strings.Contains(text, name) {
				path = name
			}
		}
	}
	e := &Error{Path: path, Cause: withoutValues(text)}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
	}
	return e
}

// yamlLine is how a YAML library tells of a line.
var yamlLine = regexp.MustCompile(`line (\d+)`)
