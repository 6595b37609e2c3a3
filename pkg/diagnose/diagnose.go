package diagnose

import (
	"context"

	"github.com/sealway/sealway/pkg/report"
)

// The names of the links that a cause can break, in the order of the chain.
const (
	LinkSealed    = "Sealed files"
	LinkCommit    = "Commit"
	LinkArgo      = "Argo CD"
	LinkUnsealed  = "SealedSecrets"
	LinkSecrets   = "Secrets"
	LinkDatabase  = "Database"
	LinkWorkloads = "Workloads"
	LinkPods      = "Pods"
)

// Diagnose says what is wrong with an application, root causes first; nothing when
// it is healthy or on its way in due time. The context is for Logs alone.
func Diagnose(ctx context.Context, in Input) []report.Cause {
	return nil
}
