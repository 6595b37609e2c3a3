package guard_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/guard"
	"github.com/sealway/sealway/pkg/repo"
)

// What the next commit would bring, held against what this machine knows.
func Example() {
	ctx := context.Background()
	tree, err := git.Open(ctx, ".")
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := repo.New(tree, repo.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	values, _, err := guard.LocalValues(ctx, r)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := guard.Index(ctx, tree, guard.Options{IsPlaintext: r.InPlaintextFolder, Values: values, Now: time.Now()})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range result.Findings {
		fmt.Println(f.Position(), f.Rule, f.Fix)
	}
}
