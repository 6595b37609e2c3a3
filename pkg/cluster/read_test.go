package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// server is an API server that answers lists out of objects, as JSON.
type server struct {
	objects   map[string][]map[string]any // by resource
	forbidden func(path string) bool
	missing   map[string]bool // resources that do not exist
	expire    bool            // the second page of Pods

	mu       sync.Mutex
	requests []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
	s.mu.Unlock()
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	resource, namespace := parts[len(parts)-1], ""
	if i := len(parts) - 3; i > 1 && parts[i] == "namespaces" {
		namespace = parts[i+1]
	}
	get := len(parts) == 4 && parts[2] == "namespaces" // api v1 namespaces NAME
	switch {
	case s.missing[resource]:
		answer(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
	case s.forbidden != nil && s.forbidden(r.URL.Path):
		answer(w, http.StatusForbidden, "Forbidden", "forbidden")
	case get:
		s.namespace(w, resource)
	case s.expire && r.URL.Query().Get("continue") != "":
		answer(w, http.StatusGone, "Expired", "too old")
	default:
		s.list(w, r, resource, namespace)
	}
}

func answer(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

func (s *server) namespace(w http.ResponseWriter, name string) {
	for _, o := range s.objects["namespaces"] {
		if o["metadata"].(map[string]any)["name"] == name {
			w.Header().Set("Content-Type", "application/json")
			o["kind"], o["apiVersion"] = "Namespace", "v1"
			_ = json.NewEncoder(w).Encode(o)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "code": 404, "reason": "NotFound", "details": map[string]any{"name": name}})
}

// listKinds are what a list of the resource is called.
var listKinds = map[string][2]string{
	"pods": {"v1", "PodList"}, "events": {"v1", "EventList"}, "nodes": {"v1", "NodeList"}, "namespaces": {"v1", "NamespaceList"},
	"persistentvolumes": {"v1", "PersistentVolumeList"}, "storageclasses": {"storage.k8s.io/v1", "StorageClassList"},
	"replicasets": {"apps/v1", "ReplicaSetList"}, "deployments": {"apps/v1", "DeploymentList"}, "statefulsets": {"apps/v1", "StatefulSetList"},
	"daemonsets": {"apps/v1", "DaemonSetList"}, "jobs": {"batch/v1", "JobList"}, "cronjobs": {"batch/v1", "CronJobList"},
	"services": {"v1", "ServiceList"}, "endpointslices": {"discovery.k8s.io/v1", "EndpointSliceList"}, "configmaps": {"v1", "ConfigMapList"},
	"secrets": {"v1", "SecretList"}, "serviceaccounts": {"v1", "ServiceAccountList"}, "persistentvolumeclaims": {"v1", "PersistentVolumeClaimList"},
	"resourcequotas": {"v1", "ResourceQuotaList"}, "limitranges": {"v1", "LimitRangeList"},
	"clusters": {"postgresql.cnpg.io/v1", "ClusterList"}, "sealedsecrets": {"bitnami.com/v1alpha1", "SealedSecretList"},
}

func (s *server) list(w http.ResponseWriter, r *http.Request, resource, namespace string) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	found := []map[string]any{}
	for _, o := range s.objects[resource] {
		if namespace == "" || o["metadata"].(map[string]any)["namespace"] == namespace {
			found = append(found, o)
		}
	}
	meta, rest := map[string]any{"resourceVersion": "1"}, found[from:]
	if limit > 0 && len(rest) > limit {
		rest = rest[:limit]
		meta["continue"] = strconv.Itoa(from + limit)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": listKinds[resource][0], "kind": listKinds[resource][1], "metadata": meta, "items": rest})
}

func (s *server) add(resource, namespace, name string, more map[string]any) {
	if s.objects == nil {
		s.objects = map[string][]map[string]any{}
	}
	o := map[string]any{"metadata": map[string]any{"namespace": namespace, "name": name, "uid": resource + name}}
	for k, v := range more {
		o[k] = v
	}
	s.objects[resource] = append(s.objects[resource], o)
}

// read starts the server, reads and stops it.
func (s *server) read(t *testing.T, namespaces ...string) *State {
	t.Helper()
	h := httptest.NewServer(s)
	defer h.Close()
	c, err := NewClients(&rest.Config{Host: h.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	state, err := Read(t.Context(), c, Options{Namespaces: namespaces})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestReadOneNamespace(t *testing.T) {
	s := &server{}
	s.add("namespaces", "", "shop", nil)
	s.add("pods", "shop", "b", nil)
	s.add("pods", "shop", "a", nil)
	s.add("pods", "other", "c", nil)
	s.add("configmaps", "shop", "config", map[string]any{"data": map[string]any{"z": "1", "a": "2"}, "binaryData": map[string]any{"k": "AA=="}})
	s.add("nodes", "", "node", nil)
	s.add("sealedsecrets", "shop", "db", map[string]any{
		"spec":   map[string]any{"encryptedData": map[string]any{"password": "Ag"}, "template": map[string]any{"type": "kubernetes.io/basic-auth", "metadata": map[string]any{"name": "db", "namespace": "shpo"}}},
		"status": map[string]any{"observedGeneration": 3, "conditions": []any{map[string]any{"type": "Synced", "status": "False", "message": "no key could decrypt secret (password)"}}},
	})
	s.add("clusters", "shop", "pg", map[string]any{
		"spec":   map[string]any{"instances": 2, "bootstrap": map[string]any{"initdb": map[string]any{"database": "shop", "secret": map[string]any{"name": "pg-owner"}}}},
		"status": map[string]any{"phase": "Setting up primary", "readyInstances": 1},
	})
	state := s.read(t, "shop")
	space := state.In("shop")
	if space.Object == nil || len(space.Pods) != 2 || space.Pods[0].Name != "a" || len(state.Nodes) != 1 {
		t.Errorf("namespace %v, %d Pods, %d nodes", space.Object, len(space.Pods), len(state.Nodes))
	}
	if diff := cmp.Diff([]string{"a", "k", "z"}, space.ConfigMaps[0].Keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	sealed := space.SealedSecrets[0]
	if sealed.SealedFor != "shpo/db" || sealed.Synced != "False" || sealed.Observed != 3 || sealed.Keys[0] != "password" || sealed.Unsealed() {
		t.Errorf("SealedSecret %+v", sealed)
	}
	db := space.Databases[0]
	if db.Owner != "shop" || db.AppSecret() != "pg-owner" || db.Name != "pg" || db.Healthy() {
		t.Errorf("database %+v", db)
	}
	if len(space.Unseen) != 0 || len(state.Unseen) != 0 {
		t.Errorf("unseen: %v, %v", space.Unseen, state.Unseen)
	}
}

func TestReadOnlyReads(t *testing.T) {
	s := &server{}
	s.read(t, "a", "b", "c", "d")
	s.read(t, "a")
	for _, r := range s.requests {
		if !strings.HasPrefix(r, "GET ") || strings.Contains(r, "watch=") {
			t.Errorf("%s: a reading gets and lists", r)
		}
	}
}

// TestRequestsDoNotGrowWithPods holds the promise of issue 4: the number of calls
// depends on kinds and pages alone.
func TestRequestsDoNotGrowWithPods(t *testing.T) {
	count := func(spaces, pods int) int {
		s := &server{}
		var names []string
		for i := range spaces {
			ns := fmt.Sprintf("app-%d", i)
			names = append(names, ns)
			s.add("namespaces", "", ns, nil)
			for j := range pods {
				s.add("pods", ns, fmt.Sprintf("pod-%d", j), nil)
			}
		}
		state := s.read(t, names...)
		for _, ns := range names {
			if len(state.In(ns).Pods) != pods {
				t.Errorf("%s: %d of %d Pods", ns, len(state.In(ns).Pods), pods)
			}
		}
		return len(s.requests)
	}
	all := len(kinds()) + 1
	for _, c := range []struct {
		reason       string
		spaces, pods int
		want         int
	}{
		{"each kind once", 1, 0, all},
		{"one page holds them", 1, 400, all},
		{"a page more", 1, 501, all + 1},
		{"many namespaces: the cluster once", 50, 10, all},
		{"and two pages of Pods", 50, 20, all + 1},
	} {
		if got := count(c.spaces, c.pods); got != c.want {
			t.Errorf("%s: %d requests for %d namespaces with %d Pods, want %d", c.reason, got, c.spaces, c.pods, c.want)
		}
	}
}

func TestExpiredListIsReadAgain(t *testing.T) {
	s := &server{expire: true}
	for i := range 700 {
		s.add("pods", "shop", fmt.Sprintf("pod-%d", i), nil)
	}
	if got := len(s.read(t, "shop").In("shop").Pods); got != 700 {
		t.Errorf("%d Pods, want each once", got)
	}
}

func TestUnseenIsNoError(t *testing.T) {
	s := &server{missing: map[string]bool{"clusters": true}, forbidden: func(path string) bool {
		return path == "/api/v1/nodes" || strings.HasSuffix(path, "/secrets")
	}}
	s.add("namespaces", "", "shop", nil)
	state := s.read(t, "shop")
	space := state.In("shop")
	want := map[string]string{"Cluster": NotInstalled, "Secret": "not allowed to list Secrets"}
	if diff := cmp.Diff(want, space.Unseen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if state.Sees("Node") || space.Sees("Secret") || !space.Sees("Pod") || !space.Exists() {
		t.Error("what is seen and what is not")
	}
	if other := state.In("elsewhere"); other.Sees("Pod") || len(other.Pods) != 0 || !other.Exists() {
		t.Error("a namespace that was not read sees nothing")
	}
}

func TestNoNamespace(t *testing.T) {
	if (&server{}).read(t, "gone").In("gone").Exists() {
		t.Error("there is no such namespace")
	}
	if (&server{}).read(t, "a", "b", "c", "gone").In("gone").Exists() {
		t.Error("there is no such namespace among many")
	}
}

// TestWideListForbidden: who may read some namespaces only still gets them.
func TestWideListForbidden(t *testing.T) {
	s := &server{forbidden: func(path string) bool { return !strings.Contains(path, "/namespaces/") }}
	var names []string
	for _, ns := range []string{"a", "b", "c", "d"} {
		names = append(names, ns)
		s.add("namespaces", "", ns, nil)
		s.add("pods", ns, "pod", nil)
	}
	state := s.read(t, names...)
	for _, ns := range names {
		if space := state.In(ns); len(space.Pods) != 1 || space.Object == nil || len(space.Unseen) != 0 {
			t.Errorf("%s: %d Pods, unseen %v", ns, len(space.Pods), space.Unseen)
		}
	}
	if state.Sees("Node") {
		t.Error("Nodes may not be listed")
	}
}

func TestUnreachable(t *testing.T) {
	h := httptest.NewServer(http.NotFoundHandler())
	h.Close()
	unauthorized := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
	}))
	defer unauthorized.Close()
	for _, url := range []string{h.URL, unauthorized.URL} {
		c, err := NewClients(&rest.Config{Host: url, QPS: -1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Read(t.Context(), c, Options{Namespaces: []string{"shop"}})
		var reach interface {
			Unavailable() bool
			Hint() string
		}
		if !errors.As(err, &reach) || !reach.Unavailable() || reach.Hint() == "" || strings.Contains(err.Error(), "http://") {
			t.Errorf("%v: want an error of reach that reads well", err)
		}
	}
}

func TestReadEndsWithContext(t *testing.T) {
	h := httptest.NewServer(&server{})
	defer h.Close()
	c, err := NewClients(&rest.Config{Host: h.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, c, Options{Namespaces: []string{"shop"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

func TestMetaLeavesRecordsOut(t *testing.T) {
	m := meta(&metav1.ObjectMeta{Name: "x", Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{canary}", "a": "b"}})
	if diff := cmp.Diff(map[string]string{"a": "b"}, m.Annotations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// BenchmarkRead reads 50 namespaces of 10 Pods each. The server answers in JSON; a
// real one answers in protobuf, which is faster.
func BenchmarkRead(b *testing.B) {
	s := &server{}
	var names []string
	for i := range 50 {
		ns := fmt.Sprintf("app-%d", i)
		names = append(names, ns)
		for j := range 10 {
			s.add("pods", ns, fmt.Sprintf("pod-%d", j), nil)
			s.add("events", ns, fmt.Sprintf("event-%d", j), nil)
		}
	}
	h := httptest.NewServer(s)
	defer h.Close()
	c, err := NewClients(&rest.Config{Host: h.URL, QPS: -1})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Read(b.Context(), c, Options{Namespaces: names}); err != nil {
			b.Fatal(err)
		}
	}
}
