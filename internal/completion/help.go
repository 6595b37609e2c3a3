package completion

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Program is a program that Mage compiled: it is asked for its help, -l and -h.
type Program struct {
	Path string

	// Mage says that the words are for mage itself: the folder's magefiles say which
	// targets there are, under the names that their imports give them.
	Mage bool
}

// Targets are those that the program lists.
func (p Program) Targets(ctx context.Context) []Target {
	var names []string
	if p.Mage {
		names = strings.Fields(ask(ctx, "mage", "-autocomplete")) // parses the magefiles, and runs nothing of theirs
	}
	own := readList(ask(ctx, p.Path, "-l"))
	if len(names) == 0 {
		return own
	}
	var out []Target
	for _, name := range names {
		out = append(out, imported(name, own))
	}
	return out
}

// imported is the target that mage calls name, in lower case and behind the alias of
// its import; another one when it is none of ours.
func imported(name string, own []Target) Target {
	found := Target{Name: name}
	longest := 0
	for _, t := range own {
		alias, ok := strings.CutSuffix(name, strings.ToLower(t.Name))
		if ok && (alias == "" || strings.HasSuffix(alias, ":")) && len(t.Name) > longest {
			longest = len(t.Name)
			t.Name = alias + t.Name
			found = t
		}
	}
	return found
}

// Target is the help of one target.
func (p Program) Target(ctx context.Context, name string) (Target, bool) {
	for !strings.HasPrefix(name, "-") && name != "" {
		if t, ok := readHelp(ask(ctx, p.Path, "-h", name)); ok {
			return t, true
		}
		_, rest, aliased := strings.Cut(name, ":")
		if !p.Mage || !aliased {
			break
		}
		name = rest
	}
	return Target{}, false
}

// ask runs a program for what it says on stdout; nothing when it fails.
func ask(ctx context.Context, program string, args ...string) string {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MAGEFILE_") || strings.HasPrefix(v, "MAGEFILE_CACHE=") { // they would list, colour or run something
			cmd.Env = append(cmd.Env, v)
		}
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return ""
	}
	return out.String()
}

var listed = regexp.MustCompile(`(?m)^ {2}(\S+?)\*?(?: +(\S.*)?)?$`)

// readList reads what -l prints.
func readList(text string) []Target {
	_, text, _ = strings.Cut(text, "Targets:\n")
	var out []Target
	for _, m := range listed.FindAllStringSubmatch(text, -1) {
		out = append(out, Target{Name: m[1], About: strings.TrimSuffix(m[2], ".")})
	}
	return out
}

var (
	usage    = regexp.MustCompile(`(?m)^\t\S+ (\S+)((?: <\w+>)*)(.*)$`)
	argument = regexp.MustCompile(`<(\w+)>`)
	flag     = regexp.MustCompile(`(?m)^\t-(\w+)=<([\w.]+)>(?: +(.*))?$`)
)

// readHelp reads what -h prints of a target.
func readHelp(text string) (Target, bool) {
	about, rest, ok := strings.Cut(text, "Usage:\n\n")
	m := usage.FindStringSubmatch(rest)
	if !ok || m == nil {
		return Target{}, false
	}
	t := Target{Name: m[1], About: strings.TrimSpace(about)}
	for _, a := range argument.FindAllStringSubmatch(m[2], -1) {
		t.Args = append(t.Args, strings.ToLower(a[1]))
	}
	for _, f := range flag.FindAllStringSubmatch(rest, -1) {
		t.Flags = append(t.Flags, Flag{Name: lowerFirst(f[1]), Bool: f[2] == "bool", About: f[3]})
	}
	return t, true
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}

// IsMage says whether a program's file is one of those that mage compiles for itself:
// it has no name but a hash, and another one after the next change.
func IsMage(file string) bool { return hashed.MatchString(filepath.Base(file)) }

var hashed = regexp.MustCompile(`^[0-9a-f]{64}(\.exe)?$`)
