package lint_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/lint"
	"github.com/sealway/sealway/pkg/repo"
)

func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }

// files are a repository's files by path.
type files map[string]string

// archive reads a txtar archive.
func archive(t testing.TB, text string) files {
	t.Helper()
	out := files{}
	for _, f := range txtar.Parse([]byte(text)).Files {
		out[f.Name] = string(f.Data)
	}
	return out
}

// folder reads a folder as files below a path.
func folder(t testing.TB, dir, below string) files {
	t.Helper()
	out := files{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "local-secrets" {
				return fs.SkipDir
			}
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		out[path.Join(below, filepath.ToSlash(rel))] = string(data)
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(out), err)
	}
	return out
}

// open writes the files into a repository of Git: the least that Git takes for one,
// since many tests have one.
func (f files) open(t testing.TB) *repo.Repository {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range f {
		write(name, text)
	}
	write(".git/HEAD", "ref: refs/heads/main\n")
	write(".git/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
	for _, d := range []string{"objects", "refs"} {
		if err := os.Mkdir(filepath.Join(dir, ".git", d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := git.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.New(tree, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// check checks all applications.
func check(t testing.TB, r *repo.Repository, o lint.Options) *lint.Result {
	t.Helper()
	apps, err := r.Applications()
	if err != nil {
		t.Fatal(err)
	}
	res, err := lint.Check(context.Background(), r, apps, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// lines are the findings as text.
func lines(res *lint.Result) []string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, fmt.Sprintf("%s %s %s %s: %s", f.Rule, f.Position(), f.Object, f.Key, f.Message))
	}
	return out
}

// seal adds for each Secret of a contract a file as seal:all would write it; the
// ciphertext is none.
func (f files) seal(t testing.TB) files {
	t.Helper()
	out := files{}
	for name, data := range f {
		out[name] = data
		if path.Base(name) != "secrets.yaml" {
			continue
		}
		c, err := repo.ReadContract(name, []byte(data))
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(name)
		for _, s := range c.Secrets {
			file := dir + "/templates/sealed-" + s.Name + ".yaml"
			if _, there := f[file]; !there {
				out[file] = sealed(s, s.NamespaceOr(path.Base(dir)))
			}
		}
	}
	return out
}

// sealed is a SealedSecret.
func sealed(s repo.SecretSpec, namespace string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: %s\n  namespace: %s\n  annotations:\n    sealway.github.io/certificate: none\n", s.Name, namespace)
	for k, v := range s.SealedAnnotations {
		fmt.Fprintf(&b, "    %s: %q\n", k, v)
	}
	b.WriteString("spec:\n  encryptedData:\n")
	for _, k := range s.Keys {
		fmt.Fprintf(&b, "    %s: AgAAAA==\n", k.Name)
	}
	fmt.Fprintf(&b, "  template:\n    metadata:\n      name: %s\n      namespace: %s\n    type: %s\n", s.Name, namespace, s.Type)
	return b.String()
}
