package diagnose

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/cluster"
)

const (
	deployment  = "applications/shop/templates/deployment.yaml"
	statefulset = "applications/shop/templates/statefulset.yaml"
	configmap   = "applications/shop/templates/configmap.yaml"
	values      = "applications/shop/values.yaml"
)

// publishes are the commands that bring a changed file into the cluster.
func publishes(why, file string) string {
	return "git add " + file + "\ngit commit -m 'shop: " + why + "' -- " + file + "\ngit push\nmage gitops:sync shop"
}

// noConfig is a ConfigMap that is not there, with a Pod that waits for it.
func noConfig(w *world, change func(o *Origin)) {
	w.drop("ConfigMap", "shop-config")
	w.pending("web-2-abc")
	o := w.origins["ConfigMap/shop-config"]
	change(&o)
	w.origins["ConfigMap/shop-config"] = o
	w.lines["Deployment/web/shop-config"] = place{deployment, 40}
}

func configCases() []aCase {
	return append(stageCases(), keyCases()...)
}

func stageCases() []aCase {
	gone := func(o *Origin) { *o = Origin{} }
	return []aCase{
		{rule: "configmap-not-rendered", reason: "before the kubelet's event comes", breaks: func(w *world) { noConfig(w, gone) },
			where: deployment + ":40", says: "volume config (container web) of Deployment web needs it", run: publishes("add ConfigMap shop-config", "applications/shop/templates/shop-config.yaml"), follows: "Pod shop/web-2-abc waits for it"},
		{rule: "configmap-not-rendered", reason: "with the event, and a summary after it", breaks: func(w *world) {
			noConfig(w, gone)
			w.event("Pod", "web-2-abc", "FailedMount", `MountVolume.SetUp failed for volume "config" : configmap "shop-config" not found`)
			w.event("Pod", "web-2-abc", "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[config]: timed out waiting for the condition")
		}},
		{rule: "configmap-not-rendered", reason: "envFrom", breaks: func(w *world) {
			w.pending("web-2-abc").Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "more"}}}}
		}, says: "envFrom of container web of Deployment web"},
		{rule: "configmap-not-rendered", reason: "projected volume", breaks: func(w *world) {
			p := w.pending("web-2-abc")
			p.Spec.Volumes[0].VolumeSource = corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "certificates"}}}}}}
		}},
		{rule: "configmap-not-rendered", reason: "a StatefulSet, which is never Degraded", breaks: func(w *world) {
			noConfig(w, gone)
			w.drop("Pod", "web-2-abc")
			w.pending("store-0")
		}, says: "StatefulSet store"},
		{rule: "configmap-misspelt", reason: "one letter", breaks: func(w *world) {
			noConfig(w, gone)
			w.origins["ConfigMap/shop-config"] = Origin{Near: []string{"shop-confg"}}
		}, where: deployment + ":40", edit: deployment + ":40: shop-config -> shop-confg", run: publishes("correct shop-config", deployment)},
		{rule: "configmap-misspelt", reason: "in a StatefulSet, whose Pod has to go", breaks: func(w *world) {
			noConfig(w, gone)
			w.drop("Pod", "web-2-abc")
			w.pending("store-0")
			w.space.ConfigMaps = append(w.space.ConfigMaps, cluster.ConfigMap{Meta: cluster.Meta{Name: "shop-confgi"}})
			w.lines["StatefulSet/store/shop-config"] = place{statefulset, 9}
		}, edit: statefulset + ":9: shop-config -> shop-confgi", run: "git add " + statefulset + "\ngit commit -m 'shop: correct shop-config' -- " + statefulset + "\ngit push\nkubectl -n shop delete statefulset store --cascade=orphan\nkubectl -n shop delete pod store-0\nmage gitops:sync shop"},
		{rule: "configmap-misplaced", reason: "beside templates/", breaks: func(w *world) {
			noConfig(w, gone)
			w.origins["ConfigMap/shop-config"] = Origin{Misplaced: "applications/shop/configmap.yaml"}
		}, where: "applications/shop/configmap.yaml", run: "git add applications/shop/configmap.yaml\ngit mv applications/shop/configmap.yaml " + configmap + "\ngit commit -m 'shop: ConfigMap shop-config belongs in templates'\ngit push\nmage gitops:sync shop"},
		{rule: "configmap-misplaced", reason: "a partial, with its line", breaks: func(w *world) {
			noConfig(w, gone)
			w.origins["ConfigMap/shop-config"] = Origin{Misplaced: "applications/shop/templates/_configmap.yaml:4"}
		}, where: "applications/shop/templates/_configmap.yaml:4", says: "underscore", run: "git add applications/shop/templates/_configmap.yaml\ngit mv applications/shop/templates/_configmap.yaml " + configmap + "\ngit commit -m 'shop: ConfigMap shop-config belongs in templates'\ngit push\nmage gitops:sync shop"},
		{rule: "configmap-misplaced", reason: "Helm ignores it", breaks: func(w *world) {
			noConfig(w, gone)
			w.origins["ConfigMap/shop-config"] = Origin{Misplaced: configmap + ":4"}
		}, where: configmap + ":4", says: ".helmignore", run: publishes("have Helm see configmap.yaml", "applications/shop/.helmignore")},
		{rule: "configmap-disabled", reason: "the value is not in the file, and another one has to change", breaks: func(w *world) {
			noConfig(w, gone)
			w.origins["ConfigMap/shop-config"] = Origin{Disabled: &Switch{Path: values, Key: "config.create", Wanted: "true", Also: &Switch{Path: values, Line: 3, Key: "enabled", Current: "false", Wanted: "true"}}}
		}, where: values, says: "config.create is not set", run: publishes("turn ConfigMap shop-config on", values)},
		{rule: "configmap-disabled", reason: "the Application sets the value", breaks: func(w *world) {
			noConfig(w, gone)
			w.origins["ConfigMap/shop-config"] = Origin{Disabled: &Switch{Key: "config.create", Current: "false", Wanted: "true"}}
		}, run: "kubectl apply -f applications/shop/application.yaml\nmage gitops:sync shop"},
		{rule: "configmap-not-committed", reason: "Git ignores it", breaks: func(w *world) {
			noConfig(w, func(o *Origin) { o.Committed, o.Ignored = false, ".gitignore:3: *.yaml" })
		}, says: ".gitignore:3", run: "git add -f " + configmap + "\ngit commit -m 'shop: add ConfigMap shop-config' -- " + configmap + "\ngit push\nmage gitops:sync shop"},
		{rule: "configmap-disabled", reason: "by a value", breaks: func(w *world) {
			noConfig(w, gone)
			w.origins["ConfigMap/shop-config"] = Origin{Disabled: &Switch{Path: values, Line: 7, Key: "config.create", Current: "false", Wanted: "true"}}
		}, where: values + ":7", says: "config.create is false", edit: values + ":7: false -> true", run: publishes("turn ConfigMap shop-config on", values)},
		{rule: "configmap-elsewhere", reason: "another namespace", breaks: func(w *world) {
			noConfig(w, gone)
			w.origins["ConfigMap/shop-config"] = Origin{Path: configmap, Elsewhere: "shpo"}
			w.lines["ConfigMap/shop-config/namespace: shpo"] = place{configmap, 5}
		}, where: configmap + ":5", edit: configmap + ":5: namespace: shpo -> namespace: shop"},
		{rule: "configmap-not-committed", reason: "only here", breaks: func(w *world) {
			noConfig(w, func(o *Origin) { o.Committed, o.Pushed, o.Deployed = false, false, false })
		}, where: configmap + ":1", run: publishes("add ConfigMap shop-config", configmap)},
		{rule: "configmap-not-pushed", reason: "only here, committed", breaks: func(w *world) { noConfig(w, func(o *Origin) { o.Pushed, o.Deployed = false, false }) }, run: "git push\nmage gitops:sync shop"},
		{rule: "configmap-not-synced", reason: "pushed", breaks: func(w *world) { noConfig(w, func(o *Origin) { o.Deployed = false }) }, run: "mage gitops:sync shop"},
		{rule: "configmap-not-synced", reason: "Argo CD is about to do it by itself", passing: true, breaks: func(w *world) {
			noConfig(w, func(o *Origin) { o.Deployed = false })
			w.in.Argo.AutoSync = true
		}},
		{rule: "configmap-gone", reason: "deleted by hand", breaks: func(w *world) { noConfig(w, func(*Origin) {}) }, run: "mage gitops:sync shop"},
		{rule: "configmap-gone", reason: "the sync has just begun", passing: true, breaks: func(w *world) {
			noConfig(w, func(*Origin) {})
			w.pod("web-2-abc").CreationTimestamp = ago(5 * time.Second)
		}},
		{rule: "configmap-wave", reason: "too late", breaks: func(w *world) {
			noConfig(w, func(o *Origin) { o.Wave, o.Deployed = 5, false })
			w.in.Argo.Operation = &Operation{Phase: "Running", Message: "waiting for healthy state of apps/Deployment/web", Started: now.Add(-time.Hour)}
			w.lines[`ConfigMap/shop-config/sync-wave: "5"`] = place{configmap, 6}
		}, edit: configmap + `:6: sync-wave: "5" -> sync-wave: "-1"`,
			run: "git add " + configmap + "\ngit commit -m 'shop: correct sync-wave: \"5\"' -- " + configmap + "\ngit push\nmage gitops:terminate shop\nmage gitops:sync shop"},
		{rule: "configmap-hook", reason: "a PreSync hook that needs it", breaks: func(w *world) {
			w.job("migrate", "").Status.Failed = 0
			w.space.Jobs[0].Status.Active = 1
			w.origins["Job/migrate"] = Origin{Found: true, Path: "applications/shop/templates/job.yaml", Hook: "PreSync"}
			w.jobPod("migrate", corev1.PodStatus{Phase: corev1.PodPending})
			w.drop("ConfigMap", "shop-config")
			o := w.origins["ConfigMap/shop-config"]
			o.Deployed = false
			w.origins["ConfigMap/shop-config"] = o
			w.in.Argo.Operation = &Operation{Phase: "Running", Message: "waiting for completion of hook batch/Job/migrate", Started: now.Add(-time.Hour)}
			w.lines["Job/migrate/PreSync"] = place{"applications/shop/templates/job.yaml", 8}
		}, edit: "applications/shop/templates/job.yaml:8: PreSync -> Sync", says: "each waits for the other"},
		{rule: "configmap-hook", reason: "Helm's hook", breaks: func(w *world) {
			noConfig(w, func(o *Origin) { o.Hook = "PostSync" })
			w.lines[`ConfigMap/shop-config/"helm.sh/hook": post-install`] = place{configmap, 4}
		}, edit: configmap + `:4: "helm.sh/hook": post-install -> argocd.argoproj.io/hook: Sync`},
		{rule: "configmap-missing", reason: "nothing is known of the repository", breaks: func(w *world) {
			noConfig(w, gone)
			w.in.Origins = nil
		}},
		{rule: "pvc-missing", reason: "no claim", breaks: func(w *world) {
			p := w.unschedulable("web-2-abc", `0/1 nodes are available: persistentvolumeclaim "uploads" not found.`)
			p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "uploads", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "uploads"}}})
		}, says: "no template of applications/shop/templates/ gives it"},
		{rule: "serviceaccount-missing", reason: "no Pod is made", breaks: func(w *world) {
			w.noPods(`pods "web-2-" is forbidden: error looking up service account shop/shop: serviceaccount "shop" not found`)
			w.drop("ServiceAccount", "shop")
		}, follows: "Deployment web has no Pod", run: "mage gitops:sync shop"},
		{rule: "serviceaccount-missing", reason: "misspelt", breaks: func(w *world) {
			w.noPods(`pods "web-2-" is forbidden: error looking up service account shop/shpo-web: serviceaccount "shpo-web" not found`)
			w.space.Deployments[0].Spec.Template.Spec.ServiceAccountName = "shpo-web"
			w.space.ServiceAccounts = append(w.space.ServiceAccounts, corev1.ServiceAccount{ObjectMeta: metaOf("shop-web")})
			w.lines["Deployment/web/shpo-web"] = place{deployment, 12}
		}, edit: deployment + ":12: shpo-web -> shop-web"},
	}
}

