package diagnose

import "time"

// Rule is a kind of cause.
type Rule struct {
	ID    string        // stable: scripts name it
	Link  string        // the link of the chain that it breaks
	Doc   string        // what it means, in one line
	Grace time.Duration // a cause is Final when it has lasted as long; 0 at once, below 0 never

	rank int
}

// The order of causes: what comes first breaks what comes after it.
const (
	rankAccess = iota
	rankManifests
	rankController
	rankDatabase
	rankSecret
	rankConfig
	rankCreate
	rankImage
	rankSchedule
	rankApplication
	rankSync
)

const (
	never     = -1
	brief     = 30 * time.Second // controllers answer within seconds
	minutes2  = 2 * time.Minute  // the kubelet and the registries try again
	minutes5  = 5 * time.Minute
	minutes10 = 10 * time.Minute // Kubernetes' own deadline for a rollout
)

// Rules are all rules, in the order of their rank.
func Rules() []Rule {
	var out []Rule
	for rank, rules := range [][]Rule{
		rankAccess: accessRules(), rankManifests: manifestRules(), rankController: controllerRules(), rankDatabase: databaseRules(),
		rankSecret: secretRules(), rankConfig: configRules(), rankCreate: createRules(), rankImage: imageRules(),
		rankSchedule: scheduleRules(), rankApplication: applicationRules(), rankSync: syncRules(),
	} {
		for _, r := range rules {
			r.rank = rank
			out = append(out, r)
		}
	}
	return out
}

func accessRules() []Rule {
	return []Rule{
		{ID: "application-missing", Link: LinkArgo, Doc: "Argo CD has no Application for the folder"},
		{ID: "application-deleting", Link: LinkArgo, Doc: "the Application is being deleted", Grace: minutes5},
		{ID: "namespace-missing", Link: LinkArgo, Doc: "the application's namespace does not exist"},
		{ID: "namespace-terminating", Link: LinkArgo, Doc: "the application's namespace is being deleted", Grace: minutes5},
	}
}

func manifestRules() []Rule {
	return []Rule{
		{ID: "manifests-broken", Link: LinkArgo, Doc: "the chart does not render, or what it renders cannot be compared"},
		{ID: "chart-dependency", Link: LinkArgo, Doc: "charts that Chart.yaml depends on are not in charts/"},
		{ID: "source-missing", Link: LinkArgo, Doc: "path, branch or tag of the Application is not in the repository"},
		{ID: "repository-unreachable", Link: LinkArgo, Doc: "Argo CD does not reach the repository", Grace: minutes5},
		{ID: "invalid-spec", Link: LinkArgo, Doc: "the Application itself is not valid"},
		{ID: "argocd-schema", Link: LinkArgo, Doc: "Argo CD is older than a field of the cluster's objects"},
		{ID: "kind-missing", Link: LinkArgo, Doc: "a CustomResourceDefinition is not installed"},
		{ID: "object-refused", Link: LinkArgo, Doc: "the cluster does not take an object as it is written"},
		{ID: "immutable-field", Link: LinkArgo, Doc: "a field that cannot change has changed"},
		{ID: "namespace-wrong", Link: LinkArgo, Doc: "an object is for a namespace that does not exist"},
		{ID: "sync-window", Link: LinkArgo, Doc: "a sync window holds the sync back", Grace: never},
	}
}

func controllerRules() []Rule {
	return []Rule{
		{ID: "sealed-secrets-missing", Link: LinkUnsealed, Doc: "the Sealed Secrets controller is not installed"},
		{ID: "controller-down", Link: LinkUnsealed, Doc: "the Sealed Secrets controller does not run"},
		{ID: "operator-missing", Link: LinkDatabase, Doc: "the CloudNativePG operator is not installed"},
		{ID: "operator-silent", Link: LinkDatabase, Doc: "the CloudNativePG operator does not look at the Cluster", Grace: minutes2},
	}
}

