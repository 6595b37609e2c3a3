package guard

import (
	"encoding/base64"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pair is an entry of a mapping.
type pair struct {
	key        string
	name, node *yaml.Node // node is no alias
}

// pairs are the entries of a mapping with those that merge keys bring. A key that
// stands twice is there twice: which one counts depends on the reader.
func pairs(n *yaml.Node) []pair {
	var m merger
	m.take(n)
	return m.out
}

// merger follows merge keys, each mapping once: they may lead in a circle.
type merger struct {
	out  []pair
	seen map[*yaml.Node]bool
}

func (m *merger) take(n *yaml.Node) {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode || m.seen[n] {
		return
	}
	if m.out == nil {
		m.out = make([]pair, 0, len(n.Content)/2)
	}
	var bases []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := resolve(n.Content[i]), resolve(n.Content[i+1])
		if v == nil || k == nil {
			continue
		}
		key := ""
		if k.Kind == yaml.ScalarNode {
			key = textOf(k)
		}
		m.out = append(m.out, pair{key, n.Content[i], v})
		if key == "<<" {
			bases = append(bases, v)
			if v.Kind == yaml.SequenceNode {
				bases = append(bases, v.Content...)
			}
		}
	}
	if len(bases) > 0 && m.seen == nil {
		m.seen = map[*yaml.Node]bool{}
	}
	for _, b := range bases {
		m.seen[n] = true
		m.take(b)
	}
}

// values are the nodes of a key.
func values(list []pair, key string) []*yaml.Node {
	var out []*yaml.Node
	for _, p := range list {
		if p.key == key {
			out = append(out, p.node)
		}
	}
	return out
}

// texts are the scalars of a key.
func texts(list []pair, key string) []string {
	var out []string
	for _, n := range values(list, key) {
		if n.Kind == yaml.ScalarNode {
			out = append(out, textOf(n))
		}
	}
	return out
}

// last is the scalar of a key that counts, or nothing.
func last(list []pair, key string) string {
	all := texts(list, key)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// dig follows a path of keys, through every entry of that name.
func dig(n *yaml.Node, path ...string) []*yaml.Node {
	nodes := []*yaml.Node{n}
	for _, key := range path {
		var next []*yaml.Node
		for _, m := range nodes {
			next = append(next, values(pairs(m), key)...)
		}
		nodes = next
	}
	return nodes
}

// textOf is a scalar's value.
func textOf(n *yaml.Node) string {
	if n.Tag == "!!binary" || n.Tag == "tag:yaml.org,2002:binary" {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err == nil {
			return string(raw)
		}
	}
	return n.Value
}

// isNull reports whether a scalar is nothing.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style&^yaml.TaggedStyle == 0 && (n.Tag == "!!null" || n.Value == "")
}

// resolve follows an alias to its anchor.
func resolve(n *yaml.Node) *yaml.Node {
	for hops := 0; n != nil && n.Kind == yaml.AliasNode; hops++ {
		if n = n.Alias; hops > 20 {
			return nil
		}
	}
	return n
}

// lastLine is the last line of a scalar: a block goes on below its indicator.
func lastLine(n *yaml.Node) int {
	if n.Kind != yaml.ScalarNode {
		line := n.Line
		if len(n.Content) > 0 {
			if end := n.Content[len(n.Content)-1]; end.Kind != yaml.AliasNode {
				line = max(line, lastLine(end))
			}
		}
		return line
	}
	return n.Line + strings.Count(n.Value, "\n")
}

func hasAny(list []string, want ...string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(want, s) })
}
