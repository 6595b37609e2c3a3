package cluster

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// Clients are what a reading needs of a cluster.
type Clients struct {
	groups map[schema.GroupVersion]rest.Interface
}

// The groups that a reading asks for; the two last ones as plain JSON.
var (
	bitnami = schema.GroupVersion{Group: "bitnami.com", Version: "v1alpha1"}
	cnpg    = schema.GroupVersion{Group: "postgresql.cnpg.io", Version: "v1"}
)

// NewClients makes clients over one connection to the API server. It does not
// connect. The groups of Kubernetes itself are asked for in protobuf, which is read
// several times as fast as JSON.
func NewClients(config *rest.Config) (*Clients, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme, storagev1.AddToScheme, discoveryv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	h, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	codecs := serializer.NewCodecFactory(scheme)
	c := &Clients{groups: map[schema.GroupVersion]rest.Interface{}}
	for _, gv := range []schema.GroupVersion{
		corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion, batchv1.SchemeGroupVersion,
		storagev1.SchemeGroupVersion, discoveryv1.SchemeGroupVersion, bitnami, cnpg,
	} {
		of := rest.CopyConfig(config)
		of.GroupVersion, of.NegotiatedSerializer = &gv, codecs.WithoutConversion()
		of.APIPath = "/apis"
		if gv.Group == "" {
			of.APIPath = "/api"
		}
		of.ContentType, of.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
		if scheme.IsVersionRegistered(gv) {
			of.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
		}
		if c.groups[gv], err = rest.RESTClientForConfigAndClient(of, h); err != nil {
			return nil, fmt.Errorf("kubernetes client: %s: %w", gv, err)
		}
	}
	return c, nil
}
