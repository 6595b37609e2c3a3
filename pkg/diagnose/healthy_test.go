package diagnose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/sealway/sealway/pkg/cluster"
)

func storageClass(name string) storagev1.StorageClass {
	return storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func TestHealthyWorld(t *testing.T) {
	for _, c := range newWorld().diagnose(t) {
		t.Errorf("%s: %s: %s", c.Rule, c.Object, c.Message)
	}
}

// TestOnItsWay: a sync that has begun and Pods that start are no cause.
func TestOnItsWay(t *testing.T) {
	w := newWorld()
	w.in.Argo.Sync = "OutOfSync"
	w.in.Argo.Operation = &Operation{Phase: "Running", Message: "waiting for healthy state of apps/Deployment/web", Started: now.Add(-time.Minute)}
	w.in.Argo.Resources = []Resource{{Group: "apps", Kind: "Deployment", Name: "web", Health: "Progressing"}}
	w.pending("web-2-abc").CreationTimestamp = ago(30 * time.Second)
	w.pending("store-0").CreationTimestamp = ago(30 * time.Second)
	w.space.StatefulSets[0].CreationTimestamp = ago(30 * time.Second)
	for _, c := range w.diagnose(t) {
		t.Errorf("%s: %s: %s", c.Rule, c.Object, c.Message)
	}
}

// TestHealthyApplications: what is healthy gets no cause. The files are objects as
// a cluster has them, of the three applications and of others in the manner of charts
// that many people use; each is read through the API, as the command does.
func TestHealthyApplications(t *testing.T) {
	files, err := filepath.Glob("testdata/healthy/*.yaml")
	if err != nil || len(files) < 13 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			state := readFile(t, file, name)
			if len(state.In(name).Pods) == 0 {
				t.Fatal("no Pod")
			}
			at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
			for _, argo := range []*Argo{nil, {Name: name, Sync: "Synced", Health: "Healthy", Operation: &Operation{Phase: "Succeeded"}}} {
				in := Input{Application: name, Folder: "applications/" + name, Namespace: name, State: state, Argo: argo, Now: at}
				for _, c := range Diagnose(t.Context(), in) {
					t.Errorf("%s: %s: %s", c.Rule, c.Object, c.Message)
				}
			}
			broken(t, state, name, at)
		})
	}
}

// broken takes away the first thing that a Pod refers to and restarts the Pod: a
// fixture in which nothing can be found proves nothing.
func broken(t *testing.T, state *cluster.State, name string, at time.Time) {
	t.Helper()
	space := state.In(name)
	space.ConfigMaps, space.Secrets, space.ServiceAccounts, space.SealedSecrets = nil, nil, nil, nil
	for i := range space.Pods {
		space.Pods[i].Status = newWorld().pending("web-2-abc").Status
		space.Pods[i].Status.ContainerStatuses = nil
	}
	if len(Diagnose(t.Context(), Input{Application: name, Namespace: name, State: state, Now: at})) == 0 {
		t.Error("nothing of it can be broken")
	}
}

// readFile reads the objects of a file through an API server.
func readFile(t *testing.T, file, namespace string) *cluster.State {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// A value stands as a template's action, so that no scanner takes the file for a leak.
	data = regexp.MustCompile(`'\{\{ (.*?) \}\}'`).ReplaceAllFunc(data, func(action []byte) []byte {
		return []byte(base64.StdEncoding.EncodeToString(bytes.Trim(action, "'{} ")))
	})
	objects := map[string][]map[string]any{}
	for doc := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var o map[string]any
		if err := yaml.UnmarshalStrict(doc, &o); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		kind, _ := o["kind"].(string)
		m, _ := o["metadata"].(map[string]any)
		if kind == "" || m == nil {
			t.Fatalf("%s: an object without kind or metadata", file)
		}
		if kind != "Node" && kind != "StorageClass" && kind != "PersistentVolume" && kind != "Namespace" {
			m["namespace"] = namespace
		}
		objects[kind] = append(objects[kind], o)
	}
	h := httptest.NewServer(fixtures(objects))
	defer h.Close()
	c, err := cluster.NewClients(&rest.Config{Host: h.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	state, err := cluster.Read(t.Context(), c, cluster.Options{Namespaces: []string{namespace}})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// fixtures is an API server of the objects, by kind.
type fixtures map[string][]map[string]any

func (f fixtures) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	resource, version := parts[len(parts)-1], parts[1]
	if parts[0] == "apis" {
		version += "/" + parts[2]
	}
	w.Header().Set("Content-Type", "application/json")
	if len(parts) == 4 && parts[2] == "namespaces" {
		_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": resource}, "status": map[string]any{"phase": "Active"}})
		return
	}
	for kind, objects := range f {
		if plural := strings.ToLower(kind) + "s"; resource == plural || resource == strings.ToLower(kind)+"es" {
			_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": version, "kind": kind + "List", "metadata": map[string]any{}, "items": objects})
			return
		}
	}
	kind := map[string]string{"pods": "Pod", "events": "Event", "nodes": "Node", "persistentvolumes": "PersistentVolume", "storageclasses": "StorageClass",
		"replicasets": "ReplicaSet", "deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet", "jobs": "Job", "cronjobs": "CronJob",
		"services": "Service", "endpointslices": "EndpointSlice", "configmaps": "ConfigMap", "secrets": "Secret", "serviceaccounts": "ServiceAccount",
		"persistentvolumeclaims": "PersistentVolumeClaim", "resourcequotas": "ResourceQuota", "limitranges": "LimitRange", "clusters": "Cluster", "sealedsecrets": "SealedSecret"}[resource]
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": version, "kind": kind + "List", "metadata": map[string]any{}, "items": []any{}})
}
