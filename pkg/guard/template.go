package guard

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// In a neutralised text each action is a mark: the two runes of Unicode's private
// area with the action's number between them.
const (
	markOpen  = '\ue000'
	markClose = '\ue001'
)

var mark = regexp.MustCompile(`\x{e000}(\d+)\x{e001}`)

// template is a text with actions.
type template struct {
	text    []byte   // as many lines as the original
	actions []string // what stands between the braces
	before  []string // each of them, up to the one before

	variables map[string][]string // literals, by what stands for them
}

// neutralise replaces the actions of Helm (and of Jinja) by marks, such that what
// is left can be parsed. Lines that hold nothing but actions are emptied: they are
// control structures, and text that is included as a whole.
func neutralise(text []byte) template {
	var t template
	var out bytes.Buffer
	for len(text) > 0 {
		i := opening(text)
		if i < 0 || !bytes.Contains(text[i:], []byte("}}")) && !bytes.Contains(text[i:], []byte("%}")) {
			break
		}
		n := actionLength(text[i:])
		if n == 0 {
			out.Write(text[:i+2])
			text = text[i+2:]
			continue
		}
		out.Write(text[:i])
		body := string(text[i+2 : i+n-2])
		out.WriteString(string(markOpen) + strconv.Itoa(len(t.actions)) + string(markClose))
		t.before = append(t.before, string(text[:i]))
		t.actions = append(t.actions, strings.Trim(body, "- \t\r\n"))
		// An action over several lines keeps their number, so that positions fit.
		out.WriteString(strings.Repeat(string(lineBreak), strings.Count(body, "\n")))
		text = text[i+n:]
	}
	out.Write(text)
	t.text = emptied(out.Bytes())
	t.remember()
	return t
}

// lineBreak stands for a line end inside an action until its line is complete.
const lineBreak = '\ue002'

func opening(text []byte) int {
	i, j := bytes.Index(text, []byte("{{")), bytes.Index(text, []byte("{%"))
	if i < 0 || j >= 0 && j < i {
		return j
	}
	return i
}

// actionLength is how long the action at the beginning of the text is; 0 when it
// does not end. Braces in its strings and comments do not end it.
func actionLength(text []byte) int {
	closing := []byte("}}")
	if text[1] == '%' {
		closing = []byte("%}")
	}
	inner := bytes.TrimLeft(text[2:], "- \t\r\n")
	if bytes.HasPrefix(inner, []byte("/*")) {
		if end := bytes.Index(inner, []byte("*/")); end >= 0 {
			at := len(text) - len(inner) + end + 2
			if i := bytes.Index(text[at:], closing); i >= 0 {
				return at + i + 2
			}
		}
		return 0
	}
	for i := 2; i < len(text); i++ {
		switch c := text[i]; {
		case bytes.HasPrefix(text[i:], closing):
			return i + 2
		case c == '"' || c == '`':
			if i += stringLength(text[i:]); i >= len(text) {
				return plainLength(text, closing)
			}
		}
	}
	return 0
}

// plainLength is for an action with a quote that does not end: the text of a
// surrounding string.
func plainLength(text, closing []byte) int {
	if i := bytes.Index(text, closing); i >= 0 {
		return i + 2
	}
	return 0
}

// stringLength is the distance to the quote that ends the string.
func stringLength(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] == '"':
			i++
		case text[i] == text[0]:
			return i
		case text[i] == '\n' && text[0] == '"':
			return len(text)
		}
	}
	return len(text)
}

var onlyMarks = regexp.MustCompile(`^[\s\x{e002}]*(\x{e000}\d+\x{e001}[\s\x{e002}]*)+$`)

// emptied drops the lines that hold marks alone, and puts back the line ends that
// actions had.
func emptied(text []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		breaks := bytes.Count(line, []byte(string(lineBreak)))
		if breaks > 0 || bytes.ContainsRune(line, markOpen) {
			if onlyMarks.Match(line) {
				line = []byte("\n")
			}
			line = bytes.ReplaceAll(line, []byte(string(lineBreak)), nil)
		}
		out.Write(line)
		out.WriteString(strings.Repeat("\n", breaks))
	}
	return out.Bytes()
}

// unmark is a value without its marks, and the actions that they stood for.
func (t *template) unmark(value string) (rest string, actions []string) {
	if t == nil || !strings.ContainsRune(value, markOpen) {
		return value, nil
	}
	for _, m := range mark.FindAllStringSubmatch(value, -1) {
		if i, err := strconv.Atoi(m[1]); err == nil && i < len(t.actions) {
			actions = append(actions, t.actions[i])
		}
	}
	return mark.ReplaceAllString(value, ""), actions
}

// A literal is what an action says when nothing else does: its first operand, or
// the argument of default.
var (
	firstOperand = regexp.MustCompile("^\\(?\\s*(?:\"((?:[^\"\\\\]|\\\\.)*)\"|`([^`]*)`)\\s*(?:\\)|\\||$)")
	defaultsTo   = regexp.MustCompile("\\bdefault\\s+\\(?\\s*(?:\"((?:[^\"\\\\]|\\\\.)*)\"|`([^`]*)`)")
)

// literal reports whether an action brings a value of its own into a Secret.
func (t *template) literal(action string) bool {
	for _, v := range brings(action, t.variables) {
		if !strings.Contains(v, "{{") && telling(v) {
			return true
		}
	}
	for _, re := range []*regexp.Regexp{firstOperand, defaultsTo} {
		for _, m := range re.FindAllStringSubmatch(action, -1) {
			if v := m[1] + m[2]; !strings.Contains(v, "{{") && telling(v) {
				return true
			}
		}
	}
	return false
}
