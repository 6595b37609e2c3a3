// Package argocd talks to Argo CD's API server: session, refresh, sync, wait.
package argocd

import (
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/version"
)

var _ = []any{application.NewApplicationServiceClient, session.NewSessionServiceClient, version.NewVersionServiceClient}
