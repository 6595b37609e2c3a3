package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/chart"
)

// needs are the names that an object needs to exist: of its Pods, and of a PostgreSQL
// cluster. Other objects (an Ingress, a Gateway) work without, or with what comes later.
func needs(o chart.Object) []chart.Reference {
	if isCluster(o) {
		return chart.ObjectReferences(o)
	}
	if template, ok := chart.PodSpec(o); ok {
		return chart.References(template.Spec)
	}
	return nil
}

// identityOf is what a reference of an object names.
func identityOf(o chart.Object, ref chart.Reference) identity {
	return identity{o.Namespace, ref.Kind, ref.Name}
}

// known reports whether it is known what there will be in a namespace. Where a contract
// cannot be read, or a chart that brings something into it, any name may be there.
func (c *checker) known(a *application, namespace string) bool {
	if !a.whole() || a.contract == nil && len(a.unreadable) > 0 {
		return false
	}
	return !slices.ContainsFunc(c.all, func(other *application) bool {
		return other != a && !other.whole() && other.Namespace == namespace
	})
}

func referenceMissing(c *checker, a *application) {
	for _, o := range a.objects {
		for _, ref := range needs(o) {
			c.result.References++
			id := identityOf(o, ref)
			if ref.Optional || built(ref) || len(c.produced[id]) > 0 || !c.known(a, o.Namespace) || a.atRunTime(id) {
				continue
			}
			ref.Key = ""
			message, fix := c.missing(a, o, ref)
			c.add(a.where(o, ref), finding(o.String(), message, fix))
		}
	}
}

// where is the line that names what an object refers to.
func (a *application) where(o chart.Object, ref chart.Reference) place {
	if a.chart != nil {
		if p, ok := a.chart.LocateReference(o, ref); ok && p.Path != "" {
			return a.at(p.Path, p.Line)
		}
	}
	return a.atObject(o)
}

// missing says what is not there, what may have been meant, and what to do.
func (c *checker) missing(a *application, o chart.Object, ref chart.Reference) (message, fix string) {
	id := identityOf(o, ref)
	message = fmt.Sprintf("%s needs %s %q, and nothing makes it", ref.Where, ref.Kind, ref.Name)
	if s := a.disabled(ref); s != nil {
		return message + fmt.Sprintf(": the chart does not render it while %s", state(s)), "write " + a.change(s)
	}
	if near := nearest(ref.Name, c.produced.names(id.namespace, ref.Kind)); near != "" {
		return message + fmt.Sprintf("; did you mean %q?", near), fmt.Sprintf("write %q in place of %q in %s", near, ref.Name, a.where(o, ref))
	}
	if other, ok := c.produced.elsewhere(id); ok {
		at := other.app.atObject(other.object)
		message += fmt.Sprintf(" in namespace %s: %s is for %s", id.namespace, at, other.object.Namespace)
		if s := other.app.spec(other.object.Namespace, ref.Name); s != nil {
			return message, fmt.Sprintf("write `namespace: %s` for it in %s and in its plaintext, and run `mage seal:app %s -prune`", id.namespace, place{other.app.contractPath(), s.Line}, other.app.Name)
		}
		if isSealed(other.object) {
			return message, fmt.Sprintf("seal it for %s: add it to %s and run `mage secrets:generate -app=%s` and `mage seal:app %s`", id.namespace, a.contractPath(), a.Name, a.Name)
		}
		return message, fmt.Sprintf("give it the namespace %s in %s", id.namespace, at)
	}
	field := external(ref.Kind)
	outside := fmt.Sprintf("`external: {%s: [%s]}` in %s if something else makes it", field, ref.Name, a.contractPath())
	if ref.Kind == chart.Secret {
		return message, fmt.Sprintf("add it to %s and run `mage secrets:generate -app=%s` and `mage seal:app %s`, or write %s", a.contractPath(), a.Name, a.Name, outside)
	}
	return message, fmt.Sprintf("add the %s to %s/templates/, or write %s", ref.Kind, a.dir, outside)
}

// external is the field of secrets.yaml for a kind.
func external(kind string) string {
	return strings.ToLower(kind[:1]) + kind[1:] + "s"
}

