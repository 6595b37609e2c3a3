package manifest

import (
	"bytes"
	"regexp"
)

// Placeholder stands where a person has to fill in a value. Sealing refuses it.
const Placeholder = "CHANGEME"

// IsPlaceholder reports whether a value only stands in for one: nothing or
// white space, CHANGEME and its kin in any spelling, words in angle brackets
// such as <generated-value>, and the keys that the documentation of LiteLLM and
// of Open WebUI shows. Generation fills these in, sealing refuses them.
func IsPlaceholder(value []byte) bool {
	v := bytes.TrimSpace(value)
	return len(v) == 0 || len(v) <= maxPlaceholder && placeholder.Match(v)
}

const maxPlaceholder = 64

var placeholder = regexp.MustCompile(`(?i)^(change[-_]?me|replace[-_]?me|to-?do|fix-?me|xxx+|example|placeholder|<[^<>]+>|your[-_ ].+|sk-1234|NoTaGrEaTpAsSwOrD|0p3n-w3bu!)$`)
