package argocd

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/reposerver/apiclient"
)

// Diff is what a sync would change.
type Diff struct {
	App     App          // as it was compared
	Changes []Change     // sorted by kind, namespace and name
	Hooks   []HookObject // what each sync runs besides; empty when Argo CD could not be asked
}

// Action is what a sync would do to a resource.
type Action string

// The actions of a Change.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete" // only a sync that prunes does it
)

// Change is what a sync would do to one resource.
type Change struct {
	Action                       Action
	Group, Kind, Namespace, Name string
	Fields                       []Field // of an update
}

// Field is one value that would change. Before or After is empty where there is
// none. Of a Secret neither holds a value.
type Field struct {
	Path          string // "spec.template.spec.containers[name=litellm].image"
	Before, After string // as JSON
}

// HookObject is a resource that a sync runs in one of its phases.
type HookObject struct {
	Phases                []string // PreSync, Sync, PostSync, SyncFail
	Kind, Namespace, Name string
}

// Diff compares an application with Git anew and gives what a sync would change.
func (c *Client) Diff(ctx context.Context, name string) (Diff, error) {
	r, err := parseName(name)
	if err != nil {
		return Diff{}, err
	}
	app, err := c.refresh(ctx, r, false)
	if err != nil {
		return Diff{}, err
	}
	if err := check(r, app); err != nil {
		return Diff{App: app}, err
	}
	r = r.of(app)
	d := Diff{App: app, Hooks: c.hooks(ctx, r)}
	resp, err := do(ctx, c, call{op: "ask for the managed resources", app: r.String(), patience: c.opts.Patience}, func(ctx context.Context) (*application.ManagedResourcesResponse, error) {
		return c.apps.ManagedResources(ctx, &application.ResourcesQuery{ApplicationName: &r.name, AppNamespace: r.appNamespace(), Project: r.projectName()})
	})
	if err != nil {
		return d, c.denied(ctx, r, "get", err)
	}
	for _, item := range resp.Items {
		change, differs, err := compare(item)
		if err != nil {
			// The decoder's words could quote a Secret.
			return d, &ServerError{Server: c.server, App: r.String(), Op: "diff", Message: fmt.Sprintf("%s %s: the state that the server gives is not valid JSON", item.Kind, item.Name)}
		}
		if differs {
			d.Changes = append(d.Changes, change)
		}
	}
	slices.SortFunc(d.Changes, func(a, b Change) int {
		return strings.Compare(key(a.Group, a.Kind, a.Namespace, a.Name), key(b.Group, b.Kind, b.Namespace, b.Name))
	})
	return d, nil
}

// compare makes a change of what the controller has compared: states that are
// normalised, with what the application ignores left out.
func compare(item *v1alpha1.ResourceDiff) (c Change, differs bool, err error) {
	c = Change{Group: item.Group, Kind: item.Kind, Namespace: item.Namespace, Name: item.Name}
	if item.Hook {
		return c, false, nil
	}
	switch {
	case absent(item.LiveState) && absent(item.TargetState):
		return c, false, nil
	case absent(item.LiveState):
		c.Action = Create
		return c, true, nil
	case absent(item.TargetState):
		c.Action = Delete
		return c, true, nil
	}
	live, err := decode(item.NormalizedLiveState)
	if err != nil {
		return c, false, err
	}
	predicted, err := decode(item.PredictedLiveState)
	if err != nil {
		return c, false, err
	}
	c.Action = Update
	secret := item.Group == "" && item.Kind == "Secret"
	fields("", live, predicted, func(path string, before, after any) {
		c.Fields = append(c.Fields, field(path, before, after, secret))
	})
	return c, len(c.Fields) > 0, nil
}

func absent(state string) bool { return state == "" || state == "null" }

func decode(state string) (out any, err error) {
	d := json.NewDecoder(strings.NewReader(state))
	d.UseNumber()
	err = d.Decode(&out)
	return out, err
}

// fields calls found for each value that differs, in order of the paths.
func fields(path string, before, after any, found func(path string, before, after any)) {
	switch b := before.(type) {
	case map[string]any:
		if a, ok := after.(map[string]any); ok {
			for _, k := range union(b, a) {
				fields(join(path, k), value(b, k), value(a, k), found)
			}
			return
		}
	case []any:
		if a, ok := after.([]any); ok {
			names, named := listNames(b, a)
			if named {
				for _, n := range names {
					fields(path+"[name="+n+"]", element(b, n), element(a, n), found)
				}
				if len(a) == len(b) && order(a) != order(b) {
					found(path, order(b), order(a))
				}
				return
			}
			for i := range max(len(a), len(b)) {
				fields(fmt.Sprintf("%s[%d]", path, i), at(b, i), at(a, i), found)
			}
			return
		}
	}
	if text(before) != text(after) {
		found(path, before, after)
	}
}

