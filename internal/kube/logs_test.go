package kube_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/cluster"
)

const canary = "sk-canary 4711/+="

// connect makes a Cluster of a server.
func connect(t *testing.T, serve http.HandlerFunc) *kube.Cluster {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return load(t, server.URL)
}

func load(t *testing.T, server string) *kube.Cluster {
	t.Helper()
	config := api.NewConfig()
	config.Clusters["c"] = &api.Cluster{Server: server}
	config.Contexts["c"] = &api.Context{Cluster: "c"}
	config.CurrentContext = "c"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	k, err := kube.LoadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// masker knows the canary as the cluster's or this machine's Secrets have it.
func masker() func(string) string {
	s := cluster.NewSecret(&corev1.Secret{Data: map[string][]byte{"key": []byte(canary)}})
	state := cluster.State{Spaces: map[string]*cluster.Space{"shop": {Secrets: []cluster.Secret{s}}}}
	return state.Masker().Mask
}

// No form of a known value leaves the function, and a cut value is not shown either.
func TestTailMasks(t *testing.T) {
	log := "\x1b[31mpassword=" + canary + "\x1b[0m\n\n" +
		"b64 " + base64.StdEncoding.EncodeToString([]byte(canary)) + "\n" +
		"dsn postgresql://u:" + url.QueryEscape(canary) + "@db/shop\n" +
		fmt.Sprintf("json %q\n", canary)
	k := connect(t, func(w http.ResponseWriter, r *http.Request) {
		want := "container=web&limitBytes=16384&previous=true&tailLines=20"
		if r.URL.Path != "/api/v1/namespaces/shop/pods/web-1/log" || r.URL.Query().Encode() != want {
			t.Errorf("asked for %s", r.URL)
		}
		fmt.Fprint(w, log)
	})
	got, err := kube.Logs{Cluster: k, Mask: masker()}.Tail(t.Context(), "shop", "web-1", "web", true)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"[31mpassword=***[0m", "b64 ***", "dsn postgresql://u:***@db/shop", `json "***"`}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestTailCutsOff(t *testing.T) {
	first := strings.Repeat("x", 16<<10-len("\n"+canary[:8])-1) + "\n"
	k := connect(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, (first + "y " + canary)[:16<<10])
	})
	got, err := kube.Logs{Cluster: k, Mask: masker()}.Tail(t.Context(), "shop", "web-1", "web", false)
	if err != nil || len(got) != 1 || strings.Contains(got[0], canary[:8]) {
		t.Errorf("%d lines, the last %.20q, %v", len(got), got[len(got)-1], err)
	}
}

func TestTailWithoutMask(t *testing.T) {
	k := connect(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	if got, err := (kube.Logs{Cluster: k}).Tail(t.Context(), "shop", "web-1", "web", false); err == nil {
		t.Errorf("lines %q without a mask", got)
	}
}
