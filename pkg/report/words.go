package report

import (
	"fmt"
	"strings"
	"unicode"
)

// healthy says that there is nothing to look at in the chain.
func (c Chain) healthy() bool {
	return (c.State == OK || c.State == Skipped) && len(c.Causes) == 0
}

// at is the name of the link that made the chain what it is: the first one in its
// state, before all one that a cause is known of.
func (c Chain) at() string {
	first := ""
	for _, l := range c.Links {
		switch {
		case l.State != c.State || l.Follows:
		case l.Broken != "":
			return oneLine(l.Name)
		case first == "":
			first = oneLine(l.Name)
		}
	}
	return first
}

// verdict is the chain's state in words.
func (c Chain) verdict() string {
	what := map[State]string{OK: "healthy", Skipped: "nothing to look at", Warned: "worth a look",
		Waiting: "waiting", Unknown: "not all seen", Failed: "broken"}[c.State]
	at := c.at()
	if at == "" || c.State == OK || c.State == Skipped {
		return what
	}
	return what + " at " + at
}

// sentence is the cause with its object, unless the message names it itself.
func (c Cause) sentence() string {
	object, message := oneLine(c.Object), oneLine(c.Message)
	if object == "" || strings.Contains(message, object) {
		return message
	}
	return object + ": " + message
}

// Advice is the text of a fix without the commands at its end, for where they stand in
// lines of their own.
func (f Fix) Advice() string {
	text := oneLine(f.Text)
	if len(f.Commands) == 0 {
		return text
	}
	for _, between := range []string{"`, `", "`, then `"} {
		if rest, ok := strings.CutSuffix(text, "`"+strings.Join(f.Commands, between)+"`"); ok {
			return strings.TrimSuffix(strings.TrimRight(rest, " "), "; then")
		}
	}
	return text
}

// group is one link, or several in a row that only follow from an earlier one.
type group struct {
	name    string
	links   []string // names as they are, to find the causes
	state   State
	summary string
	follows bool
}

// groups folds the links that only follow.
func (c Chain) groups() []group {
	var all []group
	broken := "" // the last link before that is not as it should be of itself
	for _, l := range c.Links {
		g := group{name: oneLine(l.Name), links: []string{l.Name}, state: l.State, summary: oneLine(l.Summary), follows: l.Follows}
		if !l.Follows {
			if l.State != OK && l.State != Skipped && l.State != Warned {
				broken = g.name
			}
			all = append(all, g)
			continue
		}
		if broken != "" {
			g.summary = "waits for " + broken
		}
		last := len(all) - 1
		if last < 0 || !all[last].follows {
			g.state = Waiting
			all = append(all, g)
			continue
		}
		all[last].name += ", " + g.name
		all[last].links = append(all[last].links, l.Name)
		if broken != "" {
			all[last].summary = "wait for " + broken
		}
	}
	return all
}

// fold makes one line of symptoms that differ in their object's name alone:
// "Pod a/b waits for it", twice, is "2 Pods wait for it".
func fold(symptoms []string) []string {
	type kind struct{ of, does string }
	var order []kind
	seen := map[kind][]string{}
	for _, s := range symptoms {
		s = oneLine(s)
		k := kind{of: s}
		if parts := strings.SplitN(s, " ", 3); len(parts) == 3 {
			k = kind{parts[0], parts[2]}
		}
		if _, known := seen[k]; !known {
			order = append(order, k)
		}
		seen[k] = append(seen[k], s)
	}
	folded := make([]string, 0, len(order))
	for _, k := range order {
		if n := len(seen[k]); n > 1 && k.does != "" {
			folded = append(folded, fmt.Sprintf("%d %s %s", n, plural(k.of), ofMany(k.does)))
			continue
		}
		folded = append(folded, seen[k][0])
	}
	return folded
}

// plural is a kind's name for several: Pods, Ingresses, NetworkPolicies.
func plural(kind string) string {
	switch {
	case strings.HasSuffix(kind, "s"):
		return kind + "es"
	case strings.HasSuffix(kind, "y"):
		return strings.TrimSuffix(kind, "y") + "ies"
	default:
		return kind + "s"
	}
}

// ofMany puts the verb that a sentence begins with into the plural.
func ofMany(does string) string {
	verb, rest, _ := strings.Cut(does, " ")
	switch verb {
	case "is":
		verb = "are"
	case "was":
		verb = "were"
	case "has":
		verb = "have"
	case "does":
		verb = "do"
	default:
		if !strings.HasSuffix(verb, "ss") {
			verb = strings.TrimSuffix(verb, "s")
		}
	}
	return strings.TrimSpace(verb + " " + rest)
}

// oneLine makes one line of what a cluster says, without what would move a terminal's
// cursor, change its colours or turn the order of its characters.
func oneLine(text string) string {
	return strings.Join(strings.Fields(printable(text)), " ")
}

// printable is text as it is, as far as it can be on one line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, text)
}

// lines is text with its lines and their blanks as they are.
func lines(text string) string {
	list := strings.Split(text, "\n")
	for i := range list {
		list[i] = printable(list[i])
	}
	return strings.Join(list, "\n")
}