func databaseRules() []Rule {
	return []Rule{
		{ID: "database-missing", Link: LinkDatabase, Doc: "the chart's Cluster is not in the cluster"},
		{ID: "database-hibernated", Link: LinkDatabase, Doc: "the Cluster is hibernated"},
		{ID: "database-stuck", Link: LinkDatabase, Doc: "the Cluster is in a phase that ends only when somebody does something", Grace: minutes2},
		{ID: "database-not-ready", Link: LinkDatabase, Doc: "not all instances of the Cluster are ready", Grace: minutes10},
		{ID: "database-initdb", Link: LinkDatabase, Doc: "the Job that sets the Cluster up has failed"},
		{ID: "database-owner", Link: LinkDatabase, Doc: "the database Secret's username is not the owner of the database"},
		{ID: "database-secret-newline", Link: LinkDatabase, Doc: "a value of the database Secret ends with a newline"},
		{ID: "database-secret-type", Link: LinkDatabase, Doc: "the database Secret is not of type kubernetes.io/basic-auth"},
		{ID: "database-no-app-secret", Link: LinkSecrets, Doc: "CloudNativePG makes no -app Secret beside a Secret of one's own"},
		{ID: "database-no-superuser", Link: LinkSecrets, Doc: "CloudNativePG makes no -superuser Secret unless it is asked to"},
		{ID: "secret-of-database", Link: LinkSecrets, Doc: "a Secret that CloudNativePG makes is not there yet", Grace: minutes10},
	}
}

func secretRules() []Rule {
	return []Rule{
		{ID: "secret-no-plaintext", Link: LinkSealed, Doc: "a Secret of secrets.yaml is neither sealed nor here in plaintext"},
		{ID: "secret-not-sealed", Link: LinkSealed, Doc: "the plaintext of a Secret was never sealed"},
		{ID: "sealed-for-other-namespace", Link: LinkSealed, Doc: "sealed for another namespace or name"},
		{ID: "sealed-for-other-certificate", Link: LinkUnsealed, Doc: "sealed for a certificate that is not the controller's"},
		{ID: "sealed-edited", Link: LinkSealed, Doc: "encryptedData was changed after it was sealed"},
		{ID: "sealed-undecryptable", Link: LinkUnsealed, Doc: "the controller cannot decrypt a SealedSecret"},
		{ID: "sealed-refused", Link: LinkUnsealed, Doc: "the controller cannot make a Secret of a SealedSecret", Grace: brief},
		{ID: "sealed-unobserved", Link: LinkUnsealed, Doc: "the controller has not looked at a SealedSecret", Grace: brief},
		{ID: "secret-unmanaged", Link: LinkUnsealed, Doc: "a Secret of the same name exists that the controller did not make"},
		{ID: "secret-immutable", Link: LinkUnsealed, Doc: "the Secret is immutable or of another type"},
		{ID: "secret-not-committed", Link: LinkCommit, Doc: "a sealed file is not committed"},
		{ID: "secret-not-pushed", Link: LinkCommit, Doc: "a sealed file is committed and not pushed"},
		{ID: "secret-not-synced", Link: LinkArgo, Doc: "a sealed file is pushed and not synced"},
		{ID: "secret-not-rendered", Link: LinkSealed, Doc: "a sealed file lies where the chart does not render it"},
		{ID: "secret-wave", Link: LinkArgo, Doc: "a SealedSecret is in a later sync wave than what waits for it"},
		{ID: "secret-hook", Link: LinkArgo, Doc: "a hook needs a SealedSecret that comes in a later phase"},
		{ID: "secret-gone", Link: LinkUnsealed, Doc: "a SealedSecret was deleted in the cluster"},
		{ID: "secret-not-unsealed", Link: LinkSecrets, Doc: "a Secret waits for its SealedSecret", Grace: minutes2},
		{ID: "secret-deleted", Link: LinkSecrets, Doc: "the Secret of a SealedSecret was deleted and not made again", Grace: brief},
		{ID: "secret-external", Link: LinkSecrets, Doc: "a Secret that is declared to come from elsewhere is not there"},
		{ID: "secret-misspelt", Link: LinkWorkloads, Doc: "a workload names a Secret one or two letters wrong"},
		{ID: "secret-of-chart", Link: LinkSecrets, Doc: "a Secret that the chart renders itself is not there"},
		{ID: "secret-unknown", Link: LinkSecrets, Doc: "neither secrets.yaml nor a sealed file knows a Secret"},
		{ID: "secret-missing", Link: LinkSecrets, Doc: "a Secret is not there, and nothing is known of the repository"},
		{ID: "secret-key", Link: LinkSecrets, Doc: "a Secret lacks a key"},
		{ID: "pull-secret-type", Link: LinkSecrets, Doc: "an imagePullSecret is of the wrong type"},
	}
}

