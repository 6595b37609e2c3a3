package chart

import (
	"regexp"
	"strconv"
	"strings"
)

// marker writes where a template's text stands into the text itself: before the first
// visible character of each piece of each line, where it changes nothing that `{{-` trims.
type marker struct {
	file        int  // a number for the template
	definitions bool // mark text in definitions too; what is made of it may depend on each character
}

// The runes around a mark. They print, so `quote` leaves them alone; they are neither
// space nor syntax to YAML and to templates, and no chart has a number between them.
const (
	markBegin = "\u27e6"
	markEnd   = "\u27e7"
)

var markText = regexp.MustCompile(markBegin + `(\d+):(\d+)` + markEnd)

// spot is a line of a template.
type spot struct{ file, line int }

// spots are the marks in a line of what was rendered, and the line without them.
func spots(line string) ([]spot, string) {
	var out []spot
	for _, m := range markText.FindAllStringSubmatch(line, -1) {
		file, _ := strconv.Atoi(m[1])
		n, _ := strconv.Atoi(m[2])
		out = append(out, spot{file, n})
	}
	if out == nil {
		return nil, line
	}
	return out, markText.ReplaceAllString(line, "")
}

func (m marker) mark(text string) string {
	var out strings.Builder
	line, depth := 1, 0 // depth of blocks within a definition
	for text != "" {
		begin := strings.Index(text, "{{")
		if begin < 0 {
			begin = len(text)
		}
		if depth == 0 || m.definitions {
			m.piece(&out, text[:begin], line)
		} else {
			out.WriteString(text[:begin])
		}
		line += strings.Count(text[:begin], "\n")
		text = text[begin:]
		action := text[:actionEnd(text)]
		depth = nest(depth, action)
		out.WriteString(action)
		line += strings.Count(action, "\n")
		text = text[len(action):]
	}
	return out.String()
}

// piece marks a piece of text that begins in the given line.
func (m marker) piece(out *strings.Builder, text string, line int) {
	for l := range strings.Lines(text) {
		body := strings.TrimSpace(l)
		if body == "" {
			out.WriteString(l)
		} else {
			at := strings.Index(l, body)
			out.WriteString(l[:at] + markBegin + strconv.Itoa(m.file) + ":" + strconv.Itoa(line) + markEnd + l[at:])
		}
		line++
	}
}

// actionEnd is where the action that a text begins with ends: behind its }}, which does
// not count in a comment or a string.
func actionEnd(text string) int {
	if len(text) < 2 {
		return len(text)
	}
	i := 2
	rest := strings.TrimLeft(strings.TrimPrefix(text[2:], "-"), " \t\r\n")
	if strings.HasPrefix(rest, "/*") {
		end := strings.Index(text, "*/")
		if end < 0 {
			return len(text)
		}
		i = end + 2
	}
	for i < len(text) {
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], "}}"):
			return i + 2
		case c == '"' || c == '\'' || c == '`':
			i = quoteEnd(text, i)
		default:
			i++
		}
	}
	return len(text)
}

// quoteEnd is behind the quotation that begins at i.
func quoteEnd(text string, i int) int {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote != '`':
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return len(text)
}

// nest counts the blocks from a definition on.
func nest(depth int, action string) int {
	word := keyword(action)
	switch {
	case word == "define" || word == "block":
		return depth + 1
	case depth > 0 && (word == "if" || word == "range" || word == "with"):
		return depth + 1
	case depth > 0 && word == "end":
		return depth - 1
	}
	return depth
}

// keyword is the first word of an action.
func keyword(action string) string {
	f := strings.FieldsFunc(strings.Trim(action, "{}- \t\r\n"), func(r rune) bool { return r < 'a' || r > 'z' })
	inner := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(action, "{{"), "-"), " \t\r\n")
	if len(f) == 0 || !strings.HasPrefix(inner, f[0]) {
		return ""
	}
	return f[0]
}
