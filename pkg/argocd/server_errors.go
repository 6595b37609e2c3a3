package argocd

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ServerMissingError says that no argocd-server was found.
type ServerMissingError struct {
	Namespace, Name string        // of the Service that was looked for first
	Options         ServerOptions // what was asked for
	Unseen          bool          // looking for the label was not allowed
}

func (e *ServerMissingError) Error() string {
	service := "no Service " + e.Namespace + "/" + e.Name
	where := "in any namespace"
	if e.Options.Namespace != "" {
		where = "in that namespace"
	}
	switch {
	case e.Options.Name != "":
		return "Argo CD: " + service
	case e.Unseen:
		return fmt.Sprintf("Argo CD: %s, and it is not allowed to list services %s", service, where)
	case e.Options.Namespace != "":
		return fmt.Sprintf("Argo CD is not installed in namespace %s: no Service %s, and none with the label %s", e.Namespace, e.Name, serverLabel)
	}
	return fmt.Sprintf("Argo CD is not installed in this cluster: %s, and none %s with the label %s", service, where, serverLabel)
}

// Hint says how to name it.
func (e *ServerMissingError) Hint() string {
	return "is this the right cluster? Where Argo CD has other names, .sealway.yaml says so (argocd.namespace, and argocd.name for its Service)"
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *ServerMissingError) Unavailable() bool { return true }

// ServerAmbiguousError says that several Services could be the one.
type ServerAmbiguousError struct {
	Services []string // namespace/name
}

func newServerAmbiguousError(found []*corev1.Service) *ServerAmbiguousError {
	e := &ServerAmbiguousError{}
	for _, svc := range found {
		e.Services = append(e.Services, svc.Namespace+"/"+svc.Name)
	}
	return e
}

func (e *ServerAmbiguousError) Error() string {
	return "Argo CD: there are several in this cluster: " + strings.Join(e.Services, ", ")
}

// Hint shows the setting that chooses the first.
func (e *ServerAmbiguousError) Hint() string {
	namespace, name, _ := strings.Cut(e.Services[0], "/")
	return fmt.Sprintf("choose one in .sealway.yaml, for instance `argocd: {namespace: %s, name: %s}`", namespace, name)
}

// Usage marks the error as one of settings: exit status 2.
func (e *ServerAmbiguousError) Usage() bool { return true }

// ServerAccessError says that the API server did not answer or did not allow.
type ServerAccessError struct {
	Object                    string // "Secret argocd/argocd-secret"
	Verb, Resource, Namespace string // the rule that it takes; no namespace: in all
	Name                      string // of the object, if it is one
	Cause                     error
}

func (e *ServerAccessError) where() string {
	if e.Namespace == "" {
		return "in all namespaces"
	}
	return "in namespace " + e.Namespace
}

func (e *ServerAccessError) Error() string {
	switch {
	case apierrors.IsForbidden(e.Cause):
		return fmt.Sprintf("%s: not allowed to %s %s %s", e.Object, e.Verb, e.Resource, e.where())
	case apierrors.IsUnauthorized(e.Cause):
		return e.Object + ": the API server does not accept these credentials"
	}
	cause := e.Cause
	var request *url.Error // its own text has the whole address in it
	if errors.As(cause, &request) {
		cause = request.Err
	}
	return fmt.Sprintf("%s: %s: %v", e.Object, e.Verb, cause)
}

// Hint names the missing rule or what to look at.
func (e *ServerAccessError) Hint() string {
	switch {
	case apierrors.IsForbidden(e.Cause):
		rule := fmt.Sprintf(`the rule that is missing: apiGroups [""], resources [%q], verbs [%q]`, e.Resource, e.Verb)
		if e.Name != "" {
			rule += fmt.Sprintf(", resourceNames [%q]", e.Name)
		}
		return rule + ", " + e.where()
	case apierrors.IsUnauthorized(e.Cause):
		return "log in to the cluster again, or set KUBECONFIG"
	}
	return "does the cluster run, and is the kubeconfig's context the right one?"
}

func (e *ServerAccessError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *ServerAccessError) Unavailable() bool { return true }

// PasswordMissingError says that the password which Argo CD made at first cannot
// be read any more.
type PasswordMissingError struct {
	Namespace string
	Empty     bool // the Secret is there
}

func (e *PasswordMissingError) Error() string {
	return fmt.Sprintf("Secret %s/%s: %s", cmp.Or(e.Namespace, serverNamespace), passwordSecret, map[bool]string{
		false: "it is not there: the password of admin has been changed since Argo CD was installed",
		true:  "it has no " + passwordKey,
	}[e.Empty])
}

// Hint says how to get in without it.
func (e *PasswordMissingError) Hint() string {
	return "set ARGOCD_AUTH_TOKEN, log in with the account that you were given, or ask who looks after Argo CD"
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *PasswordMissingError) Unavailable() bool { return true }
