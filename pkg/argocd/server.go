package argocd

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
)

// Where upstream's manifests put argocd-server, and the label that they and the
// Helm chart give to its Service.
const (
	serverNamespace = "argocd"
	serverName      = "argocd-server"
	serverLabel     = "app.kubernetes.io/name=argocd-server"
)

// ServerOptions say where to look for argocd-server.
type ServerOptions struct {
	Namespace string // of its Service; default: "argocd", then every one
	Name      string // of its Service; default: "argocd-server", then by its label
}

// Server is an argocd-server that was found in a cluster.
type Server struct {
	Namespace, Name string // of its Service
	Port            string // of the Service, by name or number; empty if it has none

	core rest.Interface
}

// FindServer looks for the Service of argocd-server through a client of core/v1:
// by name, and by label where no name is given, in the namespace, and in all of
// them when none is given. The usual installation costs one request.
func FindServer(ctx context.Context, core rest.Interface, o ServerOptions) (*Server, error) {
	namespace, name := cmp.Or(o.Namespace, serverNamespace), cmp.Or(o.Name, serverName)
	var svc corev1.Service
	err := core.Get().Namespace(namespace).Resource("services").Name(name).Do(ctx).Into(&svc)
	missing := &ServerMissingError{Namespace: namespace, Name: name, Options: o}
	switch {
	case err == nil:
		return newServer(core, &svc), nil
	case !apierrors.IsNotFound(err):
		return nil, &ServerAccessError{Object: "Service " + namespace + "/" + name, Verb: "get", Resource: "services", Namespace: namespace, Cause: err}
	case o.Name != "":
		return nil, missing
	}
	found, err := labelledServers(ctx, core, o.Namespace)
	if apierrors.IsForbidden(err) {
		missing.Unseen = true // a namespace was the only one to be looked at
		return nil, missing
	}
	if err != nil {
		return nil, &ServerAccessError{Object: "Services with the label " + serverLabel, Verb: "list", Resource: "services", Namespace: o.Namespace, Cause: err}
	}
	switch len(found) {
	case 0:
		return nil, missing
	case 1:
		return newServer(core, found[0]), nil
	}
	return nil, newServerAmbiguousError(found)
}

// labelledServers returns the Services that have the label and a port, one for
// each set of Pods: some installations have a second Service for gRPC.
func labelledServers(ctx context.Context, core rest.Interface, namespace string) ([]*corev1.Service, error) {
	var list corev1.ServiceList
	if err := core.Get().Namespace(namespace).Resource("services").Param("labelSelector", serverLabel).Do(ctx).Into(&list); err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b corev1.Service) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var found []*corev1.Service
	seen := map[string]bool{}
	for i := range list.Items {
		svc := &list.Items[i]
		pods := svc.Namespace + "/" + labels.FormatLabels(svc.Spec.Selector)
		if seen[pods] || serverPort(svc) == "" || strings.HasSuffix(svc.Name, "-metrics") {
			continue
		}
		seen[pods] = true
		found = append(found, svc)
	}
	return found, nil
}

func newServer(core rest.Interface, svc *corev1.Service) *Server {
	return &Server{Namespace: svc.Namespace, Name: svc.Name, Port: serverPort(svc), core: core}
}

// serverPort chooses a port: upstream's http and https both lead to the server's
// only one.
func serverPort(svc *corev1.Service) string {
	best, rank := "", 0
	for _, p := range svc.Spec.Ports {
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
			continue
		}
		name, r := cmp.Or(p.Name, strconv.Itoa(int(p.Port))), 1
		switch {
		case p.Name == "http":
			r = 5
		case p.Name == "https":
			r = 4
		case p.Port == 80:
			r = 3
		case p.Port == 443:
			r = 2
		}
		if r > rank {
			best, rank = name, r
		}
	}
	return best
}

// String names the server in messages.
func (s *Server) String() string { return "argocd-server " + s.Namespace + "/" + s.Name }

// address is host:port for a server that is reached through a tunnel. It is no
// address of anywhere else: nothing that is stored for another server, of this
// name in another cluster for instance, may be sent to this one.
func (s *Server) address() string {
	return net.JoinHostPort(s.Name+"."+s.Namespace+".tunnel", "443")
}

// Transport finds out how the server speaks, over connections that dial opens to
// it, and pins its certificate if that is TLS. It asks in plaintext first: a TLS
// handshake is what kills other forwards when the server runs with `--insecure`
// (argo-cd#8613, argo-cd#28179).
func (s *Server) Transport(ctx context.Context, dial func(context.Context) (net.Conn, error)) (Transport, error) {
	t := Transport{Address: s.address(), Dial: dial}
	secure, err := s.probe(ctx, dial)
	if err != nil || !secure {
		return t, err
	}
	pin, err := s.certificate(ctx)
	if err != nil {
		return t, err
	}
	t.TLS = s.pinned(ctx, pin)
	return t, nil
}

const (
	passwordSecret = "argocd-initial-admin-secret"
	passwordKey    = "password"
)

// AdminPassword returns the password that Argo CD made for the user admin when it
// was installed.
func (s *Server) AdminPassword(ctx context.Context) (string, error) {
	secret, err := s.secret(ctx, passwordSecret)
	switch {
	case apierrors.IsNotFound(err):
		return "", &PasswordMissingError{Namespace: s.Namespace}
	case err != nil:
		return "", err
	case len(secret.Data[passwordKey]) == 0:
		return "", &PasswordMissingError{Namespace: s.Namespace, Empty: true}
	}
	return string(secret.Data[passwordKey]), nil
}

// secret reads a Secret beside the server. That it is not there is an error of
// the API's own kind.
func (s *Server) secret(ctx context.Context, name string) (*corev1.Secret, error) {
	var secret corev1.Secret
	err := s.core.Get().Namespace(s.Namespace).Resource("secrets").Name(name).Do(ctx).Into(&secret)
	if err != nil && !apierrors.IsNotFound(err) {
		err = &ServerAccessError{Object: "Secret " + s.Namespace + "/" + name, Verb: "get", Resource: "secrets", Namespace: s.Namespace, Name: name, Cause: err}
	}
	return &secret, err
}
