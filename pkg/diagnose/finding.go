package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sealway/sealway/pkg/report"
)

// finding is a cause on its way: what it breaks and what would explain it are not
// told, they decide what is folded into what.
type finding struct {
	rule Rule

	object   string // "ConfigMap litellm/litellm-config"
	part     string // tells findings of one rule about one object apart
	message  string
	path     string
	line     int
	fix      report.Fix
	evidence []string // what the cluster says
	log      []string // the last words of a container
	follows  []string
	symptom  string // what is said of it when it is folded; the message when empty

	since time.Time // when it began; zero when unknown
	hold  bool      // it may still heal, however long it lasts

	gives []string // what is broken by it: keys
	from  []string // what would explain it: keys
	quiet bool     // folded, it is not told at all
	late  bool     // before its grace is over it is no cause: things take their time

	rank int
	into *finding
}

// add takes a finding in, or adds to one of the same rule, object and part.
func (f *finder) add(rule string, n finding) {
	n.rule = f.rules[rule]
	n.rank = n.rule.rank
	key := n.key()
	have := f.byKey[key]
	if have == nil {
		f.found = append(f.found, &n)
		f.byKey[key] = &n
		return
	}
	have.follows = join(have.follows, n.follows)
	have.gives = join(have.gives, n.gives)
	have.from = join(have.from, n.from)
	have.evidence = join(have.evidence, n.evidence)
	if have.log == nil {
		have.log = n.log
	}
	have.hold = have.hold && n.hold
	if have.since.IsZero() || !n.since.IsZero() && n.since.Before(have.since) {
		have.since = n.since
	}
}

func (n *finding) key() string { return n.rule.ID + "\n" + n.object + "\n" + n.part }

func join(a, b []string) []string {
	for _, s := range b {
		if s != "" && !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// lasted says whether something has gone on for as long.
func (f *finder) lasted(since time.Time, grace time.Duration) bool {
	return !since.IsZero() && f.in.Now.Sub(since) >= grace
}

// final says whether the finding cannot heal by itself.
func (f *finder) final(n *finding) bool {
	switch {
	case n.hold || n.rule.Grace < 0:
		return false
	case n.rule.Grace == 0:
		return true
	}
	return f.lasted(n.since, n.rule.Grace)
}

// fold moves each finding that another one explains into that one, and gives a root
// the rank of the gravest of what follows from it: what breaks the database comes
// where the database would.
func (f *finder) fold() {
	givers := map[string][]*finding{}
	for _, n := range f.found {
		for _, k := range n.gives {
			givers[k] = append(givers[k], n)
		}
	}
	for _, n := range f.found {
		n.into = explanation(n, givers)
	}
	for _, n := range f.found {
		if n.into == nil {
			continue
		}
		r := root(n)
		r.rank = min(r.rank, n.rank)
		if n.quiet {
			continue
		}
		r.follows = join(r.follows, []string{cmp.Or(n.symptom, n.object+": "+n.message)})
		r.follows = join(r.follows, n.follows)
		r.evidence = join(r.evidence, n.evidence)
		if r.log == nil {
			r.log = n.log
		}
	}
}

// explanation is the finding of lowest rank that explains n without following from it.
func explanation(n *finding, givers map[string][]*finding) (best *finding) {
	for _, k := range n.from {
		for _, g := range givers[k] {
			if g != n && root(g) != n && (best == nil || g.rank < best.rank) {
				best = g
			}
		}
	}
	return best
}

func root(n *finding) *finding {
	for n.into != nil {
		n = n.into
	}
	return n
}

// most is how many symptoms and pieces of evidence a cause tells of, beside a log.
const most = 8

// telling is the evidence that says more than the message and than the other evidence:
// the kubelet tells the same in an event and in a status.
func telling(message string, evidence []string) (out []string) {
	said := func(e string) string {
		if _, rest, ok := strings.Cut(e, ": "); ok {
			e = rest
		}
		return strings.TrimPrefix(e, "Error: ")
	}
	for i, e := range evidence {
		core := said(e)
		switch {
		case slices.Contains([]string{"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"}, core):
		case len(core) >= 20 && strings.Contains(message, core):
		case slices.ContainsFunc(evidence[:i], func(x string) bool { return said(x) == core }):
		case len(core) >= 20 && slices.ContainsFunc(evidence, func(x string) bool { return said(x) != core && strings.Contains(x, ": "+core) }):
		default:
			out = append(out, e)
		}
	}
	return out
}

// causes folds, orders and masks what was found.
func (f *finder) causes() []report.Cause {
	f.fold()
	roots := slices.DeleteFunc(slices.Clone(f.found), func(n *finding) bool { return n.into != nil || n.late && !f.final(n) })
	slices.SortStableFunc(roots, func(a, b *finding) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.rule.rank, b.rule.rank), cmp.Compare(a.object, b.object), cmp.Compare(a.rule.ID, b.rule.ID), cmp.Compare(a.part, b.part))
	})
	mask := f.masked()
	var out []report.Cause
	for _, n := range roots {
		out = append(out, f.cause(n, mask))
	}
	return out
}

