package targets

import "context"

// Hooks installs the Git hooks that run secrets:guard before each commit and each push; a hook that is there is kept and called.
func (Secrets) Hooks(ctx context.Context,
	uninstall *bool, // take them out again, and put back what was there
	status *bool, // say what is installed; status 3 when something is missing
	binary *string, // the compiled targets that they run; default .bin/sealway
	json *bool, // print the result as JSON
) error {
	a := arguments{json: json, text: map[string]*string{"binary": binary}}
	return run(ctx, "secrets:hooks", a, func(ctx context.Context, s *session) error {
		return s.hooks(ctx, hookArguments{is(uninstall), is(status), text(binary)})
	})
}
