// Package controller speaks with the Sealed Secrets controller through the API
// server's service proxy, as kubeseal does: its newest certificate and its word
// on whether it can decrypt a SealedSecret.
package controller

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
)

// Options say where to look for the controller's Service.
type Options struct {
	Namespace string // default "kube-system"
	Name      string // default: the names of the release manifest and of the Helm chart, then the label
}

// defaultNamespace is where controller.yaml and the chart's documentation install it.
const defaultNamespace = "kube-system"

const label = "app.kubernetes.io/name=sealed-secrets"

// Controller is a controller that was found.
type Controller struct {
	Namespace, Name string // of its Service
	port            string // the Service port's name; empty in the release manifest
	core            rest.Interface
}

// Find looks for the controller's Service, through a client of core/v1, by name, and by label where no name is
// given: in the namespace, and in all of them when none is given.
func Find(ctx context.Context, core rest.Interface, o Options) (*Controller, error) {
	namespaces := []string{o.Namespace} // to look for the label in
	if o.Namespace == "" {
		o.Namespace = defaultNamespace
		namespaces = []string{o.Namespace, corev1.NamespaceAll}
	}
	names := []string{"sealed-secrets-controller", "sealed-secrets"}
	if o.Name != "" {
		names = []string{o.Name}
	}
	for _, name := range names {
		var svc corev1.Service
		err := core.Get().Namespace(o.Namespace).Resource("services").Name(name).Do(ctx).Into(&svc)
		if err == nil {
			return found(core, &svc), nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, access(err, "services", "get", o.Namespace)
		}
	}
	if o.Name == "" {
		if c := byLabel(ctx, core, namespaces); c != nil {
			return c, nil
		}
	}
	return nil, &MissingError{Namespace: o.Namespace, Names: names, Label: o.Name == ""}
}

// byLabel looks in the namespace first. Not being allowed to list is no error of
// its own: the controller is then simply not found this way.
func byLabel(ctx context.Context, core rest.Interface, namespaces []string) *Controller {
	for _, ns := range namespaces {
		var list corev1.ServiceList
		if err := core.Get().Namespace(ns).Resource("services").Param("labelSelector", label).Do(ctx).Into(&list); err != nil {
			continue
		}
		i := slices.IndexFunc(list.Items, func(s corev1.Service) bool { return !strings.HasSuffix(s.Name, "-metrics") && len(s.Spec.Ports) > 0 })
		if i >= 0 {
			return found(core, &list.Items[i])
		}
	}
	return nil
}

func found(core rest.Interface, svc *corev1.Service) *Controller {
	c := &Controller{Namespace: svc.Namespace, Name: svc.Name, core: core}
	if len(svc.Spec.Ports) > 0 {
		c.port = svc.Spec.Ports[0].Name
	}
	return c
}

// String is the controller's name in messages.
func (c *Controller) String() string { return "controller " + c.Namespace + "/" + c.Name }

// Certificate returns the newest certificate in PEM.
func (c *Controller) Certificate(ctx context.Context) ([]byte, string, error) {
	data, err := c.proxy(c.core.Get(), "cert.pem").DoRaw(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("%s: certificate: %w", c, access(err, "services/proxy", "get", c.Namespace))
	}
	return data, c.String(), nil
}

// ErrUndecryptable says that none of the controller's keys opens a SealedSecret.
var ErrUndecryptable = fmt.Errorf("the controller cannot decrypt it")

// Verify asks whether the controller can decrypt a SealedSecret, given as JSON.
// The controller answers two requests a second (GCRA, burst 2, --rate-limit);
// a 429 is waited out by client-go as its Retry-After says.
func (c *Controller) Verify(ctx context.Context, sealedSecret []byte) error {
	status := 0
	err := c.proxy(c.core.Post(), "verify").
		SetHeader("Content-Type", "application/json").
		Body(sealedSecret).Do(ctx).StatusCode(&status).Error()
	switch {
	case status == http.StatusConflict:
		return ErrUndecryptable
	case err != nil:
		return access(err, "services/proxy", "create", c.Namespace)
	}
	return nil
}

// proxy addresses one of the controller's paths through the API server.
func (c *Controller) proxy(r *rest.Request, path string) *rest.Request {
	return r.Namespace(c.Namespace).Resource("services").SubResource("proxy").
		Name(c.ProxyName()).Suffix("v1", path)
}

// ProxyName is what the API server's proxy calls the Service: the resourceName that
// a role for services/proxy has to hold.
func (c *Controller) ProxyName() string { return utilnet.JoinSchemeNamePort("http", c.Name, c.port) }
