package repo

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Template is the text of a derived key: literal text around {{ key }}, where
// key is a key of the same Secret. {{ key | filter }} passes the value through
// a filter, from left to right when there are several:
//
//   - urlquery percent-encodes all but letters, digits and -._~, which is right
//     in every part of a URL
//   - base64 is the standard encoding with padding
//   - json is the value as a JSON string, quotes included
type Template struct {
	text  string
	parts []part
}

// part is literal text, or a key when that is set.
type part struct {
	literal string
	key     string
	filters []string
}

// ParseTemplate reads a template. Its errors may quote the template, which is no secret.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{text: text}
	for rest := text; rest != ""; {
		literal, after, found := strings.Cut(rest, "{{")
		if strings.Contains(literal, "}}") {
			return nil, fmt.Errorf("}} without {{ before it")
		}
		if literal != "" {
			t.parts = append(t.parts, part{literal: literal})
		}
		if !found {
			break
		}
		inner, after, found := strings.Cut(after, "}}")
		if !found {
			return nil, fmt.Errorf("{{ without }} after it")
		}
		p, err := parsePart(inner)
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, p)
		rest = after
	}
	if len(t.Keys()) == 0 {
		return nil, fmt.Errorf("no {{ key }} in it")
	}
	return t, nil
}

func parsePart(inner string) (part, error) {
	fields := strings.Split(inner, "|")
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	p := part{key: fields[0], filters: fields[1:]}
	if p.key == "" || strings.ContainsAny(p.key, " \t\r\n{") {
		return part{}, fmt.Errorf("{{%s}} does not name one key", inner)
	}
	for _, f := range p.filters {
		if _, ok := filter(f); !ok {
			return part{}, fmt.Errorf("unknown filter %q, there are urlquery, base64 and json", f)
		}
	}
	return p, nil
}

func filter(name string) (func(string) string, bool) {
	switch name {
	case "urlquery":
		return percentEncode, true
	case "base64":
		return func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }, true
	case "json":
		return quoteJSON, true
	default:
		return nil, false
	}
}

// percentEncode is not url.QueryEscape, whose + for a blank is wrong in a user name or password.
func percentEncode(s string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(unreserved, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

func quoteJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// Keys are the keys that the template refers to, sorted, each once.
func (t *Template) Keys() []string {
	var keys []string
	for _, p := range t.parts {
		if p.key != "" {
			keys = append(keys, p.key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Execute is the text with each key replaced by its filtered value.
func (t *Template) Execute(value func(key string) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.key == "" {
			b.WriteString(p.literal)
			continue
		}
		v := value(p.key)
		for _, name := range p.filters {
			f, _ := filter(name)
			v = f(v)
		}
		b.WriteString(v)
	}
	return b.String()
}

// String is the template as it was written.
func (t *Template) String() string { return t.text }
