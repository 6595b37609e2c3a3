package chart

import (
	"regexp"
	"slices"
	"strings"

	"github.com/argoproj/gitops-engine/pkg/sync/hook"
	"github.com/argoproj/gitops-engine/pkg/sync/syncwaves"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	syaml "sigs.k8s.io/yaml"
)

// Object is one object that a chart renders.
type Object struct {
	Group, Version, Kind string
	Namespace            string // empty for a kind that lives in none
	Name                 string // empty where metadata.generateName names it

	Path string // of the template, relative to the chart's folder
	Line int    // in the template's source: its name's line, or where it begins; 0 when not known

	Wave int // Argo CD's: the sync-wave annotation, else Helm's hook-weight
	// Hook is the phase of Argo CD that applies it; empty for what is no hook and
	// belongs to Sync, Skip for what no sync applies (helm.sh/hook: test). Of several
	// it is the first one.
	Hook  string
	Hooks []string // all phases, where it is a hook

	DeletePolicies []string // of a hook: BeforeHookCreation, HookSucceeded, HookFailed
	SyncOptions    []string // argocd.argoproj.io/sync-options, for instance Prune=false

	Raw map[string]any

	made *origin
}

// origin is where an object stands in what was rendered.
type origin struct {
	source      *source
	first, last int        // lines of its document
	root        *yaml.Node // the object, lines counted from the document's first
}

// The phases of Argo CD, in the order in which a sync comes to them.
const (
	PreSync  = "PreSync"
	Sync     = "Sync"
	PostSync = "PostSync"
	SyncFail = "SyncFail"
	Skip     = "Skip"
)

// Phase is the phase that applies the object first.
func (o Object) Phase() string {
	if o.Hook == "" {
		return Sync
	}
	return o.Hook
}

// String names the object as messages do: ConfigMap shop/settings.
func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// Find is the first object of a kind and name, in a namespace or, with an empty one, in any.
func (r *Rendered) Find(kind, namespace, name string) (Object, bool) {
	i := slices.IndexFunc(r.Objects, func(o Object) bool {
		return o.Kind == kind && o.Name == name && (namespace == "" || o.Namespace == namespace)
	})
	if i < 0 {
		return Object{}, false
	}
	return r.Objects[i], true
}

// Renders reports whether a file, relative to the chart's folder, is a template that is
// run and may render objects: it is in templates/, not ignored, and no partial.
func (r *Rendered) Renders(path string) bool {
	return !partial("/"+path) && len(r.byPath(path)) > 0
}

// collect reads the objects out of what was rendered.
func (r *Rendered) collect(out *output, o Options) error {
	if !o.SkipCRDs {
		for _, crd := range out.chart.CRDObjects() {
			if err := r.read(crd.Filename, string(crd.File.Data), o); err != nil {
				return err
			}
		}
	}
	for _, name := range out.names() {
		if strings.HasSuffix(name, "/NOTES.txt") || partial(name) {
			continue
		}
		if err := r.read(name, out.manifests[name], o); err != nil {
			return err
		}
	}
	return nil
}

func partial(name string) bool {
	return strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], "_")
}

// document is one YAML document of a text, with the line that it begins in.
type document struct {
	text string
	line int
}

// split cuts a text at the lines that begin a document, as YAML does.
func split(text string) []document {
	var out []document
	current := document{line: 1}
	line := 0
	for l := range strings.Lines(text) {
		line++
		if separator.MatchString(l) {
			out = append(out, current)
			// What stands behind the dashes belongs to the document; the line counts.
			current = document{line: line, text: strings.TrimPrefix(l, "---")}
			continue
		}
		current.text += l
	}
	return append(out, current)
}

var separator = regexp.MustCompile(`^---(\s|$)`)

// read adds the objects of one manifest file.
func (r *Rendered) read(template, text string, o Options) error {
	src := r.sources[template]
	for _, doc := range split(text) {
		if strings.TrimSpace(doc.text) == "" {
			continue
		}
		raw, err := decode(doc.text)
		if err != nil {
			return src.yamlError(doc, err)
		}
		if len(raw) == 0 {
			continue
		}
		if err := src.checkAnnotations(doc, raw); err != nil {
			return err
		}
		roots := flattenNodes(nodes(doc.text))
		for i, item := range flatten(raw) {
			obj := newObject(item, o.Namespace)
			if obj.Kind == "" {
				return &Error{Path: src.path, Line: src.line(doc.line), Cause: "a document has no kind"}
			}
			obj.made = &origin{source: src, first: doc.line, last: doc.line + strings.Count(doc.text, "\n"), root: &yaml.Node{}}
			if i < len(roots) {
				obj.made.root = roots[i]
			}
			obj.Path, obj.Line = src.path, obj.made.nameLine()
			r.Objects = append(r.Objects, obj)
		}
	}
	return nil
}

