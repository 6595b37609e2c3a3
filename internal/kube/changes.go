package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LastChange is who has changed an object last, by the record that the API server keeps
// of every writer (metadata.managedFields), and when. Argo CD itself and what only
// writes a status do not count. It is empty for a kind that this package cannot
// address.
func (c *Cluster) LastChange(ctx context.Context, group, kind, namespace, name string) (manager string, at time.Time, err error) {
	path := address(group, kind)
	if path == nil || namespace == "" {
		return "", time.Time{}, nil
	}
	data, err := c.Core.Get().AbsPath(path[0], "namespaces", namespace, path[1], name).
		SetHeader("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1").DoRaw(ctx)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("%s %s/%s: get: %w", kind, namespace, name, err)
	}
	var object metav1.PartialObjectMetadata
	if err := json.Unmarshal(data, &object); err != nil {
		return "", time.Time{}, fmt.Errorf("%s %s/%s: read: %w", kind, namespace, name, err)
	}
	for _, f := range object.ManagedFields {
		if (f.Subresource == "" || f.Subresource == "scale") && f.Time != nil && !f.Time.Time.Before(at) && !slices.Contains(argoManagers, f.Manager) {
			manager, at = f.Manager, f.Time.Time
		}
	}
	return manager, at, nil
}

// argoManagers are the names under which Argo CD writes.
var argoManagers = []string{"argocd-controller", "argocd-application-controller", "argocd-server"}

// address is the API of a kind that applications are made of, and its name there.
func address(group, kind string) []string {
	resources := map[string]map[string]string{
		"":                   {"ConfigMap": "configmaps", "Service": "services", "ServiceAccount": "serviceaccounts", "PersistentVolumeClaim": "persistentvolumeclaims", "Secret": "secrets"},
		"apps":               {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"},
		"batch":              {"Job": "jobs", "CronJob": "cronjobs"},
		"networking.k8s.io":  {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"},
		"policy":             {"PodDisruptionBudget": "poddisruptionbudgets"},
		"bitnami.com":        {"SealedSecret": "sealedsecrets"},
		"postgresql.cnpg.io": {"Cluster": "clusters"},
	}
	resource, version := resources[group][kind], "v1"
	switch {
	case resource == "":
		return nil
	case group == "":
		return []string{"/api/v1", resource}
	case group == "bitnami.com":
		version = "v1alpha1"
	}
	return []string{"/apis/" + group + "/" + version, resource}
}
