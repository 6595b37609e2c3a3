package layout

import (
	"errors"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/guard"
	"github.com/sealway/sealway/pkg/repo"
)

// TestNoPlaintext holds this repository to its own rule, its test data included.
func TestNoPlaintext(t *testing.T) {
	tree, err := git.Open(t.Context(), scripttest.Root(t))
	if errors.Is(err, git.ErrNoRepository) {
		t.Skip("the sources are not in a repository here")
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.New(tree, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	values, _, err := guard.LocalValues(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	result, err := guard.All(t.Context(), tree, guard.Options{IsPlaintext: r.InPlaintextFolder, Values: values, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if result.Files == 0 {
		t.Fatal("no file was looked at")
	}
	for _, f := range result.Findings {
		t.Errorf("%s: %s [%s]", f.Position(), f.Message, f.Rule)
	}
}
