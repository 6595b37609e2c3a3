package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/worldtest"
	"github.com/sealway/sealway/pkg/git/gittest"
)

// magefile is that of the README.
const magefile = `//go:build mage

package main

import (
	//mage:import
	_ "github.com/sealway/sealway/magefiles/targets"
)
`

// TestBuild runs the step that compiles the targets with the real go, in a repository
// that imports them. The other tests have a go that hands out the result.
func TestBuild(t *testing.T) {
	t.Parallel()
	root := scripttest.Root(t)
	r := gittest.New(t)
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		r.Write(name, string(data))
	}
	r.Write("magefiles/magefile.go", magefile)
	r.Write(".gitignore", "local-secrets/\n")
	env := append(worldtest.Environment(t.TempDir(), "/nowhere"), "MAGEFILE_CACHE="+t.TempDir(),
		"GOPROXY=off", "GOSUMDB=off", "GOFLAGS=", "GOWORK=off", "GOENV=off", "GOTOOLCHAIN=local") // all is in the module cache
	for _, name := range []string{"GOPATH", "GOMODCACHE", "GOCACHE"} {
		out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	run := func(args ...string) *worldtest.Command {
		return worldtest.Start(t, r.Dir, env, &worldtest.Buffer{}, args...).Ends(0)
	}
	run("go", "mod", "edit", "-module=example.com/gitops", "-require=github.com/sealway/sealway@v0.0.0", "-replace=github.com/sealway/sealway="+root)
	steps := map[string]bool{}
	for _, j := range readWorkflow(t).Jobs {
		for _, s := range j.Steps {
			if s.Name == "Build" {
				steps[s.Run] = true
			}
		}
	}
	if len(steps) != 1 {
		t.Fatalf("%d ways to build", len(steps))
	}
	for script := range steps {
		run("bash", "-eo", "pipefail", "-c", script)
	}
	if out := run(".bin/sealway", "-h", "secrets:guard").Out.String(); !strings.Contains(out, "every version that these commits bring") {
		t.Errorf("the binary says:\n%s", out)
	}
}
