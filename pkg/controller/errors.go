package controller

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// MissingError says that no Service of the controller was found.
type MissingError struct {
	Namespace string
	Names     []string
	Label     bool
}

func (e *MissingError) Error() string {
	msg := fmt.Sprintf("sealed secrets controller: no Service %s in namespace %s", strings.Join(e.Names, " or "), e.Namespace)
	if e.Label {
		msg += " and none with the label " + label
	}
	return msg
}

// Hint says how to name it.
func (e *MissingError) Hint() string {
	return "is this the right cluster? name the controller in .sealway.yaml (controller.name, controller.namespace) or SEALED_SECRETS_CONTROLLER_NAME; without a cluster, seal with the pinned certificate or -cert"
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *MissingError) Unavailable() bool { return true }

// AccessError says that the API server did not answer or did not allow.
type AccessError struct {
	Verb, Resource, Namespace string
	Cause                     error
}

func access(err error, resource, verb, namespace string) error {
	return &AccessError{Verb: verb, Resource: resource, Namespace: namespace, Cause: err}
}

func (e *AccessError) Error() string {
	switch {
	case apierrors.IsForbidden(e.Cause):
		return fmt.Sprintf("not allowed to %s %s in namespace %s", e.Verb, e.Resource, e.Namespace)
	case apierrors.IsUnauthorized(e.Cause):
		return "the API server does not accept these credentials"
	}
	return fmt.Sprintf("%s %s in namespace %s: %v", e.Verb, e.Resource, e.Namespace, e.Cause)
}

// Hint names the missing rule or the way around.
func (e *AccessError) Hint() string {
	switch {
	case apierrors.IsForbidden(e.Cause):
		return fmt.Sprintf(`the rule that is missing: apiGroups [""], resources [%q], verbs [%q], in namespace %s; upstream's Role sealed-secrets-service-proxier grants it to everyone who is logged in`, e.Resource, e.Verb, e.Namespace)
	case apierrors.IsUnauthorized(e.Cause):
		return "log in to the cluster again, or set KUBECONFIG"
	}
	return "check the kubeconfig's context; without a cluster, seal with the pinned certificate (sealed-secrets.pem) or -cert"
}

func (e *AccessError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *AccessError) Unavailable() bool { return true }