func configRules() []Rule {
	return []Rule{
		{ID: "configmap-not-rendered", Link: LinkWorkloads, Doc: "no template gives a ConfigMap that a workload needs"},
		{ID: "configmap-misspelt", Link: LinkWorkloads, Doc: "a workload names a ConfigMap one or two letters wrong"},
		{ID: "configmap-misplaced", Link: LinkWorkloads, Doc: "a ConfigMap's file lies outside of templates/"},
		{ID: "configmap-disabled", Link: LinkWorkloads, Doc: "a value turns a ConfigMap off"},
		{ID: "configmap-elsewhere", Link: LinkWorkloads, Doc: "a ConfigMap is rendered for another namespace"},
		{ID: "configmap-not-committed", Link: LinkCommit, Doc: "a ConfigMap's template is not committed"},
		{ID: "configmap-not-pushed", Link: LinkCommit, Doc: "a ConfigMap's template is committed and not pushed"},
		{ID: "configmap-not-synced", Link: LinkArgo, Doc: "a ConfigMap is pushed and not synced"},
		{ID: "configmap-wave", Link: LinkArgo, Doc: "a ConfigMap is in a later sync wave than what waits for it"},
		{ID: "configmap-hook", Link: LinkArgo, Doc: "a hook needs a ConfigMap that comes in a later phase, or the reverse"},
		{ID: "configmap-gone", Link: LinkWorkloads, Doc: "a ConfigMap was deleted in the cluster"},
		{ID: "configmap-missing", Link: LinkWorkloads, Doc: "a ConfigMap is not there, and nothing is known of the repository"},
		{ID: "configmap-key", Link: LinkWorkloads, Doc: "a ConfigMap lacks a key"},
		{ID: "pvc-missing", Link: LinkWorkloads, Doc: "a PersistentVolumeClaim that a workload uses is not there"},
		{ID: "container-config", Link: LinkPods, Doc: "a container cannot be set up", Grace: minutes2},
		{ID: "run-as-root", Link: LinkPods, Doc: "runAsNonRoot is set and the image runs as root"},
	}
}

func createRules() []Rule {
	return []Rule{
		{ID: "serviceaccount-missing", Link: LinkWorkloads, Doc: "a ServiceAccount that a workload uses is not there"},
		{ID: "quota-exceeded", Link: LinkWorkloads, Doc: "a ResourceQuota leaves no room for a Pod"},
		{ID: "quota-wants-limits", Link: LinkWorkloads, Doc: "a ResourceQuota asks for requests and limits"},
		{ID: "pod-security", Link: LinkWorkloads, Doc: "a Pod breaks the namespace's Pod security standard"},
		{ID: "webhook-denied", Link: LinkWorkloads, Doc: "an admission webhook refuses an object"},
		{ID: "webhook-down", Link: LinkWorkloads, Doc: "an admission webhook does not answer", Grace: minutes2},
		{ID: "limit-range", Link: LinkWorkloads, Doc: "a LimitRange refuses a Pod"},
		{ID: "class-missing", Link: LinkWorkloads, Doc: "a PriorityClass or RuntimeClass does not exist"},
		{ID: "pod-invalid", Link: LinkWorkloads, Doc: "Kubernetes does not take a Pod as it is written"},
		{ID: "pods-not-made", Link: LinkWorkloads, Doc: "a workload's Pods cannot be made", Grace: minutes2},
		{ID: "statefulset-stuck", Link: LinkWorkloads, Doc: "a broken Pod keeps a StatefulSet from its new revision"},
	}
}

