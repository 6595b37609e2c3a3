package targets

import (
	"context"

	"github.com/magefile/mage/mg"
)

// Sandbox is a real Kubernetes with a real Sealed Secrets controller and a real Argo CD on this machine.
type Sandbox mg.Namespace

// Up builds what is missing, starts the sandbox, has its Argo CD follow this repository, and prints its kubeconfig.
func (Sandbox) Up(ctx context.Context,
	dir *string, // state directory, for a second sandbox beside the default one
	argocd *string, // which Argo CD: 2 (default), 3 or none
	insecure *bool, // have Argo CD's server talk HTTP
	json *bool, // print the result as JSON
) error {
	return run(ctx, "sandbox:up", arguments{json: json, text: map[string]*string{"dir": dir, "argocd": argocd}}, func(ctx context.Context, s *session) error {
		return s.sandboxUp(ctx, text(dir), text(argocd), is(insecure))
	})
}

// Status shows the sandbox's servers, and of one that died the end of its log.
func (Sandbox) Status(ctx context.Context,
	dir *string, // state directory
	json *bool, // print the result as JSON
) error {
	return run(ctx, "sandbox:status", arguments{json: json, text: map[string]*string{"dir": dir}}, func(ctx context.Context, s *session) error {
		return s.sandboxStatus(ctx, text(dir))
	})
}

// Down stops the sandbox and removes its state; the built servers stay.
func (Sandbox) Down(ctx context.Context,
	dir *string, // state directory
	json *bool, // print the result as JSON
) error {
	return run(ctx, "sandbox:down", arguments{json: json, text: map[string]*string{"dir": dir}}, func(ctx context.Context, s *session) error {
		return s.sandboxDown(ctx, text(dir))
	})
}
