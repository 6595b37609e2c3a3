// Package consumer tests a GitOps repository of somebody else, with a module, a
// layout and applications of its own, that takes the targets by one import.
package consumer

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

func TestMain(m *testing.M) { os.Exit(scripttest.Main(m)) }

func TestConsumer(t *testing.T) {
	env := []string{
		"ROOT=" + scripttest.Root(t),
		"MAGE=go tool mage", "MAGEFILE_CACHE=" + t.TempDir(),
		// Everything comes from the module cache.
		"GOPROXY=off", "GOSUMDB=off", "GOFLAGS=", "GOWORK=off", "GOENV=off", "GOTOOLCHAIN=local",
	}
	for _, name := range []string{"GOPATH", "GOMODCACHE", "GOCACHE"} {
		out, err := exec.CommandContext(context.Background(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	scripttest.Run(t, "testdata", env...)
}
