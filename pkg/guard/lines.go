package guard

import (
	"regexp"
	"strings"
)

var (
	kindLine  = regexp.MustCompile(`^[\s{,-]*["']?kind["']?\s*:\s*["']?Secret["']?\s*[,}]?\s*(?:#.*)?$`)
	otherKind = regexp.MustCompile(`^[\s{,-]*["']?apiVersion["']?\s*:\s*["']?([^"'\s,#]+)`)
	dataLine  = regexp.MustCompile(`^([\s{,-]*)["']?(data|stringData)["']?\s*:\s*(.*)$`)
	entryLine = regexp.MustCompile(`^(\s*)["']?([-._A-Za-z0-9\x{e000}-\x{e002}]+)["']?\s*[:=]\s*(.*)$`)
)

// lines reads what no parser takes: the lines below data or stringData that are
// indented more, in a document that says that it is a Secret. It may say too
// much; it must not say too little.
func (w *walker) lines(c chunk) {
	list := strings.Split(string(c.text), "\n")
	// Without its separators a shell script with several documents is one chunk:
	// a kind reaches up and down to the next one.
	done := 0
	for i, line := range list {
		if i < done || !kindLine.MatchString(line) {
			continue
		}
		first, last := reach(list, i)
		done = last
		if !ofVersionOne(list[first:last]) {
			continue
		}
		for j := first; j < last; j++ {
			if m := dataLine.FindStringSubmatch(list[j]); m != nil {
				w.block(list[:last], j, len(m[1]), m[2] == "data", m[3], c.line)
			}
		}
	}
}

// reach is the part of the lines that belongs to the object whose kind stands at i.
func reach(list []string, i int) (first, last int) {
	ends := func(line string) bool {
		return strings.HasPrefix(line, "---") || strings.HasPrefix(line, "...") || strings.Contains(line, "<<") || strings.TrimSpace(line) == "EOF"
	}
	for first = i; first > 0 && !ends(list[first-1]); first-- {
		continue
	}
	for last = i + 1; last < len(list) && !ends(list[last]); last++ {
		continue
	}
	return first, last
}

// ofVersionOne reports whether the object may be a v1 one.
func ofVersionOne(list []string) bool {
	said := false
	for _, line := range list {
		if m := otherKind.FindStringSubmatch(line); m != nil {
			if m[1] == "v1" || strings.ContainsRune(m[1], markOpen) {
				return true
			}
			said = true
		}
	}
	return !said
}

// block judges the lines below data.
func (w *walker) block(list []string, at, indent int, inData bool, rest string, shift int) {
	if flow := strings.TrimSpace(rest); flow != "" && !strings.ContainsAny(flow[:1], "{}#") && w.telling(strings.Trim(flow, `"'`)) {
		w.entry(at+shift, "data: "+flow, inData) // no mapping, and it can be read
		return
	}
	for part := range strings.SplitSeq(strings.Trim(strings.TrimSpace(rest), "{} "), ",") {
		if part = strings.TrimSpace(part); !strings.HasPrefix(part, "#") {
			w.entry(at+shift, part, inData)
		}
	}
	for i := at + 1; i < len(list); i++ {
		line := strings.TrimRight(list[i], "\r")
		if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if len(line)-len(strings.TrimLeft(line, " \t")) <= indent {
			return
		}
		w.entry(i+shift, line, inData)
	}
}

// entry judges one line as `key: value`.
func (w *walker) entry(line int, text string, inData bool) {
	m := entryLine.FindStringSubmatch(text)
	if m == nil {
		return
	}
	value := strings.TrimSpace(strings.TrimRight(strings.TrimSpace(m[3]), ","))
	for strings.HasSuffix(value, "}") && strings.Count(value, "}") > strings.Count(value, "{") {
		value = strings.TrimSpace(strings.TrimSuffix(value, "}"))
	}
	block := value == "|" || value == ">" || len(value) == 2 && strings.ContainsAny(value[:1], "|>")
	value = strings.Trim(value, `"'`)
	if !block && (!w.telling(value) || inData && !w.telling(decoded(value))) {
		return
	}
	w.hits = append(w.hits, hit{rule: RuleSecret, line: line, end: line, object: "Secret", key: w.plainKey(m[2]),
		message: "a Secret in plaintext (the document is not valid, so it was read line by line)"})
}

func decoded(value string) string {
	if raw, err := base64Any(value); err == nil {
		return string(raw)
	}
	return value
}
