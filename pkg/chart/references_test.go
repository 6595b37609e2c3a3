package chart_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/chart"
)

// object is the only object of a template.
func object(t testing.TB, text string) chart.Object {
	t.Helper()
	r := render(t, minimal+"-- templates/a.yaml --\n"+text)
	if len(r.Objects) != 1 {
		t.Fatalf("%d objects", len(r.Objects))
	}
	return r.Objects[0]
}

func lines(refs []chart.Reference) []string {
	var out []string
	for _, r := range refs {
		line := fmt.Sprintf("%s %s", r.Kind, r.Name)
		if r.Key != "" {
			line += "/" + r.Key
		}
		if r.Optional {
			line += " (optional)"
		}
		line += ": " + r.Where
		if r.Container != "" {
			line += " [" + r.Container + "]"
		}
		out = append(out, line+" @"+r.Field)
	}
	return out
}

func TestReferences(t *testing.T) {
	o := object(t, `
apiVersion: batch/v1
kind: CronJob
metadata: {name: a}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          serviceAccountName: account
          imagePullSecrets: [{name: pull}]
          initContainers:
            - name: init
              envFrom: [{secretRef: {name: init-env, optional: true}}]
          containers:
            - name: main
              env:
                - {name: PLAIN, value: x}
                - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
                - {name: A, valueFrom: {configMapKeyRef: {name: m, key: k}}}
                - {name: B, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}
              envFrom:
                - configMapRef: {name: m}
          volumes:
            - {name: empty, emptyDir: {}}
            - {name: map, configMap: {name: m, items: [{key: one, path: a}, {key: two, path: b}]}}
            - {name: secret, secret: {secretName: s, optional: true}}
            - {name: claim, persistentVolumeClaim: {claimName: c}}
            - name: all
              projected:
                sources:
                  - serviceAccountToken: {path: t}
                  - configMap: {name: p, items: [{key: k, path: a}]}
                  - secret: {name: p}
            - {name: csi, csi: {driver: d, nodePublishSecretRef: {name: csi-secret}}}
            - {name: nfs, nfs: {server: a, path: /}}
`)
	spec, ok := chart.PodSpec(o)
	if !ok {
		t.Fatal("a CronJob makes Pods")
	}
	want := []string{
		"ServiceAccount account: serviceAccountName @serviceAccountName",
		"Secret pull: imagePullSecrets @imagePullSecrets.0.name",
		"ConfigMap m/one: volume map @volumes.1.configMap.name",
		"ConfigMap m/two: volume map @volumes.1.configMap.name",
		"Secret s (optional): volume secret @volumes.2.secret.secretName",
		"PersistentVolumeClaim c: volume claim @volumes.3.persistentVolumeClaim.claimName",
		"ConfigMap p/k: volume all @volumes.4.projected.sources.1.configMap.name",
		"Secret p: volume all @volumes.4.projected.sources.2.secret.name",
		"Secret csi-secret: volume csi @volumes.5.csi.nodePublishSecretRef.name",
		"Secret init-env (optional): envFrom of init container init [init] @initContainers.0.envFrom.0.secretRef.name",
		"ConfigMap m: envFrom of container main [main] @containers.0.envFrom.0.configMapRef.name",
		"ConfigMap m/k: env A of container main [main] @containers.0.env.2.valueFrom.configMapKeyRef.name",
		"Secret s/k (optional): env B of container main [main] @containers.0.env.3.valueFrom.secretKeyRef.name",
	}
	if diff := cmp.Diff(want, lines(chart.References(spec.Spec))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPodSpec(t *testing.T) {
	const spec = "spec: {containers: [{name: main}]}"
	for text, want := range map[string]bool{
		"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n" + spec:                                               true,
		"apiVersion: v1\nkind: PodTemplate\nmetadata: {name: a}\ntemplate: {" + spec + "}":                      true,
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {" + spec + "}}":          true,
		"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: a}\nspec: {template: {" + spec + "}}":         true,
		"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: {template: {" + spec + "}}":           true,
		"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: a}\nspec: {template: {" + spec + "}}":          true,
		"apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {" + spec + "}}":                true,
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}":                                          false,
		"apiVersion: example.com/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {" + spec + "}}":   false,
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: x}}}": false,
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: nothing}":                 false,
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1}":                       false,
	} {
		got, ok := chart.PodSpec(object(t, text))
		if ok != want || ok && len(got.Spec.Containers) != 1 {
			t.Errorf("%s\n%v %v, want %v", text, ok, got.Spec.Containers, want)
		}
	}
}

