package tunnel

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// AccessError says that the API server did not answer or did not allow.
type AccessError struct {
	Object                    string // "Service argocd/argocd-server"
	Verb, Resource, Namespace string
	Cause                     error
}

func (e *AccessError) Error() string {
	switch {
	case apierrors.IsForbidden(e.Cause):
		return fmt.Sprintf("%s: not allowed to %s %s in namespace %s", e.Object, e.Verb, e.Resource, e.Namespace)
	case apierrors.IsUnauthorized(e.Cause):
		return e.Object + ": the API server does not accept these credentials"
	}
	cause := e.Cause
	var request *url.Error // its own text has the whole address in it
	if errors.As(cause, &request) {
		cause = request.Err
	}
	return fmt.Sprintf("%s: %s %s: %v", e.Object, e.Verb, e.Resource, cause)
}

// Hint names the missing rule or what to look at.
func (e *AccessError) Hint() string {
	switch {
	case apierrors.IsForbidden(e.Cause):
		return fmt.Sprintf(`the rule that is missing: apiGroups [""], resources [%q], verbs [%q], in namespace %s; a tunnel needs get services, list pods and create pods/portforward`, e.Resource, e.Verb, e.Namespace)
	case apierrors.IsUnauthorized(e.Cause):
		return "log in to the cluster again, or set KUBECONFIG"
	}
	return "does the cluster run, and is the kubeconfig's context the right one?"
}

func (e *AccessError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *AccessError) Unavailable() bool { return true }

// MissingError says that there is no such Service.
type MissingError struct{ Namespace, Service string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("Service %s/%s: not found", e.Namespace, e.Service)
}

// Hint says what to look at.
func (e *MissingError) Hint() string {
	return fmt.Sprintf("is this the right cluster and namespace? `kubectl -n %s get services` lists what is there", e.Namespace)
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *MissingError) Unavailable() bool { return true }

// PortError says that a Service cannot be forwarded to on the port.
type PortError struct {
	Namespace, Service, Port string
	Reason                   string
	Ports                    []string // what the Service has: "https (443)"
}

func (e *PortError) Error() string {
	object := "Service " + e.Namespace + "/" + e.Service
	if e.Port != "" {
		object += ": port " + e.Port
	}
	return object + ": " + e.Reason
}

// Hint lists the ports.
func (e *PortError) Hint() string {
	if len(e.Ports) == 0 {
		return ""
	}
	return "its ports are " + strings.Join(e.Ports, ", ")
}

// PodState is a Pod behind the Service and why it cannot be used.
type PodState struct{ Name, Reason string }

// NoPodError says that no Pod behind the Service is Ready.
type NoPodError struct {
	Namespace, Service string
	Selector           string
	Pods               []PodState
}

func (e *NoPodError) Error() string {
	object := "Service " + e.Namespace + "/" + e.Service
	if len(e.Pods) == 0 {
		return fmt.Sprintf("%s: no Pod matches %s", object, e.Selector)
	}
	states := make([]string, len(e.Pods))
	for i, p := range e.Pods {
		states[i] = p.Name + " " + p.Reason
	}
	return fmt.Sprintf("%s: no Pod is ready: %s", object, strings.Join(states, "; "))
}

// Hint says where to look.
func (e *NoPodError) Hint() string {
	if len(e.Pods) == 0 {
		return fmt.Sprintf("is it scaled to zero? `kubectl -n %s get deployments,statefulsets`", e.Namespace)
	}
	return fmt.Sprintf("`kubectl -n %s describe pod %s` says why", e.Namespace, e.Pods[0].Name)
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *NoPodError) Unavailable() bool { return true }

// WaitError says that a connection has waited for a session in vain.
type WaitError struct {
	Object string
	Waited time.Duration
	Cause  error // why there is none
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("%s: no way in for %s: %v", e.Object, e.Waited.Round(time.Millisecond), e.Cause)
}

// Hint is the cause's.
func (e *WaitError) Hint() string {
	var h interface{ Hint() string }
	if errors.As(e.Cause, &h) {
		return h.Hint()
	}
	return ""
}

func (e *WaitError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *WaitError) Unavailable() bool { return true }

// ConnError says why a single connection has failed.
type ConnError struct {
	Object string // "Service argocd/argocd-server"
	Pod    string
	Port   int
	Reason string // in the kubelet's words where it gave some
	// Refused says that nothing listens on the port: nothing was delivered.
	Refused bool

	rejected bool // the stream was not taken: nothing was delivered
}

func (e *ConnError) Error() string {
	return fmt.Sprintf("%s: Pod %s, port %d: %s", e.Object, e.Pod, e.Port, e.Reason)
}

// Hint says what to look at.
func (e *ConnError) Hint() string {
	if e.Refused {
		return fmt.Sprintf("the Pod is there, but nothing listens on its port %d: is it the right port, or is it still starting?", e.Port)
	}
	return "the connection was cut half way; try again"
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *ConnError) Unavailable() bool { return true }

// ErrClosed says that the tunnel has been closed.
var ErrClosed = errors.New("the tunnel is closed")

// GoneError says why a Pod that was connected is used no longer.
type GoneError struct{ Pod, Reason string }

func (e *GoneError) Error() string { return "the Pod " + e.Reason }
