package origin

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/git"
)

// Options are an application and the commits that matter to it.
type Options struct {
	Dir   string        // of the application, relative to the root, with slashes
	Chart chart.Options // their ObjectNamespace is the application's namespace

	Followed string // commit of the branch that Argo CD follows, as far as it is known here; empty when it is not
	Deployed string // commit that Argo CD has synced; empty when it is not known
}

// Stage is a place on the way from the work tree to the cluster.
type Stage int

// The stages, in the order of the way.
const (
	Tree      Stage = iota // the work tree
	Committed              // HEAD
	Pushed                 // the branch that Argo CD follows
	Deployed               // the commit that Argo CD has synced
	stages
)

// Origin is where an object comes from and how far it has got.
type Origin struct {
	Found bool   // the chart of the work tree renders it for the application's namespace
	By    string // kind of the object that brings it, where it is another one: SealedSecret, Cluster
	Path  string // of the template, relative to the root; of the first stage that has it
	Line  int    // counted from 1; 0 when it is not known

	Namespace string
	Wave      int
	Hook      string   // as chart.Object's
	Keys      []string // of a ConfigMap, a Secret or a SealedSecret

	InTree, Committed, Pushed, Deployed bool // whether the stage renders it for the application's namespace

	Ignored   string        // the rule that keeps Git from seeing the template: .gitignore:3: *.yaml
	Disabled  *chart.Switch // its Path is relative to the root
	Misplaced string        // path:line of a file that has it, and that the chart does not render
	Near      []string      // similar names of the same kind that the chart renders, the most similar first
	Elsewhere string        // the namespace that it is rendered for instead
}

// Origins answers for one application. It is safe for concurrent use.
type Origins struct {
	opts    Options
	read    func() *readings
	ignored func(path string) string

	mu          sync.Mutex
	known       map[string]Origin
	experiments int // on what turns an object on
}

// maxExperiments is for how many objects of an application it is tried out what turns them
// on: each takes some renders. More than a few are not missing because of one value each.
const maxExperiments = 24

// Open prepares to look at an application. Nothing is read before the first question;
// then it is read under ctx.
func Open(ctx context.Context, tree *git.Tree, o Options) *Origins {
	return &Origins{
		opts:  o,
		read:  sync.OnceValue(func() *readings { return read(ctx, tree, o) }),
		known: map[string]Origin{},
		ignored: func(path string) string {
			tracked, err := tree.Tracked(ctx, []string{path})
			if err != nil || tracked[path] {
				return ""
			}
			rules, err := tree.IgnoreRules(ctx, []string{path})
			if err != nil || rules[path].Pattern == "" {
				return ""
			}
			return rules[path].String()
		},
	}
}

// Rendered is what the chart of a stage renders; nil without an error when the stage is
// not known here or has no such application.
func (o *Origins) Rendered(s Stage) (*chart.Rendered, error) {
	r := o.read()[s]
	return r.rendered, r.err
}

// Has says whether the work tree's chart renders an object for the application's namespace,
// or what brings it: Find's Found alone, which takes no experiment where it is not so.
func (o *Origins) Has(kind, name string) bool {
	r := o.read()[Tree].rendered
	if r == nil {
		return false
	}
	_, ok := lookup(r, kind, name, o.opts.Chart.ObjectNamespace())
	return ok
}

// Find says where an object in the application's namespace comes from. A Secret is also
// found by the SealedSecret that becomes it, and by what CloudNativePG makes.
func (o *Origins) Find(kind, name string) Origin {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := kind + "/" + name
	found, ok := o.known[id]
	if !ok {
		found = o.find(kind, name)
		o.known[id] = found
	}
	return found
}

func (o *Origins) find(kind, name string) Origin {
	var out Origin
	all := o.read()
	for _, s := range []struct {
		stage Stage
		has   *bool
	}{{Tree, &out.InTree}, {Committed, &out.Committed}, {Pushed, &out.Pushed}, {Deployed, &out.Deployed}} {
		r := all[s.stage].rendered
		if r == nil {
			continue
		}
		obj, ok := lookup(r, kind, name, o.opts.Chart.ObjectNamespace())
		*s.has = ok
		if ok && out.Path == "" {
			out.take(obj, kind, o.opts.Dir)
		}
	}
	out.Found = out.InTree
	if out.InTree && !out.Committed {
		out.Ignored = o.ignored(out.Path)
	}
	if !out.InTree {
		o.explain(&out, kind, name)
	}
	return out
}

