package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sealway/sealway/internal/kube"
)

// Service is the name of the Service that Install makes.
const Service = "argocd-server"

// Installed is a server in a sandbox's cluster: a Service, a Pod that KWOK calls
// Ready and whose port leads to the server, and the Secrets that Argo CD has.
type Installed struct {
	Namespace string

	cluster *kube.Cluster
}

// Install makes the server's objects, in a namespace of their own, and waits until
// its first Pod is Ready.
func Install(ctx context.Context, cluster *kube.Cluster, s *Server, namespace string) (*Installed, error) {
	in := &Installed{namespace, cluster}
	if err := cluster.EnsureNamespace(ctx, namespace); err != nil {
		return nil, err
	}
	objects := []map[string]any{
		in.secret(s),
		in.object("v1", "Service", Service, map[string]any{"spec": corev1.ServiceSpec{
			Selector: labelled(),
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "https", Port: 443}},
		}}),
		in.object("kwok.x-k8s.io/v1alpha1", "ClusterPortForward", "standin-"+namespace, map[string]any{"spec": map[string]any{
			"selector": map[string]any{"matchNamespaces": []string{namespace}},
			"forwards": []any{map[string]any{"ports": []int{80, 443}, "target": map[string]any{"address": "127.0.0.1", "port": s.Port()}}},
		}}),
	}
	for _, o := range objects {
		if err := in.apply(ctx, o); err != nil {
			return nil, err
		}
	}
	return in, in.AddPod(ctx, Service+"-1")
}

func labelled() map[string]string { return map[string]string{"app.kubernetes.io/name": Service} }

func (in *Installed) object(version, kind, name string, rest map[string]any) map[string]any {
	meta := map[string]any{"name": name, "labels": labelled()}
	if version == "v1" {
		meta["namespace"] = in.Namespace
	}
	rest["apiVersion"], rest["kind"], rest["metadata"] = version, kind, meta
	return rest
}

// apply applies one object server-side.
func (in *Installed) apply(ctx context.Context, o map[string]any) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	kind, name := o["kind"].(string), o["metadata"].(map[string]any)["name"].(string)
	path := map[string]string{
		"Secret":             "/api/v1/namespaces/" + in.Namespace + "/secrets",
		"Service":            "/api/v1/namespaces/" + in.Namespace + "/services",
		"Pod":                "/api/v1/namespaces/" + in.Namespace + "/pods",
		"ClusterPortForward": "/apis/kwok.x-k8s.io/v1alpha1/clusterportforwards",
	}[kind]
	err = in.cluster.Core.Patch(types.ApplyPatchType).AbsPath(path, name).Param("fieldManager", "standin").Param("force", "true").Body(data).Do(ctx).Error()
	if err != nil {
		return fmt.Errorf("%s %s: apply: %w", kind, name, err)
	}
	return nil
}

// AddPod makes one more Pod and waits until it is Ready.
func (in *Installed) AddPod(ctx context.Context, name string) error {
	err := in.apply(ctx, in.object("v1", "Pod", name, map[string]any{"spec": corev1.PodSpec{
		NodeSelector: map[string]string{"type": "kwok"},
		Tolerations:  []corev1.Toleration{{Key: "kwok.x-k8s.io/node", Operator: corev1.TolerationOpExists}},
		Containers:   []corev1.Container{{Name: "server", Image: "argocd"}},
	}}))
	if err != nil {
		return err
	}
	return in.until(ctx, name, func(p *corev1.Pod, err error) bool {
		if err != nil {
			return false
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return true
			}
		}
		return false
	})
}

// AddPending makes a Pod that no node takes.
func (in *Installed) AddPending(ctx context.Context, name string) error {
	return in.apply(ctx, in.object("v1", "Pod", name, map[string]any{"spec": corev1.PodSpec{
		NodeSelector: map[string]string{"type": "none"},
		Containers:   []corev1.Container{{Name: "server", Image: "argocd"}},
	}}))
}

// RemovePod deletes a Pod and waits until it is gone.
func (in *Installed) RemovePod(ctx context.Context, name string) error {
	err := in.cluster.Core.Delete().Namespace(in.Namespace).Resource("pods").Name(name).
		Body(&metav1.DeleteOptions{GracePeriodSeconds: new(int64)}).Do(ctx).Error()
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	return in.until(ctx, name, func(_ *corev1.Pod, err error) bool { return apierrors.IsNotFound(err) })
}

// until polls a Pod.
func (in *Installed) until(ctx context.Context, name string, met func(*corev1.Pod, error) bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var pod corev1.Pod
		err := in.cluster.Core.Get().Namespace(in.Namespace).Resource("pods").Name(name).Do(ctx).Into(&pod)
		if met(&pod, err) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("pod %s: not in time: %w", name, context.Cause(ctx))
		}
	}
}

// Hold makes the cluster hold the certificate of another server.
func (in *Installed) Hold(ctx context.Context, s *Server) error { return in.apply(ctx, in.secret(s)) }

func (in *Installed) secret(s *Server) map[string]any {
	return in.object("v1", "Secret", "argocd-secret", map[string]any{"data": map[string][]byte{"tls.crt": s.Certificate()}})
}