// missing stands for a value that is not there, which is not the same as null.
type missing struct{}

func value(m map[string]any, k string) any {
	if v, ok := m[k]; ok {
		return v
	}
	return missing{}
}

func at(l []any, i int) any {
	if i < len(l) {
		return l[i]
	}
	return missing{}
}

func union(a, b map[string]any) (keys []string) {
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// listNames are the names of the elements, where both lists have nothing but
// objects of different names: containers, volumes, variables.
func listNames(a, b []any) (names []string, named bool) {
	for _, l := range [][]any{a, b} {
		seen := map[string]bool{}
		for _, e := range l {
			n, ok := nameOf(e)
			if !ok || seen[n] {
				return nil, false
			}
			seen[n] = true
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names, len(names) > 0
}

func nameOf(e any) (string, bool) {
	m, ok := e.(map[string]any)
	if !ok {
		return "", false
	}
	n, ok := m["name"].(string)
	return n, ok && n != ""
}

func element(l []any, name string) any {
	for _, e := range l {
		if n, _ := nameOf(e); n == name {
			return e
		}
	}
	return missing{}
}

// order is the sequence of the names, as a value of its own.
func order(l []any) string {
	names := make([]string, len(l))
	for i, e := range l {
		names[i], _ = nameOf(e)
	}
	return strings.Join(names, ", ")
}

func join(path, key string) string {
	if strings.ContainsAny(key, "./[]") {
		return path + "[" + key + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func text(v any) string {
	if _, ok := v.(missing); ok {
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "?" // what was decoded can be encoded
	}
	return string(data)
}

// masked stands for a value that may not be shown.
const masked = "***"

// lastApplied is the annotation in which kubectl keeps a whole object.
const lastApplied = "metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]"

func field(path string, before, after any, secret bool) Field {
	f := Field{Path: path, Before: text(before), After: text(after)}
	if secret && !open(path) || strings.HasPrefix(path, lastApplied) {
		f.Before, f.After = mask(f.Before), mask(f.After)
	}
	return f
}

func mask(v string) string {
	if v == "" {
		return ""
	}
	return masked
}

// open says whether a field of a Secret may be shown: those only that are known
// to hold no secret. The server masks data and some annotations itself, and with
// characters that tell whether values are equal.
func open(path string) bool {
	switch path {
	case "apiVersion", "kind", "type", "immutable", "metadata.name", "metadata.namespace":
		return true
	}
	return strings.HasPrefix(path, "metadata.labels.") || strings.HasPrefix(path, "metadata.labels[")
}

// hooks are the objects in Git that run in a phase of a sync; the comparison
// leaves them out. Without an answer there are none: the diff is what counts.
func (c *Client) hooks(ctx context.Context, r ref) (found []HookObject) {
	resp, err := do(ctx, c, call{op: "render", app: r.String()}, func(ctx context.Context) (*apiclient.ManifestResponse, error) {
		return c.apps.GetManifests(ctx, &application.ApplicationManifestQuery{Name: &r.name, AppNamespace: r.appNamespace(), Project: r.projectName()})
	})
	if err != nil {
		return nil
	}
	for _, m := range resp.Manifests {
		var o struct {
			Kind     string
			Metadata struct {
				Name, Namespace string
				Annotations     map[string]string
			}
		}
		if json.Unmarshal([]byte(m), &o) != nil {
			continue
		}
		phases := phases(o.Metadata.Annotations)
		if len(phases) > 0 {
			found = append(found, HookObject{Phases: phases, Kind: o.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name})
		}
	}
	return found
}

// phases reads the hook annotations, those of Helm too, which Argo CD maps to its
// own (gitops-engine, pkg/sync/hook).
func phases(annotations map[string]string) (found []string) {
	add := func(phase string) {
		if phase != "" && phase != "Skip" && !slices.Contains(found, phase) {
			found = append(found, phase)
		}
	}
	for p := range strings.SplitSeq(annotations["argocd.argoproj.io/hook"], ",") {
		add(strings.TrimSpace(p))
	}
	if len(found) > 0 {
		return found
	}
	helm := map[string]string{
		"crd-install": "PreSync", "pre-install": "PreSync", "pre-upgrade": "PreSync",
		"post-install": "PostSync", "post-upgrade": "PostSync",
	}
	for p := range strings.SplitSeq(annotations["helm.sh/hook"], ",") {
		add(helm[strings.TrimSpace(p)])
	}
	return found
}
