package layout

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/internal/completion"
	"github.com/sealway/sealway/internal/scripttest"
)

// TestCompletionKnowsEveryArgument: completion has an entry for every argument and
// every flag with a value, none that no target has, and of a flag that lists its
// values in its comment exactly these.
func TestCompletionKnowsEveryArgument(t *testing.T) {
	fset := token.NewFileSet()
	unused := completion.Arguments()
	for _, f := range parseDir(t, fset, filepath.Join(scripttest.Root(t), "magefiles", "targets")) {
		comments := lineComments(fset, f)
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok || !d.Name.IsExported() {
				continue
			}
			for _, p := range d.Type.Params.List[1:] {
				if star, flag := p.Type.(*ast.StarExpr); flag && isIdent(star.X, "bool") {
					continue
				}
				for _, n := range p.Names {
					name := strings.ToLower(n.Name)
					values, known := completion.Known(name)
					if !known {
						t.Errorf("%s: %s of %s: internal/completion/kinds.go does not know what stands there", fset.Position(p.Pos()), name, d.Name.Name)
					}
					listed := choices(comments[fset.Position(p.End()).Line])
					if _, flag := p.Type.(*ast.StarExpr); flag && !slices.Equal(values, listed) {
						t.Errorf("%s: -%s: completion has %q, the comment lists %q", fset.Position(p.Pos()), name, values, listed)
					}
					unused = slices.DeleteFunc(unused, func(s string) bool { return s == name })
				}
			}
		}
	}
	for _, name := range unused {
		t.Errorf("internal/completion/kinds.go has %q, which no target has", name)
	}
}

// TestCompletionReadsTheHelp: what completion reads in Mage's help is every target
// with every flag, as the code has them.
func TestCompletionReadsTheHelp(t *testing.T) {
	program := completion.Program{Path: scripttest.Mage(t)}
	listed := map[string]bool{}
	for _, target := range program.Targets(t.Context()) {
		listed[target.Name] = true
		if target.About == "" {
			t.Errorf("%s: nothing is said about it", target.Name)
		}
	}
	flags := targetFlags(t, scripttest.Root(t))
	if len(flags) == 0 {
		t.Fatal("no targets")
	}
	for name, want := range flags {
		if !listed[name] {
			t.Errorf("%s: not among the targets", name)
		}
		got := map[string]bool{}
		target, _ := program.Target(t.Context(), name)
		for _, f := range target.Flags {
			got[f.Name] = f.About != ""
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: flags with a description (-code +help):\n%s", name, d)
		}
	}
}

var listOfChoices = regexp.MustCompile(`^(?:[^:,]*: )?([a-z0-9]+(?: \([^)]*\))?(?:, [a-z0-9]+(?: \([^)]*\))?)*) or ([a-z0-9]+)(?:[ ,;]|$)`)

// choices are the values that a comment lists: a, b or c.
func choices(comment string) []string {
	m := listOfChoices.FindStringSubmatch(comment)
	if m == nil {
		return nil
	}
	list := regexp.MustCompile(` \([^)]*\)`).ReplaceAllString(m[1], "")
	return append(strings.Split(list, ", "), m[2])
}

func TestChoices(t *testing.T) {
	for comment, want := range map[string][]string{
		"text, json, sarif or github (annotations)":                        {"text", "json", "sarif", "github"},
		"cluster, manifest or literals (key=value lines); all but cluster": {"cluster", "manifest", "literals"},
		"which Argo CD: 2 (default), 3 or none":                            {"2", "3", "none"},
		"this one alone: key, or secret/key":                               nil,
		"certificate to seal with: a file or an https URL":                 nil,
		"remote or URL to push to; default: where git push goes":           nil,
		"write nothing": nil,
	} {
		if got := choices(comment); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", comment, got, want)
		}
	}
}
