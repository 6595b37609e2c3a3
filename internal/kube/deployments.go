package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	appsv1 "k8s.io/api/apps/v1"
)

// Deployments lists the Deployments of a namespace.
func (c *Cluster) Deployments(ctx context.Context, namespace string) ([]appsv1.Deployment, error) {
	data, err := c.Core.Get().AbsPath("/apis/apps/v1/namespaces/" + url.PathEscape(namespace) + "/deployments").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("deployments of %s: list: %w", namespace, err)
	}
	var list appsv1.DeploymentList
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("deployments of %s: read: %w", namespace, err)
	}
	return list.Items, nil
}