// take copies what is known of an object.
func (out *Origin) take(obj chart.Object, kind, dir string) {
	out.Path, out.Line = inRepository(dir, obj.Path), obj.Line
	out.Namespace, out.Wave, out.Hook, out.Keys = obj.Namespace, obj.Wave, obj.Hook, keysOf(obj, kind)
	if obj.Kind != kind {
		out.By = obj.Kind
	}
}

// lookup finds the object, or the one that brings it.
func lookup(r *chart.Rendered, kind, name, namespace string) (chart.Object, bool) {
	if obj, ok := r.Find(kind, namespace, name); ok {
		return obj, true
	}
	for _, obj := range r.Objects {
		if obj.Namespace != namespace && obj.Namespace != "" {
			continue
		}
		for _, p := range chart.Products(obj) {
			if p.Kind == kind && p.Name == name {
				return obj, true
			}
		}
	}
	return chart.Object{}, false
}

func keysOf(obj chart.Object, kind string) []string {
	for _, p := range chart.Products(obj) {
		if p.Kind == kind {
			return p.Keys
		}
	}
	return nil
}

// explain says why the work tree's chart does not render an object.
func (o *Origins) explain(out *Origin, kind, name string) {
	tree := o.read()[Tree]
	if tree.rendered == nil {
		return
	}
	if obj, ok := tree.rendered.Find(kind, "", name); ok {
		out.Elsewhere = obj.Namespace
		out.take(obj, kind, o.opts.Dir)
		return
	}
	if o.experiments++; o.experiments <= maxExperiments {
		if s, err := chart.Disabled(tree.files, o.opts.Chart, kind, name); err == nil && s != nil {
			out.Disabled = o.relative(s)
		}
	}
	if path, line := misplaced(tree, kind, name); path != "" {
		out.Misplaced = inRepository(o.opts.Dir, path) + ":" + strconv.Itoa(line)
	}
	out.Near = near(tree.rendered, kind, name, o.release(tree.rendered))
}

func (o *Origins) release(r *chart.Rendered) string {
	if o.opts.Chart.Release != "" {
		return o.opts.Chart.Release
	}
	return r.Name
}

// relative is a switch with paths relative to the root.
func (o *Origins) relative(s *chart.Switch) *chart.Switch {
	out := *s
	if out.Path != "" {
		out.Path = inRepository(o.opts.Dir, out.Path)
	}
	if s.Also != nil {
		out.Also = o.relative(s.Also)
	}
	return &out
}

// Locate finds the line that gives a text to an object and holds it as it is: in its
// template, in a file of values, or in a helper. Without such a line it gives the
// template and 0; without an object an empty path.
//
// Where the text is the name of something that the object refers to, it is the line of
// the reference; several references of one name may stand in several lines, this is
// the first of them.
func (o *Origins) Locate(kind, name, text string) (path string, line int) {
	return o.locateWith(kind, name, func(r *chart.Rendered, obj chart.Object) (chart.Position, bool) {
		return locate(r, obj, text)
	})
}

// LocateField is Locate for the text of a field whose place ends like this: limits.memory
// where requests.memory has the same value.
func (o *Origins) LocateField(kind, name, field, text string) (path string, line int) {
	return o.locateWith(kind, name, func(r *chart.Rendered, obj chart.Object) (chart.Position, bool) {
		return r.LocateText(obj, field, text)
	})
}

func (o *Origins) locateWith(kind, name string, find func(*chart.Rendered, chart.Object) (chart.Position, bool)) (path string, line int) {
	r := o.read()[Tree].rendered
	if r == nil {
		return "", 0
	}
	obj, ok := lookup(r, kind, name, o.opts.Chart.ObjectNamespace())
	if !ok { // it may be for another namespace
		obj, ok = r.Find(kind, "", name)
	}
	if !ok {
		return "", 0
	}
	if p, ok := find(r, obj); ok && p.Literal {
		return inRepository(o.opts.Dir, p.Path), p.Line
	}
	return inRepository(o.opts.Dir, obj.Path), 0
}

// locate prefers the line of a reference to another that happens to have its name.
func locate(r *chart.Rendered, obj chart.Object, text string) (chart.Position, bool) {
	refs := chart.ObjectReferences(obj)
	if spec, ok := chart.PodSpec(obj); ok {
		refs = append(refs, chart.References(spec.Spec)...)
	}
	if i := slices.IndexFunc(refs, func(ref chart.Reference) bool { return ref.Name == text }); i >= 0 {
		return r.LocateReference(obj, refs[i])
	}
	if i := slices.IndexFunc(refs, func(ref chart.Reference) bool { return ref.Key == text }); i >= 0 {
		return r.LocateKey(obj, refs[i])
	}
	if obj.Name == text {
		return r.LocateField(obj, "metadata.name", text)
	}
	return r.LocateText(obj, "", text)
}
