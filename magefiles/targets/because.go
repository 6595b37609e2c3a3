package targets

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/verify"
)

// becauseTime bounds the look at the cluster after a sync that has failed: its own
// message is worth more than a wait.
const becauseTime = 15 * time.Second

// because says after a sync that has failed what the cluster has to say about it: the
// first cause of each application, and who tells the rest.
func (s *session) because(ctx context.Context, failed error) {
	if ctx.Err() != nil || !inTheCluster(failed) {
		return
	}
	var folders []string
	for _, name := range slices.Sorted(maps.Keys(s.folders)) {
		if s.folders[name] {
			folders = append(folders, name)
		}
	}
	if len(folders) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, becauseTime)
	defer cancel()
	aside := *s
	aside.report = report.New(s.report.Command) // what is noticed on the way is none of the sync's
	v, err := aside.newVerifier(ctx, folders)
	if err != nil {
		return
	}
	chains, err := v.look(ctx)
	if err != nil {
		return
	}
	for _, c := range chains {
		if verify.Well(c.State) {
			continue
		}
		if len(c.Causes) > 0 {
			s.console.Note("%s: %s", c.Application, verify.Sentence(c.Causes[0]))
		}
		s.console.Note("`mage verify:app %s` shows the whole way", c.Application)
	}
}

// inTheCluster says whether it is the cluster that keeps a sync from its end.
func inTheCluster(err error) bool {
	var operation *argocd.OperationError
	var health *argocd.HealthError
	var late *argocd.TimeoutError
	return errors.As(err, &operation) || errors.As(err, &health) || errors.As(err, &late)
}
