package layout

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

const module = "github.com/sealway/sealway/"

// also are what single packages import beside that: the way from what is read to the
// verdict.
var also = map[string][]string{
	"pkg/diagnose": {"pkg/cluster"},
	"pkg/verify":   {"pkg/cluster", "pkg/diagnose", "pkg/origin"},
}

// forbidden says why a package may not import another one, both given by their
// path in the module; empty when it may.
func forbidden(from, to string) string {
	below := func(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
	isTest := strings.HasSuffix(from, " test")
	from = strings.TrimSuffix(from, " test")
	switch {
	case below(to, "magefiles") && from != "magefiles" && from != "magefiles/released" && !isTest:
		return "nothing imports magefiles"
	case below(to, "internal") && !below(from, "magefiles") && !below(from, "internal") && !below(from, "test"):
		return "internal/* is for magefiles, internal and test"
	case !below(from, "pkg") || isTest || !below(to, "pkg"):
		return ""
	case from == "pkg/report" || from == "pkg/manifest":
		return from + " imports nothing of this module"
	case from == "pkg/diagnose" && to == "pkg/cluster":
		return "" // a diagnosis is made of the state that was read
	case from == "pkg/seal" && to == "pkg/argocd", from == "pkg/argocd" && to == "pkg/seal":
		return "seal and argocd do not know each other"
	}
	switch to {
	case "pkg/report", "pkg/manifest", "pkg/repo", "pkg/git", "pkg/chart":
		return ""
	}
	if slices.Contains(also[from], to) {
		return ""
	}
	return "pkg/* imports report, manifest, repo, git and chart alone"
}

func TestImports(t *testing.T) {
	root := scripttest.Root(t)
	seen := 0
	for _, dir := range []string{"magefiles", "pkg", "internal", "test"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(file string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if name := d.Name(); name == "testdata" || strings.HasPrefix(name, "_") {
					return fs.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(file, ".go") || d.Name() == "mage_output_file.go" {
				return nil
			}
			seen++
			problems, err := check(root, file)
			for _, p := range problems {
				t.Error(p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen == 0 {
		t.Error("no file was looked at")
	}
}

func check(root, file string) (problems []string, err error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	from := filepath.ToSlash(rel)
	if strings.HasSuffix(file, "_test.go") {
		from += " test"
	}
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		to, ours := strings.CutPrefix(name, module)
		if !ours {
			continue
		}
		if why := forbidden(from, to); why != "" {
			problems = append(problems, fmt.Sprintf("%s: imports %s: %s", fset.Position(spec.Pos()), path.Base(to), why))
		}
	}
	return problems, nil
}

func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"magefiles", "magefiles/targets", true},
		{"magefiles/released", "magefiles/targets", true},
		{"magefiles/project", "magefiles/targets", false},
		{"magefiles/targets", "pkg/seal", true},
		{"magefiles/targets", "internal/kube", true},
		{"internal/demo", "internal/sandbox", true},
		{"test/script", "internal/scripttest", true},
		{"internal/demo", "magefiles/targets", false},
		{"pkg/seal", "internal/kube", false},
		{"pkg/seal", "pkg/manifest", true},
		{"pkg/seal", "pkg/argocd", false},
		{"pkg/argocd", "pkg/seal", false},
		{"pkg/seal", "pkg/controller", false},
		{"pkg/manifest", "pkg/report", false},
		{"pkg/report", "pkg/manifest", false},
		{"pkg/verify", "pkg/git", true},
		{"pkg/lint", "pkg/chart", true},
		{"pkg/chart", "pkg/lint", false},
		{"pkg/origin", "pkg/chart", true},
		{"pkg/chart", "pkg/origin", false},
		{"pkg/lint", "pkg/chart", true},
		{"pkg/lint", "pkg/cluster", false},
		{"pkg/diagnose", "pkg/cluster", true},
		{"pkg/diagnose", "pkg/origin", false},
		{"pkg/verify", "pkg/cluster", true},
		{"pkg/verify", "pkg/diagnose", true},
		{"pkg/verify", "pkg/argocd", false},
		{"pkg/cluster", "pkg/diagnose", false},
		{"pkg/verify test", "pkg/seal", true},
		{"pkg/seal test", "internal/kube", false},
	} {
		if why := forbidden(c.from, c.to); (why == "") != c.allowed {
			t.Errorf("%s imports %s: allowed %v, want %v (%s)", c.from, c.to, why == "", c.allowed, why)
		}
	}
}
