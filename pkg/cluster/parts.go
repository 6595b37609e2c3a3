package cluster

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parts are what is secret in a value that is more than a value: the passwords of URLs,
// and the scalars of a YAML, JSON or .env file but those of keys that are no secret.
func parts(value string) (out []string) {
	value = strings.TrimSpace(value)
	out = passwords(value)
	if !strings.ContainsAny(value, ":={[") {
		return out
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(value), &node); err == nil {
		out = append(out, leaves(&node, "", 0)...)
	}
	for l := range strings.Lines(value) { // .env, and what has the same form: a connection string
		for _, pair := range append(strings.Fields(l), l) {
			key, v, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if ok {
				out = append(out, leaf(key, strings.Trim(strings.TrimSpace(v), `"'`))...)
			}
		}
	}
	return out
}

// leaves are the scalars of a document. Aliases are not followed: what they stand for is
// in the document, too.
func leaves(n *yaml.Node, key string, depth int) (out []string) {
	const deepest = 50
	switch {
	case depth > deepest:
	case n.Kind == yaml.ScalarNode && depth > 1: // else it is the value itself
		return leaf(key, n.Value)
	case n.Kind == yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			out = append(out, leaves(n.Content[i], n.Content[i-1].Value, depth+1)...)
		}
	default:
		for _, c := range n.Content {
			out = append(out, leaves(c, key, depth+1)...)
		}
	}
	return out
}

// leaf is a value in a file, where it is long enough to be none of the words of a text, or
// its key says that it is secret.
func leaf(key, value string) []string {
	out := passwords(value)
	if openKey(key) && !strings.Contains(value, "://") && !strings.Contains(value, "@") {
		return out
	}
	if n := utf8.RuneCountInString(value); n >= word || n >= shortest && strings.Contains(strings.ToLower(key), "pass") {
		out = append(out, value)
	}
	return out
}

// passwords are those of the URLs in a text: before the host, and among the parameters.
func passwords(text string) (out []string) {
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "://")
		if !ok {
			return out
		}
		rest = after
		address := after
		if end := strings.IndexAny(address, " \t\r\n\"'`<>"); end >= 0 {
			address = address[:end]
		}
		authority, query, _ := strings.Cut(address, "?")
		if at := strings.LastIndex(authority, "@"); at >= 0 {
			user, password, both := strings.Cut(authority[:at], ":")
			if !both {
				password = user // a token
			}
			out = append(out, password)
			if plain, err := url.PathUnescape(password); err == nil {
				out = append(out, plain)
			}
		}
		values, _ := url.ParseQuery(query)
		for key, list := range values {
			for _, v := range list {
				if !openKey(key) && utf8.RuneCountInString(v) >= word || strings.Contains(strings.ToLower(key), "pass") {
					out = append(out, v)
				}
			}
		}
	}
}
