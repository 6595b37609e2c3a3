package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// EnsureNamespace creates the namespace if it is not there.
func (c *Cluster) EnsureNamespace(ctx context.Context, name string) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	err := c.Core.Post().Resource("namespaces").Body(ns).Do(ctx).Error()
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("namespace %s: create: %w", name, err)
	}
	return nil
}

// ApplySealed applies one SealedSecret, given as YAML or JSON, server-side.
func (c *Cluster) ApplySealed(ctx context.Context, namespace, name string, object []byte) error {
	err := c.Core.Patch(types.ApplyPatchType).
		AbsPath("/apis/bitnami.com/v1alpha1/namespaces", namespace, "sealedsecrets", name).
		Param("fieldManager", "sealway").Param("force", "true").Body(object).Do(ctx).Error()
	if err != nil {
		return fmt.Errorf("sealedsecret %s/%s: apply: %w", namespace, name, err)
	}
	return nil
}
