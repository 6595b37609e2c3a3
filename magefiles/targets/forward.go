package targets

import "context"

// PortForward opens Argo CD on http://localhost:8080, until Ctrl-C.
func (Gitops) PortForward(ctx context.Context,
	port *int, // local port; 0 takes a free one, default 8080
	password *bool, // print the first password of admin, and nothing else
	json *bool, // print the address as JSON
) error {
	return run(ctx, "gitops:portForward", arguments{json: json}, func(ctx context.Context, s *session) error {
		if is(password) {
			return s.adminPassword(ctx)
		}
		return s.portForward(ctx, port)
	})
}
