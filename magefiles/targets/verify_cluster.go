package targets

import "context"

// Cluster checks what the targets need: kubeconfig, permissions, Argo CD, Sealed Secrets, CloudNativePG, Git. Status 3 if a check fails.
func (Verify) Cluster(ctx context.Context,
	report *string, // write the result into these files, too, separated by commas: .sarif, .xml (JUnit), .json, .md, .html
	format *string, // text, json, sarif or github (annotations)
	json *bool, // print the result as JSON
) error {
	return run(ctx, "verify:cluster", arguments{json: json, report: &reportArguments{report, format}}, func(ctx context.Context, s *session) error {
		return s.verifyCluster(ctx)
	})
}
