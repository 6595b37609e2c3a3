// Package verify breaks applications on a real kubelet and a real Argo CD, and has
// the compiled binary say why, and how to mend them.
package verify

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/worldtest"
)

// shared is the place of all tests.
var shared struct {
	*worldtest.Place

	options sandbox.Options
	// programs is a folder with what a person has on PATH: kubectl and mage.
	programs string
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "sealway-verify-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	shared.options = worldtest.Options(filepath.Join(dir, "sandbox"))
	shared.options.Audit = true
	defer func() {
		if err := sandbox.Down(context.WithoutCancel(ctx), shared.options); err != nil {
			code = fail(err)
		}
	}()
	if err := prepare(ctx, dir); err != nil {
		return fail(err)
	}
	// They wait more than they work. What the command line says comes later.
	if err := flag.Set("test.parallel", "6"); err != nil {
		return fail(err)
	}
	return scripttest.Main(m)
}

func prepare(ctx context.Context, dir string) (err error) {
	if shared.Place, err = worldtest.NewPlace(ctx, shared.options); err != nil {
		return err
	}
	bin, err := sandbox.Build(ctx, shared.options, sandbox.Kubectl)
	if err != nil {
		return err
	}
	shared.programs = filepath.Join(dir, "bin")
	if err := os.Mkdir(shared.programs, 0o755); err != nil {
		return err
	}
	return os.Symlink(bin["kubectl"], filepath.Join(shared.programs, "kubectl"))
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}