func TestObjectReferences(t *testing.T) {
	tests := []struct {
		reason, text string
		want         []string
	}{
		{
			"a database of CloudNativePG", `
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: db}
spec:
  superuserSecret: {name: super}
  certificates: {serverTLSSecret: tls}
  bootstrap:
    initdb:
      secret: {name: owner}
      postInitApplicationSQLRefs: {configMapRefs: [{name: sql, key: a.sql}]}
  managed: {roles: [{name: r, passwordSecret: {name: role}}]}
  backup:
    barmanObjectStore:
      s3Credentials: {accessKeyId: {name: s3, key: ID}, secretAccessKey: {name: s3, key: KEY}}
  externalClusters:
    - name: old
      password: {name: old, key: password}
    - name: older
      barmanObjectStore: {azureCredentials: {storageKey: {name: az, key: k}}}
`,
			[]string{
				"Secret owner/password: spec.bootstrap.initdb.secret @spec.bootstrap.initdb.secret.name",
				"Secret owner/username: spec.bootstrap.initdb.secret @spec.bootstrap.initdb.secret.name",
				"Secret super/password: spec.superuserSecret @spec.superuserSecret.name",
				"Secret super/username: spec.superuserSecret @spec.superuserSecret.name",
				"Secret role/password: spec.managed.roles.0.passwordSecret @spec.managed.roles.0.passwordSecret.name",
				"Secret role/username: spec.managed.roles.0.passwordSecret @spec.managed.roles.0.passwordSecret.name",
				"Secret tls: spec.certificates.serverTLSSecret @spec.certificates.serverTLSSecret",
				"ConfigMap sql/a.sql: spec.bootstrap.initdb.postInitApplicationSQLRefs.configMapRefs.0 @spec.bootstrap.initdb.postInitApplicationSQLRefs.configMapRefs.0.name",
				"Secret old/password: spec.externalClusters.0.password @spec.externalClusters.0.password.name",
				"Secret s3/ID: spec.backup.barmanObjectStore.s3Credentials.accessKeyId @spec.backup.barmanObjectStore.s3Credentials.accessKeyId.name",
				"Secret s3/KEY: spec.backup.barmanObjectStore.s3Credentials.secretAccessKey @spec.backup.barmanObjectStore.s3Credentials.secretAccessKey.name",
				"Secret az/k: spec.externalClusters.1.barmanObjectStore.azureCredentials.storageKey @spec.externalClusters.1.barmanObjectStore.azureCredentials.storageKey.name",
			},
		},
		{
			"an Ingress's certificate", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {tls: [{secretName: tls}, {hosts: [x]}]}",
			[]string{
				"Secret tls/tls.crt: spec.tls.0.secretName @spec.tls.0.secretName", "Secret tls/tls.key: spec.tls.0.secretName @spec.tls.0.secretName",
			},
		},
		{
			"a ServiceAccount's", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nsecrets: [{name: s}]\nimagePullSecrets: [{name: p}]",
			[]string{"Secret s: secrets.0.name @secrets.0.name", "Secret p: imagePullSecrets.0.name @imagePullSecrets.0.name"},
		},
		{"nothing", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, lines(chart.ObjectReferences(object(t, tt.text)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}

// What a Cluster needs is located like what a Pod needs.
func TestLocateObjectReference(t *testing.T) {
	r := render(t, minimal+"-- templates/a.yaml --\napiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata:\n  name: db\nspec:\n  bootstrap:\n    initdb:\n      secret:\n        name: db\n")
	refs := chart.ObjectReferences(r.Objects[0])
	p, ok := r.LocateReference(r.Objects[0], refs[0])
	if want := (chart.Position{Path: "templates/a.yaml", Line: 9, Literal: true}); !ok || p != want {
		t.Errorf("%+v, want %+v", p, want)
	}
}

func TestProducts(t *testing.T) {
	tests := []struct {
		reason, text string
		want         map[string][]string // kind/name and keys, of which ... says that there may be more
	}{
		{
			"a SealedSecret's Secret", "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: s}\nspec: {encryptedData: {b: x, a: y}, template: {data: {c: z}}}",
			map[string][]string{"SealedSecret/s": {"a", "b", "c"}, "Secret/s": {"a", "b", "c"}},
		},
		{
			"a StatefulSet's claims", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec: {replicas: 2, ordinals: {start: 3}, volumeClaimTemplates: [{metadata: {name: data}}]}",
			map[string][]string{"StatefulSet/s": nil, "PersistentVolumeClaim/data-s-3": {"..."}, "PersistentVolumeClaim/data-s-4": {"..."}},
		},
		{
			"a database without a Secret of its own",
			"apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: db}\nspec: {enableSuperuserAccess: true, bootstrap: {initdb: {owner: x}}}",
			map[string][]string{
				"Cluster/db": nil, "ServiceAccount/db": {"..."}, "Service/db-rw": {"..."}, "Service/db-ro": {"..."}, "Service/db-r": {"..."},
				"Secret/db-ca": {"ca.crt", "ca.key"}, "Secret/db-server": {"tls.crt", "tls.key"}, "Secret/db-replication": {"tls.crt", "tls.key"},
				"Secret/db-app":       {"dbname", "fqdn-jdbc-uri", "fqdn-uri", "host", "jdbc-uri", "password", "pgpass", "port", "uri", "user", "username"},
				"Secret/db-superuser": {"dbname", "fqdn-jdbc-uri", "fqdn-uri", "host", "jdbc-uri", "password", "pgpass", "port", "uri", "user", "username"},
			},
		},
		{
			"a database with one: there is no -app",
			"apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: db}\nspec: {bootstrap: {initdb: {secret: {name: x}}}}",
			map[string][]string{
				"Cluster/db": nil, "ServiceAccount/db": {"..."}, "Service/db-rw": {"..."}, "Service/db-ro": {"..."}, "Service/db-r": {"..."},
				"Secret/db-ca": {"ca.crt", "ca.key"}, "Secret/db-server": {"tls.crt", "tls.key"}, "Secret/db-replication": {"tls.crt", "tls.key"},
			},
		},
		{
			"a certificate", "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c}\nspec: {secretName: tls}",
			map[string][]string{"Certificate/c": nil, "Secret/tls": {"ca.crt", "tls.crt", "tls.key", "..."}},
		},
		{
			"an external Secret", "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: e}\nspec: {target: {name: t}}",
			map[string][]string{"ExternalSecret/e": nil, "Secret/t": {"..."}},
		},
		{
			"a ConfigMap", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {b: x}\nbinaryData: {a: eA==}",
			map[string][]string{"ConfigMap/m": {"a", "b"}},
		},
	}
	for _, tt := range tests {
		got := map[string][]string{}
		for _, p := range chart.Products(object(t, tt.text)) {
			keys := p.Keys
			if !p.Complete {
				keys = append(keys, "...")
			}
			got[p.Kind+"/"+p.Name] = keys
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	files := folder(b, "../../applications/litellm")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := chart.Render(files, chart.Options{Release: "litellm", Namespace: "litellm"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDisabled(b *testing.B) {
	files := folder(b, "../../applications/litellm")
	for b.Loop() {
		if s, err := chart.Disabled(files, chart.Options{Namespace: "litellm"}, "ConfigMap", "nowhere"); s != nil || err != nil {
			b.Fatal(s, err)
		}
	}
}
