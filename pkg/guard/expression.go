package guard

import (
	"regexp"
	"slices"
	"strings"
)

const (
	maxNested   = 32 // parentheses in an action
	maxLiterals = 64 // of an expression
)

// lexeme is a string between quotes of either kind, a bracket, a bar, or a word.
var lexeme = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`|[()|]|[^\\s()|\"`]+")

// Which arguments of a function are in what it returns. Of all others none is: keys,
// names, messages, patterns, lengths.
var (
	bringsAll = set("b64enc", "b64dec", "b32enc", "quote", "squote", "toString", "trim", "nospace", "upper", "lower", "title",
		"default", "coalesce", "toYaml", "toYamlPretty", "toJson", "toPrettyJson", "toRawJson", "list", "tuple", "first", "last",
		"merge", "mustMerge", "mergeOverwrite", "mustMergeOverwrite", "deepCopy", "concat", "bcrypt", "sha1sum", "sha256sum", "urlquery")
	bringsLast = set("indent", "nindent", "required", "trunc", "substr", "replace", "trimAll", "trimPrefix", "trimSuffix", "repeat", "join", "htpasswd")
	silent     = set("if", "else", "with", "range", "end", "define", "template", "block", "break", "continue")
)

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// expression reads an action of Helm's as far as to know which of its strings end up
// in what it writes.
type expression struct {
	lexemes   []string
	variables map[string][]string // and named templates, by their names between quotes
}

// brings are the strings that an action writes.
func brings(action string, variables map[string][]string) []string {
	x := expression{lexemes: lexeme.FindAllString(action, -1), variables: variables}
	if len(x.lexemes) == 0 || silent[x.lexemes[0]] || strings.HasPrefix(action, "/*") || assigned.MatchString(action) {
		return nil
	}
	return x.pipeline(0)
}

// pipeline reads up to the bracket that closes it.
func (x *expression) pipeline(depth int) (value []string) {
	for first := true; ; first = false {
		operands, end := x.command(depth)
		name := operands[0].word
		if !first {
			operands = append(operands, operand{brings: value})
		}
		value = x.call(name, operands)
		if len(value) > maxLiterals {
			value = value[:maxLiterals]
		}
		if end != "|" {
			return value
		}
	}
}

type operand struct {
	word   string // as it is written
	brings []string
}

// command reads up to a bar or a bracket; there is always a first operand.
func (x *expression) command(depth int) (operands []operand, end string) {
	for len(x.lexemes) > 0 {
		l := x.lexemes[0]
		x.lexemes = x.lexemes[1:]
		o := operand{word: l}
		switch {
		case l == "|" || l == ")":
			return atLeastOne(operands), l
		case l == "(" && depth < maxNested:
			o.brings = x.pipeline(depth + 1)
		case l[0] == '"' || l[0] == '`':
			o.brings = []string{l[1 : len(l)-1]}
		case l[0] == '$':
			o.brings = x.variables[l]
		}
		operands = append(operands, o)
	}
	return atLeastOne(operands), ""
}

func atLeastOne(operands []operand) []operand {
	if len(operands) == 0 {
		return []operand{{}}
	}
	return operands
}

// call is what a command returns.
func (x *expression) call(name string, operands []operand) []string {
	args := operands[1:]
	switch {
	case operands[0].brings != nil:
		return operands[0].brings
	case len(args) == 0:
		return nil
	case bringsAll[name]:
		return together(args)
	case bringsLast[name]:
		return args[len(args)-1].brings
	case name == "include":
		return x.variables[args[0].word]
	case name == "ternary":
		return together(args[:min(2, len(args))])
	case name == "dict":
		var values []operand
		for i := 1; i < len(args); i += 2 {
			values = append(values, args[i])
		}
		return together(values)
	case name == "print" || name == "printf":
		return printed(name == "printf", args)
	}
	return nil
}

func together(args []operand) (all []string) {
	for _, a := range args {
		all = append(all, a.brings...)
	}
	return all
}

// printed is what a text of literals alone holds: beside a name that is filled in,
// they are mostly the rest of a name.
func printed(format bool, args []operand) []string {
	if slices.ContainsFunc(args, func(a operand) bool { return len(a.brings) == 0 }) {
		return nil
	}
	if format && len(args) > 1 || format && strings.Contains(args[0].brings[0], "%") {
		args = args[1:]
	}
	return together(args)
}

var (
	assigned = regexp.MustCompile(`^(\$[A-Za-z0-9_]+)\s*:?=\s*`)
	defined  = regexp.MustCompile(`^define\s+("[^"]*")\s*$`)
)

// remember takes in what the text itself gives to variables and to named templates
// that are nothing but a text or one action.
func (t *template) remember() {
	t.variables = map[string][]string{}
	for i, a := range t.actions {
		if m := defined.FindStringSubmatch(a); m != nil {
			t.variables[m[1]] = t.body(i + 1)
		}
	}
	for _, a := range t.actions {
		if m := assigned.FindStringSubmatch(a); m != nil {
			t.variables[m[1]] = append(t.variables[m[1]], brings(a[len(m[0]):], t.variables)...)
			t.variables[m[1]] = t.variables[m[1]][:min(maxLiterals, len(t.variables[m[1]]))]
		}
	}
}

// body is what the named template brings whose first action is the given one.
func (t *template) body(first int) []string {
	blank := func(i int) bool { return strings.TrimSpace(t.before[i]) == "" }
	switch {
	case first < len(t.actions) && t.actions[first] == "end" && !blank(first):
		return []string{strings.TrimSpace(t.before[first])}
	case first+1 < len(t.actions) && t.actions[first+1] == "end" && blank(first) && blank(first+1):
		return brings(t.actions[first], nil)
	}
	return nil
}
