package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// module is a Go module on disk.
type module struct {
	goCommand string
	dir       string
}

// buildFlags are the same for all of a product. Debugging information is left
// out: it is half of a binary's size and of the linker's time.
func buildFlags(r recipe) []string {
	linker := []string{"-s", "-w"}
	for _, name := range slices.Sorted(maps.Keys(r.variables)) {
		linker = append(linker, "-X", name+"="+r.variables[name])
	}
	return []string{"-buildvcs=false", "-ldflags=" + strings.Join(linker, " ")}
}

// goVersion returns what the go command says about itself.
func goVersion(ctx context.Context, o Options) (string, error) {
	m := module{goCommand: o.Go, dir: os.TempDir()}
	var out bytes.Buffer
	if err := m.run(ctx, &out, nil, "version"); err != nil {
		return "", &Error{Object: "go command", Op: "ask its version", Err: err, Advice: "install Go from https://go.dev/dl/ and put it on PATH"}
	}
	return strings.TrimSpace(out.String()), nil
}

// download makes sure that a module of the build list is in the module cache
// and returns its directory.
func (m module) download(ctx context.Context, name string) (string, error) {
	if err := m.run(ctx, io.Discard, nil, "mod", "download", name); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := m.run(ctx, &out, nil, "list", "-m", "-f", "{{.Dir}}", name); err != nil {
		return "", err
	}
	return strings.TrimSpace(out.String()), nil
}

// edit makes an edited copy of a module and puts it in place of the original.
// The go command's own way to replace a file does not take those of the module
// cache.
func (m module) edit(ctx context.Context, e edit) error {
	root, err := m.download(ctx, e.Module)
	if err != nil {
		return err
	}
	const copied = "edited"
	if err := os.CopyFS(filepath.Join(m.dir, copied), os.DirFS(root)); err != nil {
		return err
	}
	file := filepath.Join(m.dir, copied, filepath.FromSlash(e.File))
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if n := bytes.Count(data, []byte(e.Old)); n != 1 {
		return fmt.Errorf("%s: found %d times, want once: %s", e.File, n, e.Old)
	}
	if err := os.WriteFile(file, bytes.Replace(data, []byte(e.Old), []byte(e.New), 1), 0o644); err != nil {
		return err
	}
	return m.run(ctx, io.Discard, nil, "mod", "edit", "-replace="+e.Module+"=./"+copied)
}

// build builds programs, which maps names to packages, into a directory.
func (m module) build(ctx context.Context, s step, flags []string, programs map[string]string, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(programs))
	packages := make([]string, len(names))
	for i, name := range names {
		packages[i] = programs[name]
	}
	total, err := m.count(ctx, s, flags, packages)
	if err != nil {
		return err
	}
	done := 0
	compiled := func(line string) {
		if line != "" && !strings.ContainsAny(line, " \t") {
			done++
			s.at(line, done, total)
		}
	}
	args := slices.Concat([]string{"build", "-v", "-o", to + string(filepath.Separator)}, flags, packages)
	if err := m.run(ctx, io.Discard, compiled, args...); err != nil {
		return err
	}
	for i, name := range names {
		if made := binaryName(packages[i]); made != name {
			if err := os.Rename(filepath.Join(to, made), filepath.Join(to, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// count downloads all modules that the packages need, and returns how many
// packages there are to compile: those that Go's build cache lacks.
func (m module) count(ctx context.Context, s step, flags, packages []string) (int, error) {
	downloads := 0
	note := func(line string) {
		if name, ok := strings.CutPrefix(line, "go: downloading "); ok {
			downloads++
			s.at("download "+name, downloads, 0)
		}
	}
	var out bytes.Buffer
	args := slices.Concat([]string{"list", "-deps", "-f", `{{if .Stale}}{{println .ImportPath}}{{end}}`}, flags, packages)
	if err := m.run(ctx, &out, note, args...); err != nil {
		return 0, err
	}
	return len(bytes.Fields(out.Bytes())), nil
}

// binaryName is the name that go build gives to the binary of a package.
func binaryName(pkg string) string {
	elements := strings.Split(pkg, "/")
	last := elements[len(elements)-1]
	if len(elements) > 1 && len(last) > 1 && last[0] == 'v' && strings.Trim(last[1:], "0123456789") == "" {
		last = elements[len(elements)-2]
	}
	return last
}

// run runs the go command in the module; each line of its standard error goes
// to line, which may be nil. The error holds the end of what it said.
func (m module) run(ctx context.Context, stdout io.Writer, line func(string), args ...string) error {
	cmd := exec.CommandContext(ctx, m.goCommand, args...)
	cmd.Dir = m.dir
	// What the user has set for modules (proxies, caches) counts here too;
	// what changes a build does not. GOFLAGS must not be empty: then the
	// go command would look for it elsewhere.
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off", "GO111MODULE=on", "GOOS=", "GOARCH=")
	cmd.Stdout = stdout
	ownGroup(cmd)
	cmd.WaitDelay = 5 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	said := readLines(stderr, line)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("go %s: %w: %s", args[0], err, strings.Join(said, "\n"))
	}
	return nil
}

// readLines hands out all lines and returns the last of them.
func readLines(r io.Reader, line func(string)) []string {
	const kept = 20
	var last []string
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if line != nil {
			line(scanner.Text())
		}
		last = append(last, scanner.Text())
		if len(last) > kept {
			last = last[1:]
		}
	}
	// A line too long to read must not block whoever writes it.
	_, _ = io.Copy(io.Discard, r)
	return last
}

// adviceFor knows what to do about some failures of a build.
func adviceFor(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case strings.Contains(text, "no space left on device"):
		return "the servers need about 5 GB while they are built: free some space, or set another cache directory"
	case strings.Contains(text, "dial tcp"), strings.Contains(text, "i/o timeout"):
		return "the Go modules could not be downloaded: check the network and GOPROXY"
	}
	return ""
}
