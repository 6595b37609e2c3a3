package lint

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/repo"
)

// identity names an object of a namespace.
type identity struct{ namespace, kind, name string }

// product is something that will be in a namespace, and why.
type product struct {
	app    *application
	object chart.Object // that brings it
	keys   []string
	open   bool // it may have other keys, too
	// declared: secrets.yaml says so and no sealed file is there yet, which is a finding
	// of its own, or it says that it comes from elsewhere.
	declared bool
}

// products are all that the repository brings, by identity.
type products map[identity][]product

// produce looks at the objects of all applications, and at what their contracts promise.
func produce(all []*application) products {
	p := products{}
	for _, a := range all {
		for _, o := range a.objects {
			p.object(a, o)
		}
		p.contract(a)
	}
	return p
}

func (p products) add(id identity, made product) {
	if id.name != "" {
		p[id] = append(p[id], made)
	}
}

func (p products) object(a *application, o chart.Object) {
	for _, made := range chart.Products(o) {
		p.add(identity{o.Namespace, made.Kind, made.Name},
			product{app: a, object: o, keys: made.Keys, open: !made.Complete || filledLater(o)})
	}
	switch o.Group + "/" + o.Kind {
	case "trust.cert-manager.io/Bundle": // a ConfigMap in every namespace
		for _, ns := range namespaces(a) {
			p.add(identity{ns, chart.ConfigMap, o.Name}, product{app: a, object: o, open: true})
		}
	}
}

// namespaces are those that an application puts objects into.
func namespaces(a *application) []string {
	out := map[string]bool{a.Namespace: true}
	for _, o := range a.objects {
		out[o.Namespace] = true
	}
	return slices.Sorted(maps.Keys(out))
}

// fillers are controllers that put keys into a Secret or ConfigMap of somebody else, by
// the beginning of an annotation or label.
var fillers = []string{
	"secret-generator.v1.mittwald.de/", "replicator.v1.mittwald.de/", "reflector.v1.k8s.emberstack.com/",
	"config.openshift.io/inject-trusted-cabundle", "service.beta.openshift.io/", "cert-manager.io/",
	"kubed.appscode.com/", "avp.kubernetes.io/",
}

// filledLater reports whether an object gets its keys from somebody else: an empty one,
// a service account's token, one with the annotation of such a controller.
func filledLater(o chart.Object) bool {
	if o.Group != "" || o.Kind != chart.Secret && o.Kind != chart.ConfigMap {
		return false
	}
	if typ, _, _ := unstructured.NestedString(o.Raw, "type"); typ == "kubernetes.io/service-account-token" || len(chart.Keys(o)) == 0 {
		return true
	}
	for _, field := range []string{"annotations", "labels"} {
		m, _, _ := unstructured.NestedMap(o.Raw, "metadata", field)
		for k := range m {
			if slices.ContainsFunc(fillers, func(f string) bool { return strings.HasPrefix(k, f) }) {
				return true
			}
		}
	}
	return false
}

// contract adds what secrets.yaml promises.
func (p products) contract(a *application) {
	if a.contract == nil {
		return
	}
	for i := range a.contract.Secrets {
		s := &a.contract.Secrets[i]
		id := identity{s.NamespaceOr(a.Namespace), chart.Secret, s.Name}
		if len(p[id]) > 0 {
			continue
		}
		var keys []string
		for _, k := range s.Keys {
			keys = append(keys, k.Name)
		}
		p.add(id, product{app: a, keys: keys, declared: true, object: chart.Object{
			Group: "bitnami.com", Kind: "SealedSecret", Namespace: id.namespace, Name: id.name,
			Path: relative(a.dir, a.contractPath()), Line: s.Line, Wave: wave(s.SealedAnnotations),
		}})
	}
	for kind, names := range map[string][]repo.External{
		chart.Secret: a.contract.External.Secrets, chart.ConfigMap: a.contract.External.ConfigMaps,
		chart.ServiceAccount: a.contract.External.ServiceAccounts, chart.PersistentVolumeClaim: a.contract.External.PersistentVolumeClaims,
	} {
		for _, e := range names {
			for _, ns := range namespaces(a) {
				p.add(identity{ns, kind, e.Name}, product{app: a, open: true, declared: true, object: chart.Object{
					Kind: kind, Namespace: ns, Name: e.Name, Path: relative(a.dir, a.contractPath()), Line: e.Line, Wave: always,
				}})
			}
		}
	}
}

