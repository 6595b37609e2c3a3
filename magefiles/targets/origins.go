package targets

import (
	"context"

	"github.com/sealway/sealway/internal/origins"
	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/origin"
	"github.com/sealway/sealway/pkg/verify"
)

// origins prepares to find out where the objects of an application come from. Nothing
// is rendered before it is asked.
func (v *verifier) origins(ctx context.Context, o *one, c *verify.Commit) diagnose.Origins {
	opts := origin.Options{Dir: o.source.Folder, Chart: chart.Options{Release: o.Name, Namespace: o.namespace(), Plaintext: v.s.config.Plaintext}}
	if o.app != nil {
		opts.Chart.Release = o.app.Name
		if full, err := opts.Chart.WithSource(o.app.Sources[o.index].Helm); err == nil { // else Argo CD cannot render it either, and says so
			opts.Chart = full
		}
		opts.Deployed = revisionAt(o.app.Deployed, o.index)
		opts.Followed = revisionAt(o.app.Revisions, o.index)
	}
	if opts.Followed == "" || c.State == verify.CommitNotSeen {
		opts.Followed = "HEAD" // the branch has it, or nobody knows what the branch has
	}
	return origins.Origins{Origins: origin.Open(ctx, v.s.repo.Tree, opts)}
}

// revisionAt is the revision of one of several sources; empty when it is not known.
func revisionAt(list []string, at int) string {
	if at < len(list) {
		return list[at]
	}
	return ""
}
