package diagnose

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/cluster"
)

const clusterFile = "applications/shop/templates/cluster.yaml"

func (w *world) database() *cluster.Database { return &w.space.Databases[0] }

// setup makes the database one that does not come up.
func (w *world) setup() *cluster.Database {
	d := w.database()
	d.Phase, d.Ready = "Setting up primary", 0
	return d
}

func databaseCases() []aCase {
	app := func(name string) func(w *world) {
		return func(w *world) {
			p := w.pending("web-2-abc")
			p.Spec.Containers[0].Env[1].ValueFrom.SecretKeyRef.Name = name
			w.lines["Deployment/web/"+name] = place{deployment, 35}
		}
	}
	return []aCase{
		{rule: "operator-missing", reason: "no such kind", breaks: func(w *world) {
			w.space.Unseen["Cluster"] = cluster.NotInstalled
			w.space.Databases = nil
			w.in.Argo.Resources = []Resource{{Group: "postgresql.cnpg.io", Kind: "Cluster", Name: "shop-pg", Sync: "OutOfSync"}}
			w.in.Argo.Sync = "OutOfSync"
		}},
		{rule: "operator-missing", reason: "the sync says so", breaks: func(w *world) {
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Operation = &Operation{Phase: "Failed", Results: []Result{{Group: "postgresql.cnpg.io", Kind: "Cluster", Name: "shop-pg", Status: "SyncFailed", Message: `The Kubernetes API could not find postgresql.cnpg.io/Cluster for requested resource shop/shop-pg. Make sure the "Cluster" CRD is installed on the destination cluster.`}}}
		}},
		{rule: "operator-silent", reason: "no status", breaks: func(w *world) { *w.database() = cluster.Database{Meta: w.database().Meta, Instances: 1} }, says: "never looked"},
		{rule: "database-hibernated", reason: "annotation", breaks: func(w *world) { w.database().Hibernated = true }, run: "kubectl -n shop annotate clusters.postgresql.cnpg.io shop-pg cnpg.io/hibernation=off --overwrite"},
		{rule: "database-stuck", reason: "unrecoverable", breaks: func(w *world) {
			w.setup().Phase = "Cluster is unrecoverable and needs manual intervention"
			w.crashes("web-2-abc", 1, "Error", "prisma: P1001: Can't reach database server at shop-pg-rw:5432")
		}, follows: "does not reach its database", where: clusterFile + ":1"},
		{rule: "database-stuck", reason: "no such storage class", breaks: func(w *world) {
			d := w.setup()
			d.Phase, d.PhaseReason = "Unable to create required cluster objects", `storageclass.storage.k8s.io "fsat" not found`
			w.lines["Cluster/shop-pg/storageClass: fsat"] = place{clusterFile, 9}
		}, says: "there is fast", where: clusterFile + ":9", edit: clusterFile + ":9: fsat -> fast", run: publishes("correct fsat", clusterFile)},
		{rule: "database-stuck", reason: "definition", breaks: func(w *world) { w.setup().Phase = "Invalid cluster definition" }, says: "Invalid cluster definition"},
		{rule: "database-not-ready", reason: "comes up", passing: true, breaks: func(w *world) { w.setup().Created = now.Add(-time.Minute) }, says: "0 of 1 instances ready"},
		{rule: "database-not-ready", reason: "for an hour", breaks: func(w *world) { w.setup() }},
		{rule: "database-not-ready", reason: "a crash without a known word follows it", breaks: func(w *world) {
			w.setup()
			w.crashes("web-2-abc", 1, "Error", "fatal: something")
		}, follows: "crashes with exit code 1"},
		{rule: "database-initdb", reason: "the Job failed", breaks: func(w *world) {
			w.setup()
			j := w.job("shop-pg-1-initdb", "BackoffLimitExceeded")
			j.Labels["cnpg.io/cluster"] = "shop-pg"
			w.in.Argo.Resources = nil
		}, run: "kubectl -n shop delete job shop-pg-1-initdb", follows: "Cluster shop/shop-pg"},
		{rule: "database-owner", reason: "username", breaks: func(w *world) {
			w.setup()
			w.secret("shop-db", corev1.SecretTypeBasicAuth, map[string]string{"username": "other", "password": canary})
		}, says: "not shop, the owner", where: "applications/shop/secrets.yaml:7", run: ship, follows: "Cluster shop/shop-pg"},
		{rule: "database-secret-newline", reason: "password", breaks: func(w *world) {
			w.setup()
			w.secret("shop-db", corev1.SecretTypeBasicAuth, map[string]string{"username": "shop", "password": canary + "\n"})
		}},
		{rule: "database-secret-type", reason: "Opaque", breaks: func(w *world) {
			w.setup()
			w.secret("shop-db", corev1.SecretTypeOpaque, map[string]string{"username": "shop", "password": canary})
		}, run: ship + "\nkubectl -n shop delete secret shop-db"},
		{rule: "secret-gone", reason: "the database waits for its Secret", breaks: func(w *world) {
			w.setup()
			w.drop("SealedSecret", "shop-db")
			w.waits("web-2-abc", "CreateContainerConfigError", `secret "shop-db" not found`)
		}, follows: "Cluster shop/shop-pg: not healthy"},
		{rule: "storageclass-missing", reason: "of the database", breaks: func(w *world) {
			w.setup()
			class := "fsat"
			c := corev1.PersistentVolumeClaim{ObjectMeta: metaOf("shop-pg-1"), Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}}
			c.Labels["cnpg.io/cluster"] = "shop-pg"
			w.space.Claims = append(w.space.Claims, c)
			w.lines["Cluster/shop-pg/storageClass: fsat"] = place{clusterFile, 20}
		}, edit: clusterFile + ":20: fsat -> fast", follows: "Cluster shop/shop-pg: not healthy",
			run: "git add " + clusterFile + "\ngit commit -m 'shop: correct the storage class' -- " + clusterFile + "\ngit push\nkubectl -n shop delete clusters.postgresql.cnpg.io shop-pg\nkubectl -n shop delete persistentvolumeclaim shop-pg-1 --ignore-not-found --wait=false\nmage gitops:sync shop"},
		{rule: "storageclass-missing", reason: "of one more instance of a database that holds data", breaks: func(w *world) {
			w.setup()
			class := "fsat"
			c := corev1.PersistentVolumeClaim{ObjectMeta: metaOf("shop-pg-2"), Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}}
			c.Labels["cnpg.io/cluster"] = "shop-pg"
			first := corev1.PersistentVolumeClaim{ObjectMeta: metaOf("shop-pg-1"), Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "v1"}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}
			first.Labels["cnpg.io/cluster"] = "shop-pg"
			w.space.Claims = append(w.space.Claims, first, c)
			w.lines["Cluster/shop-pg/storageClass: fsat"] = place{clusterFile, 20}
		}, edit: clusterFile + ":20: fsat -> fast", follows: "Cluster shop/shop-pg: not healthy",
			run: "git add " + clusterFile + "\ngit commit -m 'shop: correct the storage class' -- " + clusterFile + "\ngit push\nkubectl -n shop delete persistentvolumeclaim shop-pg-2 --ignore-not-found --wait=false\nmage gitops:sync shop"},
		{rule: "database-no-app-secret", reason: "it has a Secret of its own", breaks: app("shop-pg-app"), edit: deployment + ":35: shop-pg-app -> shop-db"},
		{rule: "database-no-superuser", reason: "not asked for", breaks: app("shop-pg-superuser"), where: clusterFile + ":1"},
		{rule: "secret-of-database", reason: "the operator has not made it", breaks: app("shop-pg-ca")},
		{rule: "database-not-ready", reason: "its Secret is not there yet", breaks: func(w *world) {
			app("shop-pg-app")(w)
			w.setup().Secret = ""
		}, follows: "Secret shop/shop-pg-app is missing"},
		{rule: "database-missing", reason: "the Cluster is not synced", breaks: func(w *world) {
			app("other-pg-app")(w)
			w.rendered("Cluster", "other-pg", "other.yaml", 1)
			o := w.origins["Cluster/other-pg"]
			o.Deployed = false
			w.origins["Cluster/other-pg"] = o
		}, run: "mage gitops:sync shop"},
	}
}
