package generate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// node is one key that a contract asks for, with what there is and what becomes of it.
type node struct {
	secret  *secret
	spec    *repo.KeySpec
	item    *manifest.Item // nil when the key is not there
	sealed  bool           // the repository holds it encrypted
	sources []*node
	forced  bool
	given   bool // its new value is there already
	torn    bool // a killed run was about to write it

	state   state
	value   string // once resolved, unless pending or absent
	pending bool   // a placeholder stands in for the value
	absent  bool   // no value, and none is made in this run
	changed bool   // an existing value becomes another one
	step    *Step  // nil when the application is not filled in and nothing happens
}

type state int

const (
	unvisited state = iota
	visiting
	resolved
	failed
)

// secret is one Secret that a contract asks for.
type secret struct {
	app       *App
	spec      *repo.SecretSpec
	namespace string
	found     *manifest.Secret // nil when there is none yet
	named     bool             // its application is one of those asked for
	selected  bool             // it is filled in
	nodes     []*node          // in the contract's order
}

func (n *node) ref() repo.Ref {
	return repo.Ref{Application: n.secret.app.Name, Secret: n.secret.spec.Name, Key: n.spec.Name}
}

// existing reports whether the key has a value of its own.
func (n *node) existing() bool { return n.item != nil && !manifest.IsBlank(n.item.Value) }

// errorf is an error at the key's line of the contract.
func (n *node) errorf(fix, format string, args ...any) error {
	return &manifest.Error{
		Path: n.secret.app.Contract.Path, Line: n.spec.Line, Object: n.secret.object(), Key: n.spec.Name,
		Problem: fmt.Sprintf(format, args...), Fix: fix,
	}
}

func (s *secret) object() string { return "Secret " + s.namespace + "/" + s.spec.Name }

// graph is all keys of all contracts.
type graph struct {
	opts    Options
	secrets []*secret // in the order of applications and contracts
	byRef   map[repo.Ref]*node
}

func newGraph(apps []App, o Options) (*graph, error) {
	g := &graph{opts: o, byRef: map[repo.Ref]*node{}}
	var errs errorList
	for i := range apps {
		if apps[i].Contract != nil {
			errs.add(g.addApp(&apps[i]))
		}
	}
	for _, name := range o.Applications {
		if !slices.ContainsFunc(apps, func(a App) bool { return a.Name == name }) {
			errs.add(fmt.Errorf("application %q: not found", name))
		}
	}
	errs.add(g.connect())
	return g, errs.err()
}

func (g *graph) addApp(a *App) error {
	var errs errorList
	have := newFolder(a, g.opts)
	for i := range a.Contract.Secrets {
		spec := &a.Contract.Secrets[i]
		named := g.opts.selects(a.Name)
		s := &secret{app: a, spec: spec, namespace: spec.NamespaceOr(a.Namespace), named: named, selected: named && !g.opts.Follow}
		errs.add(s.find(have, g.opts))
		if s.selected {
			errs.add(s.misplaced(have, g.opts))
		}
		for j := range spec.Keys {
			n := &node{secret: s, spec: &spec.Keys[j]}
			if s.found != nil {
				n.item = s.found.Item(n.spec.Name)
			}
			n.sealed = a.sealed(s.namespace, spec.Name, n.spec.Name)
			s.nodes = append(s.nodes, n)
			g.byRef[n.ref()] = n
		}
		g.secrets = append(g.secrets, s)
	}
	return errs.err()
}

// sealed reports whether a committed SealedSecret has the key.
func (a *App) sealed(namespace, name, key string) bool {
	return slices.ContainsFunc(a.Sealed, func(s manifest.Sealed) bool {
		return s.Name == name && (s.Namespace == namespace || s.Namespace == "") && s.Item(key) != nil
	})
}

// folder is an application's plaintext Secrets by name and by file.
type folder struct {
	byName map[string][]*manifest.Secret
	byPath map[string]*manifest.Secret // one of the file's
}

func newFolder(a *App, o Options) folder {
	f := folder{map[string][]*manifest.Secret{}, map[string]*manifest.Secret{}}
	for i := range a.Secrets {
		s := &a.Secrets[i]
		f.byName[s.Name] = append(f.byName[s.Name], s)
		f.byPath[o.shown(s.Path)] = s
	}
	return f
}

// find looks for the Secret among those of the application's folder.
func (s *secret) find(have folder, o Options) error {
	named := have.byName[s.spec.Name]
	for _, h := range named {
		switch {
		case h.Namespace != s.namespace:
		case s.found == nil:
			s.found = h
		default:
			return h.Errorf("", "keep one of the two", "the same Secret stands in %s:%d too", o.shown(s.found.Path), s.found.Line)
		}
	}
	return nil
}

// misplaced finds what stands where a Secret that is not there has its place.
func (s *secret) misplaced(have folder, o Options) error {
	if s.found != nil {
		return nil
	}
	if named := have.byName[s.spec.Name]; len(named) > 0 { // most likely meant to be this one
		return named[0].Errorf("", "change the namespace in one of the two", "%s:%d puts this Secret into the namespace %s",
			s.app.Contract.Path, s.spec.Line, s.namespace)
	}
	if h := have.byPath[o.shown(s.newPath())]; h != nil {
		return h.Errorf("", "give that Secret a file of its own name", "the file is in the way: %s belongs here", s.object())
	}
	return nil
}

// connect finds what each key is computed from.
func (g *graph) connect() error {
	var errs errorList
	for _, s := range g.secrets {
		for _, n := range s.nodes {
			refs := make([]repo.Ref, 0, 1)
			for _, key := range n.spec.Sources() {
				refs = append(refs, repo.Ref{Application: s.app.Name, Secret: s.spec.Name, Key: key})
			}
			if n.spec.Kind == repo.KindLink {
				refs = append(refs, n.spec.Link)
			}
			for _, ref := range refs {
				source := g.byRef[ref]
				if source == nil {
					errs.add(n.errorf("look at the secrets.yaml of "+ref.Application, "%s is in no contract", ref))
					continue
				}
				n.sources = append(n.sources, source)
			}
		}
	}
	return errs.err()
}

// cycle is the error for a way that leads back to its beginning.
func cycle(way []*node, back *node) error {
	way = way[slices.Index(way, back):]
	names := make([]string, 0, len(way)+1)
	for _, n := range append(slices.Clone(way), back) {
		names = append(names, n.ref().String())
	}
	return back.errorf("one of them needs a value of its own", "is made of itself: %s", strings.Join(names, " -> "))
}
