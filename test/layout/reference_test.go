package layout

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/sealway/sealway/internal/scripttest"
)

// namespaces is the order in docs/targets.md: that of a secret's way; last what is in
// none.
var namespaces = []string{"Secrets", "Seal", "Gitops", "Verify", "Sandbox", ""}

// TestTargetReference: docs/targets.md has every target and flag, as the code has it.
func TestTargetReference(t *testing.T) {
	fset := token.NewFileSet()
	about := map[string]string{"": "What belongs to none of these."}
	targets := map[string][]string{}
	for _, f := range parseDir(t, fset, filepath.Join(scripttest.Root(t), "magefiles", "targets")) {
		comments := lineComments(fset, f)
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.GenDecl:
				if s, ok := d.Specs[0].(*ast.TypeSpec); ok && s.Name.IsExported() {
					about[s.Name.Name] = sentence(s.Name.Name, d.Doc)
				}
			case *ast.FuncDecl:
				if d.Name.IsExported() {
					in := receiver(d)
					targets[in] = append(targets[in], reference(in, d, fset, comments))
				}
			}
		}
	}
	if len(targets) != len(namespaces) {
		t.Errorf("%d namespaces in magefiles/targets, %d in the list of this test", len(targets), len(namespaces))
	}
	var b strings.Builder
	for _, name := range namespaces {
		if len(targets[name]) == 0 {
			t.Errorf("%s: no target", name)
		}
		slices.Sort(targets[name])
		b.WriteString("\n## " + cmp.Or(strings.ToLower(name), "others") + "\n\n" + about[name] + "\n" + strings.Join(targets[name], ""))
	}
	section(t, "docs/targets.md", b.String())
}

// reference is what the document says of one target.
func reference(in string, d *ast.FuncDecl, fset *token.FileSet, comments map[int]string) string {
	line := "`mage " + targetName(in, d.Name.Name)
	flags := ""
	for _, p := range d.Type.Params.List[1:] {
		typ, optional := p.Type, false
		if star, ok := typ.(*ast.StarExpr); ok {
			typ, optional = star.X, true
		}
		for _, n := range p.Names {
			if !optional {
				line += " <" + n.Name + ">"
				continue
			}
			flags += "| `-" + lowerFirst(n.Name) + value(typ) + "` | " + cell(comments[fset.Position(p.End()).Line]) + " |\n"
		}
	}
	if flags != "" {
		flags = "\n| flag | |\n|---|---|\n" + flags
	}
	return "\n### " + targetName(in, d.Name.Name) + "\n\n" + line + "`\n\n" + sentence(d.Name.Name, d.Doc) + "\n" + flags
}

// targetName is how Mage calls a target.
func targetName(in, name string) string {
	return strings.TrimPrefix(strings.ToLower(in)+":"+lowerFirst(name), ":")
}

func lowerFirst(s string) string { return string(unicode.ToLower(rune(s[0]))) + s[1:] }

// receiver is the namespace that a target belongs to.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	id, ok := d.Recv.List[0].Type.(*ast.Ident)
	if !ok {
		return ""
	}
	return id.Name
}

// value is what stands behind a flag's name; nothing behind one that is on or off.
func value(typ ast.Expr) string {
	switch {
	case isIdent(typ, "bool"):
		return ""
	case isIdent(typ, "int"):
		return "=N"
	case isSelector(typ, "time", "Duration"):
		return "=DURATION"
	}
	return "=TEXT"
}

// sentence is a comment without the name that it begins with.
func sentence(name string, doc *ast.CommentGroup) string {
	text := strings.TrimSpace(strings.ReplaceAll(doc.Text(), "\n", " "))
	text, _ = strings.CutPrefix(text, name+" ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// cell is a text for a table.
func cell(s string) string { return strings.ReplaceAll(cmp.Or(s, "?"), "|", "\\|") }

// lineComments are the comments of a file by their line.
func lineComments(fset *token.FileSet, f *ast.File) map[int]string {
	lines := map[int]string{}
	for _, group := range f.Comments {
		lines[fset.Position(group.Pos()).Line] = strings.TrimSpace(group.Text())
	}
	return lines
}

// TestReference holds the form of an entry, for the document is compared with the
// same code that writes it.
func TestReference(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", `package p

// App seals what changed.
// Status 3 if not.
func (Seal) App(ctx context.Context, app string,
	Range *string, // commits: a|b
	port *int, // a port
	timeout *time.Duration, // for all
	dryRun *bool, // write nothing
) error { return nil }
`, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	want := "\n### seal:app\n\n`mage seal:app <app>`\n\nSeals what changed. Status 3 if not.\n\n| flag | |\n|---|---|\n" +
		"| `-range=TEXT` | commits: a\\|b |\n| `-port=N` | a port |\n| `-timeout=DURATION` | for all |\n| `-dryRun` | write nothing |\n"
	d, ok := f.Decls[0].(*ast.FuncDecl)
	if !ok {
		t.Fatal("no function")
	}
	if got := reference(receiver(d), d, fset, lineComments(fset, f)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
