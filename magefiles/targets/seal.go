package targets

import (
	"context"

	"github.com/magefile/mage/mg"
)

// Seal encrypts plaintext Secrets for one cluster and checks the result.
type Seal mg.Namespace

// All seals what changed in every application; unchanged values keep their ciphertext.
func (Seal) All(ctx context.Context,
	dryRun *bool, // show what would change and write nothing
	prune *bool, // remove the sealed files of Secrets that are gone
	cert *string, // certificate to seal with: a file or an https URL
	json *bool, // print the result as JSON
) error {
	return run(ctx, "seal:all", arguments{cert: cert, json: json}, func(ctx context.Context, s *session) error {
		return s.seal(ctx, nil, is(dryRun), is(prune))
	})
}

// App seals what changed in one application, or in several separated by commas.
func (Seal) App(ctx context.Context, app string,
	dryRun *bool, // show what would change and write nothing
	prune *bool, // remove the sealed files of Secrets that are gone
	cert *string, // certificate to seal with: a file or an https URL
	json *bool, // print the result as JSON
) error {
	return run(ctx, "seal:app", arguments{app: names(&app), cert: cert, json: json}, func(ctx context.Context, s *session) error {
		return s.seal(ctx, names(&app), is(dryRun), is(prune))
	})
}

// Status shows for every Secret whether its sealed file is up to date.
func (Seal) Status(ctx context.Context,
	app *string, // only these applications, separated by commas
	cert *string, // certificate to compare with: a file or an https URL
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	json *bool, // print the result as JSON
) error {
	return run(ctx, "seal:status", arguments{app: names(app), cert: cert, json: json, report: &reportArguments{report, nil}}, func(ctx context.Context, s *session) error {
		return s.sealStatus(ctx, names(app))
	})
}

// Check proves offline that every sealed file is whole, for the pinned certificate and complete.
func (Seal) Check(ctx context.Context,
	app *string, // only these applications, separated by commas
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	format *string, // text, json, sarif or github (annotations)
	json *bool, // print the result as JSON
) error {
	return run(ctx, "seal:check", arguments{app: names(app), json: json, report: &reportArguments{report, format}}, func(ctx context.Context, s *session) error {
		return s.sealCheck(ctx, names(app))
	})
}

// Verify asks the controller whether it can decrypt every sealed file.
func (Seal) Verify(ctx context.Context,
	app *string, // only these applications, separated by commas
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	format *string, // text, json, sarif or github (annotations)
	json *bool, // print the result as JSON
) error {
	return run(ctx, "seal:verify", arguments{app: names(app), json: json, report: &reportArguments{report, format}}, func(ctx context.Context, s *session) error {
		return s.sealVerify(ctx, names(app))
	})
}

// Cert shows the controller's certificate beside the pinned one, and pins it.
func (Seal) Cert(ctx context.Context,
	accept *bool, // pin the certificate: write it to the repository
	cert *string, // take this certificate in place of the controller's: a file or an https URL
	json *bool, // print the result as JSON
) error {
	return run(ctx, "seal:cert", arguments{cert: cert, json: json}, func(ctx context.Context, s *session) error {
		return s.sealCert(ctx, is(accept))
	})
}
