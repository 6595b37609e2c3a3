package targets

import (
	"context"

	"github.com/magefile/mage/mg"
)

// Secrets looks after the plaintext Secrets on this machine.
type Secrets mg.Namespace

// Generate fills in local-secrets/ from each application's secrets.yaml; what is there stays.
func (Secrets) Generate(ctx context.Context,
	app *string, // only these applications, separated by commas
	force *string, // keys to make anew, separated by commas: application/secret/key
	dryRun *bool, // show what would be generated and write nothing
	json *bool, // print the result as JSON
) error {
	return run(ctx, "secrets:generate", arguments{app: names(app), json: json}, func(ctx context.Context, s *session) error {
		return s.generate(ctx, names(app), names(force), is(dryRun))
	})
}

// Guard refuses plaintext in what the next commit would bring, or in all tracked files, a range of commits, the whole history.
func (Secrets) Guard(ctx context.Context,
	Range *string, // every version that these commits bring: base...head
	all *bool, // all tracked files
	history *bool, // every version of every file that a ref can reach
	push *string, // in a pre-push hook: every version that goes to the remote of this name; the refs are read on stdin
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	format *string, // text, json, sarif or github (annotations)
	json *bool, // print the result as JSON
) error {
	a := arguments{json: json, report: &reportArguments{report, format}, text: map[string]*string{"range": Range, "push": push}}
	return run(ctx, "secrets:guard", a, func(ctx context.Context, s *session) error {
		return s.guard(ctx, guardScope{commits: Range, push: push, all: is(all), history: is(history)})
	})
}