// decode reads a document as the API server will: numbers keep what they are.
func decode(text string) (map[string]any, error) {
	data, err := syaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	if string(data) == "null" {
		return nil, nil
	}
	var raw map[string]any
	return raw, json.Unmarshal(data, &raw)
}

// flatten gives the items of a List, as Argo CD does, and anything else as it is.
func flatten(raw map[string]any) []map[string]any {
	u := unstructured.Unstructured{Object: raw}
	if !u.IsList() {
		return []map[string]any{raw}
	}
	items, _ := raw["items"].([]any)
	var out []map[string]any
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, flatten(m)...)
		}
	}
	return out
}

// flattenNodes is flatten for the lines.
func flattenNodes(n *yaml.Node) []*yaml.Node {
	kind, items := child(n, "kind"), child(n, "items")
	if kind == nil || items == nil || items.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	var out []*yaml.Node
	for _, item := range items.Content {
		out = append(out, flattenNodes(item)...)
	}
	return out
}

func newObject(raw map[string]any, namespace string) Object {
	u := &unstructured.Unstructured{Object: raw}
	gvk := schema.FromAPIVersionAndKind(u.GetAPIVersion(), u.GetKind())
	obj := Object{
		Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind,
		Namespace: u.GetNamespace(), Name: u.GetName(),
		Wave: syncwaves.Wave(u), Raw: raw,
	}
	switch {
	case clusterScoped(gvk.Group, gvk.Kind):
		obj.Namespace = ""
	case obj.Namespace == "":
		obj.Namespace = namespace
	}
	for _, option := range strings.Split(u.GetAnnotations()["argocd.argoproj.io/sync-options"], ",") {
		if option = strings.TrimSpace(option); option != "" {
			obj.SyncOptions = append(obj.SyncOptions, option)
		}
	}
	obj.phases(u)
	return obj
}

// phases reads the annotations about hooks with Argo CD's own functions, and follows
// its sync/sync_phase.go, which is private.
func (o *Object) phases(u *unstructured.Unstructured) {
	if hook.Skip(u) {
		o.Hook = Skip
		return
	}
	if !hook.IsHook(u) {
		return
	}
	for _, phase := range []string{PreSync, Sync, PostSync, SyncFail} {
		if slices.ContainsFunc(hook.Types(u), func(t hookType) bool { return string(t) == phase }) {
			o.Hooks = append(o.Hooks, phase)
		}
	}
	if len(o.Hooks) == 0 { // of a kind that Argo CD does not have: test, pre-delete
		o.Hook = Skip
		return
	}
	o.Hook = o.Hooks[0]
	for _, p := range hook.DeletePolicies(u) {
		o.DeletePolicies = append(o.DeletePolicies, string(p))
	}
	slices.Sort(o.DeletePolicies)
}

// clusterScoped reports whether a kind lives in no namespace. An unknown one is taken
// to live in one.
func clusterScoped(group, kind string) bool {
	switch group {
	case "":
		return kind == "Namespace" || kind == "Node" || kind == "PersistentVolume"
	case "rbac.authorization.k8s.io":
		return kind == "ClusterRole" || kind == "ClusterRoleBinding"
	case "storage.k8s.io":
		return kind != "CSIStorageCapacity"
	case "networking.k8s.io":
		return kind == "IngressClass"
	case "cert-manager.io":
		return kind == "ClusterIssuer"
	case "postgresql.cnpg.io":
		return kind == "ClusterImageCatalog"
	case "apiextensions.k8s.io", "admissionregistration.k8s.io", "apiregistration.k8s.io", "scheduling.k8s.io",
		"node.k8s.io", "flowcontrol.apiserver.k8s.io":
		return true
	case "certificates.k8s.io":
		return true
	}
	return false
}
