package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// said is a text in which an application may name a database: a variable or an argument
// of a container, an entry of a ConfigMap, a value of the contract.
type said struct {
	object, key string // for the finding
	where       string // for instance "env DATABASE_URL of container web"
	name        string // of the variable or key; empty for an argument
	text        string
	at          func(word string) place
}

// arguments are the texts that the containers of a Pod are given.
func arguments(spec corev1.PodSpec) []string {
	var out []string
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		out = append(append(out, c.Command...), c.Args...)
		for _, e := range c.Env {
			out = append(out, e.Value)
		}
	}
	return out
}

// podSaid are the texts that an object's Pods are given, in its containers and, where
// it has a reference to one, in a ConfigMap of the chart and in the contract.
func (a *application) podSaid(o chart.Object) []said {
	template, ok := chart.PodSpec(o)
	if !ok {
		return nil
	}
	out := a.containers(o, template.Spec)
	for _, ref := range chart.References(template.Spec) {
		switch ref.Kind {
		case chart.ConfigMap:
			for _, m := range a.objects {
				if m.Kind == chart.ConfigMap && m.Group == "" && m.Name == ref.Name && m.Namespace == o.Namespace {
					out = append(out, a.entries(m, ref.Key)...)
				}
			}
		case chart.Secret:
			if s := a.spec(o.Namespace, ref.Name); s != nil {
				out = append(out, a.values(s, ref.Key)...)
			}
			for _, m := range a.objects {
				if isSealed(m) && m.Name == ref.Name && m.Namespace == o.Namespace {
					out = append(out, a.entries(m, ref.Key)...)
				}
			}
		}
	}
	return out
}

func (a *application) containers(o chart.Object, spec corev1.PodSpec) []said {
	var out []said
	visit := func(kind, list string, containers []corev1.Container) {
		for i, c := range containers {
			at := fmt.Sprintf("%s%s.%d", podField(o), list, i)
			for j, e := range c.Env {
				if e.Value != "" {
					out = append(out, said{object: o.String(), where: fmt.Sprintf("env %s of %s %s", e.Name, kind, c.Name), name: e.Name, text: e.Value,
						at: a.field(o, fmt.Sprintf("%s.env.%d.value", at, j))})
				}
			}
			for field, words := range map[string][]string{"command": c.Command, "args": c.Args} {
				for j, w := range words {
					out = append(out, said{object: o.String(), where: fmt.Sprintf("%s of %s %s", field, kind, c.Name), text: w,
						at: a.field(o, fmt.Sprintf("%s.%s.%d", at, field, j))})
				}
			}
		}
	}
	visit("init container", "initContainers", spec.InitContainers)
	visit("container", "containers", spec.Containers)
	return out
}

// podField is where an object has the specification of its Pods.
func podField(o chart.Object) string {
	switch o.Kind {
	case "Pod":
		return "spec."
	case "CronJob":
		return "spec.jobTemplate.spec.template.spec."
	}
	return "spec.template.spec."
}

// field finds a word of a field of an object.
func (a *application) field(o chart.Object, at string) func(string) place {
	return func(word string) place {
		if a.chart != nil {
			if p, ok := a.chart.LocateField(o, at, word); ok && p.Path != "" {
				return a.at(p.Path, p.Line)
			}
		}
		return a.atObject(o)
	}
}

// entries are the texts of a ConfigMap, or of a SealedSecret's template; all of them when
// no key is named.
func (a *application) entries(o chart.Object, key string) []said {
	data, _, _ := unstructured.NestedStringMap(o.Raw, "data")
	if isSealed(o) {
		data, _, _ = unstructured.NestedStringMap(o.Raw, "spec", "template", "data")
	}
	var out []said
	for _, k := range chart.Keys(o) {
		if data[k] != "" && (key == "" || k == key) {
			out = append(out, said{object: o.String(), key: k, where: o.Kind + " " + o.Name, name: k, text: data[k], at: func(word string) place {
				if a.chart != nil {
					if p, ok := a.chart.LocateIn(o, word); ok && p.Path != "" {
						return a.at(p.Path, p.Line)
					}
				}
				return a.atObject(o)
			}})
		}
	}
	return out
}

