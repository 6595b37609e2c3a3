package lint

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sealway/sealway/pkg/chart"
)

// moment is when a sync applies an object: Argo CD takes the phases one after the
// other, in each the waves, and applies a wave as a whole; it begins the next one when
// everything of this one is healthy and its hooks have ended (gitops-engine v0.7.1
// pkg/sync/sync_context.go, Sync).
type moment struct{ phase, wave int }

func momentOf(o chart.Object) moment {
	if o.Wave == always {
		return moment{-1, always}
	}
	return moment{slices.Index(phases, o.Phase()), o.Wave}
}

var phases = []string{chart.PreSync, chart.Sync, chart.PostSync, chart.SyncFail}

func (m moment) before(o moment) bool {
	return m.phase < o.phase || m.phase == o.phase && m.wave < o.wave
}

func (m moment) String() string {
	return fmt.Sprintf("%s, wave %d", phases[m.phase], m.wave)
}

// dependency is something that an object has to wait for.
type dependency struct {
	made product
	what string // for instance "Secret shop/db (env X of container web)"
}

// waits reports whether a sync waits for an object: for one that has no health and no
// end it does not, nor for a workload without Pods.
func waits(o chart.Object) bool {
	switch o.Kind {
	case "Pod", "Job":
		return true
	case "Deployment", "StatefulSet", "ReplicaSet":
		replicas, set, _ := unstructured.NestedInt64(o.Raw, "spec", "replicas")
		return !set || replicas > 0
	case "DaemonSet":
		return true
	}
	return isCluster(o)
}

// dependencies are what an object needs of its own application, each with the product
// that is there first.
func (c *checker) dependencies(a *application, o chart.Object) []dependency {
	var out []dependency
	add := func(d dependency) {
		if !slices.ContainsFunc(out, func(e dependency) bool { return sameObject(e.made.object, d.made.object) }) {
			out = append(out, d)
		}
	}
	for _, ref := range needs(o) {
		made := c.produced[identityOf(o, ref)]
		if ref.Optional || len(made) == 0 || isCluster(o) && !begins(ref) {
			continue
		}
		first := slices.MinFunc(made, func(x, y product) int {
			if momentOf(x.object).before(momentOf(y.object)) {
				return -1
			}
			return 1
		})
		if first.app == a && !sameObject(first.object, o) {
			add(dependency{first, fmt.Sprintf("%s %q (%s)", ref.Kind, ref.Name, ref.Where)})
		}
	}
	if !isCluster(o) {
		for _, db := range a.databases(o) {
			add(dependency{product{app: a, object: db.cluster}, fmt.Sprintf("the database %q (%s)", db.cluster.Name, db.why)})
		}
	}
	return out
}

// begins reports whether a cluster does not begin without what it refers to; the rest
// (queries for monitoring, a store for backups) it can wait for.
func begins(ref chart.Reference) bool {
	return strings.HasPrefix(ref.Where, "spec.bootstrap.initdb.secret") || strings.HasPrefix(ref.Where, "spec.superuserSecret") ||
		strings.HasPrefix(ref.Where, "spec.certificates.")
}

func sameObject(a, b chart.Object) bool {
	return a.Group == b.Group && a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name && a.Path == b.Path
}

func hookOrder(c *checker, a *application) { c.order(a, true) }

func waveOrder(c *checker, a *application) { c.order(a, false) }

// order finds what comes too late; hooks and other objects are two rules. What one
// object waits for is one finding.
func (c *checker) order(a *application, hooks bool) {
	for _, o := range a.objects {
		if !waits(o) || o.Hook == chart.SyncFail || (o.Hook != "") != hooks {
			continue
		}
		var late []chart.Object
		var what []string
		for _, d := range c.dependencies(a, o) {
			if then := momentOf(d.made.object); momentOf(o).before(then) {
				late = append(late, d.made.object)
				what = append(what, fmt.Sprintf("%s, which comes in %s (%s)", d.what, then, a.atObject(d.made.object)))
			}
		}
		if len(late) > 0 {
			c.add(a.whenPlace(o), finding(o.String(), fmt.Sprintf("it comes in %s, and waits for ever for %s", momentOf(o), strings.Join(what, "; for ")), a.inOrder(o, late)))
		}
	}
}

// whenPlace is the line that says when an object comes, else the object's.
func (a *application) whenPlace(o chart.Object) place {
	if a.chart != nil {
		for _, name := range []string{hookAnnotation, "helm.sh/hook", waveAnnotation} {
			if p, ok := a.chart.LocateIn(o, name); ok && p.Path == o.Path {
				return a.at(p.Path, p.Line)
			}
		}
	}
	return a.atObject(o)
}

// early is the wave that an object belongs to by convention, when something of the given
// wave needs it. A claim goes into that very wave: many a class of storage binds it only
// when a Pod uses it, and Argo CD would wait for it in an earlier one.
func early(o chart.Object, wave int) int {
	switch {
	case o.Kind == chart.PersistentVolumeClaim:
		return wave
	case isCluster(o):
		return -2
	case o.Kind == "Job", o.Kind == "Pod":
		return -1
	case waits(o):
		return 0
	default:
		return -3
	}
}

