package generate

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/sealway/sealway/pkg/report"
)

// path is the file that holds the Secret or will hold it.
func (s *secret) path() string {
	if s.found != nil {
		return s.found.Path
	}
	return s.newPath()
}

func (s *secret) newPath() string { return filepath.Join(s.app.Dir, s.spec.Name+".yaml") }

// annotations are those that the contract asks for, the scope's among them.
func (s *secret) annotations() map[string]string {
	out := maps.Clone(s.spec.Annotations)
	if a := s.spec.Scope.Annotation(); a != "" {
		if out == nil {
			out = map[string]string{}
		}
		out[a] = "true"
	}
	return out
}

// drift tells where an existing Secret is not what the contract asks for,
// besides its keys. A person wrote it: it is left alone.
func (s *secret) drift(o Options) []Step {
	var details []string
	if s.found.Type != s.spec.Type {
		details = append(details, fmt.Sprintf("the type is %s", s.found.Type))
	}
	details = append(details, missing("label", s.spec.Labels, s.found.Labels)...)
	details = append(details, missing("annotation", s.annotations(), s.found.Annotations)...)
	steps := make([]Step, len(details))
	for i, d := range details {
		steps[i] = Step{
			Action: report.Warning, Application: s.app.Name, Namespace: s.namespace, Secret: s.spec.Name,
			Path: o.shown(s.found.Path), Line: s.found.Line,
			Detail: fmt.Sprintf("%s, unlike in %s:%d; left as it is", d, s.app.Contract.Path, s.spec.Line),
		}
	}
	return steps
}

func missing(what string, want, have map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if v, ok := have[k]; !ok {
			out = append(out, fmt.Sprintf("the %s %s is not there", what, k))
		} else if v != want[k] {
			out = append(out, fmt.Sprintf("the %s %s has another value", what, k))
		}
	}
	return out
}
