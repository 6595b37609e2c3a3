package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// Where the controller is in the cluster.
const (
	controllerNamespace = "kube-system"
	controllerName      = "sealed-secrets-controller"
)

// cluster is the API of a sandbox, used as its administrator.
type cluster struct {
	raw     rest.Interface // for paths that are no resources
	dynamic dynamic.Interface
}

func (l layout) cluster() (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig())
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 200, 400
	// A server that does not answer must not hold up the whole.
	config.Timeout = 30 * time.Second
	config.WarningHandler = rest.NoWarnings{}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	config.NegotiatedSerializer = serializer.NewCodecFactory(runtime.NewScheme()).WithoutConversion()
	raw, err := rest.UnversionedRESTClientFor(config)
	return &cluster{raw: raw, dynamic: dyn}, err
}

// ready says what the API server still waits for.
func (c *cluster) ready(ctx context.Context) error {
	return c.raw.Get().AbsPath("/readyz").Do(ctx).Error()
}

// applyDefinitions creates custom resource definitions and waits until they
// are served.
func (c *cluster) applyDefinitions(ctx context.Context, files []string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, file := range files {
		group.Go(func() error {
			names, err := c.applyFile(ctx, file, "")
			if err != nil {
				return err
			}
			return poll(ctx, func() error { return c.established(ctx, names) })
		})
	}
	return group.Wait()
}

// applyFiles makes what is in files; objects that name no namespace go into the
// one given.
func (c *cluster) applyFiles(ctx context.Context, files []string, namespace string) error {
	for _, file := range files {
		if _, err := c.applyFile(ctx, file, namespace); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) applyFile(ctx context.Context, file, namespace string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	names, err := c.applyIn(ctx, namespace, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return names, nil
}

func (c *cluster) established(ctx context.Context, names []string) error {
	for _, name := range names {
		crd, err := c.dynamic.Resource(resourceOf("apiextensions.k8s.io/v1", "CustomResourceDefinition")).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !conditionTrue(crd, "Established") {
			return fmt.Errorf("custom resource definition %s is not established", name)
		}
	}
	return nil
}

// described says whether the API server has the schema of a group: it makes it
// some time after it serves the group.
func (c *cluster) described(ctx context.Context, groupVersion string) error {
	data, err := c.raw.Get().AbsPath("/openapi/v3").DoRaw(ctx)
	if err == nil && !bytes.Contains(data, []byte(`"apis/`+groupVersion+`"`)) {
		err = fmt.Errorf("the API server has no schema of %s yet", groupVersion)
	}
	return err
}

// apply creates or updates all objects in YAML and returns their names.
func (c *cluster) apply(ctx context.Context, data []byte) ([]string, error) {
	return c.applyIn(ctx, "", data)
}

func (c *cluster) applyIn(ctx context.Context, namespace string, data []byte) ([]string, error) {
	var names []string
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) == 0 {
			continue // a document of comments
		}
		if namespace != "" && object.GetNamespace() == "" {
			object.SetNamespace(namespace)
		}
		if err := c.applyObject(ctx, object); err != nil {
			return nil, err
		}
		names = append(names, object.GetName())
	}
}

func (c *cluster) applyObject(ctx context.Context, object *unstructured.Unstructured) error {
	var client dynamic.ResourceInterface = c.dynamic.Resource(resourceOf(object.GetAPIVersion(), object.GetKind()))
	if namespace := object.GetNamespace(); namespace != "" {
		client = c.dynamic.Resource(resourceOf(object.GetAPIVersion(), object.GetKind())).Namespace(namespace)
	}
	_, err := client.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "sealway-sandbox", Force: true})
	if err != nil {
		return fmt.Errorf("%s %s: apply: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// resourceOf guesses the plural, which is right for all that is applied here.
func resourceOf(apiVersion, kind string) schema.GroupVersionResource {
	group, version, found := strings.Cut(apiVersion, "/")
	if !found {
		group, version = "", apiVersion
	}
	plural, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Group: group, Version: version, Kind: kind})
	return plural
}

