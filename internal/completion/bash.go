package completion

import (
	"strings"
	"unicode"
)

// split takes a line of bash apart at its blanks; the last word is empty when a blank
// is the last character. quote is the quote that is still open. Nothing is expanded,
// and redirections are left out with their files.
func split(text string) (words []string, quote byte) {
	s := splitter{text: text}
	for s.next() {
	}
	if s.redirected {
		s.word.Reset() // a file's name
	}
	return append(s.words, s.word.String()), s.quote
}

type splitter struct {
	text       string
	words      []string
	word       strings.Builder
	inWord     bool
	redirected bool // the word is the file of a redirection
	quote      byte
}

// next takes one character, or two when the first is a backslash.
func (s *splitter) next() bool {
	if s.text == "" {
		return false
	}
	c := s.text[0]
	s.text = s.text[1:]
	switch {
	case s.quote == '\'' && c == '\'', s.quote == '"' && c == '"':
		s.quote = 0
	case s.quote == '\'':
		s.word.WriteByte(c)
	case c == '\\':
		s.escaped()
	case s.quote == '"':
		s.word.WriteByte(c)
	case c == '\'' || c == '"':
		s.quote, s.inWord = c, true
	case c == ' ' || c == '\t' || c == '\n':
		s.end()
	case c == '<' || c == '>':
		s.redirect()
	default:
		s.word.WriteByte(c)
		s.inWord = true
	}
	return true
}

// escaped is the character behind a backslash.
func (s *splitter) escaped() {
	s.inWord = true
	if s.text == "" {
		return
	}
	c := s.text[0]
	s.text = s.text[1:]
	if s.quote == '"' && !strings.ContainsRune("\\\"$`\n", rune(c)) {
		s.word.WriteByte('\\')
	}
	if c != '\n' {
		s.word.WriteByte(c)
	}
}

// redirect begins the name of a file; digits that touch the sign are the number of a
// descriptor and no word.
func (s *splitter) redirect() {
	if n := s.word.String(); n != "" && strings.Trim(n, "0123456789") == "" {
		s.inWord = false
		s.word.Reset()
	}
	s.end()
	s.redirected = true
}

func (s *splitter) end() {
	if !s.inWord {
		return
	}
	if !s.redirected {
		s.words = append(s.words, s.word.String())
	}
	s.redirected, s.inWord = false, false
	s.word.Reset()
}

// fitting are the candidates that begin with the last word; without one, those that
// do so but for upper and lower case, which Mage does not tell apart.
func (q Query) fitting(list []Candidate) []Candidate {
	if len(q.Words) == 0 {
		return nil
	}
	var exact, folded []Candidate
	current := q.Words[len(q.Words)-1]
	for _, c := range list {
		switch {
		case strings.HasPrefix(c.Value, current):
			exact = append(exact, c)
		case len(c.Value) >= len(current) && strings.EqualFold(c.Value[:len(current)], current):
			folded = append(folded, c)
		}
	}
	if exact == nil {
		return folded
	}
	return exact
}

// bash is a candidate as it goes into COMPREPLY: without what bash keeps, quoted as
// it stands there, with its blank.
func (q Query) bash(c Candidate) string {
	text, ok := quoted(c.Value[q.head:], q.quote)
	switch {
	case !ok:
		return ""
	case !c.Open && q.quote == 0:
		text += " "
	}
	return text + "\n"
}

// quoted writes a text as one word of bash, or its part behind an open quote; not ok
// when there is no way to.
func quoted(text string, quote byte) (string, bool) {
	var b strings.Builder
	for _, r := range text {
		switch {
		case quote == '\'' && r == '\'', quote != 0 && r == '!': // the history is looked up in double quotes, too
			return "", false
		case quote == '"' && strings.ContainsRune("\\\"$`", r):
			b.WriteByte('\\')
		case quote == 0 && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_@%+=:,./-", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String(), true
}
