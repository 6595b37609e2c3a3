package targets

import (
	"context"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/sealway/sealway/pkg/publish"
)

// Gitops publishes, syncs and watches what Argo CD deploys.
type Gitops mg.Namespace

// Sync has Argo CD sync an application, or several separated by commas, and waits until they are Synced and Healthy.
func (Gitops) Sync(ctx context.Context, app string,
	revision *string, // sync this commit, tag or branch in place of the one that is followed
	prune *bool, // delete what is no longer in Git
	hard *bool, // render the manifests anew, past every cache
	dryRun *bool, // have Argo CD try it and change nothing
	noWait *bool, // return when the operation has begun
	timeout *time.Duration, // for all of it; default 5m
	terminateOnTimeout *bool, // end the operation when the time is over or with Ctrl-C
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	json *bool, // print the result as JSON
) error {
	o := syncArguments{revision, prune, hard, dryRun, noWait, timeout, terminateOnTimeout}
	return run(ctx, "gitops:sync", arguments{app: names(&app), json: json, report: &reportArguments{report, nil}, text: map[string]*string{"revision": revision}, sync: &o}, func(ctx context.Context, s *session) error { return s.sync(ctx, names(&app), o.options()) })
}

// SyncAll syncs every application that follows this repository, several at once.
func (Gitops) SyncAll(ctx context.Context,
	selector *string, // only applications with these labels, as kubectl has it
	prune *bool, // delete what is no longer in Git
	hard *bool, // render the manifests anew, past every cache
	dryRun *bool, // have Argo CD try it and change nothing
	noWait *bool, // return when the operations have begun
	timeout *time.Duration, // for all of it; default 5m
	terminateOnTimeout *bool, // end the operations when the time is over or with Ctrl-C
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	json *bool, // print the result as JSON
) error {
	o := syncArguments{nil, prune, hard, dryRun, noWait, timeout, terminateOnTimeout}
	return run(ctx, "gitops:syncAll", arguments{json: json, report: &reportArguments{report, nil}, text: map[string]*string{"selector": selector}, sync: &o}, func(ctx context.Context, s *session) error { return s.syncAll(ctx, text(selector), o.options()) })
}

// Terminate ends the operation that runs on an application, whoever began it, and waits until it has ended.
func (Gitops) Terminate(ctx context.Context, app string,
	json *bool, // print the result as JSON
) error {
	return run(ctx, "gitops:terminate", arguments{app: names(&app), json: json}, func(ctx context.Context, s *session) error {
		return s.terminate(ctx, names(&app))
	})
}

// Status shows for every application sync, health, revision against HEAD and the last operation.
func (Gitops) Status(ctx context.Context,
	selector *string, // only applications with these labels, as kubectl has it
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	json *bool, // print the result as JSON
) error {
	given := map[string]*string{"selector": selector}
	return run(ctx, "gitops:status", arguments{json: json, report: &reportArguments{report, nil}, text: given}, func(ctx context.Context, s *session) error {
		return s.argoStatus(ctx, text(selector))
	})
}

// Diff shows what a sync would change; values of Secrets are masked. Status 3 if anything.
func (Gitops) Diff(ctx context.Context, app string,
	hard *bool, // render the manifests anew, past every cache
	json *bool, // print the result as JSON
) error {
	return run(ctx, "gitops:diff", arguments{app: names(&app), json: json}, func(ctx context.Context, s *session) error {
		return s.argoDiff(ctx, names(&app), is(hard))
	})
}

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

// Ship goes the whole way: seal, check, publish, sync, and compare what the cluster has.
func (Gitops) Ship(ctx context.Context, app string,
	prune *bool, // delete what is no longer in Git
	timeout *time.Duration, // for the sync; default 5m
	json *bool, // print the result as JSON
) error {
	o := syncArguments{prune: prune, timeout: timeout}
	return run(ctx, "gitops:ship", arguments{app: names(&app), json: json, sync: &o}, func(ctx context.Context, s *session) error {
		return s.ship(ctx, names(&app), o.options())
	})
}
