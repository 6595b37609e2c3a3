package restart_test

import (
	"fmt"
	"testing"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/restart"
)

// render makes a chart of one template.
func render(template string) (*chart.Rendered, error) {
	return chart.Render([]chart.File{
		{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: shop\nversion: 0.1.0\n")},
		{Name: "templates/all.yaml", Data: []byte(template)},
	}, chart.Options{Namespace: "shop"})
}

func pod(kind, version, spec string) string {
	return "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: x}\nspec: {template: {spec: " + spec + "}}\n"
}

func TestReaders(t *testing.T) {
	env := `{containers: [{name: c, env: [{name: E, valueFrom: {secretKeyRef: {name: db, key: password}}}]}]}`
	for _, c := range []struct{ name, reason, template, needs, detail, command string }{
		{"environment", "", pod("Deployment", "apps/v1", env), restart.Restart, "reads db/password as environment", "kubectl -n shop rollout restart deployment/x"},
		{"of an init container", "", pod("StatefulSet", "apps/v1", `{initContainers: [{name: i, envFrom: [{secretRef: {name: db}}]}]}`),
			restart.Restart, "reads db/password as environment", "kubectl -n shop rollout restart statefulset/x"},
		{"another key", "not read", pod("Deployment", "apps/v1", `{containers: [{name: c, env: [{name: E, valueFrom: {secretKeyRef: {name: db, key: user}}}]}]}`), "", "", ""},
		{"another Secret", "not read", pod("Deployment", "apps/v1", `{containers: [{name: c, envFrom: [{secretRef: {name: db2}}]}]}`), "", "", ""},
		{"ConfigMap of that name", "not read", pod("Deployment", "apps/v1", `{containers: [{name: c, envFrom: [{configMapRef: {name: db}}]}]}`), "", "", ""},
		{"another namespace", "names are of the Pod's own", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: other}\nspec: {template: {spec: " + env + "}}\n", "", "", ""},
		{"volume", "", pod("DaemonSet", "apps/v1", `{containers: [{name: c, volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, secret: {secretName: db}}]}`),
			restart.Reload, "reads db/password as files: the kubelet brings them within two minutes, and the program has to read them again", ""},
		{"projected volume with other keys", "not read", pod("DaemonSet", "apps/v1", `{containers: [{name: c}], volumes: [{name: v, projected: {sources: [{secret: {name: db, items: [{key: user, path: u}]}}]}}]}`), "", "", ""},
		{"subPath", "never brought up to date", pod("Deployment", "apps/v1", `{containers: [{name: c, volumeMounts: [{name: v, mountPath: /v, subPath: password}]}], volumes: [{name: v, secret: {secretName: db}}]}`),
			restart.Restart, "reads db/password as a file that is mounted by subPath", "kubectl -n shop rollout restart deployment/x"},
		{"pull Secret", "of the next pull", pod("Deployment", "apps/v1", `{imagePullSecrets: [{name: db}], containers: [{name: c}]}`), "", "", ""},
		{"Job", "", pod("Job", "batch/v1", env), restart.NextRun, "reads db/password as environment", ""},
		{"Pod", "nothing makes it anew", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: " + env + "\n", restart.Restart, "reads db/password as environment", "kubectl -n shop delete pod x"},
		{"Cluster", "", "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: x}\nspec: {managed: {roles: [{name: a, passwordSecret: {name: db}}]}}\n",
			restart.Reload, `reads db/password; CloudNativePG takes it over at its next look at the Cluster, and at once if the Secret has the label cnpg.io/reload: "true"`, ""},
		{"Ingress", "", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x}\nspec: {tls: [{secretName: tls}]}\n", restart.Reload, "reads tls/tls.key; its controller takes it over", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := render(c.template)
			if err != nil {
				t.Fatal(err)
			}
			got := restart.Readers(r, []restart.Secret{
				{Namespace: "shop", Name: "db", Keys: []string{"password"}}, {Namespace: "shop", Name: "tls", Keys: []string{"tls.key"}},
			})
			if c.needs == "" {
				if len(got) > 0 {
					t.Errorf("%s: got %+v", c.reason, got)
				}
				return
			}
			if len(got) != 1 || got[0].Needs != c.needs || got[0].Detail != c.detail || got[0].Command != c.command {
				t.Errorf("%s: got %+v", c.reason, got)
			}
		})
	}
}

func ExampleReaders() {
	r, err := render(pod("Deployment", "apps/v1", `{containers: [{name: c, envFrom: [{secretRef: {name: db}}]}]}`))
	if err != nil {
		fmt.Println(err)
	}
	for _, x := range restart.Readers(r, []restart.Secret{{Namespace: "shop", Name: "db", Keys: []string{"password"}}}) {
		fmt.Println(x.Object, x.Needs, x.Command)
	}
	// Output: Deployment shop/x restart kubectl -n shop rollout restart deployment/x
}