// inOrder says which annotations go where. Applied, the finding is gone.
func (a *application) inOrder(o chart.Object, late []chart.Object) string {
	now := momentOf(o)
	var fixes []string
	last := now.wave
	for _, needed := range late {
		switch then := momentOf(needed); {
		case needed.Hook != "" && then.phase > now.phase && needed.Hook != chart.Sync:
			fixes = append(fixes, fmt.Sprintf("take the hook annotation away from %s in %s, and give it the annotation `%s: \"%d\"`", needed, a.whenPlace(needed), waveAnnotation, early(needed, now.wave)))
		case then.phase == now.phase:
			last = max(last, then.wave)
		}
	}
	if o.Phase() == chart.PreSync && slices.ContainsFunc(late, func(n chart.Object) bool { return n.Phase() == chart.Sync }) {
		fixes = append([]string{fmt.Sprintf("write `%s: Sync` and `%s: \"-1\"` in %s", hookAnnotation, waveAnnotation, a.whenPlace(o))}, fixes...)
		now, last = moment{1, -1}, -1
	}
	if slices.ContainsFunc(late, func(n chart.Object) bool { return momentOf(n).phase == now.phase && early(n, now.wave) > now.wave }) {
		return strings.Join(append(fixes, a.setWave(o, last)), ", and ")
	}
	for _, needed := range late {
		if then := momentOf(needed); then.phase == now.phase && now.before(then) {
			fixes = append(fixes, a.setWave(needed, early(needed, now.wave)))
		}
	}
	return strings.Join(fixes, ", and ")
}

// setWave says where to write a wave: for a sealed Secret in its contract.
func (a *application) setWave(o chart.Object, wave int) string {
	annotation := fmt.Sprintf("%s: \"%d\"", waveAnnotation, wave)
	if isSealed(o) {
		if s := a.spec(o.Namespace, o.Name); s != nil {
			return fmt.Sprintf("write `sealedAnnotations: {%s}` for Secret %s in %s and run `mage seal:app %s`", annotation, o.Name, place{a.contractPath(), s.Line}, a.Name)
		}
	}
	return fmt.Sprintf("give %s the annotation `%s` in %s", o, annotation, a.atObject(o))
}

// hookGone tells of objects that are deleted when the sync has succeeded (gitops-engine
// v0.7.1 pkg/sync/sync_context.go, deleteHooks), and that Pods need which come later.
func hookGone(c *checker, a *application) {
	for _, o := range a.objects {
		if o.Hook != "" || o.Kind == "Job" {
			continue
		}
		for _, ref := range needs(o) {
			made := c.produced[identityOf(o, ref)]
			if ref.Optional || len(made) == 0 || slices.ContainsFunc(made, func(p product) bool {
				return !slices.Contains(p.object.DeletePolicies, "HookSucceeded")
			}) {
				continue
			}
			hook := made[0]
			at, policy := hook.app.deletePolicy(hook.object)
			c.add(at, finding(hook.object.String(), fmt.Sprintf("Argo CD deletes this hook at the end of the sync, and %s needs it for its next Pod (%s)", o, ref.Where),
				fmt.Sprintf("write `%s` in %s", policy, at)))
		}
	}
}

// deletePolicy is the line of a hook's delete policy, and what to write there. Argo CD heeds
// its own annotation and Helm's together.
func (a *application) deletePolicy(o chart.Object) (at place, policy string) {
	metadata, _, _ := unstructured.NestedMap(o.Raw, "metadata", "annotations")
	name, policy := "argocd.argoproj.io/hook-delete-policy", "BeforeHookCreation"
	if helm, _ := metadata["helm.sh/hook-delete-policy"].(string); strings.Contains(helm, "hook-succeeded") {
		name, policy = "helm.sh/hook-delete-policy", "before-hook-creation"
	}
	at = a.whenPlace(o)
	if a.chart != nil {
		if p, ok := a.chart.LocateIn(o, name); ok && p.Path == o.Path {
			at = a.at(p.Path, p.Line)
		}
	}
	return at, name + ": " + policy
}

// hookSealed tells of SealedSecrets that Argo CD would delete before each sync
// (argo-cd#15146).
func hookSealed(c *checker, a *application) {
	for _, o := range a.objects {
		if isSealed(o) && o.Hook != "" {
			at := a.whenPlace(o)
			fix := fmt.Sprintf("take the hook annotation away in %s and write `%s: \"-3\"`", at, waveAnnotation)
			if s := a.spec(o.Namespace, o.Name); s != nil && s.SealedAnnotations[hookAnnotation] != "" {
				fix = a.setWave(o, -3) // in place of the hook
			}
			c.add(at, finding(o.String(), fmt.Sprintf("it is a %s hook: Argo CD deletes it before each sync, and the Secret goes with it", o.Hook), fix))
		}
	}
}
