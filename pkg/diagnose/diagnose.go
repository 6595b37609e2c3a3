package diagnose

import (
	"cmp"
	"context"

	"github.com/sealway/sealway/pkg/cluster"
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
	f := newFinder(ctx, in)
	f.application()
	f.namespace()
	f.secrets()
	f.databases()
	f.claims()
	f.workloads()
	f.pods()
	f.jobs()
	f.contract()
	f.resources()
	return f.causes()
}

// finder collects what is wrong.
type finder struct {
	ctx   context.Context // of one call of Diagnose, for Logs
	in    Input
	space *cluster.Space
	rules map[string]Rule
	found []*finding
	byKey map[string]*finding
}

func newFinder(ctx context.Context, in Input) *finder {
	in.Command, in.Kubectl, in.Push = cmp.Or(in.Command, "mage"), cmp.Or(in.Kubectl, "kubectl"), cmp.Or(in.Push, "git push")
	f := &finder{ctx: ctx, in: in, space: in.State.In(in.Namespace), rules: map[string]Rule{}, byKey: map[string]*finding{}}
	for _, r := range Rules() {
		f.rules[r.ID] = r
	}
	return f
}

// masked is the function that takes secret values out of texts.
func (f *finder) masked() func(string) string {
	m := f.in.Masker
	if m == nil && f.in.State != nil {
		m = f.in.State.Masker(f.in.Application)
	}
	mask := m.Mask
	if own := f.in.Mask; own != nil {
		known := mask
		mask = func(s string) string { return own(known(s)) }
	}
	return mask
}
