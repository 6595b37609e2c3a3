package lint_test

import (
	"errors"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func as[E error](err error, target *E) bool { return errors.As(err, target) }

var (
	inPlace     = regexp.MustCompile(`write "([^"]+)" in place of "([^"]+)" in (\S+):(\d+)`)
	writeLine   = regexp.MustCompile("write `([^`]+)`(?: and `([^`]+)`)?(?: for it| for Secret \\S+| under `destination`)? in ([^ ,]+):(\\d+)")
	addLine     = regexp.MustCompile("add the line `([^`]+)` to (\\S+)")
	annotate    = regexp.MustCompile("give (\\S+) (\\S+) the annotation `([^`]+)` in (\\S+):(\\d+)")
	takeHook    = regexp.MustCompile("take the hook annotation away (?:from \\S+ \\S+ )?in (\\S+):(\\d+)(?: and write `([^`]+)`|, and give it the annotation `([^`]+)`)")
	declare     = regexp.MustCompile("write `external: \\{(\\w+): \\[([^\\]]+)\\]\\}` in (\\S+)")
	runSeal     = regexp.MustCompile("`mage seal:app (\\S+)`")
	sealedFiles = "templates/sealed-"
)

// fix carries out what a finding says, to the letter.
func (f files) fix(t testing.TB, text string) {
	t.Helper()
	done := false
	if m := declare.FindStringSubmatch(text); m != nil { // the one of two ways that needs no person
		if f[m[3]] == "" {
			f[m[3]] = "secrets: []\n"
		}
		f[m[3]] += "external: {" + m[1] + ": [" + m[2] + "]}\n"
		return
	}
	for _, m := range inPlace.FindAllStringSubmatch(text, -1) {
		f.line(t, m[3], m[4], func(line string) string { return strings.Replace(line, m[2], m[1], 1) })
		done = true
	}
	for _, m := range writeLine.FindAllStringSubmatch(text, -1) {
		f.set(t, m[3], m[4], m[1])
		if m[2] != "" {
			f.set(t, m[3], m[4], m[2])
		}
		done = true
	}
	for _, m := range addLine.FindAllStringSubmatch(text, -1) {
		f[m[2]] += m[1] + "\n"
		done = true
	}
	for _, m := range annotate.FindAllStringSubmatch(text, -1) {
		f.annotation(t, m[4], m[5], m[3])
		done = true
	}
	for _, m := range takeHook.FindAllStringSubmatch(text, -1) {
		f.line(t, m[1], m[2], func(line string) string { return indentOf(line) + m[3] + m[4] })
		done = true
	}
	if !done {
		t.Fatalf("the test cannot carry out %q", text)
	}
	for _, m := range runSeal.FindAllStringSubmatch(text, -1) {
		dir := "applications/" + m[1] + "/"
		for name := range f {
			if strings.HasPrefix(name, dir+sealedFiles) {
				delete(f, name)
			}
		}
		for name, data := range f.seal(t) {
			f[name] = data
		}
	}
}

// line changes one line of a file.
func (f files) line(t testing.TB, name, number string, change func(string) string) {
	t.Helper()
	n, _ := strconv.Atoi(number)
	all := strings.Split(f[name], "\n")
	if n < 1 || n > len(all) {
		t.Fatalf("%s has no line %s", name, number)
	}
	before := all[n-1]
	if all[n-1] = change(before); all[n-1] == before {
		t.Fatalf("%s:%s: %q: nothing to change", name, number, before)
	}
	f[name] = strings.Join(all, "\n")
}

func indentOf(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " -"))] }

// set writes `key: value` where the key stands in a line, or else into the mapping that
// the line begins or belongs to.
func (f files) set(t testing.TB, name, number, text string) {
	t.Helper()
	full, _, _ := strings.Cut(text, ":")
	if full == "argocd.argoproj.io/hook" || full == "argocd.argoproj.io/sync-wave" {
		full, _, _ = strings.Cut(text, ": ")
	}
	key, value := full, strings.TrimSpace(text[len(full)+1:])
	if !strings.Contains(key, "/") && strings.Contains(key, ".") {
		key = path.Ext(key)[1:] // the path of a value
	}
	stale := ""
	f.line(t, name, number, func(line string) string {
		at := regexp.MustCompile(`(^|[\s{-])("?` + regexp.QuoteMeta(key) + `"?:)\s*(\{[^}]*\}|"[^"]*"|[^\s,}]*)`)
		if at.MatchString(line) && !strings.Contains(line, "{") { // alone in its line
			at = regexp.MustCompile(`(^|[\s{-])("?` + regexp.QuoteMeta(key) + `"?:).*`)
		}
		if at.MatchString(line) {
			return at.ReplaceAllString(line, "${1}${2} "+strings.ReplaceAll(value, "$", "$$"))
		}
		indent := strings.Repeat(" ", len(indentOf(line)))
		if strings.HasSuffix(strings.TrimSpace(line), ":") && !strings.Contains(line, "- ") {
			indent += "  "
		}
		stale = "\n" + indent + key + ": "
		return line + stale + value
	})
	// The mapping may have had the key in a line below, up to the next entry.
	n, _ := strconv.Atoi(number)
	all := strings.Split(f[name], "\n")
	for i := n + 1; stale != "" && i < len(all) && !strings.HasPrefix(strings.TrimSpace(all[i]), "- "); i++ {
		if strings.HasPrefix(all[i], stale[1:]) {
			f[name] = strings.Join(append(all[:i], all[i+1:]...), "\n")
			return
		}
	}
}

// annotation adds an annotation to the object whose name stands in a line.
func (f files) annotation(t testing.TB, name, number, text string) {
	t.Helper()
	key, _, _ := strings.Cut(text, ": ")
	n, _ := strconv.Atoi(number)
	all := strings.Split(f[name], "\n")
	for i := n - 1; i < len(all) && all[i] != "---" && i < n+5; i++ {
		if strings.Contains(all[i], key+":") {
			all[i] = indentOf(all[i]) + text
			f[name] = strings.Join(all, "\n")
			return
		}
	}
	for i := n - 1; i < len(all) && i < n+3; i++ {
		if strings.HasSuffix(all[i], "annotations:") {
			all[i] += "\n" + indentOf(all[i]) + "  " + text
			f[name] = strings.Join(all, "\n")
			return
		}
	}
	f.line(t, name, number, func(line string) string {
		in := indentOf(line)
		return line + "\n" + in + "annotations:\n" + in + "  " + text
	})
}