func keyCases() []aCase {
	return []aCase{
		{rule: "configmap-key", reason: "misspelt", breaks: func(w *world) {
			w.space.ConfigMaps[0].Keys = []string{"config.yml"}
			w.pending("web-2-abc")
			w.event("Pod", "web-2-abc", "FailedMount", `MountVolume.SetUp failed for volume "config" : configmap references non-existent config key: config.yaml`)
			w.lines["Deployment/web/config.yaml"] = place{deployment, 41}
		}, says: "it has config.yml", edit: deployment + ":41: config.yaml -> config.yml"},
		{rule: "configmap-key", reason: "the work tree has it by now", breaks: func(w *world) {
			w.space.ConfigMaps[0].Keys = nil
			w.pending("web-2-abc")
			o := w.origins["ConfigMap/shop-config"]
			o.Keys, o.Committed, o.Pushed, o.Deployed = []string{"config.yaml"}, false, false, false
			w.origins["ConfigMap/shop-config"] = o
		}, run: publishes("add key config.yaml", configmap)},
		{rule: "secret-key", reason: "misspelt", breaks: func(w *world) {
			p := w.waits("web-2-abc", "CreateContainerConfigError", "couldn't find key API_KYE in Secret shop/shop-secrets")
			p.Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef.Key = "API_KYE"
			w.lines["Deployment/web/API_KYE"] = place{deployment, 33}
		}, says: "env API_KEY of container web", edit: deployment + ":33: API_KYE -> API_KEY"},
		{rule: "secret-key", reason: "secrets.yaml has it, the cluster does not", breaks: func(w *world) {
			w.secret("shop-secrets", corev1.SecretTypeOpaque, map[string]string{"OTHER": canary})
			w.in.Sealed[0].Keys = []string{"OTHER"}
		}, where: "applications/shop/secrets.yaml:5", run: "mage secrets:generate -app=shop\nmage seal:app shop\nmage gitops:ship shop"},
		{rule: "secret-key", reason: "sealed and not published", breaks: func(w *world) {
			w.secret("shop-secrets", corev1.SecretTypeOpaque, map[string]string{"OTHER": canary})
			w.waits("web-2-abc", "CreateContainerConfigError", "couldn't find key API_KEY in Secret shop/shop-secrets")
		}, run: "mage gitops:ship shop"},
		{rule: "secret-key", reason: "nobody knows it", breaks: func(w *world) {
			p := w.pending("web-2-abc")
			p.Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef.Key = "TOKEN_OF_ANOTHER"
		}, run: "mage secrets:generate -app=shop\nmage seal:app shop\nmage gitops:ship shop"},
		{rule: "run-as-root", reason: "securityContext", breaks: func(w *world) {
			w.waits("web-2-abc", "CreateContainerConfigError", "container has runAsNonRoot and image will run as root (pod: x, container: web)")
			w.lines["Deployment/web/runAsNonRoot: true"] = place{deployment, 22}
		}, where: deployment + ":22"},
		{rule: "container-config", reason: "something else", breaks: func(w *world) {
			w.waits("web-2-abc", "CreateContainerConfigError", "failed to prepare subPath for volumeMount")
		}},
		{rule: "container-config", reason: "Secrets may not be listed", breaks: func(w *world) {
			w.waits("web-2-abc", "CreateContainerConfigError", `secret "shop-secrets" not found`)
			w.drop("Secret", "shop-secrets")
			w.space.Unseen["Secret"] = "not allowed to list Secrets"
		}, says: `secret "shop-secrets" not found`},
	}
}
