package diagnose

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

func createCases() []aCase {
	fails := func(message string) func(*world) { return func(w *world) { w.noPods(message) } }
	return []aCase{
		{rule: "quota-exceeded", reason: "somebody else's quota", breaks: fails(`pods "web-2-x" is forbidden: exceeded quota: team, requested: requests.memory=1Gi, used: requests.memory=3Gi, limited: requests.memory=3Gi`),
			says: "quota team leaves no room", where: deployment + ":1"},
		{rule: "quota-exceeded", reason: "somebody else's quota, and the line is known", breaks: func(w *world) {
			w.noPods(`pods "web-2-x" is forbidden: exceeded quota: team, requested: limits.memory=2Gi, used: limits.memory=3Gi, limited: limits.memory=3Gi`)
			w.lines["Deployment/web/limits.memory memory: 2Gi"] = place{values, 12}
		}, where: values + ":12", edit: values + ":12: 2Gi -> ", run: publishes("ask for less", values)},
		{rule: "quota-exceeded", reason: "of Pods, which no container asks for", breaks: fails(`pods "web-2-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3`), where: deployment + ":1"},
		{rule: "quota-exceeded", reason: "the application's own", breaks: func(w *world) {
			w.noPods(`pods "web-2-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2`)
			w.rendered("ResourceQuota", "team", "quota.yaml", 1)
			w.lines[`ResourceQuota/team/pods: "2"`] = place{"applications/shop/templates/quota.yaml", 6}
		}, edit: `applications/shop/templates/quota.yaml:6: 2 -> `, run: publishes("raise pods", "applications/shop/templates/quota.yaml")},
		{rule: "quota-exceeded", reason: "other words", breaks: fails("exceeded quota: x")},
		{rule: "quota-wants-limits", reason: "no limits", breaks: fails(`pods "x" is forbidden: failed quota: team: must specify limits.memory for: web`)},
		{rule: "pod-security", reason: "a line that breaks it", breaks: func(w *world) {
			w.noPods(`pods "x" is forbidden: violates PodSecurity "baseline:latest": privileged (container "web" must not set securityContext.privileged=true)`)
			w.lines["Deployment/web/privileged: true"] = place{deployment, 28}
		}, edit: deployment + ":28: privileged: true -> privileged: false", run: publishes("correct privileged: true", deployment)},
		{rule: "pod-security", reason: "nothing is set", breaks: fails(`pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false)`), says: "enforces Pod security restricted:latest"},
		{rule: "webhook-denied", reason: "policy", breaks: fails(`admission webhook "validate.policy" denied the request: no`)},
		{rule: "webhook-down", reason: "no answer", breaks: fails(`Internal error occurred: failed calling webhook "validate.policy": connection refused`)},
		{rule: "limit-range", reason: "too much", breaks: fails(`pods "x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi`), says: "maximum memory usage"},
		{rule: "class-missing", reason: "priority", breaks: fails(`pods "x" is forbidden: no PriorityClass with name high was found`)},
		{rule: "pod-invalid", reason: "validation", breaks: fails(`Pod "x" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "data"`)},
		{rule: "pods-not-made", reason: "anything else", breaks: fails("Internal error occurred: etcdserver: request timed out")},
		{rule: "quota-wants-limits", reason: "a StatefulSet, by its event", breaks: func(w *world) {
			w.drop("Pod", "store-0")
			w.space.StatefulSets[0].Status.Replicas, w.space.StatefulSets[0].Status.ReadyReplicas = 0, 0
			w.event("StatefulSet", "store", "FailedCreate", `create Pod store-0 in StatefulSet store failed error: pods "store-0" is forbidden: failed quota: team: must specify limits.memory`)
		}, follows: "StatefulSet store has no Pod"},
		{rule: "quota-wants-limits", reason: "a Job, by its event", breaks: func(w *world) {
			w.job("import", "").Status = batchv1.JobStatus{}
			w.event("Job", "import", "FailedCreate", `Error creating: pods "import-" is forbidden: failed quota: team: must specify limits.memory`)
		}},
		{rule: "statefulset-stuck", reason: "kubernetes#67250", breaks: func(w *world) {
			w.waits("store-0", "ImagePullBackOff", "manifest unknown")
			w.space.StatefulSets[0].Status.UpdateRevision = "store-3"
		}, run: "kubectl -n shop delete pod store-0", follows: "there is no image"},
		{rule: "job-failed", reason: "its Pods are gone", breaks: func(w *world) { w.job("import", "BackoffLimitExceeded") }, run: "kubectl -n shop delete job import\nmage gitops:sync shop"},
		{rule: "database-password", reason: "a hook Job that failed", breaks: func(w *world) {
			w.job("migrate", "BackoffLimitExceeded").Annotations["argocd.argoproj.io/hook"] = "Sync"
			w.failedPod("migrate", "FATAL: password authentication failed for user \"shop\" (28P01)")
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Operation = &Operation{Phase: "Failed", Message: "one or more synchronization tasks completed unsuccessfully", Started: now.Add(-time.Hour), Results: []Result{{Kind: "Job", Name: "migrate", Hook: "Sync", Status: "Failed", Message: "Job has reached the specified backoff limit"}}}
		}, follows: "Job shop/migrate: the Sync hook has failed"},
		{rule: "job-failed", reason: "the migration itself misses a table", breaks: func(w *world) {
			w.job("migrate", "BackoffLimitExceeded").Annotations["argocd.argoproj.io/hook"] = "Sync"
			w.failedPod("migrate", `ERROR: relation "orders" does not exist`)
		}, says: `the Sync hook has failed and is not tried again: container web crashes with exit code 1: ERROR: relation "orders" does not exist`, run: "mage gitops:sync shop", where: "applications/shop/templates/job.yaml:1"},
		{rule: "cronjob-failed", reason: "the newest run, of which nothing is left", passing: true, breaks: func(w *world) {
			w.job("backup-1", "BackoffLimitExceeded", controlled("CronJob", "backup")...)
			w.in.Argo.Resources = nil
		}},
		{rule: "hook-failed", reason: "its Job is gone", breaks: func(w *world) {
			w.in.Argo.Sync = "OutOfSync"
			w.in.Argo.Operation = &Operation{Phase: "Failed", Results: []Result{{Kind: "Job", Name: "migrate", Hook: "PreSync", Status: "Failed", Message: "Job has reached the specified backoff limit"}}}
		}},
	}
}

// failedPod adds the Pod of a Job that has failed, with its last words.
func (w *world) failedPod(job string, log ...string) {
	status := corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{Name: "web", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: ago(10 * time.Minute)}}}}}
	w.jobPod(job, status)
	w.logs[job+"-x/web"] = log
}
