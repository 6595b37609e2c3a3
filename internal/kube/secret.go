package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// SecretError says that a live Secret could not be read.
type SecretError struct {
	Namespace, Name string
	Cause           error
}

func (e *SecretError) Error() string {
	object := fmt.Sprintf("Secret %s/%s", e.Namespace, e.Name)
	switch {
	case apierrors.IsNotFound(e.Cause):
		return object + ": not found in the cluster"
	case apierrors.IsForbidden(e.Cause):
		return object + ": not allowed to get secrets in namespace " + e.Namespace
	case apierrors.IsUnauthorized(e.Cause):
		return object + ": the API server does not accept these credentials"
	}
	return fmt.Sprintf("%s: get: %v", object, e.Cause)
}

// Hint says what to look at.
func (e *SecretError) Hint() string {
	switch {
	case apierrors.IsNotFound(e.Cause):
		return "is this the right cluster? -name=NAMESPACE/NAME takes another Secret"
	case apierrors.IsForbidden(e.Cause):
		return fmt.Sprintf(`the rule that is missing: apiGroups [""], resources ["secrets"], verbs ["get"], in namespace %s`, e.Namespace)
	case apierrors.IsUnauthorized(e.Cause):
		return "log in to the cluster again, or set KUBECONFIG"
	}
	return "does the cluster run, and is the kubeconfig's context the right one?"
}

func (e *SecretError) Unwrap() error { return e.Cause }

// Unavailable marks all but a missing Secret as errors of reach: exit status 4.
func (e *SecretError) Unavailable() bool { return !apierrors.IsNotFound(e.Cause) }

// Secret reads a live Secret, within ten seconds.
func (c *Cluster) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var s corev1.Secret
	if err := c.Core.Get().Namespace(namespace).Resource("secrets").Name(name).Do(ctx).Into(&s); err != nil {
		return nil, &SecretError{Namespace: namespace, Name: name, Cause: err}
	}
	return &s, nil
}