// values are the texts of a Secret in the contract that are no secret.
func (a *application) values(s *repo.SecretSpec, key string) []said {
	var out []said
	for i := range s.Keys {
		k := &s.Keys[i]
		text := k.Value
		if k.Template != nil {
			text = k.Template.String()
		}
		if text != "" && (key == "" || k.Name == key) {
			out = append(out, said{object: "Secret " + s.NamespaceOr(a.Namespace) + "/" + s.Name, key: k.Name, where: "Secret " + s.Name, name: k.Name, text: text,
				at: func(string) place { return place{a.contractPath(), k.Line} }})
		}
	}
	return out
}

// everything is every text of the application.
func (a *application) everything() []said {
	var out []said
	for _, o := range a.objects {
		if template, ok := chart.PodSpec(o); ok {
			out = append(out, a.containers(o, template.Spec)...)
		}
		if o.Group == "" && o.Kind == chart.ConfigMap || isSealed(o) {
			out = append(out, a.entries(o, "")...)
		}
	}
	if a.contract != nil {
		for i := range a.contract.Secrets {
			out = append(out, a.values(&a.contract.Secrets[i], "")...)
		}
	}
	return out
}

// host is the name of a Service of a CloudNativePG cluster, as text has it.
type host struct{ service, namespace, text string }

// cluster is the cluster's name.
func (h host) cluster() string { return h.service[:strings.LastIndexByte(h.service, '-')] }

// certain reports whether a name is of the kind that CloudNativePG makes and nobody
// else would: "-r" ends many names.
func (h host) certain() bool {
	return strings.HasSuffix(h.service, "-rw") || strings.HasSuffix(h.service, "-ro")
}

var serviceHost = regexp.MustCompile(`[a-z0-9][-a-z0-9]*-(?:rw|ro|r)(?:\.[a-z0-9][-a-z0-9]*)*`)

// hosts are the names in a text that a CloudNativePG cluster's Service could have.
func hosts(text string) []host {
	var out []host
	for _, m := range serviceHost.FindAllStringIndex(text, -1) {
		if m[0] > 0 && nameByte(text[m[0]-1]) || m[1] < len(text) && nameByte(text[m[1]]) && text[m[1]] != '.' {
			continue
		}
		labels := strings.Split(text[m[0]:m[1]], ".")
		h := host{service: labels[0], text: text[m[0]:m[1]]}
		if len(labels) > 1 {
			h.namespace = labels[1]
		}
		if len(labels) < 3 || labels[2] == "svc" { // shop-rw.example.com is somebody else's
			out = append(out, h)
		}
	}
	return out
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// hasWord reports whether a text has a word that is not part of a longer name.
func hasWord(text, word string) bool {
	for from := 0; word != ""; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		if end := i + len(word); (i == 0 || !nameByte(text[i-1])) && (end == len(text) || !nameByte(text[end])) {
			return true
		}
		from = i + 1
	}
	return false
}

// own is the application's cluster that a host is of.
func (a *application) own(h host) (chart.Object, bool) {
	for _, cluster := range a.clusters() {
		if cluster.Name == h.cluster() && (h.namespace == "" || h.namespace == cluster.Namespace) {
			return cluster, true
		}
	}
	return chart.Object{}, false
}

// use is a database that an object needs, and why.
type use struct {
	cluster chart.Object
	why     string
}

// databases are the application's own clusters that an object's Pods talk to: by the
// host, or with the Secret of the owner.
func (a *application) databases(o chart.Object) []use {
	var out []use
	clusters := a.clusters()
	if len(clusters) == 0 {
		return nil
	}
	for _, s := range a.podSaid(o) {
		for _, h := range hosts(s.text) {
			if cluster, ok := a.own(h); ok {
				out = append(out, use{cluster, s.where})
			}
		}
	}
	template, _ := chart.PodSpec(o)
	for _, ref := range chart.References(template.Spec) {
		for _, cluster := range clusters {
			if ref.Kind == chart.Secret && cluster.Namespace == o.Namespace && ref.Name == initdb(cluster).secret {
				out = append(out, use{cluster, ref.Where})
			}
		}
	}
	return out
}

