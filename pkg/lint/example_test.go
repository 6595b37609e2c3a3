package lint_test

import (
	"context"
	"fmt"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/lint"
	"github.com/sealway/sealway/pkg/repo"
)

// Check the repository that the working directory lies in.
func ExampleCheck() {
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
	apps, err := r.Applications()
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := lint.Check(ctx, r, apps, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range res.Findings {
		fmt.Println(f.Position(), f.Message, f.Fix)
	}
}
