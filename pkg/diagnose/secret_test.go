package diagnose

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/report"
)

const sealedFile = "applications/shop/templates/sealed-shop-secrets.yaml"

// noSecret takes a Secret and its SealedSecret out of the cluster, and has a Pod wait.
func noSecret(w *world) *SealedFile {
	w.drop("SealedSecret", "shop-secrets")
	w.waits("web-2-abc", "CreateContainerConfigError", `secret "shop-secrets" not found`)
	return &w.in.Sealed[0]
}

// refused makes the controller refuse the SealedSecret.
func refused(w *world, message string) *cluster.SealedSecret {
	w.drop("Secret", "shop-secrets")
	w.waits("web-2-abc", "CreateContainerConfigError", `secret "shop-secrets" not found`)
	s := &w.space.SealedSecrets[0]
	s.Synced, s.Message = "False", message
	return s
}

const ship = "mage seal:app shop\nmage gitops:ship shop"

func secretCases() []aCase {
	return append(chainCases(), sealedCases()...)
}

func chainCases() []aCase {
	stage := func(change func(*Origin)) func(*world) {
		return func(w *world) {
			noSecret(w)
			o := w.origins["SealedSecret/shop-secrets"]
			change(&o)
			w.origins["SealedSecret/shop-secrets"] = o
		}
	}
	return []aCase{
		{rule: "secret-no-plaintext", reason: "neither sealed nor here", breaks: func(w *world) {
			*noSecret(w) = SealedFile{}
			w.in.Contract.Secrets[0].Keys[0].Kind = "external"
		}, where: "applications/shop/secrets.yaml:3", run: "mage secrets:generate -app=shop\n" + ship},
		{rule: "secret-not-sealed", reason: "plaintext only", breaks: func(w *world) {
			f := noSecret(w)
			f.State, f.Path, f.Line = report.NotSealed, f.Plain, 1
		}, where: "applications/shop/local-secrets/shop-secrets.yaml:1", run: ship, follows: "Pod shop/web-2-abc waits for it"},
		{rule: "secret-not-committed", reason: "sealed", breaks: stage(func(o *Origin) { o.Committed, o.Pushed, o.Deployed = false, false, false }), where: sealedFile + ":2", run: "mage gitops:ship shop"},
		{rule: "secret-not-pushed", reason: "committed", breaks: stage(func(o *Origin) { o.Pushed, o.Deployed = false, false }), run: "mage gitops:ship shop"},
		{rule: "secret-not-synced", reason: "pushed", breaks: stage(func(o *Origin) { o.Deployed = false }), run: "mage gitops:sync shop"},
		{rule: "secret-gone", reason: "deleted", breaks: stage(func(*Origin) {}), run: "mage gitops:sync shop"},
		{rule: "secret-not-rendered", reason: "the file is where Helm does not look", breaks: stage(func(o *Origin) { *o = Origin{Misplaced: "applications/shop/sealed-shop-secrets.yaml"} }), where: "applications/shop/sealed-shop-secrets.yaml"},
		{rule: "secret-wave", reason: "too late", breaks: func(w *world) {
			stage(func(o *Origin) { o.Wave, o.Deployed = 2, false })(w)
			w.lines[`SealedSecret/shop-secrets/sync-wave: "2"`] = place{sealedFile, 9}
		}, where: sealedFile + ":9", edit: sealedFile + `:9: sync-wave: "2" -> sync-wave: "-1"`},
		{rule: "secret-hook", reason: "the migration is a PreSync hook", breaks: func(w *world) {
			w.drop("SealedSecret", "shop-secrets")
			o := w.origins["SealedSecret/shop-secrets"]
			o.Deployed = false
			w.origins["SealedSecret/shop-secrets"] = o
			j := w.job("migrate", "")
			j.Status.Failed, j.Status.Active = 0, 1
			w.origins["Job/migrate"] = Origin{Found: true, Path: "applications/shop/templates/job.yaml", Hook: "PreSync"}
			w.jobPod("migrate", corev1.PodStatus{Phase: corev1.PodPending})
			w.lines["Job/migrate/PreSync"] = place{"applications/shop/templates/job.yaml", 8}
			w.in.Argo.Operation = &Operation{Phase: "Running", Started: now.Add(-time.Hour), Results: []Result{{Kind: "Job", Name: "migrate", Hook: "PreSync", Status: "Running"}}}
			w.drop("Pod", "web-2-abc")
			w.space.Deployments, w.space.ReplicaSets = nil, nil
		}, edit: "applications/shop/templates/job.yaml:8: PreSync -> Sync"},
		{rule: "secret-external", reason: "declared to come from elsewhere", breaks: func(w *world) {
			w.in.External = []string{"vault"}
			w.pending("web-2-abc").Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "vault"}}}}
		}},
		{rule: "secret-misspelt", reason: "one letter", breaks: func(w *world) {
			w.pending("web-2-abc").Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef.Name = "shop-secret"
			w.lines["Deployment/web/shop-secret"] = place{deployment, 31}
		}, edit: deployment + ":31: shop-secret -> shop-secrets"},
		{rule: "secret-of-chart", reason: "the chart renders it", breaks: func(w *world) {
			w.rendered("Secret", "tls-of-chart", "tls.yaml", 3)
			w.pending("web-2-abc").Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef.Name = "tls-of-chart"
		}, where: "applications/shop/templates/tls.yaml:3", run: "mage gitops:sync shop"},
		{rule: "secret-unknown", reason: "in no file", breaks: func(w *world) {
			w.pending("web-2-abc").Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef.Name = "payments"
			w.lines["Deployment/web/payments"] = place{deployment, 31}
		}, where: deployment + ":31", run: "mage secrets:generate -app=shop\n" + ship},
		{rule: "secret-missing", reason: "nothing is known of the repository", breaks: func(w *world) {
			w.pending("web-2-abc").Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef.Name = "payments"
			w.in.Origins, w.in.Contract, w.in.Sealed = nil, nil, nil
		}},
		{rule: "pull-secret-type", reason: "Opaque", breaks: func(w *world) {
			w.waits("web-2-abc", "ImagePullBackOff", "unauthorized").Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "shop-secrets"}}
		}, run: ship + "\nkubectl -n shop delete secret shop-secrets"},
		{rule: "secret-unknown", reason: "an imagePullSecret", breaks: func(w *world) {
			w.waits("web-2-abc", "ImagePullBackOff", "unauthorized").Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry-login"}}
		}, says: "imagePullSecrets of Deployment web"},
	}
}

