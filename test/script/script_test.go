// Package script holds one story per file of testdata: what a person types and
// what comes back, on both streams, with the exit status.
package script

import (
	"os"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

func TestMain(m *testing.M) { os.Exit(scripttest.Main(m)) }

func TestScript(t *testing.T) { scripttest.Run(t, "testdata") }
