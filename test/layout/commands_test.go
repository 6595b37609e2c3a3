package layout

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

// command is a call of a target as the documents write it, with what follows in the
// same code span or line.
var command = regexp.MustCompile("(?:mage|sealway) ([a-z]+:[a-zA-Z]+|completion)([^`|#>)\n]*)")

// TestDocumentsCallWhatThereIs: every command of a document is a target, with
// flags that it has.
func TestDocumentsCallWhatThereIs(t *testing.T) {
	root := scripttest.Root(t)
	flags := targetFlags(t, root)
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(data), -1) {
			found++
			if why := wrong(flags, m[1], m[2]); why != "" {
				t.Errorf("%s: %s: %s", filepath.Base(file), m[0], why)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d commands found: do the documents still write them this way?", found)
	}
}

// wrong says what is not right with a call; empty when nothing is.
func wrong(flags map[string]map[string]bool, target, rest string) string {
	known, ok := flags[target]
	if !ok {
		return "no such target"
	}
	for _, word := range strings.Fields(rest) {
		name, isFlag := strings.CutPrefix(word, "-")
		name, _, _ = strings.Cut(name, "=")
		if name = strings.TrimRight(name, ".,;:)"); isFlag && name != "" && !known[name] {
			return "no flag -" + name
		}
	}
	return ""
}

// targetFlags are the targets and the flags of each.
func targetFlags(t *testing.T, root string) map[string]map[string]bool {
	t.Helper()
	out := map[string]map[string]bool{}
	for _, f := range parseDir(t, token.NewFileSet(), filepath.Join(root, "magefiles", "targets")) {
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok || !d.Name.IsExported() {
				continue
			}
			known := map[string]bool{}
			for _, p := range d.Type.Params.List {
				if _, optional := p.Type.(*ast.StarExpr); optional {
					for _, n := range p.Names {
						known[lowerFirst(n.Name)] = true
					}
				}
			}
			out[targetName(receiver(d), d.Name.Name)] = known
		}
	}
	return out
}

func TestWrong(t *testing.T) {
	flags := map[string]map[string]bool{"seal:app": {"dryRun": true, "cert": true}}
	for call, want := range map[string]string{
		"seal:app shop":              "",
		"seal:app shop -dryRun":      "",
		"seal:app shop -cert=a.pem,": "",
		"seal:app shop -dry":         "no flag -dry",
		"seal:one shop":              "no such target",
	} {
		target, rest, _ := strings.Cut(call, " ")
		if got := wrong(flags, target, rest); got != want {
			t.Errorf("%s: %q, want %q", call, got, want)
		}
	}
}
