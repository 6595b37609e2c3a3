package config

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Verify says how the repository is verified.
type Verify struct {
	Silence []Silence `yaml:"silence"` // findings of verify:repo that are right as they are
}

// Silence takes findings of one rule out of verify:repo's result. Which rules there are,
// and that there is a reason, verify:repo itself checks.
type Silence struct {
	Rule, Path, Object, Reason string
	Where                      string // position in the file, for messages
}

// UnmarshalYAML reads an entry strictly and remembers its line.
func (s *Silence) UnmarshalYAML(n *yaml.Node) error {
	s.Where = fmt.Sprintf("%s:%d", File, n.Line)
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: an entry of verify.silence is not a mapping with rule and reason", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		field := map[string]*string{"rule": &s.Rule, "path": &s.Path, "object": &s.Object, "reason": &s.Reason}[k.Value]
		switch {
		case field == nil:
			return fmt.Errorf("line %d: field %s not found", k.Line, k.Value)
		case *field != "" || v.Kind != yaml.ScalarNode || v.Value == "" || !slices.Contains([]string{"!!str", "!!int"}, v.ShortTag()):
			return fmt.Errorf("line %d: %s of verify.silence is empty, no text, or stands there twice", v.Line, k.Value)
		}
		*field = v.Value
	}
	return nil
}
