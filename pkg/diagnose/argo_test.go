package diagnose

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/cluster"
)

func argoCases() []aCase { return append(comparisonCases(), operationCases()...) }

func comparisonCases() []aCase {
	says := func(kind, message string) func(*world) {
		return func(w *world) {
			w.in.Argo.Sync = "Unknown"
			w.in.Argo.Conditions = []Condition{{Type: kind, Message: message, Since: now.Add(-time.Hour)}}
		}
	}
	return []aCase{
		{rule: "application-missing", reason: "not applied", breaks: func(w *world) { *w.in.Argo = Argo{Missing: true, Path: "applications/shop/application.yaml"} }, run: "kubectl apply -f applications/shop/application.yaml\nmage gitops:sync shop"},
		{rule: "application-missing", reason: "not written", breaks: func(w *world) { *w.in.Argo = Argo{Missing: true} }, advice: "write applications/shop/application.yaml", nothing: true},
		{rule: "application-missing", reason: "it deploys another folder", breaks: func(w *world) {
			*w.in.Argo = Argo{Missing: true, Path: "applications/shop/application.yaml", Deploys: "applications/shpo", Line: 10}
		}, says: "it deploys applications/shpo, not applications/shop", edit: "applications/shop/application.yaml:10: applications/shpo -> applications/shop", run: "kubectl apply -f applications/shop/application.yaml\nmage gitops:sync shop"},
		{rule: "application-missing", reason: "it deploys another folder, and the file is right", breaks: func(w *world) {
			*w.in.Argo = Argo{Missing: true, Path: "applications/shop/application.yaml", Deploys: "applications/shpo"}
		}, where: "applications/shop/application.yaml", run: "kubectl apply -f applications/shop/application.yaml\nmage gitops:sync shop"},
		{rule: "application-deleting", reason: "for an hour", breaks: func(w *world) { w.in.Argo.Deleting = now.Add(-time.Hour) }},
		{rule: "application-deleting", reason: "cannot be deleted", breaks: says("DeletionError", "x")},
		{rule: "namespace-missing", reason: "after a sync", breaks: func(w *world) {
			*w.space = cluster.Space{Name: "shop"}
			w.in.Argo.CreatesSpace = false
		}, run: "kubectl create namespace shop\nmage gitops:sync shop", where: "applications/shop/application.yaml", follows: "Secret shop/shop-db is missing"},
		{rule: "namespace-terminating", reason: "hangs", breaks: func(w *world) {
			w.space.Object.Status.Phase = corev1.NamespaceTerminating
			at := ago(time.Hour)
			w.space.Object.DeletionTimestamp = &at
		}},
		{rule: "manifests-broken", reason: "a template", breaks: says("ComparisonError", `Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = failed to execute helm template command: Error: template: shop/templates/deployment.yaml:12:5: executing "shop/templates/deployment.yaml" at <include "x" .>: error calling include`),
			where: deployment + ":12", run: publishes("correct deployment.yaml", deployment)},
		{rule: "manifests-broken", reason: "a value that there is not", breaks: says("ComparisonError", `Error: template: shop/templates/configmap.yaml:8:24: executing "shop/templates/configmap.yaml" at <.Values.confg.greeting>: nil pointer evaluating interface {}.greeting`),
			where: configmap + ":8", edit: configmap + ":8: .Values.confg.greeting -> ", run: publishes("correct configmap.yaml", configmap)},
		{rule: "manifests-broken", reason: "parse error", breaks: says("ComparisonError", `Error: parse error at (shop/templates/deployment.yaml:7): unclosed action`), where: deployment + ":7"},
		{rule: "manifests-broken", reason: "YAML, of which a decoder quotes the document", breaks: says("ComparisonError", `YAML parse error on shop/templates/deployment.yaml: error converting YAML to JSON, error found in #10 byte of ...|`+canary+`|...`), where: deployment},
		{rule: "manifests-broken", reason: "anything else", breaks: says("UnknownError", "boom")},
		{rule: "chart-dependency", reason: "not vendored", breaks: says("ComparisonError", "Error: found in Chart.yaml, but missing in charts/ directory: postgresql"), where: "applications/shop/Chart.yaml"},
		{rule: "kind-missing", reason: "no such kind", breaks: says("ComparisonError", `no matches for kind "Certificate" in version "cert-manager.io/v1"`), says: "Certificate"},
		{rule: "sealed-secrets-missing", reason: "says Argo CD", breaks: says("ComparisonError", `no matches for kind "SealedSecret" in version "bitnami.com/v1alpha1"`)},
		{rule: "argocd-schema", reason: "2.14 on a newer Kubernetes", breaks: says("ComparisonError", "error calculating structured merge diff: error building typed value from live resource: .status.terminatingReplicas: field not declared in schema"),
			run: "kubectl -n argocd annotate application shop argocd.argoproj.io/compare-options=ServerSideDiff=true --overwrite"},
		{rule: "argocd-schema", reason: "in another namespace", breaks: func(w *world) {
			says("ComparisonError", "field not declared in schema")(w)
			w.in.Argo.Name, w.in.Argo.Space = "apps/shop", "apps"
		}, run: "kubectl -n apps annotate application shop argocd.argoproj.io/compare-options=ServerSideDiff=true --overwrite"},
		{rule: "source-missing", reason: "the path", breaks: says("ComparisonError", "applications/shop: app path does not exist")},
		{rule: "source-missing", reason: "the branch", breaks: says("ComparisonError", "unable to resolve 'mian' to a commit SHA")},
		{rule: "repository-unreachable", reason: "credentials", breaks: says("ComparisonError", "authentication required: Repository not found.")},
		{rule: "invalid-spec", reason: "the destination", breaks: says("InvalidSpecError", "there are no clusters with this name: x"), run: "kubectl apply -f applications/shop/application.yaml"},
		{rule: "invalid-spec", reason: "of an Application that no file here defines: nothing to apply", breaks: func(w *world) {
			says("InvalidSpecError", "there are no clusters with this name: x")(w)
			w.in.Argo.Path = ""
		}, nothing: true, advice: "where it is defined"},
		{rule: "sync-failed", reason: "a condition", breaks: says("SyncError", "Failed sync attempt to r1: one or more objects failed to apply")},
	}
}

