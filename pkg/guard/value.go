package guard

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
)

// Value is a plaintext value of this machine that must not be in Git.
type Value struct {
	Text   []byte // never printed
	Object string // for instance "Secret litellm/litellm-secrets"
	Key    string
}

// matcher looks for all values in all their forms at once: at each position of a
// text the next eight bytes are held against a bit set, and only what is in there
// is compared. Its speed does not depend on the number of values.
type matcher struct {
	bits   []uint64
	needle map[uint64][]needle
}

type needle struct {
	text  []byte
	value int
	form  string
}

const (
	window   = 8       // bytes of a needle that are looked up
	bitCount = 1 << 20 // 128 KiB: in the cache, and nearly empty
)

func newMatcher(values []Value) *matcher {
	if len(values) == 0 {
		return nil
	}
	m := &matcher{bits: make([]uint64, bitCount/64), needle: map[uint64][]needle{}}
	for i, v := range values {
		for _, n := range spellings(v.Text) {
			n.value = i
			m.add(n)
		}
	}
	return m
}

func slot(head uint64) uint64 { return head * 0x9e3779b97f4a7c15 >> (64 - 20) }

func (m *matcher) add(n needle) {
	if len(n.text) < window {
		return
	}
	head := binary.LittleEndian.Uint64(n.text)
	s := slot(head)
	m.bits[s/64] |= 1 << (s % 64)
	for _, have := range m.needle[head] {
		if have.value == n.value && bytes.Equal(have.text, n.text) {
			return
		}
	}
	m.needle[head] = append(m.needle[head], n)
}

// each calls do for every place where a value stands.
func (m *matcher) each(text []byte, do func(at int, n needle)) {
	if m == nil {
		return
	}
	for i := 0; i+window <= len(text); i++ {
		head := binary.LittleEndian.Uint64(text[i:])
		s := slot(head)
		if m.bits[s/64]&(1<<(s%64)) == 0 {
			continue
		}
		for _, n := range m.needle[head] {
			if bytes.HasPrefix(text[i:], n.text) {
				do(i, n)
			}
		}
	}
}

// spellings are the forms in which a value may stand in a file.
func spellings(v []byte) []needle {
	out := []needle{{text: v, form: ""}}
	add := func(form, text string) {
		if text != string(v) {
			out = append(out, needle{text: []byte(text), form: form})
		}
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			add(" in base64", aligned(enc, v, shift))
		}
	}
	add(" in base64, twice", aligned(base64.RawStdEncoding, []byte(base64.StdEncoding.EncodeToString(v)), 0))
	add(" in hexadecimal", hex.EncodeToString(v))
	add(" in hexadecimal", strings.ToUpper(hex.EncodeToString(v)))
	for _, text := range []string{url.QueryEscape(string(v)), url.PathEscape(string(v)), userinfo(v)} {
		add(" in a URL", text)
		add(" in a URL", lowerEscapes(text))
	}
	for _, escape := range []bool{true, false} {
		add(" in JSON", inJSON(v, escape))
	}
	add("", strings.ReplaceAll(string(v), "'", "''"))    // in YAML's single quotes
	add("", strings.ReplaceAll(string(v), "\n", "\r\n")) // on Windows
	return out
}

// aligned is the part of the base64 of a text that ends with v which v alone
// decides, when v begins shift bytes behind a multiple of three.
func aligned(enc *base64.Encoding, v []byte, shift int) string {
	text := enc.EncodeToString(append(make([]byte, shift), v...))
	whole := (shift + len(v)) * 8 / 6 // a character that is cut off depends on what follows
	return text[(shift*8+5)/6 : whole]
}

func userinfo(v []byte) string {
	return strings.TrimPrefix(url.UserPassword("", string(v)).String(), ":")
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(text string) string {
	b := []byte(text)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
			i += 2
		}
	}
	return string(b)
}

// inJSON is the value between the quotes of a JSON string.
func inJSON(v []byte, escapeHTML bool) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escapeHTML)
	if err := enc.Encode(string(v)); err != nil {
		return string(v)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	return text[1 : len(text)-1]
}