// controllerToken makes a token for the controller's service account, good for
// as long as any sandbox lives.
func (c *cluster) controllerToken(ctx context.Context, path string) error {
	const year = 365 * 24 * 60 * 60
	request := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
		"metadata": map[string]any{"name": controllerName},
		"spec":     map[string]any{"expirationSeconds": int64(year)},
	}}
	answer, err := c.accounts(controllerNamespace).Create(ctx, request, metav1.CreateOptions{}, "token")
	if err != nil {
		return fmt.Errorf("service account %s: make a token: %w", controllerName, err)
	}
	token, _, err := unstructured.NestedString(answer.Object, "status", "token")
	if err != nil || token == "" {
		return fmt.Errorf("service account %s: make a token: the answer holds none", controllerName)
	}
	return os.WriteFile(path, []byte(token), 0o600)
}

func (c *cluster) accounts(namespace string) dynamic.ResourceInterface {
	return c.dynamic.Resource(resourceOf("v1", "ServiceAccount")).Namespace(namespace)
}

// forward makes a port-forward to the controller's Pod reach its process.
func (c *cluster) forward(ctx context.Context, port int) error {
	_, err := c.apply(ctx, fmt.Appendf(nil, `apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterPortForward
metadata:
  name: %s
spec:
  selector:
    matchNamespaces: [%s]
  forwards:
  - ports: [8080]
    target:
      address: 127.0.0.1
      port: %d
`, controllerName, controllerNamespace, port))
	return err
}

// nodesReady says which Node is not ready.
func (c *cluster) nodesReady(ctx context.Context) error {
	for _, name := range []string{kwokNode, kubeletNode} {
		node, err := c.dynamic.Resource(resourceOf("v1", "Node")).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if !conditionTrue(node, "Ready") {
			return fmt.Errorf("node %s is not ready", name)
		}
	}
	return nil
}