// database is what a cluster makes first.
type database struct{ name, owner, secret string }

// initdb reads it, with CloudNativePG's defaults.
func initdb(cluster chart.Object) database {
	at := func(keys ...string) string {
		s, _, _ := unstructured.NestedString(cluster.Raw, append([]string{"spec", "bootstrap", "initdb"}, keys...)...)
		return s
	}
	d := database{at("database"), at("owner"), at("secret", "name")}
	if d.name == "" {
		d.name = "app"
	}
	if d.owner == "" {
		d.owner = d.name
	}
	return d
}

// isDatabase reports whether a host in a text is one of PostgreSQL: in a URL, or as all of
// a variable that is called after a database.
func (s said) isDatabase(h host) bool {
	name, _, _ := strings.Cut(strings.TrimSpace(s.text), ":")
	return strings.Contains(s.text, "postgres") || name == h.text && aboutDatabase.MatchString(s.name)
}

var aboutDatabase = regexp.MustCompile(`(?i)(?:^|[_.-])(?:[a-z]*postgres[a-z]*|pg[a-z]*|db[a-z]*|database[a-z]*|dsn)(?:[_.-]|$)`)

func databaseOne(c *checker, a *application) {
	clusters := a.clusters()
	for _, extra := range clusters[min(1, len(clusters)):] {
		at := a.atObject(extra)
		c.add(at, finding(extra.String(), fmt.Sprintf("the application has %d PostgreSQL clusters; the first is in %s", len(clusters), a.atObject(clusters[0])),
			fmt.Sprintf("take the one away that is not used, or move it to an application of its own; %s", at)))
	}
	var names []string
	for _, cluster := range clusters {
		names = append(names, cluster.Name)
	}
	if !c.known(a, a.Namespace) {
		return
	}
	for _, s := range a.everything() {
		for _, h := range hosts(s.text) {
			if _, ok := a.own(h); ok || !h.certain() || !s.isDatabase(h) || h.namespace != "" && h.namespace != a.Namespace {
				continue
			}
			if c.owner(a, h) != nil || a.service(h.service) {
				continue
			}
			message := fmt.Sprintf("%s speaks to %s, and no Cluster %q makes this host", s.where, h.service, h.cluster())
			fix := "add the Cluster to " + a.dir + "/templates/, or write the host of the one that is meant in " + s.at(h.text).String()
			if near := nearest(h.cluster(), names); near != "" || len(names) == 1 {
				if near == "" {
					near = names[0]
				}
				right := near + h.service[len(h.cluster()):]
				message += fmt.Sprintf("; did you mean %s?", right)
				fix = fmt.Sprintf("write %q in place of %q in %s", right, h.service, s.at(h.text))
			}
			c.add(s.at(h.text), s.finding(message, fix))
		}
	}
}

// service reports whether the chart itself has a Service of that name.
func (a *application) service(name string) bool {
	return slices.ContainsFunc(a.objects, func(o chart.Object) bool { return o.Kind == "Service" && o.Name == name })
}

func (s said) finding(message, fix string) report.Finding {
	f := finding(s.object, message, fix)
	f.Key = s.key
	return f
}

// owner is the other application that has the cluster of a host.
func (c *checker) owner(a *application, h host) *application {
	for _, other := range c.all {
		if other == a {
			continue
		}
		for _, cluster := range other.clusters() {
			in := h.namespace
			if in == "" { // the name alone: in the same namespace, or a copied line
				in = cluster.Namespace
			}
			if cluster.Name == h.cluster() && cluster.Namespace == in {
				return other
			}
		}
	}
	return nil
}

func databaseForeign(c *checker, a *application) {
	for _, s := range a.everything() {
		for _, h := range hosts(s.text) {
			_, own := a.own(h)
			other := c.owner(a, h)
			if own || other == nil && (h.namespace == "" || h.namespace == a.Namespace || !h.certain() || !s.isDatabase(h)) {
				continue
			}
			c.foreign(a, s, h.text, other)
		}
		for _, u := range urls(s.text) {
			other := c.byNamespace(a, u.host)
			if other != nil && len(hosts(u.host)) == 0 {
				c.foreign(a, s, u.host, other)
			}
		}
	}
	c.foreignSecrets(a)
	c.foreignLinks(a)
}

