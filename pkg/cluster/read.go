package cluster

import (
	"context"

	"k8s.io/client-go/rest"
)

// Clients are what a reading needs of a cluster.
type Clients struct {
	core, apps, batch, storage, discovery rest.Interface
}

// NewClients makes clients over one connection to the API server.
func NewClients(config *rest.Config) (*Clients, error) {
	return &Clients{}, nil
}

// Options say what to read.
type Options struct {
	Namespaces []string // at least one
}

// Read reads the state of namespaces. Only an API server that cannot be reached, or
// that does not accept the credentials, is an error.
func Read(ctx context.Context, c *Clients, o Options) (*State, error) {
	return &State{}, nil
}
