package targets

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sealway/sealway/internal/console"
)

// readsValue are the commands behind whose names a person may put the value itself: Mage
// takes it for one more target, and prints it once the work is done.
var readsValue = []string{"secrets:set", "secrets:edit", "secrets:import"}

var (
	target = regexp.MustCompile(`(?i)^(gitops|sandbox|seal|secrets|verify):[a-z]+$`)
	keyOf  = regexp.MustCompile(`^[-._a-zA-Z0-9]+$`) // as Kubernetes has it
)

// trailing refuses a command line that has something else than a target behind a command's
// names and flags, without a word of it: it may be the value. It looks at every call of the
// command in the line.
func trailing(command string, names int, line []string) error {
	if !slices.Contains(readsValue, command) {
		return nil
	}
	for i, word := range line {
		if !strings.EqualFold(word, command) {
			continue
		}
		next := i + 1 + names
		for next < len(line) && strings.HasPrefix(line[next], "-") {
			next++
		}
		if next < len(line) && !target.MatchString(line[next]) {
			return &console.Usage{Problem: command + ": a word too many follows the names: a value is never an argument", Advice: noArgument(command)}
		}
	}
	return nil
}

// noArgument says how a value is given.
func noArgument(command string) string {
	way := "type it when it is asked for, or pipe it in: mage secrets:set APP SECRET KEY < FILE"
	switch command {
	case "secrets:edit":
		way = "type it in the editor"
	case "secrets:import":
		way = "pipe it in, or name its file with -file"
	}
	return way + "; the shell keeps what stands on the command line, so take it out of its history"
}

// keyName refuses what cannot be a key, as KEY=value is none, without a word of it.
func keyName(command, key string) error {
	if keyOf.MatchString(key) {
		return nil
	}
	return &console.Usage{Problem: command + ": what stands for the key is none: a key has letters, digits, - _ and . alone, and a value is never an argument", Advice: noArgument(command)}
}
