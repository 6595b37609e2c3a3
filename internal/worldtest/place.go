// Package worldtest gives tests a sandbox with Argo CD, and runs the compiled
// binary in it as a person would.
package worldtest

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/sandbox"
)

// Place is a sandbox with Argo CD.
type Place struct {
	Up      *sandbox.Sandbox
	Cluster *kube.Cluster
	Client  kubernetes.Interface
	Objects dynamic.Interface
	Argo    dynamic.ResourceInterface // its Applications
}

// Options are for a sandbox in dir that tells of its steps on stderr.
func Options(dir string) sandbox.Options {
	return sandbox.Options{Dir: dir, ArgoCD: sandbox.ArgoCD, Timeout: 5 * time.Minute, Progress: func(e sandbox.Event) {
		if e.State != sandbox.StepRunning {
			fmt.Fprintf(os.Stderr, "%s: %s %s\n", e.Step, e.State, e.Elapsed.Round(time.Millisecond))
		}
	}}
}

// NewPlace brings a sandbox up. Whoever asks for it takes it down.
func NewPlace(ctx context.Context, o sandbox.Options) (*Place, error) {
	up, err := sandbox.Up(ctx, o)
	if err != nil {
		return nil, err
	}
	p := &Place{Up: up}
	if p.Cluster, err = kube.LoadFile(up.Kubeconfig); err != nil {
		return nil, err
	}
	config := *p.Cluster.Config
	config.QPS, config.Burst = 100, 200
	if p.Client, err = kubernetes.NewForConfig(&config); err != nil {
		return nil, err
	}
	if p.Objects, err = dynamic.NewForConfig(&config); err != nil {
		return nil, err
	}
	p.Argo = p.Objects.Resource(ArgoResource("applications")).Namespace(sandbox.ArgoCDNamespace)
	return p, nil
}

// ArgoResource is a kind of Argo CD's, by its plural.
func ArgoResource(plural string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: plural}
}
