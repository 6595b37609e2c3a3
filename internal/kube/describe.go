package kube

import (
	"maps"
	"slices"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig says which files and which of their contexts are used.
type Kubeconfig struct {
	Files    []string // that name contexts
	Context  string   // that is used
	Current  string   // that kubectl would use
	User     string   // of the context, as the kubeconfig calls it
	Contexts []string // all, sorted
}

// Describe reads the kubeconfig as Load does, and says what it found there.
func Describe(name string) (*Kubeconfig, error) {
	raw, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	if err != nil {
		return nil, &ConfigError{err}
	}
	return describe(raw, name), nil
}

func describe(raw *api.Config, name string) *Kubeconfig {
	k := &Kubeconfig{Context: name, Current: raw.CurrentContext, Contexts: slices.Sorted(maps.Keys(raw.Contexts))}
	if name == "" {
		k.Context = raw.CurrentContext
	}
	files := map[string]bool{}
	for _, c := range raw.Contexts {
		files[c.LocationOfOrigin] = true
	}
	k.Files = slices.Sorted(maps.Keys(files))
	if c := raw.Contexts[k.Context]; c != nil {
		k.User = c.AuthInfo
	}
	return k
}

// New makes the clients for a cluster that no kubeconfig needs to name. The API server
// has its own ways to slow a client down; client-go's default is 5 requests a second.
func New(name string, config *rest.Config) (*Cluster, error) {
	config.QPS, config.Burst = 50, 100
	core, err := coreClient(config)
	if err != nil {
		return nil, &ConfigError{err}
	}
	return &Cluster{Context: name, Server: config.Host, Config: config, Core: core}, nil
}
