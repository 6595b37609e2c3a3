package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/report"
)

// prefixes of the rules about objects that something refers to.
var prefixes = map[string]string{
	"ConfigMap": "configmap-", "Secret": "secret-", "ServiceAccount": "serviceaccount-", "PersistentVolumeClaim": "pvc-",
}

// missing looks at everything that a Pod refers to and reports what is not there; it
// does not wait for the kubelet's event, which comes seconds later.
func (f *finder) missing(p *corev1.Pod, o owner) {
	refs := references(&p.Spec)
	for _, r := range refs {
		state, keys := f.lookup(r.kind, r.name)
		n := finding{
			since: p.CreationTimestamp.Time,
			gives: []string{r.kind + "/" + r.name, "Pod/" + p.Name, o.key()},
			from:  o.broken(),
			follows: []string{
				fmt.Sprintf("Pod %s/%s waits for it", f.in.Namespace, p.Name),
			},
			evidence: f.said(p, fmt.Sprintf("%q", r.name)),
		}
		needs := fmt.Sprintf("%s of %s needs it", r.where, o)
		switch {
		case state == absent:
			f.object404(r, o, needs, refs, n)
		case state == present && r.key != "" && !slices.Contains(keys, r.key):
			n.evidence = f.said(p, r.key)
			f.noKey(r, o, keys, n)
		}
	}
}

// broken are the keys of what would explain that the owner's Pods do not start.
func (o owner) broken() []string {
	if o.kind == "StatefulSet" {
		return []string{"Stuck/" + o.name}
	}
	return nil
}

// object404 reports an object that is not there.
func (f *finder) object404(r reference, o owner, needs string, refs []reference, n finding) {
	w := wanted{kind: r.kind, name: r.name, by: o, used: used(refs, r)}
	n.object = f.object(r.kind, r.name)
	if r.kind == "Secret" {
		f.noSecret(w, needs, n)
		return
	}
	if r.kind == "PersistentVolumeClaim" && f.templateClaim(r.name) {
		return // the StatefulSet controller makes it
	}
	s := f.stage(w)
	if s == nil {
		n.message = "missing: " + needs
		n.fix = fix(fmt.Sprintf("have a template of the chart give it, or correct the name in %s", o))
		f.add(prefixes[r.kind]+"missing", n)
		return
	}
	s.into(&n)
	if s.rule == "misspelt" {
		n.part = o.key() // each workload has a line of its own
	}
	n.message = fmt.Sprintf("missing: %s; %s", needs, s.why)
	rule := prefixes[r.kind] + s.rule
	if r.kind != "ConfigMap" {
		rule = prefixes[r.kind] + "missing"
	}
	n.hold = s.rule == "gone" && !f.lasted(n.since, settle) || s.rule == "not-synced" && f.syncing()
	f.add(rule, n)
}

// settle is how long a sync or a controller may take for what it does at once.
const settle = time.Minute

// syncing says whether Argo CD is about to apply what it has not applied yet.
func (f *finder) syncing() bool {
	a := f.in.Argo
	return a != nil && (a.AutoSync || a.Operation.Running() && !f.lasted(a.Operation.Started, 10*time.Minute))
}

func used(refs []reference, but reference) (out []string) {
	for _, r := range refs {
		if r.kind == but.kind && r.name != but.name {
			out = append(out, r.name)
		}
	}
	return out
}

func (f *finder) templateClaim(name string) bool {
	for i := range f.space.StatefulSets {
		s := &f.space.StatefulSets[i]
		for _, t := range s.Spec.VolumeClaimTemplates {
			if strings.HasPrefix(name, t.Name+"-"+s.Name+"-") {
				return true
			}
		}
	}
	return false
}

// noKey reports a key that a ConfigMap or a Secret does not have.
func (f *finder) noKey(r reference, o owner, keys []string, n finding) {
	n.object, n.part = f.object(r.kind, r.name), r.key
	have := "it has " + strings.Join(keys, ", ")
	if len(keys) == 0 {
		have = "it is empty"
	}
	n.message = fmt.Sprintf("has no key %s: %s of %s needs it; %s", r.key, r.where, o, have)
	n.gives = append(n.gives, "Key/"+r.name+"/"+r.key)
	_, n.path, n.line = f.locate(o.kind, o.name, r.key)
	if r.kind == "Secret" {
		f.noSecretKey(r, o, keys, n)
		return
	}
	origin, _ := f.origin(r.kind, r.name)
	n.fix = f.keyFix(r, o, keys, origin, n)
	f.add("configmap-key", n)
}

func (f *finder) keyFix(r reference, o owner, keys []string, origin Origin, n finding) report.Fix {
	if slices.Contains(origin.Keys, r.key) {
		text := fmt.Sprintf("%s has the key by now: bring it into the cluster", at(origin.Path, origin.Line))
		switch {
		case origin.Found && origin.Deployed:
			return fix(text, f.sync()...)
		case origin.Found && origin.Pushed:
			return fix(text, f.sync()...)
		case origin.Found && origin.Committed:
			return fix(text, slices.Concat([]string{f.in.Push}, f.sync())...)
		}
		return fix(text, f.publish("add key "+r.key, origin.Path)...)
	}
	if k := near(r.key, keys, nil); k != "" {
		return f.change(report.Edit{Path: n.path, Line: n.line, Old: r.key, New: k}, "the key", o)
	}
	if origin.Path != "" {
		return fix(fmt.Sprintf("add the key %s to %s, or correct it in %s", r.key, at(origin.Path, origin.Line), at(n.path, n.line)),
			f.publish("add key "+r.key, origin.Path)...)
	}
	return fix(fmt.Sprintf("add the key %s to %s %s, or correct it in %s", r.key, r.kind, r.name, at(n.path, n.line)))
}

// said are the newest warnings about a Pod whose text holds a word.
func (f *finder) said(p *corev1.Pod, word string) (out []string) {
	for _, e := range f.events("Pod", &p.ObjectMeta) {
		if e.Warning() && strings.Contains(e.Message, word) {
			out = join(out, []string{e.Reason + ": " + e.Message})
		}
	}
	for _, c := range allStatuses(p) {
		if w := c.State.Waiting; w != nil && strings.Contains(w.Message, word) {
			out = join(out, []string{w.Reason + ": " + w.Message})
		}
	}
	return out
}
