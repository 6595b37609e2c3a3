package argocd

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The field of Argo CD 3.1 decides, and the rest is what the server says too.
func TestReadList(t *testing.T) {
	const page = `{"metadata": {"continue": "more"}, "items": [
	  {"metadata": {"name": "b", "namespace": "argocd", "resourceVersion": "7"},
	   "spec": {"project": "default", "syncPolicy": {"automated": {"prune": true}}, "source": {"repoURL": "file:///r", "path": "applications/b", "helm": {"releaseName": "r", "valuesObject": {"a": 1}}}},
	   "status": {"history": [{"id": 0, "revision": "beef"}, {"id": 1, "revision": "c0ffee"}], "sync": {"status": "Synced", "revision": "c0ffee"}, "health": {"status": "Healthy"}}},
	  {"metadata": {"name": "a", "namespace": "argocd"},
	   "spec": {"project": "default", "syncPolicy": {"automated": {"enabled": false, "prune": true}}}}]}`
	apps, next, err := ReadList([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	want := []App{
		{Name: "a", Namespace: "argocd", Project: "default"},
		{
			Name: "b", Namespace: "argocd", Project: "default", Sync: Synced, Health: Healthy, Revisions: []string{"c0ffee"}, Deployed: []string{"c0ffee"}, version: 7,
			Sources: []Source{{RepoURL: "file:///r", Path: "applications/b", Helm: map[string]any{"releaseName": "r", "valuesObject": map[string]any{"a": 1.0}}}}, AutoSync: &AutoSync{Prune: true},
		},
	}
	if d := cmp.Diff(want, apps, cmp.AllowUnexported(App{})); d != "" || next != "more" {
		t.Errorf("next %q, applications (-want +got):\n%s", next, d)
	}
	if _, _, err := ReadList([]byte(`{"items": [{"metadata": {"name": "odd"}, "spec": 3}]}`)); err == nil {
		t.Error("an object that is none was read")
	}
}
