// Package completion says what may follow the words on a shell's command line, and
// has the scripts that let bash, zsh and fish ask for it. Targets and flags come from
// Mage's own help of the very program, so there is no list of them here; names come
// from the repository. Nothing is said but names: no value of a Secret, and no error,
// for nobody wants one behind a Tab.
package completion

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Candidate is one word that may stand where the cursor is.
type Candidate struct {
	Value       string // the whole word, without a shell's quotes
	Description string
	Open        bool // the word goes on: no blank behind it
}

// Target is one target as Mage's help has it.
type Target struct {
	Name  string
	About string   // the first sentence in a list, all of them in the help of one
	Args  []string // names of the arguments
	Flags []Flag
}

// Flag is an optional argument, -name=value; a bool needs no value.
type Flag struct {
	Name, About string
	Bool        bool
}

// Help is what a program says of its targets.
type Help interface {
	Targets(ctx context.Context) []Target
	Target(ctx context.Context, name string) (Target, bool)
}

// Names are what a repository has. Unknown applications and Secrets have nothing.
type Names interface {
	Applications(ctx context.Context) []string
	Keys(ctx context.Context, application string) map[string][]string // by Secret
	Files(prefix string) []string                                     // a folder ends in a slash
}

// Completer completes the command line of one program.
type Completer struct {
	Help  Help
	Names Names
}

// Complete says what may stand in place of the last word, with the words behind the
// program's name up to the cursor. Candidates that do not begin with the last word
// are among them: a shell may match in ways of its own.
func (c *Completer) Complete(ctx context.Context, words []string) []Candidate {
	if len(words) == 0 {
		return nil
	}
	current := words[len(words)-1]
	rest, open := own(words[:len(words)-1])
	switch {
	case open:
		return nil
	case len(rest) == 0 && strings.HasPrefix(current, "-"):
		return clean(ownFlags())
	}
	l := line{help: c.Help}
	l.read(ctx, rest)
	switch {
	case l.lost:
		return nil
	case !l.begun:
		return clean(c.targets(ctx))
	case len(l.args) < len(l.target.Args):
		return clean(c.argument(ctx, &l, current))
	case strings.HasPrefix(current, "-") && strings.Contains(current, "="):
		return clean(c.flagValue(ctx, &l, current))
	case current == "" || strings.HasPrefix(current, "-"):
		return clean(l.flags())
	}
	return clean(c.targets(ctx)) // Mage runs several in one call
}

// own passes over Mage's own flags, which stand in front of the first target. open
// says that the current word is the value of one.
func own(words []string) (rest []string, open bool) {
	withValue := []string{"t", "d", "w", "gocmd", "goos", "goarch", "ldflags", "compile", "install"}
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		name := strings.TrimLeft(words[0], "-")
		words = words[1:]
		if slices.Contains(withValue, name) {
			if len(words) == 0 {
				return nil, true
			}
			words = words[1:]
		}
	}
	return words, false
}

// ownFlags are those of the compiled program.
func ownFlags() []Candidate {
	return []Candidate{
		{Value: "-h", Description: "show the description of a target"},
		{Value: "-l", Description: "list the targets"},
		{Value: "-t", Description: "timeout, for instance 5m30s"},
		{Value: "-v", Description: "say which target runs"},
	}
}

// line is what stands in front of the cursor.
type line struct {
	help   Help
	begun  bool
	lost   bool // one of the words is no target
	target Target
	args   []string
	given  map[string]string // flags of target
}

// read takes the words for targets, each with its arguments and flags.
func (l *line) read(ctx context.Context, words []string) {
	for _, w := range words {
		switch {
		case l.begun && len(l.args) < len(l.target.Args):
			l.args = append(l.args, w)
		case l.begun && strings.HasPrefix(w, "-"):
			name, value, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
			l.given[strings.ToLower(name)] = value
		default:
			t, ok := l.help.Target(ctx, w)
			if !ok {
				l.lost = true
				return
			}
			*l = line{help: l.help, begun: true, target: t, given: map[string]string{}}
		}
	}
}

// flags are those of the target that were not given yet.
func (l *line) flags() []Candidate {
	var out []Candidate
	for _, f := range l.target.Flags {
		if _, given := l.given[strings.ToLower(f.Name)]; given {
			continue
		}
		value := "-" + f.Name
		if !f.Bool {
			value += "="
		}
		out = append(out, Candidate{Value: value, Description: f.About, Open: !f.Bool})
	}
	return out
}

// arg is what was given for an argument or a flag of a name.
func (l *line) arg(name string) string {
	if i := slices.Index(l.target.Args, name); i >= 0 && i < len(l.args) {
		return l.args[i]
	}
	return l.given[name]
}

