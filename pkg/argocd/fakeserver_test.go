package argocd_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/version"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/reposerver/apiclient"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"k8s.io/apimachinery/pkg/watch"
)

type (
	applicationServer struct {
		application.UnimplementedApplicationServiceServer
		*argoCD
	}
	sessionServer struct {
		session.UnimplementedSessionServiceServer
		*argoCD
	}
	accountServer struct {
		account.UnimplementedAccountServiceServer
		*argoCD
	}
	versionServer struct{ *argoCD }
)

func (s *versionServer) Version(context.Context, *emptypb.Empty) (*version.VersionMessage, error) {
	return &version.VersionMessage{Version: "v2.14.21"}, nil
}

func (s *sessionServer) Create(_ context.Context, r *session.SessionCreateRequest) (*session.SessionResponse, error) {
	time.Sleep(100 * time.Millisecond) // bcrypt
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins++
	if r.Username != "admin" || r.Password != canaryPassword {
		return nil, status.Error(codes.Unauthenticated, "Invalid username or password")
	}
	token := fmt.Sprintf("canary-session-%d", s.logins)
	s.valid[token] = true
	return &session.SessionResponse{Token: token}, nil
}

func (s *accountServer) CanI(_ context.Context, r *account.CanIRequest) (*account.CanIResponse, error) {
	if r.Resource != "applications" || r.Action != "sync" {
		return nil, status.Error(codes.InvalidArgument, r.String())
	}
	return &account.CanIResponse{Value: s.can}, nil
}

// app finds an application as upstream answers: what is not there is not permitted.
func (s *applicationServer) app(name, namespace, project string) (*v1alpha1.Application, error) {
	app := s.get(name)
	switch {
	case app != nil && (namespace == "" || namespace == app.Namespace) && (project == "" || project == app.Spec.Project):
		return app, nil
	case project != "":
		return nil, status.Error(codes.NotFound, `applications.argoproj.io "`+name+`" not found`)
	}
	return nil, status.Error(codes.PermissionDenied, "permission denied")
}

func (s *applicationServer) List(_ context.Context, q *application.ApplicationQuery) (*v1alpha1.ApplicationList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := &v1alpha1.ApplicationList{}
	for _, app := range s.apps {
		if q.GetSelector() == "" || q.GetSelector() == "app="+app.Labels["app"] {
			item := app.DeepCopy()
			for i := range item.Status.Resources {
				if s.bare {
					item.Status.Resources[i].Health = nil
				}
			}
			list.Items = append(list.Items, *item)
		}
	}
	return list, nil
}

func (s *applicationServer) Get(ctx context.Context, q *application.ApplicationQuery) (*v1alpha1.Application, error) {
	project := ""
	if len(q.Projects) > 0 {
		project = q.Projects[0]
	}
	if _, err := s.app(q.GetName(), q.GetAppNamespace(), project); err != nil {
		return nil, err
	}
	a := s.argoCD
	if q.Refresh != nil {
		if a.refresh != nil {
			a.refresh(ctx, q.GetName())
		} else {
			time.Sleep(100 * time.Millisecond)
			a.compare(q.GetName())
		}
		if ctx.Err() != nil {
			return nil, errors.New("application refresh deadline exceeded")
		}
	}
	return s.app(q.GetName(), q.GetAppNamespace(), project)
}

func (s *applicationServer) Watch(q *application.ApplicationQuery, ws application.ApplicationService_WatchServer) error {
	a := s.argoCD
	events := make(chan v1alpha1.ApplicationWatchEvent, 1000)
	a.mu.Lock()
	if a.past != nil {
		events <- v1alpha1.ApplicationWatchEvent{Type: watch.Added, Application: *a.past}
	} else if app := a.apps[q.GetName()]; app != nil && !a.deaf {
		events <- v1alpha1.ApplicationWatchEvent{Type: watch.Added, Application: *app.DeepCopy()}
	}
	a.watchers[events] = q.GetName()
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.watchers, events)
		a.mu.Unlock()
	}()
	var cut <-chan time.Time
	if a.cut > 0 {
		cut = time.After(a.cut)
	}
	for {
		select {
		case e := <-events:
			if err := ws.Send(&e); err != nil {
				return err
			}
		case <-cut:
			return status.Error(codes.Unavailable, "cut by the load balancer")
		case <-ws.Context().Done():
			return nil
		}
	}
}

func (s *applicationServer) Sync(_ context.Context, r *application.ApplicationSyncRequest) (*v1alpha1.Application, error) {
	app, err := s.app(r.GetName(), r.GetAppNamespace(), r.GetProject())
	if err != nil {
		return nil, err
	}
	if app.Spec.SyncPolicy != nil && app.Spec.SyncPolicy.Automated != nil && r.GetRevision() != "" {
		return nil, status.Error(codes.FailedPrecondition, "Cannot sync to "+r.GetRevision()+": auto-sync currently set to main")
	}
	a := s.argoCD
	op := v1alpha1.Operation{
		Sync:        &v1alpha1.SyncOperation{Revision: r.GetRevision(), Prune: r.GetPrune(), DryRun: r.GetDryRun()},
		InitiatedBy: v1alpha1.OperationInitiator{Username: "admin"},
		Info:        r.Infos,
	}
	for _, res := range r.Resources {
		op.Sync.Resources = append(op.Sync.Resources, *res)
	}
	a.mu.Lock()
	a.syncs = append(a.syncs, r)
	a.mu.Unlock()
	if err := a.request(r.GetName(), op); err != nil {
		return nil, err
	}
	return a.get(r.GetName()), nil
}

func (s *applicationServer) TerminateOperation(_ context.Context, r *application.OperationTerminateRequest) (*application.OperationTerminateResponse, error) {
	app, err := s.app(r.GetName(), r.GetAppNamespace(), r.GetProject())
	if err != nil {
		return nil, err
	}
	if app.Operation == nil || app.Status.OperationState == nil {
		return nil, status.Error(codes.InvalidArgument, "Unable to terminate operation. No operation is in progress")
	}
	a := s.argoCD
	a.set(r.GetName(), func(app *v1alpha1.Application) { app.Status.OperationState.Phase = "Terminating" })
	a.later(500*time.Millisecond, func() { a.finish(r.GetName(), "Failed", "Operation terminated") })
	return &application.OperationTerminateResponse{}, nil
}

func (s *applicationServer) GetApplicationSyncWindows(context.Context, *application.ApplicationSyncWindowsQuery) (*application.ApplicationSyncWindowsResponse, error) {
	return s.windows, nil
}

func (s *applicationServer) ManagedResources(context.Context, *application.ResourcesQuery) (*application.ManagedResourcesResponse, error) {
	return &application.ManagedResourcesResponse{Items: s.managed}, nil
}

func (s *applicationServer) ResourceTree(context.Context, *application.ResourcesQuery) (*v1alpha1.ApplicationTree, error) {
	return s.tree, nil
}

func (s *applicationServer) GetManifests(context.Context, *application.ApplicationManifestQuery) (*apiclient.ManifestResponse, error) {
	return &apiclient.ManifestResponse{Manifests: s.rendered}, nil
}

func (s *applicationServer) RevisionMetadata(context.Context, *application.RevisionMetadataQuery) (*v1alpha1.RevisionMetadata, error) {
	return &v1alpha1.RevisionMetadata{Author: "somebody"}, nil
}
