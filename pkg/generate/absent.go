package generate

import (
	"fmt"
	"slices"

	"github.com/sealway/sealway/pkg/manifest"
)

// Absent are keys of one Secret that the repository holds sealed and whose plaintext is
// not on this machine, as in a clone.
type Absent struct {
	Namespace, Secret string
	Keys              []string // in the contract's order
}

// Absent finds what the application's contract asks for and only others have in plaintext.
func (a *App) Absent() []Absent {
	if a.Contract == nil {
		return nil
	}
	var out []Absent
	for i := range a.Contract.Secrets {
		spec := &a.Contract.Secrets[i]
		ab := Absent{Namespace: spec.NamespaceOr(a.Namespace), Secret: spec.Name}
		for _, k := range spec.Keys {
			if !a.has(ab.Namespace, spec.Name, k.Name) && a.sealed(ab.Namespace, spec.Name, k.Name) {
				ab.Keys = append(ab.Keys, k.Name)
			}
		}
		if len(ab.Keys) > 0 {
			out = append(out, ab)
		}
	}
	return out
}

// has reports whether a plaintext Secret has a value for the key.
func (a *App) has(namespace, name, key string) bool {
	return slices.ContainsFunc(a.Secrets, func(s manifest.Secret) bool {
		if s.Name != name || s.Namespace != namespace {
			return false
		}
		it := s.Item(key)
		return it != nil && !manifest.IsBlank(it.Value)
	})
}

// ImportCommand brings the plaintext of a sealed Secret here.
func ImportCommand(application, secret string) string {
	return fmt.Sprintf("`mage secrets:import %s %s -from=cluster`", application, secret)
}

// elsewhere reports whether the key is sealed and its value not on this machine.
func (n *node) elsewhere() bool { return n.sealed && !n.existing() }

// fetch is the command that brings the key's value here.
func (n *node) fetch() string { return ImportCommand(n.secret.app.Name, n.secret.spec.Name) }

// replaced is what to do for a new value of an immutable key.
func (n *node) replaced() string {
	if n.elsewhere() {
		return "it is sealed, and its plaintext is not on this machine: " + n.fetch() + " brings it here"
	}
	return "whoever still wants a new one removes the key from the plaintext file by hand"
}
