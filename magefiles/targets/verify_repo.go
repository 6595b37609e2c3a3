package targets

import "context"

// Repo checks offline that what the charts need is there, in time and their own; for CI and before a push. Status 3 if not.
func (Verify) Repo(ctx context.Context,
	app *string, // only these applications, separated by commas
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	format *string, // text, json, sarif or github (annotations)
	json *bool, // print the result as JSON
) error {
	return run(ctx, "verify:repo", arguments{app: names(app), json: json, report: &reportArguments{report, format}}, func(ctx context.Context, s *session) error {
		return s.verifyRepo(ctx, names(app))
	})
}
