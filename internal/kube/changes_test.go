package kube_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestLastChange(t *testing.T) {
	k := connect(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/apis/apps/v1/namespaces/shop/deployments/web" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"managedFields": [
			{"manager": "argocd-controller", "operation": "Apply", "time": "2026-05-01T12:00:00Z"},
			{"manager": "kubectl-edit", "operation": "Update", "time": "2026-05-01T11:00:00Z"},
			{"manager": "kubectl-scale", "operation": "Update", "time": "2026-05-01T10:00:00Z"},
			{"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "time": "2026-05-01T13:00:00Z"}]}}`)
	})
	who, at, err := k.LastChange(t.Context(), "apps", "Deployment", "shop", "web")
	if err != nil || who != "kubectl-edit" || !at.Equal(time.Date(2026, 5, 1, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("%q at %s, %v", who, at, err)
	}
	if who, _, err := k.LastChange(t.Context(), "example.test", "Thing", "shop", "x"); who != "" || err != nil {
		t.Errorf("a kind that nobody knows: %q, %v", who, err)
	}
}
