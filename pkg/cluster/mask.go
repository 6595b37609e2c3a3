package cluster

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Masker takes the values of Secrets out of texts.
type Masker struct {
	replace func(string) string // a function: the values are in it, and nothing prints it
}

// Masked stands in a text where a value was.
const Masked = "***"

const (
	shortest = 4       // characters; a shorter value would take half of a text along
	word     = 8       // characters; a shorter value is looked for as a whole word alone
	longest  = 1 << 16 // bytes; a longer value stands in no message
	line     = 12      // characters; a shorter line of a value is not looked for by itself
)

// Masker makes a masker that knows all values of the Secrets in the state, but those
// of keys that are no secret (username, host, port) and those that are named public.
// It knows a value as it is, each of its longer lines, what is secret in a URL, a YAML,
// JSON or .env file, and its base64, URL and JSON forms.
func (s *State) Masker(public ...string) *Masker {
	known := map[string]bool{}
	for _, space := range s.Spaces {
		for i := range space.Secrets {
			space.Secrets[i].forms(known)
		}
		delete(known, space.Name)
	}
	for _, p := range public {
		delete(known, p)
	}
	// The longest first: one value may be the beginning of another.
	values := slices.SortedFunc(maps.Keys(known), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	pairs, words := make([]string, 0, 2*len(values)), map[string]bool{}
	for _, v := range values {
		if utf8.RuneCountInString(v) < word && strings.IndexFunc(v, func(r rune) bool { return !inWord(r) }) < 0 {
			words[v] = true
			continue
		}
		pairs = append(pairs, v, Masked)
	}
	whole := strings.NewReplacer(pairs...)
	return &Masker{replace: func(text string) string { return maskWords(whole.Replace(text), words) }}
}

// inWord says whether a character goes on with a word. A dash does: names of objects have
// them.
func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-' }

// maskWords replaces the words of a text.
func maskWords(text string, words map[string]bool) string {
	if len(words) == 0 {
		return text
	}
	var out strings.Builder
	for text != "" {
		end := strings.IndexFunc(text, func(r rune) bool { return !inWord(r) })
		if end < 0 {
			end = len(text)
		}
		if words[text[:end]] {
			out.WriteString(Masked)
		} else {
			out.WriteString(text[:end])
		}
		next := strings.IndexFunc(text[end:], inWord)
		if next < 0 {
			next = len(text) - end
		}
		out.WriteString(text[end : end+next])
		text = text[end+next:]
	}
	return out.String()
}

// Mask is the text with each value replaced.
func (m *Masker) Mask(text string) string {
	if m == nil || m.replace == nil {
		return text
	}
	return m.replace(text)
}

// forms adds the ways in which the Secret's values can stand in a text.
func (s Secret) forms(known map[string]bool) {
	if s.Type == "helm.sh/release.v1" || s.value == nil {
		return // a packed chart; what is secret in it stands in the release's Secrets, too
	}
	for _, key := range s.Keys {
		value := s.value(key)
		if len(value) > longest {
			continue
		}
		if !openKey(key) || strings.Contains(string(value), "://") || strings.Contains(string(value), "@") {
			forms(value, known)
		}
		for _, part := range parts(string(value)) {
			forms([]byte(part), known)
		}
	}
}

func forms(value []byte, known map[string]bool) {
	text := strings.TrimSpace(string(value))
	if utf8.RuneCountInString(text) < shortest {
		return
	}
	lines := []string{text}
	if strings.ContainsAny(text, "\n") {
		for l := range strings.Lines(text) {
			if l = strings.TrimSpace(l); len(l) >= line && !strings.HasPrefix(l, "-----") {
				lines = append(lines, l)
			}
		}
	}
	for _, l := range lines {
		known[l], known[url.QueryEscape(l)], known[url.PathEscape(l)] = true, true, true
		quoted, err := json.Marshal(l)
		if err == nil {
			known[strings.Trim(string(quoted), `"`)] = true
		}
	}
	known[base64.StdEncoding.EncodeToString(value)] = true
	known[base64.StdEncoding.EncodeToString([]byte(text))] = true
}

// openKey says whether a key's name says that its value is no secret: its last word
// is one of a few.
func openKey(key string) bool {
	words := strings.FieldsFunc(strings.ToLower(key), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	if len(words) == 0 {
		return false
	}
	switch words[len(words)-1] {
	case "username", "user", "owner", "host", "hostname", "port", "dbname", "db", "database", "namespace", "name", "sslmode":
		return true
	case "crt":
		return true // a certificate is public
	}
	return false
}
