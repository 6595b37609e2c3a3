package targets

import "context"

// Completion prints the script that has a shell (bash, zsh or fish) complete targets, flags, applications, Secrets and keys.
func Completion(ctx context.Context, shell string,
	name *string, // of the command to complete, if the program has another name: mage
	words *bool, // what the script calls: read the command line on stdin and print what may follow
) error {
	return complete(ctx, shell, name, is(words))
}