// kubeletAddress makes sure that the kubelet's Node has an address, at which the
// API server asks for logs: a kubelet does not say one of the loopback itself.
func (c *cluster) kubeletAddress(ctx context.Context) error {
	nodes := c.dynamic.Resource(resourceOf("v1", "Node"))
	node, err := nodes.Get(ctx, kubeletNode, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if has, _, _ := unstructured.NestedSlice(node.Object, "status", "addresses"); len(has) > 0 {
		return nil
	}
	patch := []byte(`{"status":{"addresses":[{"type":"InternalIP","address":"127.0.0.1"}]}}`)
	_, err = nodes.Patch(ctx, kubeletNode, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// accountsReady says whether Pods can be made in the default namespace.
func (c *cluster) accountsReady(ctx context.Context) error {
	_, err := c.accounts("default").Get(ctx, "default", metav1.GetOptions{})
	return err
}

// service is a Service whose Pods one process stands for.
type service struct {
	namespace, name string
	// server is the process; port is that of its Pods, and target its own.
	server       string
	port, target int
}

// routes returns the routes from the Service's Pods to their process, or says
// what is missing.
func (c *cluster) routes(ctx context.Context, s service) (supervise.Routes, error) {
	list, err := c.dynamic.Resource(resourceOf("discovery.k8s.io/v1", "EndpointSlice")).Namespace(s.namespace).List(ctx, metav1.ListOptions{
		LabelSelector: "kubernetes.io/service-name=" + s.name,
	})
	if err != nil {
		return nil, err
	}
	routes := supervise.Routes{}
	for _, item := range list.Items {
		var slice discoveryv1.EndpointSlice
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &slice); err != nil {
			return nil, err
		}
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready == nil || !*endpoint.Conditions.Ready {
				continue
			}
			if err := c.current(ctx, s.namespace, endpoint.TargetRef); err != nil {
				return nil, err
			}
			for _, address := range endpoint.Addresses {
				routes[net.JoinHostPort(address, strconv.Itoa(s.port))] = loopback(s.target)
			}
		}
	}
	if len(routes) == 0 {
		return nil, fmt.Errorf("service %s/%s has no ready endpoint", s.namespace, s.name)
	}
	return routes, nil
}

// current says whether an endpoint's Pod is still there: endpoints come a little
// later than their Pods, and go later too.
func (c *cluster) current(ctx context.Context, namespace string, pod *corev1.ObjectReference) error {
	if pod == nil {
		return nil
	}
	live, err := c.dynamic.Resource(resourceOf("v1", "Pod")).Namespace(namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	if err == nil && live.GetDeletionTimestamp() != nil {
		err = fmt.Errorf("pod %s/%s is being deleted", namespace, pod.Name)
	}
	return err
}

// admit lifts the gate of the Pods that stand for a server, which their label
// names, and says whether one is ready.
func (c *cluster) admit(ctx context.Context, namespace, server string) error {
	pods := c.dynamic.Resource(resourceOf("v1", "Pod")).Namespace(namespace)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + server})
	if err != nil {
		return err
	}
	for i := range list.Items {
		pod := &list.Items[i]
		if pod.GetDeletionTimestamp() != nil {
			continue
		}
		if conditionTrue(pod, "Ready") {
			return nil
		}
		if gates, found, _ := unstructured.NestedSlice(pod.Object, "spec", "schedulingGates"); found && len(gates) > 0 {
			patch := []byte(`{"spec":{"schedulingGates":null}}`)
			if _, err := pods.Patch(ctx, pod.GetName(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%s: none of %d Pods is ready", server, len(list.Items))
}

// nudge says whether the Pod of the Sealed Secrets controller is ready, and changes one
// that is not: KWOK looks at the Pods of a Node when it has made the Node's lease, passes
// over them where it does not see that lease yet, and looks again only at what changes
// (sigs.k8s.io/kwok/pkg/kwok/controllers, NodeLeaseController.Held). Argo CD's Pods are
// admitted after that.
func (c *cluster) nudge(ctx context.Context) error {
	pods := c.dynamic.Resource(resourceOf("v1", "Pod")).Namespace(controllerNamespace)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/instance=" + controllerName})
	if err != nil {
		return err
	}
	for i := range list.Items {
		if conditionTrue(&list.Items[i], "Ready") {
			return nil
		}
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"sealway.github.io/nudged":%q}}}`, time.Now().Format(time.RFC3339Nano))
		if _, err := pods.Patch(ctx, list.Items[i].GetName(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: none of %d Pods is ready", controllerName, len(list.Items))
}

// deletePods deletes the Pods that stand for a server; others take their place.
func (c *cluster) deletePods(ctx context.Context, namespace, server string) error {
	pods := c.dynamic.Resource(resourceOf("v1", "Pod")).Namespace(namespace)
	return pods.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + server})
}

// exists says whether an object is there.
func (c *cluster) exists(ctx context.Context, apiVersion, kind, namespace, name string) error {
	_, err := c.dynamic.Resource(resourceOf(apiVersion, kind)).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	return err
}

// certificate returns the controller's current certificate, as kubeseal gets
// it: through the API server.
func (c *cluster) certificate(ctx context.Context) ([]byte, error) {
	return c.raw.Get().AbsPath("/api/v1/namespaces", controllerNamespace, "services", "http:"+controllerName+":http", "proxy/v1/cert.pem").DoRaw(ctx)
}

// argocdHealth asks Argo CD's server whether it is healthy, through the API
// server as well.
func (c *cluster) argocdHealth(ctx context.Context, insecure bool) error {
	service := "https:" + ArgoCDServer + ":https"
	if insecure {
		service = "http:" + ArgoCDServer + ":http"
	}
	return c.raw.Get().AbsPath("/api/v1/namespaces", ArgoCDNamespace, "services", service, "proxy/healthz").Do(ctx).Error()
}

// conditionTrue says whether the object has a condition of status True.
func conditionTrue(object *unstructured.Unstructured, kind string) bool {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == kind {
			return c["status"] == "True"
		}
	}
	return false
}

// poll calls f until it succeeds; when ctx is done first, its last error says
// what was waited for.
func poll(ctx context.Context, f func() error) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}
