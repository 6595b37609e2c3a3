// Package pipelines runs the scripts of examples/ci as the CI systems run them: in a
// clone as those make it, with the variables that they set. The checks have neither
// cluster nor plaintext; the deployment has a real Argo CD and a project role's token.
package pipelines

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/worldtest"
)

// place is the cluster that all tests share.
var place *worldtest.Place

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "sealway-pipelines-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	o := worldtest.Options(filepath.Join(dir, "sandbox"))
	defer func() {
		if err := sandbox.Down(context.WithoutCancel(ctx), o); err != nil {
			code = fail(err)
		}
	}()
	if place, err = worldtest.NewPlace(ctx, o); err != nil {
		return fail(err)
	}
	return scripttest.Main(m)
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}
