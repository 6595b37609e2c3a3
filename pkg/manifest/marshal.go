package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Mapping is a YAML mapping whose values are strings, booleans, string maps or
// mappings again.
type Mapping map[string]any

// Marshal writes a mapping as a YAML document in block style with sorted keys,
// as kubeseal does. Strings that YAML could take for something else are quoted.
// Any other type of value is a programming error and panics.
func Marshal(m Mapping) []byte {
	var b strings.Builder
	b.WriteString("---\n")
	m.write(&b, 0)
	return []byte(b.String())
}

func (m Mapping) write(b *strings.Builder, indent int) {
	pad := strings.Repeat(" ", indent)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		b.WriteString(pad + plainOrQuoted(key) + ":")
		switch v := m[key].(type) {
		case string:
			b.WriteString(" " + plainOrQuoted(v) + "\n")
		case bool:
			b.WriteString(" " + strconv.FormatBool(v) + "\n")
		case map[string]string:
			nested := make(Mapping, len(v))
			for k, s := range v {
				nested[k] = s
			}
			nested.nest(b, indent)
		case Mapping:
			v.nest(b, indent)
		default:
			panic(fmt.Sprintf("manifest: cannot write a %T", v))
		}
	}
}

func (m Mapping) nest(b *strings.Builder, indent int) {
	if len(m) == 0 {
		b.WriteString(" {}\n")
		return
	}
	b.WriteString("\n")
	m.write(b, indent+2)
}

// plainOrQuoted leaves words without YAML's special characters as they are.
func plainOrQuoted(s string) string {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+/=._-", r) {
			return quote(s, 0, "\r\n")
		}
	}
	if s == "" || strings.ContainsRune("-=.", rune(s[0])) || !isString(plain(s)) {
		return quote(s, 0, "\r\n")
	}
	return s
}