func imageRules() []Rule {
	return []Rule{
		{ID: "image-invalid", Link: LinkPods, Doc: "the name of an image is none"},
		{ID: "image-not-found", Link: LinkPods, Doc: "an image or its tag does not exist", Grace: brief},
		{ID: "image-unauthorized", Link: LinkPods, Doc: "a registry does not give an image", Grace: brief},
		{ID: "image-never-pulled", Link: LinkPods, Doc: "an image is not on the node and may not be pulled"},
		{ID: "image-platform", Link: LinkPods, Doc: "an image is for another processor"},
		{ID: "image-certificate", Link: LinkPods, Doc: "a registry's certificate is not trusted", Grace: minutes2},
		{ID: "image-rate-limit", Link: LinkPods, Doc: "a registry limits how often it is asked", Grace: never},
		{ID: "image-unreachable", Link: LinkPods, Doc: "a registry cannot be reached", Grace: minutes5},
		{ID: "image-disk", Link: LinkPods, Doc: "a node has no space for an image", Grace: minutes5},
		{ID: "image-pull", Link: LinkPods, Doc: "an image cannot be pulled", Grace: minutes2},
	}
}

func scheduleRules() []Rule {
	return []Rule{
		{ID: "storageclass-missing", Link: LinkPods, Doc: "a storage class does not exist"},
		{ID: "storageclass-default", Link: LinkPods, Doc: "a claim names no storage class and there is no default one"},
		{ID: "no-volume", Link: LinkPods, Doc: "no PersistentVolume fits a claim", Grace: minutes2},
		{ID: "provisioning-failed", Link: LinkPods, Doc: "a storage driver cannot make a volume", Grace: minutes2},
		{ID: "provisioner-silent", Link: LinkPods, Doc: "a storage driver does not make a volume", Grace: minutes5},
		{ID: "volume-lost", Link: LinkPods, Doc: "the volume of a claim is gone"},
		{ID: "pvc-unbound", Link: LinkPods, Doc: "a Pod waits for a volume", Grace: minutes5},
		{ID: "volume-node-conflict", Link: LinkPods, Doc: "a volume is bound to a node on which the Pod cannot run", Grace: minutes2},
		{ID: "multi-attach", Link: LinkPods, Doc: "a volume is still in use on another node", Grace: minutes10},
		{ID: "attach-failed", Link: LinkPods, Doc: "a volume cannot be attached", Grace: minutes5},
		{ID: "mount-failed", Link: LinkPods, Doc: "a volume cannot be mounted", Grace: minutes5},
		{ID: "insufficient-resources", Link: LinkPods, Doc: "no node has as much free as a Pod asks for", Grace: minutes5},
		{ID: "node-affinity", Link: LinkPods, Doc: "no node has the labels that a Pod asks for", Grace: minutes2},
		{ID: "pod-affinity", Link: LinkPods, Doc: "a Pod's rules on spreading leave no node", Grace: minutes5},
		{ID: "taint", Link: LinkPods, Doc: "every node has a taint that a Pod does not tolerate", Grace: minutes2},
		{ID: "nodes-unfit", Link: LinkPods, Doc: "no node is fit to run Pods", Grace: minutes5},
		{ID: "node-not-ready", Link: LinkPods, Doc: "a node does not answer", Grace: minutes5},
		{ID: "scheduling-gated", Link: LinkPods, Doc: "a scheduling gate holds a Pod back", Grace: minutes5},
		{ID: "unschedulable", Link: LinkPods, Doc: "no node takes a Pod", Grace: minutes5},
		{ID: "sandbox-failed", Link: LinkPods, Doc: "a node cannot set up a Pod's network", Grace: minutes5},
		{ID: "pod-evicted", Link: LinkPods, Doc: "a node evicted a Pod and nothing replaced it", Grace: minutes2},
		{ID: "pod-lost", Link: LinkPods, Doc: "a Pod ended with its node and nothing replaced it", Grace: minutes2},
	}
}