// always is the wave of what is there before every sync.
const always = -1 << 30

// near are names of a kind in a namespace.
func (p products) names(namespace, kind string) []string {
	var out []string
	for id := range p {
		if id.namespace == namespace && id.kind == kind {
			out = append(out, id.name)
		}
	}
	slices.Sort(out)
	return out
}

// elsewhere is another namespace that has an object of this kind and name.
func (p products) elsewhere(id identity) (product, bool) {
	var found []identity
	for other := range p {
		if other.kind == id.kind && other.name == id.name && other.namespace != id.namespace {
			found = append(found, other)
		}
	}
	if len(found) == 0 {
		return product{}, false
	}
	first := slices.MinFunc(found, func(a, b identity) int { return strings.Compare(a.namespace, b.namespace) })
	return p[first][0], true
}

// built reports what every namespace has.
func built(ref chart.Reference) bool {
	return ref.Kind == chart.ServiceAccount && ref.Name == "default" ||
		ref.Kind == chart.ConfigMap && ref.Name == "kube-root-ca.crt" && (ref.Key == "" || ref.Key == "ca.crt")
}

// atRunTime reports whether somebody may make an object whose ways are not known here:
// a custom resource that names it, or is named like it, and whose operator is not one
// of those that only read; or a container that is given the name and may create such
// objects.
func (a *application) atRunTime(id identity) bool {
	for _, o := range a.objects {
		if o.Namespace != id.namespace && o.Namespace != "" {
			continue
		}
		if foreign(o.Group) && (o.Name == id.name || strings.HasPrefix(id.name, o.Name+"-") || names(o.Raw, strings.ToLower(id.kind), id.name)) {
			return true
		}
		if template, ok := chart.PodSpec(o); ok {
			for _, t := range arguments(template.Spec) {
				if hasWord(t, id.name) && a.mayCreate(id.kind) {
					return true
				}
			}
		}
	}
	return false
}

// readers are groups whose objects name Secrets and ConfigMaps and make none.
var readers = []string{
	"monitoring.coreos.com", "traefik.io", "traefik.containo.us", "argoproj.io", "keda.sh", "cilium.io", "kyverno.io",
	"bitnami.com", "postgresql.cnpg.io", "cert-manager.io", "trust.cert-manager.io", "external-secrets.io", "projectcontour.io", "autoscaling.k8s.io",
}

// foreign reports whether the objects of a group are an operator's whose products are not known.
func foreign(group string) bool {
	return strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io") && !strings.HasSuffix(group, ".istio.io") &&
		!slices.Contains(readers, group)
}

// names reports whether a field that speaks of a kind (secretName, writeConnectionSecretToRef.name)
// has a value.
func names(v any, kind, value string) bool {
	var walk func(v any, speaks bool) bool
	walk = func(v any, speaks bool) bool {
		switch v := v.(type) {
		case string:
			return speaks && v == value
		case []any:
			return slices.ContainsFunc(v, func(item any) bool { return walk(item, speaks) })
		case map[string]any:
			for k, item := range v {
				if k != "metadata" && walk(item, speaks || strings.Contains(strings.ToLower(k), kind)) {
					return true
				}
			}
		}
		return false
	}
	return walk(v, false)
}

// mayCreate reports whether the chart has a role that may create objects of a kind.
func (a *application) mayCreate(kind string) bool {
	resource := strings.ToLower(kind) + "s"
	for _, o := range a.objects {
		if o.Group != "rbac.authorization.k8s.io" || o.Kind != "Role" && o.Kind != "ClusterRole" {
			continue
		}
		rules, _, _ := unstructured.NestedSlice(o.Raw, "rules")
		for _, r := range rules {
			m, _ := r.(map[string]any)
			if has(m["resources"], resource) && has(m["verbs"], "create") {
				return true
			}
		}
	}
	return false
}

func has(list any, word string) bool {
	items, _ := list.([]any)
	return slices.Contains(items, any(word)) || slices.Contains(items, any("*"))
}
