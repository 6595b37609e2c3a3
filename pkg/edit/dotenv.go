package edit

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
)

// Literals reads lines key=value as `kubectl create secret generic --from-literal`
// takes them: the value is what stands behind the first =, quotes and blanks
// included. The option's own name may stand in front. Empty lines are left out.
func Literals(path string, data []byte) ([]Value, error) {
	var l valueList
	n := 0
	for line := range strings.Lines(text(data)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "--from-literal="), "=")
		if !ok {
			l.fail(path, n, "", "no = in this line", "write key=value")
			continue
		}
		l.add(path, n, key, []byte(value))
	}
	return l.result(path)
}

func text(data []byte) string { return string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) }

// valueList collects values and what is wrong with them.
type valueList struct {
	values []Value
	errs   []error
}

func (l *valueList) fail(path string, line int, key, problem, fix string) {
	l.errs = append(l.errs, &manifest.Error{Path: path, Line: line, Key: key, Problem: problem, Fix: fix})
}

func (l *valueList) add(path string, line int, key string, value []byte) {
	switch {
	case !name.MatchString(key):
		l.fail(path, line, "", "what stands before the = is no key of a Secret", "letters, digits, -, _ and . are allowed")
		return
	case len(value) == 0:
		l.fail(path, line, key, "the value is empty", "leave the line out")
		return
	}
	for _, v := range l.values {
		if v.Key == key {
			l.fail(path, line, key, "stands there twice", "keep the one that is meant")
			return
		}
	}
	l.values = append(l.values, Value{key, value})
}

func (l *valueList) result(path string) ([]Value, error) {
	if len(l.values) == 0 && len(l.errs) == 0 {
		l.errs = append(l.errs, &manifest.Error{Path: path, Problem: "there is no value in it"})
	}
	return l.values, errors.Join(l.errs...)
}

var name = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,253}$`)

// Dotenv reads a dotenv file in the part of the format that all its readers agree on:
//
//	KEY=value            # the rest of the line without blanks at its ends; a # behind a blank begins a comment
//	export KEY=value     # likewise
//	KEY='a $value'       # everything up to the next ', several lines too
//	KEY="a\tvalue"       # the escapes \n \r \t \" \\ \$ and no others; several lines too
//
// What some take literally and others replace or drop is an error with its line: $NAME,
// ${NAME} and $( outside of single quotes, a quote or a backslash in a value without
// quotes, text behind a closing quote, backticks.
func Dotenv(path string, data []byte) ([]Value, error) {
	d := dotenv{path: path, rest: strings.ReplaceAll(text(data), "\r\n", "\n"), line: 1}
	for d.rest != "" {
		d.statement()
	}
	return d.result(path)
}

type dotenv struct {
	valueList
	path string
	rest string
	line int
}

var assignment = regexp.MustCompile(`^[ \t]*(?:export[ \t]+)?([^\s=#'"]+)[ \t]*=[ \t]*`)

// statement reads one line, or more where a quote holds several together.
func (d *dotenv) statement() {
	line, after, _ := strings.Cut(d.rest, "\n")
	if t := strings.TrimSpace(line); t == "" || t[0] == '#' {
		d.rest, d.line = after, d.line+1
		return
	}
	start := d.line
	m := assignment.FindStringSubmatch(line)
	if m == nil {
		d.fail(d.path, start, "", "this is neither KEY=value nor a comment", "a value of several lines needs quotes around it")
		d.rest, d.line = after, d.line+1
		return
	}
	key, value := m[1], d.rest[len(m[0]):]
	var problem, fix string
	if strings.HasPrefix(value, "'") || strings.HasPrefix(value, `"`) {
		value, problem, fix = d.quoted(value)
	} else {
		d.rest, d.line = after, d.line+1
		value, problem, fix = bare(line[len(m[0]):])
	}
	if problem != "" {
		d.fail(d.path, start, key, problem, fix)
		return
	}
	d.add(d.path, start, key, []byte(value))
}

// quoted reads up to the closing quote, and the rest of its line.
func (d *dotenv) quoted(s string) (value, problem, fix string) {
	end := 1
	for end < len(s) && s[end] != s[0] {
		if s[0] == '"' && s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s) {
		d.rest = ""
		return "", "the quote is not closed", ""
	}
	body := s[1:end]
	behind, after, _ := strings.Cut(s[end+1:], "\n")
	d.rest, d.line = after, d.line+1+strings.Count(body, "\n")
	if t := strings.TrimSpace(behind); t != "" && (t[0] != '#' || behind[0] != ' ' && behind[0] != '\t') {
		return "", "something stands behind the closing quote", "a comment begins with a blank and #"
	}
	if s[0] == '\'' {
		return body, "", ""
	}
	return unescape(body)
}

func unescape(s string) (value, problem, fix string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
			c, ok := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '$': '$'}[s[i]]
			if !ok {
				return "", fmt.Sprintf(`the escape \ with a character that is none of n, r, t, ", \, $ in column %d of the value`, i+1), "double the backslash, or take single quotes"
			}
			b.WriteByte(c)
		case expands(s[i:]):
			return "", reference, literally
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), "", ""
}

const (
	reference = "$ begins a reference here, which some readers replace and others do not"
	literally = "put the value into single quotes to take it as it stands"
)

// expands reports whether some reader sees a reference at the beginning of s.
func expands(s string) bool {
	if len(s) < 2 || s[0] != '$' {
		return false
	}
	c := s[1]
	return c == '{' || c == '(' || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// bare reads a value without quotes.
func bare(s string) (value, problem, fix string) {
	for i := range len(s) {
		switch {
		case s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t'):
			return strings.TrimSpace(s[:i]), "", ""
		case strings.IndexByte("'\"\\`", s[i]) >= 0:
			return "", "a quote or a backslash in a value without quotes", literally
		case expands(s[i:]):
			return "", reference, literally
		}
	}
	return strings.TrimSpace(s), "", ""
}