func (c *Completer) targets(ctx context.Context) []Candidate {
	var out []Candidate
	for _, t := range c.Help.Targets(ctx) {
		out = append(out, Candidate{Value: t.Name, Description: t.About})
	}
	return out
}

// argument completes a positional argument.
func (c *Completer) argument(ctx context.Context, l *line, current string) []Candidate {
	name := l.target.Args[len(l.args)]
	list := several(l.target.About)
	var out []Candidate
	if strings.HasPrefix(current, "-") && strings.Contains(l.target.About, "-all in the name's place") {
		return []Candidate{{Value: "-all"}}
	}
	for _, v := range c.values(ctx, l, name, current, list) {
		if !strings.HasPrefix(v.Value, "-") { // Mage would take it, and the target refuse it
			out = append(out, v)
		}
	}
	return out
}

// flagValue completes what stands behind -name=.
func (c *Completer) flagValue(ctx context.Context, l *line, current string) []Candidate {
	dashed, value, _ := strings.Cut(current, "=")
	i := slices.IndexFunc(l.target.Flags, func(f Flag) bool { return strings.EqualFold(f.Name, strings.TrimLeft(dashed, "-")) })
	if i < 0 || l.target.Flags[i].Bool {
		return nil
	}
	f := l.target.Flags[i]
	out := c.values(ctx, l, strings.ToLower(f.Name), value, several(f.About))
	for i := range out {
		out[i].Value = dashed + "=" + out[i].Value
	}
	return out
}

// several says whether a text asks for a list.
func several(about string) bool { return strings.Contains(about, "separated by commas") }

// values are what may stand in an argument or behind a flag of this name; in a list,
// behind what stands there already.
func (c *Completer) values(ctx context.Context, l *line, name, current string, list bool) []Candidate {
	head := ""
	if i := strings.LastIndex(current, ","); list && i >= 0 {
		head = current[:i+1]
	}
	var out []Candidate
	for _, v := range c.kind(ctx, l, name, strings.TrimPrefix(current, head)) {
		taken := slices.Contains(strings.Split(head, ","), v)
		if list && (taken || strings.Contains(v, ",")) {
			continue
		}
		out = append(out, Candidate{Value: head + v, Open: strings.HasSuffix(v, "/")})
	}
	return out
}

// kind are the words for an argument or a flag of this name.
func (c *Completer) kind(ctx context.Context, l *line, name, current string) []string {
	switch kinds[name] {
	case application:
		return c.applications(ctx)
	case secret:
		return slices.Sorted(maps.Keys(c.keys(ctx, l.arg("app"))))
	case key:
		return c.keyNames(ctx, l)
	case ref:
		return c.refs(ctx, current)
	case file:
		return c.Names.Files(current)
	case nothing:
		return nil
	}
	return fixed[name]
}

// applications are those that a target takes: it takes none for a flag.
func (c *Completer) applications(ctx context.Context) []string {
	return slices.DeleteFunc(c.Names.Applications(ctx), func(name string) bool { return strings.HasPrefix(name, "-") })
}

// keys are those of one application, or of several separated by commas.
func (c *Completer) keys(ctx context.Context, apps string) map[string][]string {
	out := map[string][]string{}
	for app := range strings.SplitSeq(apps, ",") {
		if app = strings.TrimSpace(app); app == "" {
			continue
		}
		for name, keys := range c.Names.Keys(ctx, app) {
			out[name] = append(out[name], keys...)
		}
	}
	return out
}

// keyNames are the keys of the Secret that was named; without one those of all.
func (c *Completer) keyNames(ctx context.Context, l *line) []string {
	all := c.keys(ctx, l.arg("app"))
	if name := l.arg("secret"); name != "" {
		return all[name]
	}
	var out []string
	for name, keys := range all {
		for _, k := range keys {
			out = append(out, name+"/"+k)
		}
	}
	slices.Sort(out)
	return out
}

// refs are application/secret/key, one part after the other.
func (c *Completer) refs(ctx context.Context, current string) []string {
	app, rest, ok := strings.Cut(current, "/")
	var out []string
	if !ok {
		for _, a := range c.applications(ctx) {
			out = append(out, a+"/")
		}
		return out
	}
	all := c.Names.Keys(ctx, app)
	name, _, ok := strings.Cut(rest, "/")
	if !ok {
		for s := range all {
			out = append(out, app+"/"+s+"/")
		}
	}
	for _, k := range all[name] {
		if ok {
			out = append(out, app+"/"+name+"/"+k)
		}
	}
	slices.Sort(out)
	return out
}

// clean leaves out what no command line takes in one line, and everything that could
// look like something else in a terminal.
func clean(list []Candidate) []Candidate {
	out := make([]Candidate, 0, len(list))
	for _, c := range list {
		if c.Value == "" || !printable(c.Value) {
			continue
		}
		c.Description = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, c.Description)
		out = append(out, c)
	}
	return out
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
