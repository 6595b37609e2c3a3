// Package kube turns a kubeconfig into clients, in one place.
package kube

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// ErrNoCluster says that no kubeconfig names a cluster.
var ErrNoCluster = errors.New("no cluster: no kubeconfig names one")

// ConfigError says what is wrong with the kubeconfig.
type ConfigError struct{ Cause error }

func (e *ConfigError) Error() string { return "kubeconfig: " + e.Cause.Error() }

// Hint says what to do.
func (e *ConfigError) Hint() string {
	return "set KUBECONFIG to the cluster's kubeconfig, or start one with `mage sandbox:up`"
}

func (e *ConfigError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *ConfigError) Unavailable() bool { return true }

// Cluster is one cluster as a kubeconfig's context names it.
type Cluster struct {
	Context string // name of the context
	Server  string // URL of the API server
	Config  *rest.Config
	Core    rest.Interface // of the group core, version v1
}

// String names the cluster in messages.
func (c *Cluster) String() string { return fmt.Sprintf("%s (%s)", c.Context, c.Server) }

// Load reads the kubeconfig as kubectl does: KUBECONFIG, else ~/.kube/config.
// The context is the named one, or the current one when the name is empty. It
// does not connect.
func Load(name string) (*Cluster, error) {
	return load(clientcmd.NewDefaultClientConfigLoadingRules(), name)
}

// LoadFile reads one kubeconfig file and takes its current context.
func LoadFile(path string) (*Cluster, error) {
	return load(&clientcmd.ClientConfigLoadingRules{ExplicitPath: path}, "")
}

func load(rules clientcmd.ClientConfigLoader, name string) (*Cluster, error) {
	cc := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: name})
	raw, err := cc.RawConfig()
	if err != nil {
		return nil, &ConfigError{err}
	}
	if name == "" {
		name = raw.CurrentContext
	}
	if len(raw.Contexts) == 0 {
		return nil, &ConfigError{fmt.Errorf("%w (looked at %s)", ErrNoCluster, strings.Join(cc.ConfigAccess().GetLoadingPrecedence(), ", "))}
	}
	if raw.Contexts[name] == nil {
		return nil, &ConfigError{fmt.Errorf("context %q: not found, there are: %s", name, strings.Join(slices.Sorted(maps.Keys(raw.Contexts)), ", "))}
	}
	config, err := cc.ClientConfig()
	if err != nil {
		return nil, &ConfigError{err}
	}
	return New(name, config)
}

// coreClient knows the objects of core/v1 alone. The clientset knows those of all
// groups, which makes the binary five times as large and its start twice as long.
func coreClient(config *rest.Config) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c := rest.CopyConfig(config)
	c.APIPath, c.GroupVersion = "/api", &corev1.SchemeGroupVersion
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	shared, err := rest.HTTPClientFor(c)
	if err != nil {
		return nil, err
	}
	// A Service behind the API server's proxy may point anywhere, and the client would
	// show its token there. The API server itself redirects nobody.
	own := *shared
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return rest.RESTClientForConfigAndClient(c, &own)
}