func sealedCases() []aCase {
	undecryptable := "no key could decrypt secret (API_KEY)"
	return []aCase{
		{rule: "sealed-for-other-namespace", reason: "the file says so", breaks: func(w *world) {
			f := noSecret(w)
			f.Namespace, f.SealedFor, f.PlainSpace = "shpo", "shpo/shop-secrets", "shpo"
		}, where: sealedFile + ":2", says: "sealed for namespace shpo", edit: "applications/shop/local-secrets/shop-secrets.yaml:5: shpo -> shop", run: "mage seal:app shop -prune\nmage gitops:ship shop -prune"},
		{rule: "sealed-for-other-namespace", reason: "the template says so, and the plaintext is right", breaks: func(w *world) { refused(w, undecryptable).SealedFor = "shpo/shop-secrets" },
			run: "mage seal:app shop -prune\nmage gitops:ship shop -prune", follows: "Secret shop/shop-secrets is missing"},
		{rule: "sealed-for-other-namespace", reason: "the sync finds no such namespace", breaks: func(w *world) {
			f := noSecret(w)
			f.Namespace, f.SealedFor, f.PlainSpace = "shpo", "shpo/shop-secrets", "shpo"
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Operation = &Operation{Phase: "Failed", Message: "one or more objects failed to apply", Started: now.Add(-time.Hour), Results: []Result{{Group: "bitnami.com", Kind: "SealedSecret", Namespace: "shpo", Name: "shop-secrets", Status: "SyncFailed", Message: `namespaces "shpo" not found`}}}
		}, edit: "applications/shop/local-secrets/shop-secrets.yaml:5: shpo -> shop"},
		{rule: "sealed-for-other-namespace", reason: "a database is no longer in Git", more: 1, breaks: func(w *world) {
			refused(w, undecryptable).SealedFor = "shpo/shop-secrets"
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Resources = append(w.in.Argo.Resources, Resource{Group: "postgresql.cnpg.io", Kind: "Cluster", Name: "old-pg", Sync: "OutOfSync", NeedsPruning: true})
		}, advice: "no -prune before Cluster old-pg is back in Git", nothing: true},
		{rule: "sealed-for-other-namespace", reason: "copied, and nothing says so but the certificate", breaks: func(w *world) { refused(w, undecryptable) },
			says: "sealed with this controller's certificate, and not for shop/shop-secrets", run: ship},
		{rule: "sealed-for-other-certificate", reason: "another cluster's", breaks: func(w *world) {
			refused(w, undecryptable).Annotations = map[string]string{"sealway.github.io/certificate": "sha256:other"}
		}, says: "sealed for another cluster: it records certificate sha256:other, the controller has sha256:live", run: ship},
		{rule: "sealed-for-other-certificate", reason: "and it is the pinned one", breaks: func(w *world) {
			refused(w, undecryptable).Annotations = map[string]string{"sealway.github.io/certificate": "sha256:other"}
			w.in.Pin = "sha256:other"
		}, run: "mage seal:cert -accept\n" + ship},
		{rule: "sealed-edited", reason: "by hand", breaks: func(w *world) {
			refused(w, undecryptable)
			w.in.Sealed[0].Edited = true
		}, where: sealedFile + ":2", run: ship},
		{rule: "sealed-undecryptable", reason: "nothing is recorded", breaks: func(w *world) {
			refused(w, undecryptable).Annotations = nil
			w.in.Sealed[0].Fingerprint = ""
		}, run: ship},
		{rule: "sealed-refused", reason: "another error", breaks: func(w *world) { refused(w, "template: bad function") }, run: ship},
		{rule: "secret-unmanaged", reason: "made by hand", breaks: func(w *world) {
			s := &w.space.SealedSecrets[0]
			s.Synced, s.Message = "False", `failed update: Resource "shop-secrets" already exists and is not managed by SealedSecret`
		}, run: "kubectl -n shop annotate secret shop-secrets sealedsecrets.bitnami.com/managed=true --overwrite\nkubectl -n shop delete secret shop-secrets"},
		{rule: "secret-immutable", reason: "immutable", breaks: func(w *world) {
			s := &w.space.SealedSecrets[0]
			s.Synced, s.Message = "False", `Secret "shop-secrets" is invalid: data: Forbidden: field is immutable when immutable is set`
		}, run: "kubectl -n shop delete secret shop-secrets"},
		{rule: "controller-down", reason: "scaled to 0", breaks: func(w *world) {
			s := refused(w, "")
			s.Synced, s.Observed = "", 0
			w.in.Controller.Running, w.in.Controller.Why = false, "it is scaled to 0"
			w.in.Controller.Fix = "kubectl -n kube-system scale deployment/sealed-secrets-controller --replicas=1"
		}, says: "scaled to 0", follows: "SealedSecret shop/shop-secrets", run: "kubectl -n kube-system scale deployment/sealed-secrets-controller --replicas=1"},
		{rule: "sealed-unobserved", reason: "nobody looks", breaks: func(w *world) {
			s := refused(w, "")
			s.Synced, s.Observed = "", 0
		}, says: "never looked", follows: "is missing", run: "kubectl -n kube-system rollout restart deployment/sealed-secrets-controller"},
		{rule: "sealed-unobserved", reason: "just created", passing: true, breaks: func(w *world) {
			s := refused(w, "")
			s.Synced, s.Observed, s.Created = "", 0, now.Add(-time.Second)
		}},
		{rule: "sealed-unobserved", reason: "the newest version", breaks: func(w *world) { w.space.SealedSecrets[0].Generation = 3 }, says: "newest version"},
		{rule: "sealed-secrets-missing", reason: "no such kind", breaks: func(w *world) {
			w.space.SealedSecrets = nil
			w.space.Unseen["SealedSecret"] = cluster.NotInstalled
			w.drop("Secret", "shop-secrets")
			w.pending("web-2-abc")
		}, follows: "Secret shop/shop-secrets"},
		{rule: "secret-not-unsealed", reason: "only what follows", breaks: func(w *world) {
			// The SealedSecret is being replaced: it tells nothing, and its Secret is gone.
			refused(w, "").Deleting = true
		}, passing: true},
		{rule: "secret-deleted", reason: "by hand", breaks: func(w *world) {
			w.drop("Secret", "shop-secrets")
			w.pending("web-2-abc")
		}, run: "kubectl -n kube-system rollout restart deployment/sealed-secrets-controller"},
	}
}
