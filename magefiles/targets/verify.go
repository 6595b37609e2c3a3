package targets

import (
	"context"
	"time"

	"github.com/magefile/mage/mg"
)

// Verify says whether everything is as it should be, and if not, why and what to do.
type Verify mg.Namespace

// App follows an application, or several separated by commas, from the plaintext to the running Pods, and says what breaks it. Status 3 if anything does.
func (Verify) App(ctx context.Context, app string,
	wait *bool, // look again until it is healthy or a cause is certain
	timeout *time.Duration, // of -wait; default 5m
	html *string, // write the result as a page into this file, too
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	format *string, // text, json, sarif or github (annotations)
	json *bool, // print the result as JSON
) error {
	o := verifyArguments{wait: wait, timeout: timeout, html: html}
	return run(ctx, "verify:app", arguments{app: names(&app), json: json, report: &reportArguments{report, format}, verify: &o}, func(ctx context.Context, s *session) error {
		return s.verify(ctx, names(&app), o)
	})
}

// All verifies every application of the repository with one look at the cluster.
func (Verify) All(ctx context.Context,
	wait *bool, // look again until all are healthy or a cause is certain
	timeout *time.Duration, // of -wait; default 5m
	html *string, // write the result as a page into this file, too
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	format *string, // text, json, sarif or github (annotations)
	json *bool, // print the result as JSON
) error {
	o := verifyArguments{wait: wait, timeout: timeout, html: html}
	return run(ctx, "verify:all", arguments{json: json, report: &reportArguments{report, format}, verify: &o}, func(ctx context.Context, s *session) error {
		return s.verify(ctx, nil, o)
	})
}