func operationCases() []aCase {
	failed := func(r ...Result) func(*world) {
		return func(w *world) {
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Operation = &Operation{Phase: "Failed", Message: "one or more objects failed to apply", Finished: now.Add(-time.Hour), Results: r}
		}
	}
	running := func(message string) func(*world) {
		return func(w *world) {
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Operation = &Operation{Phase: "Running", Message: message, Started: now.Add(-time.Hour)}
		}
	}
	return []aCase{
		{rule: "object-refused", reason: "a value out of its range", breaks: func(w *world) {
			failed(Result{Kind: "Deployment", Name: "web", Status: "SyncFailed", Message: `Deployment.apps "web" is invalid: spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 80800: must be between 1 and 65535, inclusive`})(w)
			w.lines["Deployment/web/containerPort 80800"] = place{deployment, 27}
		}, where: deployment + ":27", edit: deployment + ":27: 80800 -> ", run: publishes("correct the value of containerPort", deployment)},
		{rule: "object-refused", reason: "a word that is none of those", breaks: func(w *world) {
			failed(Result{Kind: "Deployment", Name: "web", Status: "SyncFailed", Message: `Deployment.apps "web" is invalid: spec.template.spec.containers[0].imagePullPolicy: Unsupported value: "Alway": supported values: "Always", "IfNotPresent", "Never"`})(w)
			w.lines["Deployment/web/imagePullPolicy Alway"] = place{deployment, 20}
		}, edit: deployment + ":20: Alway -> Always"},
		{rule: "object-refused", reason: "a field that there is not, and its line", breaks: func(w *world) {
			failed(Result{Kind: "Deployment", Name: "web", Status: "SyncFailed", Message: `strict decoding error: unknown field "spec.template.spec.contaners"`})(w)
			w.lines["Deployment/web/contaners"] = place{deployment, 14}
		}, edit: deployment + ":14: contaners -> "},
		{rule: "kind-missing", reason: "so the sync has not made the namespace either", breaks: func(w *world) {
			*w.space = cluster.Space{Name: "shop"}
			failed(Result{Group: "queues.example.test", Kind: "Queue", Name: "shop", Namespace: "shop", Status: "SyncFailed", Message: `The Kubernetes API could not find queues.example.test/Queue for requested resource shop/shop. Make sure the "Queue" CRD is installed on the destination cluster.`})(w)
		}, follows: "Namespace shop: there is no such namespace", run: "mage gitops:sync shop"},
		{rule: "object-refused", reason: "unknown field", breaks: failed(Result{Kind: "Deployment", Name: "web", Status: "SyncFailed", Message: `Deployment.apps "web" is invalid: spec.template.spec.containers[0].image: Required value`}), where: deployment + ":1", run: publishes("correct deployment.yaml", deployment)},
		{rule: "immutable-field", reason: "a StatefulSet's claims", breaks: failed(Result{Kind: "StatefulSet", Name: "store", Status: "SyncFailed", Message: "StatefulSet.apps \"store\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden"}), run: "kubectl -n shop delete statefulset store --cascade=orphan\nmage gitops:sync shop"},
		{rule: "immutable-field", reason: "in another namespace", breaks: failed(Result{Group: "apps", Kind: "Deployment", Namespace: "other", Name: "web", Status: "SyncFailed", Message: "spec.selector: Invalid value: x: field is immutable"}), run: "kubectl -n other delete deployment.apps web\nmage gitops:sync shop"},
		{rule: "immutable-field", reason: "a database, whose data would go", breaks: failed(Result{Group: "postgresql.cnpg.io", Kind: "Cluster", Name: "db", Status: "SyncFailed", Message: "spec.x: field is immutable"}), advice: "the data that it holds is lost", nothing: true},
		{rule: "immutable-field", reason: "a claim", breaks: failed(Result{Kind: "PersistentVolumeClaim", Name: "data", Status: "SyncFailed", Message: "spec: Forbidden: field is immutable"}), nothing: true},
		{rule: "immutable-field", reason: "the object is not known", breaks: func(w *world) {
			failed()(w)
			w.in.Argo.Operation.Message = "one or more objects failed: field is immutable"
		}, advice: "the object that the message names", nothing: true},
		{rule: "namespace-wrong", reason: "misspelt", breaks: func(w *world) {
			failed(Result{Kind: "ConfigMap", Name: "shop-config", Namespace: "shpo", Status: "SyncFailed", Message: `namespaces "shpo" not found`})(w)
			w.lines["ConfigMap/shop-config/namespace: shpo"] = place{configmap, 5}
		}, edit: configmap + ":5: namespace: shpo -> namespace: shop"},
		{rule: "namespace-missing", reason: "the sync says so", breaks: func(w *world) {
			failed(Result{Kind: "ConfigMap", Name: "shop-config", Status: "SyncFailed", Message: `namespaces "shop" not found`})(w)
			w.space.Object = nil
		}},
		{rule: "webhook-denied", reason: "of an object", breaks: failed(Result{Kind: "Deployment", Name: "web", Status: "SyncFailed", Message: `admission webhook "policy" denied the request: no`})},
		{rule: "webhook-down", reason: "of an object", breaks: failed(Result{Kind: "Deployment", Name: "web", Status: "SyncFailed", Message: `failed calling webhook "policy": no route`})},
		{rule: "sync-failed", reason: "no object is to blame", breaks: failed()},
		{rule: "sync-window", reason: "closed", passing: true, breaks: running("Sync operation blocked by sync window")},
		{rule: "sync-waits", reason: "for nothing that is known", breaks: running("waiting for healthy state of example.com/Widget/x")},
		{rule: "never-synced", reason: "new", breaks: func(w *world) {
			w.in.Argo.Sync, w.in.Argo.Health, w.in.Argo.Operation = "OutOfSync", "Missing", nil
		}, run: "mage gitops:sync shop"},
		{rule: "not-synced", reason: "a newer commit", breaks: func(w *world) { w.in.Argo.Sync, w.in.Argo.Revision = "OutOfSync", "r2" }, run: "mage gitops:sync shop"},
		{rule: "prune-needed", reason: "after the sync", breaks: func(w *world) {
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Resources = []Resource{{Kind: "ConfigMap", Name: "old", Sync: "OutOfSync", NeedsPruning: true}}
		}, run: "mage gitops:sync shop -prune", says: "ConfigMap old is no longer in Git"},
		{rule: "prune-needed", reason: "with data", breaks: func(w *world) {
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Resources = []Resource{{Kind: "ConfigMap", Name: "old", Sync: "OutOfSync", NeedsPruning: true}, {Group: "postgresql.cnpg.io", Kind: "Cluster", Name: "old-pg", Sync: "OutOfSync", NeedsPruning: true}}
		}, advice: "deletes Cluster old-pg with its data", nothing: true},
		{rule: "changed-since-sync", reason: "by hand", breaks: func(w *world) {
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Resources = []Resource{{Kind: "Service", Name: "a", Sync: "OutOfSync"}, {Kind: "Service", Name: "b", Sync: "OutOfSync"}}
		}, says: "Service a, Service b are changed"},
		{rule: "changed-since-sync", reason: "deleted", breaks: func(w *world) {
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Resources = []Resource{{Kind: "Service", Name: "a", Sync: "OutOfSync", Health: "Missing"}}
		}, says: "Service a is in Git and no longer in the cluster", run: "mage gitops:sync shop"},
		{rule: "never-synced", reason: "what was not synced follows", breaks: func(w *world) {
			w.in.Argo.Sync, w.in.Argo.Health, w.in.Argo.Operation = "OutOfSync", "Missing", nil
			w.space.Object, w.space.Pods, w.space.Secrets, w.space.SealedSecrets, w.space.Databases = nil, nil, nil, nil, nil
			w.space.Deployments, w.space.StatefulSets = nil, nil
			for k, o := range w.origins {
				o.Deployed = false
				w.origins[k] = o
			}
		}, follows: "Secret shop/shop-secrets is missing"},
		{rule: "configmap-not-synced", reason: "the application as a whole is behind", breaks: func(w *world) {
			noConfig(w, func(o *Origin) { o.Deployed = false })
			w.in.Argo.Sync, w.in.Argo.Revision, w.in.Argo.Behind = "OutOfSync", "r2", "1 commit behind HEAD"
		}},
		{rule: "configmap-not-pushed", reason: "the application as a whole is behind", breaks: func(w *world) {
			noConfig(w, func(o *Origin) { o.Pushed, o.Deployed = false, false })
			w.in.Argo.Behind, w.in.Argo.Unpushed = "1 commit behind HEAD", true
		}},
		{rule: "manifests-broken", reason: "what was not synced follows", breaks: func(w *world) {
			noConfig(w, func(o *Origin) { o.Deployed = false })
			w.in.Argo.Sync, w.in.Argo.Conditions = "Unknown", []Condition{{Type: "ComparisonError", Message: "boom"}}
		}, follows: "ConfigMap shop/shop-config: missing"},
		{rule: "configmap-gone", reason: "Argo CD sees it, too", breaks: func(w *world) {
			noConfig(w, func(*Origin) {})
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Resources = []Resource{{Kind: "ConfigMap", Name: "shop-config", Sync: "OutOfSync", Health: "Missing"}}
		}, follows: "is in Git and no longer in the cluster"},
		{rule: "configmap-misspelt", reason: "in two workloads, two lines", more: 1, edit: deployment + ":40: shop-config -> shop-confg", breaks: func(w *world) {
			noConfig(w, func(o *Origin) { *o = Origin{Near: []string{"shop-confg"}} })
			w.pending("store-0")
		}},
		{rule: "revision-behind", reason: "not seen", breaks: func(w *world) { w.in.Argo.Behind = "2 commits behind HEAD" }, run: "mage gitops:sync shop"},
		{rule: "revision-behind", reason: "not pushed", breaks: func(w *world) { w.in.Argo.Behind, w.in.Argo.Unpushed = "2 commits behind HEAD", true }, run: "git push\nmage gitops:sync shop"},
		{rule: "resource-degraded", reason: "of another kind", breaks: func(w *world) {
			w.in.Argo.Health = "Degraded"
			w.in.Argo.Resources = []Resource{{Kind: "Certificate", Name: "web", Health: "Degraded", Message: "Issuer not found"}}
		}, says: "Issuer not found"},
		{rule: "resource-progressing", reason: "a load balancer", breaks: func(w *world) {
			w.in.Argo.Resources = []Resource{{Kind: "Service", Name: "web", Health: "Progressing"}}
		}, says: "LoadBalancer"},
		{rule: "rollout-stuck", reason: "its Pods say nothing", breaks: func(w *world) {
			w.space.Deployments[0].Status = appsv1.DeploymentStatus{Replicas: 1, Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded", LastTransitionTime: ago(time.Hour)}}}
		}},
		{rule: "rollout-stuck", reason: "a StatefulSet", breaks: func(w *world) {
			w.space.StatefulSets[0].Status.ReadyReplicas = 0
			w.space.StatefulSets[0].CreationTimestamp = metav1.NewTime(now.Add(-time.Hour))
		}},
	}
}
