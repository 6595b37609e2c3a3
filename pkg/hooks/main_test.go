package hooks_test

import (
	"os"
	"testing"

	"github.com/sealway/sealway/pkg/git/gittest"
)

func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }
