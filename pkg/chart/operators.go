package chart

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Product is something that exists because an object does.
type Product struct {
	Kind, Name string
	Keys       []string // of a ConfigMap or Secret
	Complete   bool     // Keys are all there are; else it may have others
}

// Keys are the keys of a ConfigMap, a Secret or a SealedSecret, sorted.
func Keys(o Object) []string {
	var fields [][]string
	switch o.Group + "/" + o.Kind {
	case "/ConfigMap":
		fields = [][]string{{"data"}, {"binaryData"}}
	case "/Secret":
		fields = [][]string{{"data"}, {"stringData"}}
	case "bitnami.com/SealedSecret":
		fields = [][]string{{"spec", "encryptedData"}, {"spec", "template", "data"}}
	}
	keys := map[string]bool{}
	for _, f := range fields {
		m, _, _ := unstructured.NestedMap(o.Raw, f...)
		for k := range m {
			keys[k] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// Products are what an object and the operator that takes care of it bring into the
// namespace: itself, a SealedSecret's Secret, a StatefulSet's claims, what CloudNativePG
// makes for a Cluster, the Secret of a cert-manager Certificate.
func Products(o Object) []Product {
	out := []Product{{Kind: o.Kind, Name: o.Name, Keys: Keys(o), Complete: true}}
	switch o.Group + "/" + o.Kind {
	case "bitnami.com/SealedSecret":
		name, ok, _ := unstructured.NestedString(o.Raw, "spec", "template", "metadata", "name")
		if !ok || name == "" {
			name = o.Name
		}
		out = append(out, Product{Kind: Secret, Name: name, Keys: Keys(o), Complete: true})
	case "cert-manager.io/Certificate":
		name, _, _ := unstructured.NestedString(o.Raw, "spec", "secretName")
		out = append(out, Product{Kind: Secret, Name: name, Keys: []string{"ca.crt", "tls.crt", "tls.key"}})
	case "external-secrets.io/ExternalSecret":
		name, ok, _ := unstructured.NestedString(o.Raw, "spec", "target", "name")
		if !ok || name == "" {
			name = o.Name
		}
		out = append(out, Product{Kind: Secret, Name: name})
	case "apps/StatefulSet":
		for _, name := range Claims(o) {
			out = append(out, Product{Kind: PersistentVolumeClaim, Name: name})
		}
	case "postgresql.cnpg.io/Cluster":
		out = append(out, clusterProducts(o)...)
	}
	return out
}

// appKeys are what CloudNativePG 1.30 writes into the Secret of a database's owner.
var appKeys = []string{
	"dbname", "fqdn-jdbc-uri", "fqdn-uri", "host", "jdbc-uri", "password", "pgpass", "port", "uri", "user", "username",
}

// clusterProducts are what CloudNativePG makes for a Cluster.
func clusterProducts(o Object) []Product {
	out := []Product{
		{Kind: ServiceAccount, Name: o.Name},
		{Kind: Secret, Name: o.Name + "-replication", Keys: []string{"tls.crt", "tls.key"}, Complete: true},
		{Kind: Secret, Name: o.Name + "-ca", Keys: []string{"ca.crt", "ca.key"}, Complete: true},
		{Kind: Secret, Name: o.Name + "-server", Keys: []string{"tls.crt", "tls.key"}, Complete: true},
	}
	for _, s := range []string{"-rw", "-ro", "-r"} {
		out = append(out, Product{Kind: "Service", Name: o.Name + s})
	}
	if !has(o, "spec", "bootstrap", "initdb", "secret", "name") && !has(o, "spec", "bootstrap", "recovery", "secret", "name") &&
		!has(o, "spec", "bootstrap", "pg_basebackup", "secret", "name") {
		out = append(out, Product{Kind: Secret, Name: o.Name + "-app", Keys: appKeys, Complete: true})
	}
	access, _, _ := unstructured.NestedBool(o.Raw, "spec", "enableSuperuserAccess")
	if access && !has(o, "spec", "superuserSecret", "name") {
		out = append(out, Product{Kind: Secret, Name: o.Name + "-superuser", Keys: appKeys, Complete: true})
	}
	return out
}

func has(o Object, path ...string) bool {
	s, ok, _ := unstructured.NestedString(o.Raw, path...)
	return ok && s != ""
}

// rule is a place where a kind names something. In a path, * is every item of a list.
type rule struct {
	path string // of a name, or of a mapping with name and key
	kind string
	keys []string // that it must have where the mapping names none
}

var rules = map[string][]rule{
	"networking.k8s.io/Ingress": {{"spec.tls.*.secretName", Secret, []string{"tls.crt", "tls.key"}}},
	"/ServiceAccount": {
		{"secrets.*.name", Secret, nil}, {"imagePullSecrets.*.name", Secret, nil},
	},
	"gateway.networking.k8s.io/Gateway": {{"spec.listeners.*.tls.certificateRefs.*.name", Secret, nil}},
	"postgresql.cnpg.io/Cluster":        clusterRules(),
}

// clusterRules are the places of a CloudNativePG 1.30 Cluster.
func clusterRules() []rule {
	login := []string{"password", "username"}
	out := []rule{
		{"spec.bootstrap.initdb.secret", Secret, login},
		{"spec.bootstrap.recovery.secret", Secret, login},
		{"spec.bootstrap.pg_basebackup.secret", Secret, login},
		{"spec.superuserSecret", Secret, login},
		{"spec.managed.roles.*.passwordSecret", Secret, login},
		{"spec.imagePullSecrets.*", Secret, nil},
		{"spec.certificates.serverTLSSecret", Secret, nil},
		{"spec.certificates.serverCASecret", Secret, nil},
		{"spec.certificates.clientCASecret", Secret, nil},
		{"spec.certificates.replicationTLSSecret", Secret, nil},
		{"spec.monitoring.customQueriesConfigMap.*", ConfigMap, nil},
		{"spec.monitoring.customQueriesSecret.*", Secret, nil},
	}
	for _, refs := range []string{"postInitSQLRefs", "postInitApplicationSQLRefs", "postInitTemplateSQLRefs"} {
		out = append(out, rule{"spec.bootstrap.initdb." + refs + ".secretRefs.*", Secret, nil},
			rule{"spec.bootstrap.initdb." + refs + ".configMapRefs.*", ConfigMap, nil})
	}
	for _, key := range []string{"password", "sslKey", "sslCert", "sslRootCert"} {
		out = append(out, rule{"spec.externalClusters.*." + key, Secret, nil})
	}
	for _, store := range []string{"spec.backup.barmanObjectStore.", "spec.externalClusters.*.barmanObjectStore."} {
		for _, key := range []string{
			"endpointCA", "googleCredentials.applicationCredentials",
			"s3Credentials.accessKeyId", "s3Credentials.secretAccessKey", "s3Credentials.region", "s3Credentials.sessionToken",
			"azureCredentials.connectionString", "azureCredentials.storageAccount",
			"azureCredentials.storageKey", "azureCredentials.storageSasToken",
		} {
			out = append(out, rule{store + key, Secret, nil})
		}
	}
	return append(out, rule{"spec.bootstrap.recovery.backup.endpointCA", Secret, nil})
}

// ObjectReferences are the Secrets and ConfigMaps that an object names outside of a
// Pod's specification: a CloudNativePG Cluster, an Ingress, a Gateway, a ServiceAccount.
func ObjectReferences(o Object) []Reference {
	var out references
	for _, rule := range rules[o.Group+"/"+o.Kind] {
		visit(o.Raw, "", rule.path, func(at string, v any) { out.named(rule, at, v) })
	}
	return out
}

// named adds what a place names.
func (r *references) named(rule rule, at string, v any) {
	ref := Reference{Kind: rule.kind, Where: at, Field: at}
	keys := rule.keys
	switch v := v.(type) {
	case string:
		ref.Name = v
	case map[string]any:
		ref.Name, _ = v["name"].(string)
		ref.Field += ".name"
		if key, ok := v["key"].(string); ok && key != "" {
			keys = []string{key}
		}
	}
	if len(keys) == 0 {
		r.add(ref)
	}
	for _, key := range keys {
		ref.Key = key
		r.add(ref)
	}
}

// visit calls f for everything that is at a path.
func visit(v any, at, path string, f func(at string, v any)) {
	if path == "" {
		f(at, v)
		return
	}
	key, rest, _ := strings.Cut(path, ".")
	if key == "*" {
		items, _ := v.([]any)
		for i, item := range items {
			visit(item, field(at, i), rest, f)
		}
		return
	}
	if m, ok := v.(map[string]any); ok && m[key] != nil {
		visit(m[key], strings.TrimPrefix(at+"."+key, "."), rest, f)
	}
}
