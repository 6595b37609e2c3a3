package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// hello is an entry that takes a moment to build.
func hello(t *testing.T, source string) (entry, Options) {
	t.Helper()
	var o Options
	o.CacheDir = t.TempDir()
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return entry{
		product: "hello",
		recipe:  recipe{version: "v1", programs: map[string]string{"greeter": "example.com/hello/cmd"}},
		tree: map[string][]byte{
			"go.mod":      []byte("module example.com/hello\n\ngo 1.26.0\n"),
			"cmd/main.go": []byte(source),
		},
		dir: filepath.Join(o.CacheDir, "servers", "hello-v1-0"),
	}, o
}

const helloSource = "package main\n\nfunc main() { println(\"hello\") }\n"

func TestEntryIsBuiltOnce(t *testing.T) {
	e, o := hello(t, helloSource)
	var steps []Event
	o.Progress = func(ev Event) { steps = append(steps, ev) }
	if err := e.ensure(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), e.binaries()["greeter"]).CombinedOutput()
	if err != nil || string(out) != "hello\n" {
		t.Fatalf("the program says %q, %v", out, err)
	}
	if last := steps[len(steps)-1]; last.Step != "build hello" || last.State != StepDone {
		t.Errorf("the last event is %+v", last)
	}
	steps = nil
	if err := e.ensure(t.Context(), o); err != nil || len(steps) != 0 {
		t.Errorf("a second time: %v, events %v", err, steps)
	}
	wantNames(t, filepath.Dir(e.dir), ".locks", "hello-v1-0")
	wantNames(t, e.dir, "bin")
}

// wantNames compares what is in a directory.
func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("in %s: %v, want %v", dir, got, want)
	}
}

func TestEntryRecovers(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(e entry) error
	}{
		{"killed build", func(e entry) error {
			return writeFile(filepath.Join(e.dir+".tmp-123", "bin", "greeter"), []byte("half"), 0o755)
		}},
		{"lost program", func(e entry) error { return os.MkdirAll(filepath.Join(e.dir, "bin"), 0o755) }},
		{"file in its place", func(e entry) error { return writeFile(e.dir, nil, 0o644) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, o := hello(t, helloSource)
			if err := tt.spoil(e); err != nil {
				t.Fatal(err)
			}
			if err := e.ensure(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if !e.complete() {
				t.Error("the entry is not complete")
			}
			wantNames(t, filepath.Dir(e.dir), ".locks", "hello-v1-0")
		})
	}
}

func TestTwoBuildsAtOnce(t *testing.T) {
	e, o := hello(t, helloSource)
	servers, name := filepath.Split(e.dir)
	lock := filepath.Join(servers, ".locks", name)
	if err := os.MkdirAll(filepath.Dir(lock), 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockFile(t.Context(), lock, func() { t.Error("the lock is taken") })
	if err != nil {
		t.Fatal(err)
	}
	waits, done := make(chan struct{}), make(chan error)
	var once sync.Once
	second := o
	second.Progress = func(ev Event) {
		if strings.Contains(ev.Detail, "waiting") {
			once.Do(func() { close(waits) })
		}
		if strings.Contains(ev.Detail, "/") {
			t.Errorf("the second builds too: %+v", ev)
		}
	}
	go func() { done <- e.ensure(t.Context(), second) }()
	<-waits
	// The first has the lock already, so this is what it does under it.
	tmp := t.TempDir()
	if err := e.make(t.Context(), o, o.step("x"), tmp); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, e.dir); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	e, o := hello(t, "package main\n\nfunc main() { undefined() }\n")
	var last Event
	o.Progress = func(ev Event) { last = ev }
	err := e.ensure(t.Context(), o)
	if err == nil || !strings.HasPrefix(err.Error(), "hello v1: build: ") || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("got %v, want an error that names the product and quotes the compiler", err)
	}
	if last.State != StepFailed {
		t.Errorf("the last event is %+v", last)
	}
	wantNames(t, filepath.Dir(e.dir), ".locks")
}

