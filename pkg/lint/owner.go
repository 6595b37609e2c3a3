package lint

import (
	"encoding/base64"
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/repo"
)

const basicAuth = "kubernetes.io/basic-auth"

// databaseOwner holds the Secrets of a cluster's roles against the roles
// (CloudNativePG refuses another type, and #268 for the username).
func databaseOwner(c *checker, a *application) {
	for _, cluster := range a.clusters() {
		db := initdb(cluster)
		c.role(a, cluster, db.secret, db.owner, "the database's owner")
		roles, _, _ := unstructured.NestedSlice(cluster.Raw, "spec", "managed", "roles")
		for _, r := range roles {
			m, _ := r.(map[string]any)
			name, _, _ := unstructured.NestedString(m, "name")
			secret, _, _ := unstructured.NestedString(m, "passwordSecret", "name")
			c.role(a, cluster, secret, name, "the role")
		}
	}
}

// role checks the Secret of one role.
func (c *checker) role(a *application, cluster chart.Object, secret, role, what string) {
	if secret == "" || role == "" {
		return
	}
	seal := fmt.Sprintf("run `mage secrets:generate -app=%s -force=%s/%s/username` and `mage seal:app %s`", a.Name, a.Name, secret, a.Name)
	if s := a.spec(cluster.Namespace, secret); s != nil {
		at := place{a.contractPath(), s.Line}
		if s.Type != basicAuth {
			c.add(at, finding("Secret "+cluster.Namespace+"/"+secret, fmt.Sprintf("the type is %s, and %s wants %s", s.Type, cluster, basicAuth),
				fmt.Sprintf("write `type: %s` in %s, delete the plaintext file's Secret and the one in the cluster, and run `mage secrets:generate -app=%s` and `mage seal:app %s`", basicAuth, at, a.Name, a.Name)))
		}
		if k := s.Key("username"); k != nil && !mayBe(k, role) {
			at := place{a.contractPath(), k.Line}
			f := finding("Secret "+cluster.Namespace+"/"+secret, fmt.Sprintf("it is not %q, %s of %s in %s", role, what, cluster, a.atObject(cluster)),
				fmt.Sprintf("write `username: {value: %s}` in %s, then %s", role, at, seal))
			f.Key = "username"
			c.add(at, f)
		}
		return
	}
	for _, o := range a.objects {
		if o.Name == secret && o.Namespace == cluster.Namespace {
			c.plainRole(a, cluster, o, role, what)
		}
	}
}

// mayBe reports whether a key of the contract can have a value.
func mayBe(k *repo.KeySpec, value string) bool {
	switch k.Kind {
	case repo.KindValue:
		return k.Value == value
	case repo.KindExternal, repo.KindLink, repo.KindDerive:
		return true
	default:
		return false // made at random
	}
}

// plainRole checks a Secret of the chart, or the type in a sealed file without contract.
func (c *checker) plainRole(a *application, cluster, o chart.Object, role, what string) {
	at := a.atObject(o)
	var typ, user string
	switch {
	case isSealed(o):
		typ, _, _ = unstructured.NestedString(o.Raw, "spec", "template", "type")
	case o.Group == "" && o.Kind == chart.Secret:
		typ, _, _ = unstructured.NestedString(o.Raw, "type")
		user = username(o)
	default:
		return
	}
	if typ != basicAuth {
		if typ == "" {
			typ = "Opaque"
		}
		c.add(at, finding(o.String(), fmt.Sprintf("the type is %s, and %s wants %s", typ, cluster, basicAuth), fmt.Sprintf("write `type: %s` in %s", basicAuth, at)))
	}
	if user != "" && user != role {
		f := finding(o.String(), fmt.Sprintf("it is not %q, %s of %s in %s", role, what, cluster, a.atObject(cluster)), fmt.Sprintf("write `username: %s` in %s", role, at))
		f.Key = "username"
		c.add(at, f)
	}
}

// username is that of a Secret in the chart; it is compared and never told.
func username(o chart.Object) string {
	if s, ok, _ := unstructured.NestedString(o.Raw, "stringData", "username"); ok {
		return s
	}
	s, _, _ := unstructured.NestedString(o.Raw, "data", "username")
	out, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(out)
}

// databaseVariable are variables that name a database.
var databaseVariable = regexp.MustCompile(`^(?:.*_)?(?:PGDATABASE|POSTGRES(?:QL)?_+(?:DB|DATABASE|NAME)|(?:DATABASE|DB)_(?:NAME|DATABASE))$`)

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// databaseName holds the names of databases against the one that the cluster makes.
func databaseName(c *checker, a *application) {
	clusters := a.clusters()
	if len(clusters) != 1 || a.moreDatabases(clusters[0]) {
		return
	}
	want := initdb(clusters[0]).name
	wrong := func(s said, name string) {
		if !plainWord.MatchString(name) || name == want || name == "postgres" || name == "template1" {
			return
		}
		at := s.at(name)
		c.add(at, s.finding(fmt.Sprintf("%s names the database %q, and %s in %s makes %q", s.where, name, clusters[0], a.atObject(clusters[0]), want),
			fmt.Sprintf("write %q in place of %q in %s", want, name, at)))
	}
	for _, s := range a.everything() {
		for _, u := range urls(s.text) {
			if hs := hosts(u.host); len(hs) == 1 {
				if _, ok := a.own(hs[0]); ok {
					wrong(s, u.database)
				}
			}
		}
	}
	for _, o := range a.objects {
		template, ok := chart.PodSpec(o)
		if !ok || len(a.databases(o)) == 0 {
			continue
		}
		for _, s := range a.containers(o, template.Spec) {
			if databaseVariable.MatchString(s.name) {
				wrong(s, s.text)
			}
		}
	}
}

// moreDatabases reports whether a cluster may have others than initdb's: by a Database,
// by SQL, or out of a backup.
func (a *application) moreDatabases(cluster chart.Object) bool {
	for _, o := range a.objects {
		if o.Group == "postgresql.cnpg.io" && o.Kind == "Database" {
			return true
		}
	}
	bootstrap, _, _ := unstructured.NestedMap(cluster.Raw, "spec", "bootstrap")
	init, _ := bootstrap["initdb"].(map[string]any)
	for _, name := range []string{"postInitSQL", "postInitApplicationSQL", "postInitTemplateSQL", "postInitSQLRefs", "postInitApplicationSQLRefs", "postInitTemplateSQLRefs", "import"} {
		if init[name] != nil {
			return true
		}
	}
	return bootstrap["recovery"] != nil || bootstrap["pg_basebackup"] != nil
}
