package manifest

import (
	"bytes"
	"regexp"
)

// Placeholder stands where a person has to fill in a value. Sealing refuses it.
const Placeholder = "CHANGEME"

// IsBlank reports whether there is no value yet: nothing but white space, or
// exactly what generation and the handbook put in a value's place. Generation
// fills these in and no other.
func IsBlank(value []byte) bool {
	switch string(bytes.TrimSpace(value)) {
	case "", Placeholder, "<generated-value>":
		return true
	}
	return false
}

// IsPlaceholder reports whether a value is blank or looks like it only stands in
// for one: CHANGEME and its kin in any spelling, a word in angle brackets, and
// the keys that the documentation of LiteLLM and of Open WebUI shows. Sealing
// refuses these.
func IsPlaceholder(value []byte) bool {
	v := bytes.TrimSpace(value)
	return IsBlank(v) || len(v) <= maxPlaceholder && placeholder.Match(v)
}

const maxPlaceholder = 64

var placeholder = regexp.MustCompile(`(?i)^(change[-_]?me|replace[-_]?me|to-?do|fix-?me|xxx+|placeholder|<[a-z _-]+>|your[-_](password|secret|key|token|api[-_]key)|sk-1234|NoTaGrEaTpAsSwOrD|0p3n-w3bu!)$`)
