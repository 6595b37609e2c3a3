// Package origins answers package diagnose with what package origin finds out: the two
// do not know each other.
package origins

import (
	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/origin"
)

// Origins are the origins of an application's objects.
type Origins struct{ *origin.Origins }

var _ diagnose.Origins = Origins{}

// Find says where an object comes from.
func (o Origins) Find(kind, name string) diagnose.Origin {
	found := o.Origins.Find(kind, name)
	return diagnose.Origin{
		Found: found.Found, Path: found.Path, Line: found.Line, Namespace: found.Namespace, Wave: found.Wave, Hook: found.Hook,
		InTree: found.InTree, Committed: found.Committed, Pushed: found.Pushed, Deployed: found.Deployed,
		Disabled: disabled(found.Disabled), Misplaced: found.Misplaced, Ignored: found.Ignored, Near: found.Near, Elsewhere: found.Elsewhere, Keys: found.Keys,
	}
}

func disabled(s *chart.Switch) *diagnose.Switch {
	if s == nil {
		return nil
	}
	return &diagnose.Switch{Path: s.Path, Line: s.Line, Key: s.Key, Current: s.Old, Wanted: s.New, Also: disabled(s.Also)}
}
