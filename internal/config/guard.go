package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Guard says what secrets:guard lets pass.
type Guard struct {
	Allow []Allow `yaml:"allow"`
}

// Allow lets one version of one file pass. Whether an entry is complete and still
// counts is the guard's to say: that is a finding, and no error of usage.
type Allow struct {
	Path    string // relative to the root
	SHA256  string // of the content as Git has it
	Reason  string
	Expires string // the last day, as 2026-12-31
	Line    int    // of the entry, counted from 1
}

// UnmarshalYAML notes the line, and refuses an unknown name as the decoder does
// elsewhere.
func (a *Allow) UnmarshalYAML(n *yaml.Node) error {
	a.Line = n.Line
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: an entry of guard.allow has path, sha256, reason and expires", n.Line)
	}
	fields := map[string]*string{"path": &a.Path, "sha256": &a.SHA256, "reason": &a.Reason, "expires": &a.Expires}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		field := fields[k.Value]
		if field == nil {
			return fmt.Errorf("line %d: field %s not found", k.Line, k.Value)
		}
		if v.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: %s is no text", v.Line, k.Value)
		}
		*field = v.Value // a date stays as it is written
	}
	return nil
}