// foreign tells of a host that is another application's.
func (c *checker) foreign(a *application, s said, name string, other *application) {
	whose := "of another application"
	if other != nil {
		whose = "of the application " + other.Name
	}
	at := s.at(name)
	fix := fmt.Sprintf("give %s a Cluster of its own in %s/templates/ and write its host in %s", a.Name, a.dir, at)
	if clusters := a.clusters(); len(clusters) > 0 {
		fix = fmt.Sprintf("write %q in place of %q in %s", clusters[0].Name+"-rw", name, at)
	}
	c.add(at, s.finding(fmt.Sprintf("%s speaks to the database %s (%s)", s.where, whose, name), fix))
}

// byNamespace is the other application that a host name leads to.
func (c *checker) byNamespace(a *application, name string) *application {
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(labels) > 2 && labels[2] != "svc" || labels[1] == a.Namespace {
		return nil
	}
	for _, other := range c.all {
		if other != a && other.Namespace == labels[1] {
			return other
		}
	}
	return nil
}

// foreignSecrets finds Secrets of another application's cluster, which works where two
// applications share a namespace.
func (c *checker) foreignSecrets(a *application) {
	for _, o := range a.objects {
		for _, ref := range needs(o) {
			for _, other := range c.all {
				if ref.Kind != chart.Secret || other == a {
					continue
				}
				for _, cluster := range other.clusters() {
					if cluster.Namespace == o.Namespace && isSecretOf(cluster, ref.Name) && !slices.ContainsFunc(a.clusters(), func(own chart.Object) bool { return isSecretOf(own, ref.Name) }) {
						at := a.where(o, ref)
						c.add(at, finding(o.String(), fmt.Sprintf("%s reads Secret %q of the database of the application %s", ref.Where, ref.Name, other.Name),
							fmt.Sprintf("give %s a Cluster of its own in %s/templates/ and write its Secret in %s", a.Name, a.dir, at)))
					}
				}
			}
		}
	}
}

// isSecretOf reports whether a Secret holds a cluster's credentials.
func isSecretOf(cluster chart.Object, name string) bool {
	if name == initdb(cluster).secret {
		return true
	}
	return slices.ContainsFunc(chart.Products(cluster), func(p chart.Product) bool { return p.Kind == chart.Secret && p.Name == name })
}

// foreignLinks finds links to the password of another application's cluster.
func (c *checker) foreignLinks(a *application) {
	if a.contract == nil {
		return
	}
	for i := range a.contract.Secrets {
		s := &a.contract.Secrets[i]
		for _, k := range s.Keys {
			for _, other := range c.all {
				if k.Kind != repo.KindLink || other == a || other.Name != k.Link.Application {
					continue
				}
				for _, cluster := range other.clusters() {
					if isSecretOf(cluster, k.Link.Secret) {
						at := place{a.contractPath(), k.Line}
						f := finding("Secret "+s.NamespaceOr(a.Namespace)+"/"+s.Name, fmt.Sprintf("it is the password of the database of the application %s (%s)", other.Name, k.Link),
							fmt.Sprintf("give %s a Cluster of its own in %s/templates/ and take this key away in %s", a.Name, a.dir, at))
						f.Key = k.Name
						c.add(at, f)
					}
				}
			}
		}
	}
}

// address is host and database of a PostgreSQL URL.
type address struct{ host, database string }

var postgresURL = regexp.MustCompile(`postgres(?:ql)?(?:\+[a-z0-9]+)?://(?:[^\s"'/@]*@)?([A-Za-z0-9.-]+)(?::\d+)?(?:/([^\s"'?#]*))?`)

func urls(text string) []address {
	var out []address
	for _, m := range postgresURL.FindAllStringSubmatch(text, -1) {
		out = append(out, address{m[1], m[2]})
	}
	return out
}
