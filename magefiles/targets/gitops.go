package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"github.com/sealway/sealway/pkg/publish"
)

// Gitops brings sealed files to Git and to the cluster.
type Gitops mg.Namespace

// Publish commits an application's sealed files and pushes them, and nothing else; several separated by commas, -all in the name's place for all.
func (Gitops) Publish(ctx context.Context, app string,
	remote *string, // remote or URL to push to; default: where git push goes
	branch *string, // commit on a branch of this name and push it, for a pull request
	message *string, // subject of the commit; default: names Secrets and keys
	dryRun *bool, // show what would be committed and pushed, and do neither
	json *bool, // print the result as JSON
) error {
	given := map[string]*string{"remote": remote, "branch": branch, "message": message}
	return run(ctx, "gitops:publish", arguments{app: namesOrAll(app), json: json, text: given}, func(ctx context.Context, s *session) error {
		return s.publish(ctx, namesOrAll(app), publish.Options{Remote: text(remote), Branch: text(branch), Message: text(message)}, is(dryRun))
	})
}
