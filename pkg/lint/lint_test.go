package lint_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/lint"
)

// applications are the three of this repository, sealed.
func applications(t testing.TB) files {
	t.Helper()
	f := folder(t, "../../applications", "applications")
	f[".gitignore"] = "local-secrets/\n"
	return f.seal(t)
}

// The applications of this repository have no finding.
func TestApplications(t *testing.T) {
	res := check(t, applications(t).open(t), lint.Options{})
	if len(res.Findings) > 0 {
		t.Errorf("findings:\n%s", strings.Join(lines(res), "\n"))
	}
	if res.Applications != 3 || res.Objects < 20 || res.References < 20 || len(res.Unrendered) > 0 {
		t.Errorf("looked at %+v", res)
	}
}

// Without the sealed files, each Secret of the contract is told once, and nothing that
// follows from it.
func TestNothingSealed(t *testing.T) {
	f := folder(t, "../../applications", "applications")
	f[".gitignore"] = "local-secrets/\n"
	maps.DeleteFunc(f, func(name, _ string) bool { return strings.Contains(name, "/sealed-") })
	res := check(t, f.open(t), lint.Options{})
	for _, finding := range res.Findings {
		if finding.Rule != "contract-without-sealed" {
			t.Errorf("%s: %s: %s", finding.Rule, finding.Position(), finding.Message)
		}
	}
	if len(res.Findings) != 8 {
		t.Errorf("%d findings:\n%s", len(res.Findings), strings.Join(lines(res), "\n"))
	}
}

// Charts in the shapes that public ones have are no findings: each is the application
// of its name.
func TestHealthyCharts(t *testing.T) {
	list, err := filepath.Glob("testdata/healthy/*.txtar")
	if err != nil || len(list) < 7 {
		t.Fatalf("%d charts, %v", len(list), err)
	}
	all := files{".gitignore": "local-secrets/\n"}
	for _, file := range list {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		for path, text := range archive(t, string(data)) {
			all["applications/"+name+"/"+path] = text
		}
		all["applications/"+name+"/.helmignore"] = "local-secrets/\n"
	}
	res := check(t, all.seal(t).open(t), lint.Options{})
	if len(res.Findings) > 0 || len(res.Unrendered) > 0 {
		t.Errorf("%v\n%s", res.Unrendered, strings.Join(lines(res), "\n"))
	}
	if res.References < 40 || res.Objects < 50 {
		t.Errorf("looked at %d references, %d objects", res.References, res.Objects)
	}
}

// Links are followed as Helm does, and never into plaintext or out of the repository.
func TestLinks(t *testing.T) {
	f := shop(t, true)
	f["common/pvc.yaml"] = f[of("templates/pvc.yaml")]
	delete(f, of("templates/pvc.yaml"))
	f[of("local-secrets/db.yaml")] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop-data-plain}\n"
	r := f.open(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "x.yaml"), []byte("{{ fail \"outside\" }}"), 0o600); err != nil {
		t.Fatal(err)
	}
	templates := filepath.Join(r.Tree.Root, of("templates"))
	for name, target := range map[string]string{
		"common": "../../../common", "loop": ".", "plain": "../local-secrets", "plain.yaml": "../local-secrets/db.yaml",
		"outside": outside, "outside.yaml": filepath.Join(outside, "x.yaml"), "nowhere.yaml": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(templates, name)); err != nil {
			t.Fatal(err)
		}
	}
	res := check(t, r, lint.Options{})
	if len(res.Findings) > 0 {
		t.Errorf("%s", strings.Join(lines(res), "\n"))
	}
}

// A rule that only this machine has protects nobody else.
func TestIgnoredHereOnly(t *testing.T) {
	f := shop(t, true, edit{".gitignore", "local-secrets/\n", "*.swp\n"})
	f[".git/info/exclude"] = "local-secrets/\n"
	res := check(t, f.open(t), lint.Options{})
	if len(res.Findings) != 1 || res.Findings[0].Rule != "ignore-git" ||
		!strings.HasPrefix(res.Findings[0].Message, "only .git/info/exclude of this machine ignores applications/blog/local-secrets/") {
		t.Errorf("%s", strings.Join(lines(res), "\n"))
	}
}
