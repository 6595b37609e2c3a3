// Package gitops plays the way from plaintext to a healthy application with the
// compiled binary, Git, and a real Argo CD, and what can go wrong on it.
package gitops

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
)

// place is a sandbox with Argo CD.
type place struct {
	up      *sandbox.Sandbox
	cluster *kube.Cluster
	client  kubernetes.Interface
	argo    dynamic.ResourceInterface // its Applications
	objects dynamic.Interface
}

// shared is the place of all tests but those of another version of Argo CD: its
// server is in TLS mode.
var shared *place

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "sealway-gitops-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	o := options(filepath.Join(dir, "sandbox"))
	defer func() {
		if err := sandbox.Down(context.WithoutCancel(ctx), o); err != nil {
			code = fail(err)
		}
	}()
	if shared, err = newPlace(ctx, o); err != nil {
		return fail(err)
	}
	// They wait more than they work. What the command line says comes later.
	if err := flag.Set("test.parallel", "4"); err != nil {
		return fail(err)
	}
	return scripttest.Main(m)
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func options(dir string) sandbox.Options {
	return sandbox.Options{Dir: dir, ArgoCD: sandbox.ArgoCD, Timeout: 5 * time.Minute, Progress: func(e sandbox.Event) {
		if e.State != sandbox.StepRunning {
			fmt.Fprintf(os.Stderr, "%s: %s %s\n", e.Step, e.State, e.Elapsed.Round(time.Millisecond))
		}
	}}
}

func newPlace(ctx context.Context, o sandbox.Options) (*place, error) {
	up, err := sandbox.Up(ctx, o)
	if err != nil {
		return nil, err
	}
	p := &place{up: up}
	if p.cluster, err = kube.LoadFile(up.Kubeconfig); err != nil {
		return nil, err
	}
	if p.client, err = kubernetes.NewForConfig(p.cluster.Config); err != nil {
		return nil, err
	}
	if p.objects, err = dynamic.NewForConfig(p.cluster.Config); err != nil {
		return nil, err
	}
	p.argo = p.objects.Resource(argoResource("applications")).Namespace(sandbox.ArgoCDNamespace)
	return p, nil
}

func argoResource(plural string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: plural}
}
