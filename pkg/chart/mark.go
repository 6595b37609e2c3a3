package chart

import (
	"strconv"
	"strings"
)

// mark writes the number of its line before the first visible character of each piece
// of text in a template. There it changes nothing that `{{-` trims. The text of a
// definition stays: what another template makes of it could depend on every character.
func mark(text string) string {
	var out strings.Builder
	line, depth := 1, 0 // depth of blocks within a definition
	for text != "" {
		begin := strings.Index(text, "{{")
		if begin < 0 {
			begin = len(text)
		}
		if depth == 0 {
			markText(&out, text[:begin], line)
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

// markText marks a piece of text that begins in the given line.
func markText(out *strings.Builder, text string, line int) {
	for l := range strings.Lines(text) {
		body := strings.TrimLeft(l, " \t\r\n\v\f\u0085\u00a0")
		if body == "" {
			out.WriteString(l)
		} else {
			out.WriteString(l[:len(l)-len(body)])
			out.WriteRune(markBegin)
			out.WriteString(strconv.Itoa(line))
			out.WriteRune(markEnd)
			out.WriteString(body)
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
