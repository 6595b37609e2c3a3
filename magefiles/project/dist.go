package project

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/internal/console"
)

// folder is where the binaries go; Git ignores it.
const folder = "dist"

// sums is the list of their checksums, as `sha256sum -c` reads it.
const sums = "SHA256SUMS"

// generated is the main file that Mage writes, and leaves when it is interrupted.
const generated = "magefiles/released/mage_output_file.go"

// platforms are what is released.
func platforms() []string {
	return []string{"darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64", "windows/amd64", "windows/arm64"}
}

// dist compiles the released binaries into dist/.
func dist(ctx context.Context, only *string) error {
	wanted, err := choose(only)
	if err != nil {
		return err
	}
	version, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return fmt.Errorf("git describe: %w", err)
	}
	out, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var steps []step
	for _, p := range wanted {
		steps = append(steps, binary(p, out, strings.TrimSpace(string(version))))
	}
	defer os.Remove(generated)
	if err := runSteps(ctx, steps); err != nil {
		return err
	}
	return writeSums(out)
}

// choose reads a list of platforms; all without one.
func choose(only *string) ([]string, error) {
	if only == nil {
		return platforms(), nil
	}
	list := strings.Split(*only, ",")
	for _, p := range list {
		if !slices.Contains(platforms(), p) {
			return nil, &console.Usage{
				Problem: fmt.Sprintf("dist: platform %q is not released", p),
				Advice:  "there are " + strings.Join(platforms(), ", "),
			}
		}
	}
	return list, nil
}

// binary compiles one of them: static, and without a path of this machine, so that
// another one makes the same bytes of the same commit.
func binary(platform, out, version string) step {
	system, arch, _ := strings.Cut(platform, "/")
	return step{
		name: platform,
		args: []string{
			"go", "tool", "mage", "-d", "magefiles/released", "-w", ".", "-compile", binaryFile(platform, out),
			"-goos", system, "-goarch", arch, "-ldflags", "-s -w -X main.version=" + version,
		},
		env: static(),
	}
}

// static is the environment in which a binary needs no library of the system.
func static() []string { return []string{"CGO_ENABLED=0", "GOFLAGS=-trimpath"} }

func binaryFile(platform, out string) string {
	file := filepath.Join(out, "sealway-"+strings.Replace(platform, "/", "-", 1))
	if strings.HasPrefix(platform, "windows/") {
		file += ".exe"
	}
	return file
}

// writeSums lists what is in the folder.
func writeSums(dir string) error {
	files, err := os.ReadDir(dir) // in order of their names
	if err != nil {
		return err
	}
	var list bytes.Buffer
	for _, f := range files {
		if f.Name() == sums {
			continue
		}
		sum, err := hash(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sum, f.Name())
	}
	return os.WriteFile(filepath.Join(dir, sums), list.Bytes(), 0o644)
}

func hash(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}
