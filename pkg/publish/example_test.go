package publish_test

import (
	"context"
	"fmt"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/publish"
	"github.com/sealway/sealway/pkg/repo"
)

// Publishing what was sealed, and telling how far it came.
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
	apps, err := r.Select("litellm")
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := publish.NewPlan(ctx, r, apps, publish.Options{}) // with Check: seal.Check's findings
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := plan.Apply(ctx)
	fmt.Println(result.Commit, result.Pushed, err)
}