func (f *finder) cause(n *finding, mask func(string) string) report.Cause {
	mask = f.sparing(mask)
	var commands []string
	for _, command := range n.fix.Commands {
		commands = append(commands, maskedCommand(command, mask))
	}
	c := report.Cause{
		Rule: n.rule.ID, Link: n.rule.Link, Object: n.object, Message: mask(n.message), Path: n.path, Line: n.line,
		Fix: report.Fix{Text: maskedText(n.fix, commands, mask), Commands: commands}, Final: f.final(n), Evidence: append(masked(telling(n.message, n.evidence), mask), maskedLog(n.log, mask)...), Follows: masked(n.follows, mask),
	}
	if e := n.fix.Edit; e != nil {
		c.Fix.Edit = &report.Edit{Path: e.Path, Line: e.Line, Old: mask(e.Old), New: mask(e.New)}
	}
	return c
}

// maskedText masks what a fix says around its commands.
func maskedText(fix report.Fix, commands []string, mask func(string) string) string {
	text := fix.Text
	for i, c := range fix.Commands {
		text = strings.ReplaceAll(text, "`"+c+"`", hole(ofCommand, i))
	}
	text = mask(text)
	for i, c := range commands {
		text = strings.ReplaceAll(text, hole(ofCommand, i), "`"+c+"`")
	}
	return text
}

// hole stands for what a mask must not see; no value has such characters.
func hole(of rune, i int) string { return "\x00" + string(of+rune(i)) + "\x00" }

// what a hole stands for
const (
	ofCommand = 0xE000
	ofName    = 0xF0000
)

// maskedCommand masks of a command what a commit says. The rest is made of names and
// paths: with one letter replaced it does something else.
func maskedCommand(command string, mask func(string) string) string {
	head, rest, ok := strings.Cut(command, " -m '")
	if !ok {
		return command
	}
	subject, tail, _ := strings.Cut(rest, "'")
	return head + " -m '" + mask(subject) + "'" + tail
}

// sparing is a mask that leaves the names of objects as they are where they stand by
// themselves: a value that is part of a name is told by it anyway.
func (f *finder) sparing(mask func(string) string) func(string) string {
	return func(text string) string {
		if mask(text) == text {
			return text
		}
		var spared []string
		words := strings.Split(text, " ")
		for i, w := range words {
			bare := strings.Trim(w, ",;:.()`\"")
			name := bare[strings.LastIndex(bare, "/")+1:]
			if bare == name || bare == f.in.Namespace+"/"+name {
				if name != "" && f.named()[name] {
					words[i] = strings.Replace(w, bare, hole(ofName, len(spared)), 1)
					spared = append(spared, bare)
				}
			}
		}
		text = mask(strings.Join(words, " "))
		for i, s := range spared {
			text = strings.Replace(text, hole(ofName, i), s, 1)
		}
		return text
	}
}

// named are the names of the objects that causes are about.
func (f *finder) named() map[string]bool {
	if f.nameSet == nil {
		f.nameSet = map[string]bool{f.in.Application: true, f.in.Namespace: true}
		for _, n := range f.found {
			f.nameSet[n.object[strings.LastIndexAny(n.object, "/ ")+1:]] = true
		}
		for i := range f.space.Pods {
			f.nameSet[f.space.Pods[i].Name] = true
		}
	}
	return f.nameSet
}

func maskedLog(lines []string, mask func(string) string) (out []string) {
	for _, l := range lines {
		out = append(out, mask(l))
	}
	return out
}

func masked(texts []string, mask func(string) string) (out []string) {
	for i, t := range texts {
		if i == most && len(texts) > most+1 {
			return append(out, fmt.Sprintf("and %d more", len(texts)-most))
		}
		out = append(out, mask(t))
	}
	return out
}
