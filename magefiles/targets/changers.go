package targets

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sealway/sealway/pkg/diagnose"
)

// mostChangers is of how many resources in one look it is asked who has changed them:
// each is a question to the API server.
const mostChangers = 10

// changers says in words who has changed a resource last.
func (g *glance) changers() func(context.Context, diagnose.Resource) string {
	var asked atomic.Int32
	return func(ctx context.Context, r diagnose.Resource) string {
		if asked.Add(1) > mostChangers {
			return ""
		}
		who, at, err := g.kube.LastChange(ctx, r.Group, r.Kind, r.Namespace, r.Name)
		if err != nil || who == "" {
			return ""
		}
		return who + ", " + age(time.Now(), at)
	}
}