// disabled looks for the value that keeps the chart from rendering an object.
func (a *application) disabled(ref chart.Reference) *chart.Switch {
	if a.chart == nil {
		return nil
	}
	s, err := chart.Disabled(a.files, a.options, ref.Kind, ref.Name)
	if err != nil {
		return nil
	}
	return s
}

// state is what a switch is now.
func state(s *chart.Switch) string {
	now := s.Old
	if now == "" {
		now = "empty"
	}
	text := fmt.Sprintf("`%s` is %s", s.Key, now)
	if s.Also != nil {
		text += " and " + state(s.Also)
	}
	return text
}

// change is what to write for a switch.
func (a *application) change(s *chart.Switch) string {
	value := s.New
	if value == "" {
		value = `""`
	}
	text := fmt.Sprintf("`%s: %s` in %s", s.Key, value, a.at(s.Path, s.Line))
	if s.Path == "" {
		text = fmt.Sprintf("`%s: %s` under `helm` in %s", s.Key, value, a.at(applicationFile, 0))
	}
	if s.Also != nil {
		text += " and " + a.change(s.Also)
	}
	return text
}

func keyMissing(c *checker, a *application) {
	for _, o := range a.objects {
		for _, ref := range needs(o) {
			made := c.produced[identityOf(o, ref)]
			if ref.Key == "" || ref.Optional || len(made) == 0 || slices.ContainsFunc(made, func(p product) bool {
				return p.open || slices.Contains(p.keys, ref.Key)
			}) {
				continue
			}
			at := a.whereKey(o, ref)
			f := finding(o.String(), "", "")
			f.Key = ref.Key
			f.Message, f.Fix = c.missingKey(ref, made[0], at)
			c.add(at, f)
		}
	}
}

// whereKey is the line that names the key.
func (a *application) whereKey(o chart.Object, ref chart.Reference) place {
	if a.chart != nil && !isCluster(o) {
		if p, ok := a.chart.LocateKey(o, ref); ok && p.Path != "" {
			return a.at(p.Path, p.Line)
		}
	}
	return a.where(o, ref)
}

func (c *checker) missingKey(ref chart.Reference, made product, at place) (message, fix string) {
	from := made.app.atObject(made.object)
	if s := made.app.spec(made.object.Namespace, ref.Name); isSealed(made.object) && s != nil && s.Key(ref.Key) != nil {
		return fmt.Sprintf("%s needs this key of Secret %q, and %s was sealed without it", ref.Where, ref.Name, from),
			fmt.Sprintf("run `mage secrets:generate -app=%s` and `mage seal:app %s`", made.app.Name, made.app.Name)
	}
	message = fmt.Sprintf("%s needs this key of %s %q, which %s does not have", ref.Where, ref.Kind, ref.Name, from)
	if near := nearest(ref.Key, made.keys); near != "" {
		return message + fmt.Sprintf("; did you mean %q?", near), fmt.Sprintf("write %q in place of %q in %s", near, ref.Key, at)
	}
	if len(made.keys) > 0 {
		message += "; it has " + list(made.keys)
	}
	switch {
	case isCluster(made.object):
		return message, fmt.Sprintf("write one of %s in %s", strings.Join(made.keys, ", "), at)
	case isSealed(made.object):
		return message, fmt.Sprintf("add the key to %s of %s and run `mage secrets:generate -app=%s` and `mage seal:app %s`", ref.Name, made.app.contractPath(), made.app.Name, made.app.Name)
	default:
		return message, fmt.Sprintf("add the key to the %s in %s", made.object.Kind, from)
	}
}

// objectTwice tells of objects that the chart renders more than once. Hooks of one name
// follow one another.
func objectTwice(c *checker, a *application) {
	seen := map[[4]string]chart.Object{}
	for _, o := range a.objects {
		if o.Hook != "" || o.Name == "" {
			continue
		}
		id := [4]string{o.Group, o.Kind, o.Namespace, o.Name}
		first, twice := seen[id]
		if !twice {
			seen[id] = o
			continue
		}
		at := a.atObject(o)
		c.add(at, finding(o.String(), fmt.Sprintf("the chart renders it already in %s", a.atObject(first)),
			fmt.Sprintf("delete one of the two, or give the one in %s another name", at)))
	}
}
