package cluster

import (
	"errors"
	"fmt"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// AccessError says that the API server did not answer, or not to these credentials.
type AccessError struct {
	Kind  string // that was asked for
	Cause error
}

func (e *AccessError) Error() string {
	if apierrors.IsUnauthorized(e.Cause) {
		return fmt.Sprintf("cluster: list %ss: the API server does not accept these credentials", e.Kind)
	}
	cause := e.Cause
	var request *url.Error // its own text has the whole address in it
	if errors.As(cause, &request) {
		cause = request.Err
	}
	return fmt.Sprintf("cluster: list %ss: %v", e.Kind, cause)
}

// Hint says what to look at.
func (e *AccessError) Hint() string {
	if apierrors.IsUnauthorized(e.Cause) {
		return "log in to the cluster again, or set KUBECONFIG"
	}
	return "does the cluster run, and is the kubeconfig's context the right one?"
}

func (e *AccessError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *AccessError) Unavailable() bool { return true }

// reason is why a kind could not be seen, when the API server has answered at all.
func reason(kind string, err error) (string, bool) {
	var status apierrors.APIStatus
	switch {
	case !errors.As(err, &status) || apierrors.IsUnauthorized(err):
		return "", false
	case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err):
		return NotInstalled, true
	case apierrors.IsForbidden(err):
		return "not allowed to list " + kind + "s", true
	}
	return status.Status().Message, true
}
