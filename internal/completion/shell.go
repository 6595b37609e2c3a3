package completion

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Shell is a shell that there is a script for.
type Shell string

// The shells.
const (
	Bash Shell = "bash"
	Zsh  Shell = "zsh"
	Fish Shell = "fish"
)

// Shells are all of them.
func Shells() []Shell { return []Shell{Bash, Zsh, Fish} }

// Known says whether there is a script for it.
func (s Shell) Known() bool { return slices.Contains(Shells(), s) }

//go:embed scripts/bash scripts/zsh scripts/fish
var scripts embed.FS

// Source is what a script is made of.
type Source struct {
	Command string // what is completed
	Own     string // the base name under which the program itself is called
	Program string // who is asked when the command is not called by its path
}

var command = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// CommandError says that a script cannot be made for a command of this name.
type CommandError struct{ Name string }

func (e *CommandError) Error() string {
	return fmt.Sprintf("completion: %q is no name of a command", e.Name)
}

// Hint says which are.
func (e *CommandError) Hint() string {
	return "letters, digits, dots, underlines and dashes, no folder in front"
}

// Usage marks the error: exit status 2.
func (e *CommandError) Usage() bool { return true }

// Script is what the shell has to read.
func Script(shell Shell, s Source) (string, error) {
	for _, name := range []string{s.Command, s.Own} {
		if !command.MatchString(name) {
			return "", &CommandError{Name: name}
		}
	}
	text, err := scripts.ReadFile("scripts/" + string(shell))
	if err != nil {
		return "", err
	}
	quoted := "'" + strings.ReplaceAll(s.Program, "'", `'\''`) + "'"
	if shell == Fish {
		quoted = "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s.Program) + "'"
	}
	function := regexp.MustCompile(`\W`).ReplaceAllString(s.Command, "_")
	return strings.NewReplacer("@command@", s.Command, "@function@", function, "@own@", s.Own, "@program@", quoted).Replace(string(text)), nil
}

// Answer is what the script reads: one line per candidate. bash leaves it to us which
// of them fit.
func (q Query) Answer(list []Candidate) string {
	if q.shell == Bash {
		list = q.fitting(list)
	}
	var b strings.Builder
	for _, c := range list {
		switch q.shell {
		case Bash:
			b.WriteString(q.bash(c))
		case Zsh:
			b.WriteString(zsh(c))
		case Fish:
			b.WriteString(c.Value + "\t" + c.Description + "\n")
		}
	}
	return b.String()
}

// zsh is closed or open, and word:description as _describe takes it.
func zsh(c Candidate) string {
	line := "closed\t"
	if c.Open {
		line = "open\t"
	}
	line += strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(c.Value)
	if c.Description != "" {
		line += ":" + c.Description
	}
	return line + "\n"
}

// Query is what a script asks.
type Query struct {
	Words []string // behind the command's name, up to the cursor; the last one may be empty

	shell Shell
	head  int  // bash: how many bytes of the last word it keeps
	quote byte // bash: the quote that is open there
}

// Read takes what a script wrote: texts that each end in a zero byte. These are the
// words of the line from the command on; of bash, which has cut them at every colon,
// the line up to the cursor and the part that bash is going to replace.
func Read(shell Shell, data string) Query {
	texts := strings.Split(data, "\x00")
	texts = texts[:len(texts)-1]
	q := Query{shell: shell}
	if shell != Bash {
		if len(texts) > 1 {
			q.Words = texts[1:]
		}
		return q
	}
	if len(texts) != 2 {
		return q
	}
	words, _ := split(texts[0])
	q.Words = words[1:]
	if kept, ok := strings.CutSuffix(texts[0], texts[1]); ok {
		before, quote := split(kept)
		if len(before) == len(words) { // else the whole word is replaced
			q.head, q.quote = len(before[len(before)-1]), quote
		}
	}
	return q
}