func TestCancelledBuild(t *testing.T) {
	e, o := hello(t, helloSource)
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(ev Event) {
		if ev.State == StepRunning {
			cancel()
		}
	}
	if err := e.ensure(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	if e.complete() {
		t.Error("the entry is there")
	}
}

func TestFingerprint(t *testing.T) {
	base := recipe{programs: map[string]string{"a": "x"}}
	tree := map[string][]byte{"go.mod": []byte("module x\n")}
	want := fingerprint(base, tree, "go1")
	if again := fingerprint(base, map[string][]byte{"go.mod": []byte("module x\n")}, "go1"); again != want {
		t.Errorf("the same gives %s and %s", want, again)
	}
	others := map[string]string{
		"toolchain": fingerprint(base, tree, "go2"),
		"module":    fingerprint(base, map[string][]byte{"go.mod": []byte("module y\n")}, "go1"),
		"programs":  fingerprint(recipe{programs: map[string]string{"a": "y"}}, tree, "go1"),
		"flags":     fingerprint(recipe{programs: base.programs, variables: map[string]string{"v": "1"}}, tree, "go1"),
		"links":     fingerprint(recipe{programs: base.programs, links: map[string]string{"b": "a"}}, tree, "go1"),
		"edit":      fingerprint(recipe{programs: base.programs, edit: edit{Module: "m"}}, tree, "go1"),
		"manifests": fingerprint(recipe{programs: base.programs, manifests: []manifest{{objects, "m", "*"}}}, tree, "go1"),
	}
	for what, got := range others {
		if got == want {
			t.Errorf("the fingerprint does not depend on: %s", what)
		}
	}
}

// editable is an entry with a module of another, which is in the module cache
// as this repository needs it too.
func editable(t *testing.T) (entry, Options) {
	t.Helper()
	const module = "golang.org/x/sync"
	sums, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	var sum, version string
	for line := range strings.Lines(string(sums)) {
		if f := strings.Fields(line); f[0] == module {
			sum, version = sum+line, strings.TrimSuffix(f[1], "/go.mod")
		}
	}
	e, o := hello(t, `package main

import "golang.org/x/sync/semaphore"

func main() {
	defer func() { println(recover().(string)) }()
	semaphore.NewWeighted(1).Release(1)
}
`)
	e.tree["go.mod"] = fmt.Appendf(e.tree["go.mod"], "\nrequire %s %s\n", module, version)
	e.tree["go.sum"] = []byte(sum)
	e.recipe.links = map[string]string{"alias": "greeter"}
	e.recipe.edit = edit{module, "semaphore/semaphore.go", "semaphore: released more than held", "edited"}
	return e, o
}

func TestEntryWithLinkAndEdit(t *testing.T) {
	e, o := editable(t)
	if err := e.ensure(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), e.binaries()["alias"]).CombinedOutput()
	if err != nil || string(out) != "edited\n" {
		t.Errorf("the program says %q, %v", out, err)
	}
	wantNames(t, e.dir, "bin")
	if err := os.Remove(e.binaries()["alias"]); err != nil || e.complete() {
		t.Errorf("without its link it is complete, %v", err)
	}
}

func TestEditMustMatch(t *testing.T) {
	e, o := editable(t)
	e.recipe.edit.Old = "semaphore"
	if err := e.ensure(t.Context(), o); err == nil || !strings.Contains(err.Error(), "want once: semaphore") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownProduct(t *testing.T) {
	_, err := Build(t.Context(), Options{CacheDir: t.TempDir()}, "nope")
	if err == nil || !strings.Contains(err.Error(), `product "nope"`) {
		t.Errorf("got %v", err)
	}
}

func TestNoGoCommand(t *testing.T) {
	_, err := Build(t.Context(), Options{CacheDir: t.TempDir(), Go: "/no/such/go"}, Task)
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint(), "install Go") {
		t.Errorf("got %v, want a hint to install Go", err)
	}
}

func TestNoGitCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Up(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "a"), CacheDir: t.TempDir(), Go: "/no/such/go"})
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint(), "install Git") {
		t.Errorf("got %v, want a hint to install Git", err)
	}
}

func TestBinaryName(t *testing.T) {
	for pkg, want := range map[string]string{
		"go.etcd.io/etcd/server/v3":               "server",
		"k8s.io/kubernetes/cmd/kubectl":           "kubectl",
		"github.com/go-task/task/v3/cmd/task":     "task",
		"github.com/argoproj/argo-cd/v2/cmd":      "cmd",
		"./kubelet":                               "kubelet",
		"example.com/vault":                       "vault",
		"github.com/bitnami/x/cmd/controller/v22": "controller",
	} {
		if got := binaryName(pkg); got != want {
			t.Errorf("%s: got %s, want %s", pkg, got, want)
		}
	}
}
