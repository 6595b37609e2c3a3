package kube

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// pageSize is how many objects the API server is asked for at once.
const pageSize = "500"

// NoApplicationsError says why the Application objects of Argo CD could not be read.
type NoApplicationsError struct {
	Absent    bool   // the cluster has no such kind: Argo CD is not installed in it
	Namespace string // the one that was asked for at last
	Cause     error
}

func (e *NoApplicationsError) Error() string {
	if e.Absent {
		return "applications.argoproj.io: list: the cluster has no such kind"
	}
	return "applications.argoproj.io: list: not allowed, neither in all namespaces nor in " + e.Namespace
}

// Hint says how else Argo CD can be asked.
func (e *NoApplicationsError) Hint() string {
	if e.Absent {
		return "is Argo CD in another cluster? ARGOCD_SERVER names its server"
	}
	return "allow `get` and `list` of applications.argoproj.io, or name Argo CD's server with ARGOCD_SERVER"
}

func (e *NoApplicationsError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *NoApplicationsError) Unavailable() bool { return true }

// Applications hands the answers to a list of all Application objects of Argo CD to
// page, which returns how the list goes on, empty at its end. Who may not list them in
// all namespaces gets those of the one that is given.
func (c *Cluster) Applications(ctx context.Context, namespace string, page func(data []byte) (next string, err error)) error {
	err := c.pages(ctx, "/apis/argoproj.io/v1alpha1/applications", page)
	if apierrors.IsForbidden(err) {
		err = c.pages(ctx, "/apis/argoproj.io/v1alpha1/namespaces/"+url.PathEscape(namespace)+"/applications", page)
	}
	switch {
	case apierrors.IsNotFound(err):
		return &NoApplicationsError{Absent: true, Namespace: namespace, Cause: err}
	case apierrors.IsForbidden(err):
		return &NoApplicationsError{Namespace: namespace, Cause: err}
	case err != nil:
		return fmt.Errorf("applications.argoproj.io: list: %w", unanswered(ctx, c, err))
	}
	return nil
}

func (c *Cluster) pages(ctx context.Context, path string, page func([]byte) (string, error)) error {
	for next := ""; ; {
		request := c.Core.Get().AbsPath(path).Param("limit", pageSize)
		if next != "" {
			request = request.Param("continue", next)
		}
		data, err := request.DoRaw(ctx)
		if err != nil {
			return err
		}
		if next, err = page(data); err != nil || next == "" {
			return err
		}
	}
}

// UnansweredError says that the API server did not answer.
type UnansweredError struct {
	Server string
	Cause  error
}

func (e *UnansweredError) Error() string { return "cluster " + e.Server + ": " + e.Cause.Error() }

// Hint says what to look at.
func (e *UnansweredError) Hint() string {
	return "is this the right cluster, and is it up? `mage verify:cluster` looks at each part of the way"
}

func (e *UnansweredError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *UnansweredError) Unavailable() bool { return true }

// unanswered marks an error that is no answer of the API server's.
func unanswered(ctx context.Context, c *Cluster, err error) error {
	var status apierrors.APIStatus
	if ctx.Err() != nil || errors.As(err, &status) && !apierrors.IsUnauthorized(err) {
		return err
	}
	return &UnansweredError{Server: c.String(), Cause: err}
}
