package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

// symbol is a place as docs/architecture.md names it: `file.go: Name`.
var symbol = regexp.MustCompile("`([a-z_/]+\\.go): ([A-Za-z]+)`")

// TestArchitectureNamesWhatThereIs holds the document's places against the code.
func TestArchitectureNamesWhatThereIs(t *testing.T) {
	root := scripttest.Root(t)
	text, err := os.ReadFile(filepath.Join(root, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	places := symbol.FindAllStringSubmatch(string(text), -1)
	if len(places) < 10 {
		t.Fatalf("only %d places found: does the document still name them this way?", len(places))
	}
	for _, p := range places {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, p[1]), nil, 0)
		if err != nil {
			t.Errorf("%s: %v", p[0], err)
			continue
		}
		if !declares(file, p[2]) {
			t.Errorf("%s: no such function", p[0])
		}
	}
}

func declares(file *ast.File, name string) bool {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == name {
			return true
		}
	}
	return false
}

// TestLinksLeadSomewhere follows the relative links of the documents.
func TestLinksLeadSomewhere(t *testing.T) {
	root := scripttest.Root(t)
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	found := 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			found++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s: %s leads nowhere", path, m[1])
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Fatalf("%d links, %v", found, err)
	}
}