func applicationRules() []Rule {
	return []Rule{
		{ID: "database-password", Link: LinkPods, Doc: "the database refuses user or password", Grace: minutes2},
		{ID: "database-unknown", Link: LinkPods, Doc: "the database server has no database of that name", Grace: minutes2},
		{ID: "database-not-migrated", Link: LinkPods, Doc: "tables are missing: the migration has not run", Grace: minutes5},
		{ID: "database-unreachable", Link: LinkPods, Doc: "a program does not reach its database", Grace: minutes5},
		{ID: "host-unresolved", Link: LinkPods, Doc: "a program looks for a host that there is not", Grace: minutes2},
		{ID: "setting-missing", Link: LinkPods, Doc: "a program asks for a setting that it does not have", Grace: minutes2},
		{ID: "file-missing", Link: LinkPods, Doc: "a program asks for a file that it does not have", Grace: minutes2},
		{ID: "permission-denied", Link: LinkPods, Doc: "a program may not use a file", Grace: minutes2},
		{ID: "disk-full", Link: LinkPods, Doc: "a volume is full", Grace: minutes2},
		{ID: "port-in-use", Link: LinkPods, Doc: "two containers of a Pod want the same port", Grace: minutes2},
		{ID: "out-of-memory", Link: LinkPods, Doc: "a container needs more memory than its limit", Grace: minutes2},
		{ID: "liveness-kills", Link: LinkPods, Doc: "a container is ended by its own liveness probe", Grace: minutes5},
		{ID: "killed", Link: LinkPods, Doc: "a container was killed", Grace: minutes5},
		{ID: "segfault", Link: LinkPods, Doc: "a program crashed with a segmentation fault", Grace: minutes2},
		{ID: "terminated", Link: LinkPods, Doc: "a container was asked to end and does not stay up", Grace: minutes5},
		{ID: "command-not-executable", Link: LinkPods, Doc: "a container's command may not be executed", Grace: brief},
		{ID: "command-not-found", Link: LinkPods, Doc: "an image does not have the command", Grace: brief},
		{ID: "container-start", Link: LinkPods, Doc: "the runtime cannot start a container", Grace: minutes2},
		{ID: "container-ends", Link: LinkPods, Doc: "a container ends by itself without an error", Grace: minutes2},
		{ID: "crash", Link: LinkPods, Doc: "a program ends with an error", Grace: minutes5},
		{ID: "init-runs-on", Link: LinkPods, Doc: "an init container does not end", Grace: minutes10},
		{ID: "probe-fails", Link: LinkPods, Doc: "a container runs and does not become ready", Grace: minutes10},
		{ID: "job-failed", Link: LinkWorkloads, Doc: "a Job or hook has failed and is not tried again"},
		{ID: "cronjob-failed", Link: LinkWorkloads, Doc: "the newest run of a CronJob has failed", Grace: never},
		{ID: "hook-failed", Link: LinkArgo, Doc: "a hook of the last sync has failed"},
	}
}

func syncRules() []Rule {
	return []Rule{
		{ID: "sync-failed", Link: LinkArgo, Doc: "the last sync has failed"},
		{ID: "sync-waits", Link: LinkArgo, Doc: "a sync waits for something", Grace: minutes10},
		{ID: "rollout-stuck", Link: LinkWorkloads, Doc: "a workload does not come up and its Pods do not say why", Grace: minutes10},
		{ID: "resource-degraded", Link: LinkArgo, Doc: "Argo CD calls a resource Degraded", Grace: minutes5},
		{ID: "resource-progressing", Link: LinkArgo, Doc: "a resource does not become healthy", Grace: minutes10},
		{ID: "never-synced", Link: LinkArgo, Doc: "Argo CD has never synced the application", Grace: 0},
		{ID: "not-synced", Link: LinkArgo, Doc: "what is in Git is not in the cluster"},
		{ID: "prune-needed", Link: LinkArgo, Doc: "objects are no longer in Git and still in the cluster"},
		{ID: "changed-since-sync", Link: LinkArgo, Doc: "objects were changed in the cluster since the sync", Grace: brief},
		{ID: "revision-behind", Link: LinkArgo, Doc: "Argo CD looks at another commit than the work tree"},
	}
}
