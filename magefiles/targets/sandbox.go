package targets

import (
	"context"

	"github.com/magefile/mage/mg"
)

// Sandbox is a real Kubernetes with a real Sealed Secrets controller on this machine.
type Sandbox mg.Namespace

// Up builds what is missing, starts the sandbox and prints its kubeconfig.
func (Sandbox) Up(ctx context.Context,
	dir *string, // state directory, for a second sandbox beside the default one
	json *bool, // print the result as JSON
) error {
	return run(ctx, "sandbox:up", arguments{json: json}, func(ctx context.Context, s *session) error {
		return s.sandboxUp(ctx, text(dir))
	})
}

// Status shows the sandbox's servers, and of one that died the end of its log.
func (Sandbox) Status(ctx context.Context,
	dir *string, // state directory
	json *bool, // print the result as JSON
) error {
	return run(ctx, "sandbox:status", arguments{json: json}, func(ctx context.Context, s *session) error {
		return s.sandboxStatus(ctx, text(dir))
	})
}

// Down stops the sandbox and removes its state; the built servers stay.
func (Sandbox) Down(ctx context.Context,
	dir *string, // state directory
	json *bool, // print the result as JSON
) error {
	return run(ctx, "sandbox:down", arguments{json: json}, func(ctx context.Context, s *session) error {
		return s.sandboxDown(ctx, text(dir))
	})
}
