package scripttest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// shared is what all tests of a process use.
var shared struct {
	once   sync.Once
	dir    string
	binary string
	err    error
}

// Mage returns the path of the repository's compiled Mage binary, which is built
// once per process.
func Mage(t testing.TB) string {
	t.Helper()
	root := Root(t)
	if err := touch(root); err != nil {
		t.Fatal(err)
	}
	shared.once.Do(func() { shared.binary, shared.err = build(root) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.binary
}

// Root is the folder of the repository's go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working directory")
		}
	}
}

// build compiles in a folder of its own: Mage writes its main file beside the
// magefiles, which neither two runs at a time nor a read-only checkout allow
// (mage#247, mage#446). A workspace leads from there to the repository.
func build(root string) (string, error) {
	dir, err := os.MkdirTemp("", "sealway-mage-")
	if err != nil {
		return "", err
	}
	shared.dir = dir
	magefile, err := os.ReadFile(filepath.Join(root, "magefiles", "magefile.go"))
	if err != nil {
		return "", err
	}
	if err := errors.Join(
		os.Mkdir(filepath.Join(dir, "magefiles"), 0o755),
		os.WriteFile(filepath.Join(dir, "magefiles", "magefile.go"), magefile, 0o644),
		os.WriteFile(filepath.Join(dir, "go.work"), fmt.Appendf(nil, "go 1.26.0\n\nuse %q\n", root), 0o644),
		os.Mkdir(filepath.Join(dir, "bin"), 0o755),
		os.Chmod(dir, 0o755), // the unprivileged user runs it, too
	); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "bin", "mage"+exeSuffix)
	cmd := exec.CommandContext(context.Background(), "go", "tool", "mage", "-compile", binary)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(dir, "go.work"), "GOFLAGS=", "MAGEFILE_CACHE="+filepath.Join(dir, "cache"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the magefiles: %w\n%s", err, out)
	}
	return binary, nil
}

// touch looks at every source of the binary, so that `go test` does not take an
// old result for a new binary: it remembers the files that a test looked at.
func touch(root string) error {
	for _, dir := range []string{"magefiles", "pkg", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || d.Name() == "mage_output_file.go" {
				return err
			}
			if _, err := os.Stat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	_, err := os.Stat(filepath.Join(root, "go.sum"))
	return err
}
