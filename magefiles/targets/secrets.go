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
