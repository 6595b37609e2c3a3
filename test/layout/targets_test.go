// Package layout holds the rules of docs/architecture.md and of the Taskfile:
// which package may import which, and what a target looks like.
package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

// maxLines is how long a target may be.
const maxLines = 15

// readOnly are the targets that change nothing and need no flag: those with one
// are protected against `mage target -dryRun`, where Mage takes the flag for a
// target of its own, after it ran the first.
var readOnly = map[string]bool{"Test": true, "Bench": true}

// Everything exported in a package of targets becomes a target of every
// repository that imports it, whether it was meant to or not.
func TestTargetPackages(t *testing.T) {
	for _, name := range []string{"targets", "project"} {
		fset := token.NewFileSet()
		files := parseDir(t, fset, filepath.Join(scripttest.Root(t), "magefiles", name))
		found := 0
		for _, f := range files {
			for _, decl := range f.Decls {
				switch d := decl.(type) {
				case *ast.GenDecl:
					checkDeclaration(t, fset, d)
				case *ast.FuncDecl:
					if d.Name.IsExported() {
						found++
						checkTarget(t, fset, d, commented(fset, f))
					}
				}
			}
		}
		if found == 0 {
			t.Errorf("magefiles/%s: no target", name)
		}
	}
}

func parseDir(t *testing.T, fset *token.FileSet, dir string) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// checkDeclaration allows namespaces alone: `type Seal mg.Namespace`, which Mage
// recognises by its spelling.
func checkDeclaration(t *testing.T, fset *token.FileSet, d *ast.GenDecl) {
	t.Helper()
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && (!isSelector(s.Type, "mg", "Namespace") || d.Doc == nil) {
				t.Errorf("%s: type %s is no documented namespace", fset.Position(s.Pos()), s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() {
					t.Errorf("%s: %s is exported", fset.Position(n.Pos()), n.Name)
				}
			}
		}
	}
}

// commented are the lines of a file that have a comment. The parser gives
// parameters none of their own, so Mage looks at the lines as well.
func commented(fset *token.FileSet, f *ast.File) map[int]bool {
	lines := map[int]bool{}
	for _, group := range f.Comments {
		lines[fset.Position(group.Pos()).Line] = true
	}
	return lines
}

func checkTarget(t *testing.T, fset *token.FileSet, d *ast.FuncDecl, comments map[int]bool) {
	t.Helper()
	at := fset.Position(d.Pos())
	if d.Doc == nil || !strings.HasPrefix(d.Doc.Text(), d.Name.Name+" ") || !strings.Contains(d.Doc.Text(), ".") {
		t.Errorf("%s: %s has no sentence that begins with its name: it is the line in `mage -l`", at, d.Name.Name)
	}
	if lines := fset.Position(d.End()).Line - at.Line + 1; lines > maxLines {
		t.Errorf("%s: %s has %d lines, at most %d: the work belongs to a method of session", at, d.Name.Name, lines, maxLines)
	}
	if r := d.Type.Results; r == nil || len(r.List) != 1 || !isIdent(r.List[0].Type, "error") {
		t.Errorf("%s: %s does not return an error", at, d.Name.Name)
	}
	params := d.Type.Params.List
	if len(params) == 0 || !isSelector(params[0].Type, "context", "Context") {
		t.Errorf("%s: %s does not take a context first", at, d.Name.Name)
		return
	}
	flags := 0
	for _, p := range params[1:] {
		typ := p.Type
		star, optional := typ.(*ast.StarExpr)
		if optional {
			typ = star.X
			flags += len(p.Names)
			if !comments[fset.Position(p.End()).Line] {
				t.Errorf("%s: flag %s of %s has no comment behind it: it is the text in `mage -h`", fset.Position(p.Pos()), p.Names[0].Name, d.Name.Name)
			}
		}
		if !isArgument(typ) {
			t.Errorf("%s: Mage passes over %s: it knows no argument of this type", fset.Position(p.Pos()), d.Name.Name)
		}
	}
	if flags == 0 && !readOnly[d.Name.Name] {
		t.Errorf("%s: %s has no optional flag: `mage %s -dryRun` would run it, and fail afterwards", at, d.Name.Name, d.Name.Name)
	}
}

func isArgument(e ast.Expr) bool {
	for _, name := range []string{"string", "int", "float64", "bool"} {
		if isIdent(e, name) {
			return true
		}
	}
	return isSelector(e, "time", "Duration")
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func isSelector(e ast.Expr, pkg, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && isIdent(s.X, pkg) && s.Sel.Name == name
}
