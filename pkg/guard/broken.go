package guard

import "bytes"

// minBroken is the length of the shortest line that counts as base64 which goes on in
// the next one: `base64` breaks at 76, PEM at 64, and few words are as long.
const minBroken = 16

// inBase64 are the characters of both alphabets.
var inBase64 = func() (in [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
		in[c] = true
	}
	return in
}()

// eachBroken calls do for every place where a value stands in base64 that is broken
// over lines, with the line where it begins.
func (m *matcher) eachBroken(text []byte, do func(line int, n needle)) {
	if m == nil {
		return
	}
	var b broken
	for number := 1; len(text) > 0; number++ {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			end = len(text)
		}
		// Of most lines the last word says that nothing goes on.
		if line := text[:end]; len(b.joined) > 0 || endsLong(line) {
			b.line(m, number, bytes.Trim(line, " \t\r#>"), do)
		}
		text = text[min(end+1, len(text)):]
	}
	b.flush(m, do)
}

// endsLong reports whether a line ends with as much base64 as it takes to go on.
func endsLong(line []byte) bool {
	if len(line) < minBroken {
		return false
	}
	line = bytes.TrimRight(line, " \t\r\\")
	return len(line) >= minBroken && len(tail(line, minBroken)) == minBroken
}

// tail is the base64 at the end of a line, limit characters at most.
func tail(line []byte, limit int) []byte {
	i := len(line)
	for i > 0 && len(line)-i < limit && inBase64[line[i-1]] {
		i--
	}
	return line[i:]
}

// broken is a text without its line breaks.
type broken struct {
	joined []byte
	starts []start
}

type start struct{ at, line int }

func (b *broken) line(m *matcher, number int, line []byte, do func(int, needle)) {
	line = bytes.TrimRight(line, " \t\r\\")
	if len(b.joined) > 0 {
		head := 0
		for head < len(line) && inBase64[line[head]] {
			head++
		}
		b.add(number, line[:head])
		if head == len(line) && head >= minBroken {
			return
		}
		b.flush(m, do)
	}
	if last := tail(line, len(line)); len(last) >= minBroken {
		b.add(number, last)
	}
}

func (b *broken) add(number int, text []byte) {
	b.starts = append(b.starts, start{len(b.joined), number})
	b.joined = append(b.joined, text...)
}

// flush looks through what was joined, and begins anew.
func (b *broken) flush(m *matcher, do func(int, needle)) {
	if len(b.starts) > 1 {
		m.each(b.joined, func(at int, n needle) {
			line := 0
			for _, s := range b.starts {
				if s.at > at {
					break
				}
				line = s.line
			}
			do(line, n)
		})
	}
	b.joined, b.starts = b.joined[:0], b.starts[:0]
}
