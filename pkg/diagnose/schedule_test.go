package diagnose

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/sealway/sealway/pkg/cluster"
)

func scheduleCases() []aCase {
	return append(nodeCases(), append(volumeCases(), mountCases()...)...)
}

func nodeCases() []aCase {
	says := func(message string) func(*world) { return func(w *world) { w.unschedulable("web-2-abc", message) } }
	return []aCase{
		{rule: "insufficient-resources", reason: "more than any node has", breaks: func(w *world) {
			p := w.unschedulable("web-2-abc", "0/1 nodes are available: 1 Insufficient memory.")
			p.Spec.Containers[0].Resources.Requests["memory"] = resource.MustParse("64Gi")
			p.CreationTimestamp = ago(0)
			w.lines["Deployment/web/memory: 64Gi"] = place{values, 12}
		}, says: "asks for 64Gi of memory, and the largest node has 8Gi at all", edit: values + ":12: 64Gi -> ", run: publishes("ask for less memory", values)},
		{rule: "insufficient-resources", reason: "full for now", passing: true, breaks: func(w *world) {
			w.unschedulable("web-2-abc", "0/1 nodes are available: 1 Insufficient memory.").CreationTimestamp = ago(time.Minute)
		}},
		{rule: "insufficient-resources", reason: "the autoscaler is at it", passing: true, breaks: func(w *world) {
			w.unschedulable("web-2-abc", "0/1 nodes are available: 1 Insufficient memory.")
			w.space.Events = []cluster.Event{{Kind: "Pod", Name: "web-2-abc", Type: "Normal", Reason: "TriggeredScaleUp", First: now.Add(-time.Minute), Last: now.Add(-time.Minute)}}
		}},
		{rule: "insufficient-resources", reason: "too many Pods", breaks: says("0/1 nodes are available: 1 Too many pods.")},
		{rule: "taint", reason: "all nodes", breaks: says("0/1 nodes are available: 1 node(s) had untolerated taint {gpu: true}."), says: "gpu: true"},
		{rule: "nodes-unfit", reason: "no node answers", breaks: says("0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.")},
		{rule: "nodes-unfit", reason: "there is none", breaks: says("no nodes available to schedule pods")},
		{rule: "node-affinity", reason: "misspelt label", breaks: func(w *world) {
			w.unschedulable("web-2-abc", "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.").Spec.NodeSelector = map[string]string{"disk": "fats"}
			w.lines["Deployment/web/disk: fats"] = place{deployment, 19}
		}, says: "disk=fats", edit: deployment + ":19: disk: fats -> disk: fast"},
		{rule: "node-affinity", reason: "no node has it", breaks: func(w *world) {
			w.unschedulable("web-2-abc", "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.").Spec.NodeSelector = map[string]string{"zone": "moon"}
		}, run: "kubectl label node node-1 zone=moon"},
		{rule: "node-affinity", reason: "what Kubernetes says of a node is so", breaks: func(w *world) {
			w.unschedulable("web-2-abc", "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.").Spec.NodeSelector = map[string]string{"kubernetes.io/arch": "riscv"}
		}, advice: "no node has kubernetes.io/arch", nothing: true},
		{rule: "node-affinity", reason: "nodes have another value", breaks: func(w *world) {
			w.unschedulable("web-2-abc", "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.").Spec.NodeSelector = map[string]string{"disk": "archive"}
		}, advice: "the nodes have fast", nothing: true},
		{rule: "pod-affinity", reason: "one per node", breaks: says("0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.")},
		{rule: "unschedulable", reason: "anything else", breaks: says("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.")},
		{rule: "scheduling-gated", reason: "a gate", breaks: func(w *world) {
			p := w.unschedulable("web-2-abc", "Scheduling is blocked due to non-empty scheduling gates")
			p.Status.Conditions[0].Reason = "SchedulingGated"
			p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "example.com/wait"}}
		}, says: "example.com/wait"},
		{rule: "node-not-ready", reason: "the node is away", breaks: func(w *world) {
			w.waits("web-2-abc", "ContainerCreating", "")
			w.state.Nodes[0].Status.Conditions[0] = corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown", Message: "Kubelet stopped posting node status.", LastTransitionTime: ago(time.Hour)}
		}, follows: "Pod shop/web-2-abc runs there"},
		{rule: "pod-evicted", reason: "nothing replaced it", breaks: func(w *world) {
			p := w.pending("web-2-abc")
			p.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: memory."}
		}, says: "low on resource"},
		{rule: "pod-lost", reason: "the node went down", breaks: func(w *world) {
			w.pending("web-2-abc").Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "NodeShutdown", Message: "Pod was terminated in response to imminent node shutdown."}
		}, run: "kubectl -n shop delete pod web-2-abc"},
		{rule: "pod-lost", reason: "nothing makes it anew", breaks: func(w *world) {
			p := w.pending("web-2-abc")
			p.Name, p.OwnerReferences = "tool", nil
			p.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "NodeShutdown"}
			w.in.Argo.Resources = append(w.in.Argo.Resources, Resource{Kind: "Pod", Name: "tool"})
		}, run: "kubectl -n shop delete pod tool\nmage gitops:sync shop"},
	}
}

// unbound makes the StatefulSet's claim wait, with what its events say.
func unbound(w *world, class *string, reason, message string) *corev1.PersistentVolumeClaim {
	w.unschedulable("store-0", "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
	c := &w.space.Claims[0]
	c.Spec.StorageClassName, c.Status.Phase = class, corev1.ClaimPending
	if reason != "" {
		w.event("PersistentVolumeClaim", c.Name, reason, message)
	}
	return c
}

func volumeCases() []aCase {
	name := func(s string) *string { return &s }
	return []aCase{
		{rule: "storageclass-missing", reason: "misspelt, in a StatefulSet", breaks: func(w *world) {
			unbound(w, name("fsat"), "ProvisioningFailed", `storageclass.storage.k8s.io "fsat" not found`)
			w.lines["StatefulSet/store/fsat"] = place{values, 15}
		}, edit: values + ":15: fsat -> fast", follows: "Pod shop/store-0",
			run: "git add " + values + "\ngit commit -m 'shop: correct the storage class' -- " + values + "\ngit push\nkubectl -n shop delete statefulset store --cascade=orphan\nkubectl -n shop delete pod store-0\nkubectl -n shop delete persistentvolumeclaim data-store-0 --ignore-not-found --wait=false\nmage gitops:sync shop"},
		{rule: "storageclass-missing", reason: "misspelt, and the StatefulSet owns the claim", breaks: func(w *world) {
			unbound(w, name("fsat"), "", "").OwnerReferences = controlled("StatefulSet", "store")
			w.lines["StatefulSet/store/fsat"] = place{values, 15}
		}, edit: values + ":15: fsat -> fast", run: "git add " + values + "\ngit commit -m 'shop: correct the storage class' -- " + values + "\ngit push\nkubectl -n shop delete statefulset store --cascade=orphan\nkubectl -n shop delete pod store-0\nkubectl -n shop delete persistentvolumeclaim data-store-0 --ignore-not-found --wait=false\nmage gitops:sync shop"},
		{rule: "storageclass-default", reason: "which of two, a person knows", breaks: func(w *world) {
			unbound(w, nil, "", "")
			w.state.StorageClasses = append(w.state.StorageClasses, storageClass("slow"))
		}, advice: "there is fast, slow", nothing: true},
		{rule: "no-volume", reason: "of a class without a StorageClass", breaks: func(w *world) {
			unbound(w, name("manual"), "", "")
			w.state.Volumes = []corev1.PersistentVolume{{Spec: corev1.PersistentVolumeSpec{StorageClassName: "manual"}}}
		}, says: "of class manual", nothing: true},
		{rule: "storageclass-missing", reason: "the line is not known", breaks: func(w *world) { unbound(w, name("none"), "", "") }, where: statefulset + ":1"},
		{rule: "storageclass-default", reason: "there is none", breaks: func(w *world) { unbound(w, nil, "", "") }, run: "kubectl annotate storageclass fast storageclass.kubernetes.io/is-default-class=true --overwrite"},
		{rule: "no-volume", reason: "static", breaks: func(w *world) {
			unbound(w, name("fast"), "FailedBinding", "no persistent volumes available for this claim and no storage class is set")
		}},
		{rule: "provisioning-failed", reason: "the driver says no", breaks: func(w *world) {
			unbound(w, name("fast"), "ProvisioningFailed", "failed to provision volume: quota of the cloud")
		}, says: "quota of the cloud"},
		{rule: "provisioner-silent", reason: "the driver says nothing", breaks: func(w *world) {
			unbound(w, name("fast"), "ExternalProvisioning", "Waiting for a volume to be created either by the external provisioner 'x'")
		}},
		{rule: "volume-lost", reason: "gone", breaks: func(w *world) { w.space.Claims[0].Status.Phase = corev1.ClaimLost }},
		{rule: "pvc-unbound", reason: "nobody says why", breaks: func(w *world) { unbound(w, name("fast"), "", "") }},
		{rule: "volume-node-conflict", reason: "zones", breaks: func(w *world) {
			w.unschedulable("store-0", "0/1 nodes are available: 1 node(s) had volume node affinity conflict.")
		}},
	}
}

func mountCases() []aCase {
	warns := func(reason, message string) func(*world) {
		return func(w *world) {
			w.pending("store-0")
			w.event("Pod", "store-0", reason, message)
		}
	}
	return []aCase{
		{rule: "multi-attach", reason: "another Pod has it", breaks: func(w *world) {
			other := w.pod("store-0").DeepCopy()
			other.Name, other.Spec.NodeName, other.OwnerReferences = "old-0", "node-2", nil
			warns("FailedAttachVolume", `Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node`)(w)
			w.space.Pods = append(w.space.Pods, *other)
		}, says: "by Pod old-0", run: "kubectl -n shop delete pod old-0"},
		{rule: "multi-attach", reason: "the node is gone", breaks: warns("FailedAttachVolume", `Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) x`)},
		{rule: "attach-failed", reason: "the driver", breaks: warns("FailedAttachVolume", "AttachVolume.Attach failed for volume: rpc error")},
		{rule: "mount-failed", reason: "the driver", breaks: warns("FailedMount", `MountVolume.SetUp failed for volume "nfs" : mount failed: exit status 32`)},
		{rule: "mount-failed", reason: "only the summary is left", breaks: warns("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[nfs]: timed out waiting for the condition")},
		{rule: "mount-failed", reason: "the older event tells more than the summary", breaks: func(w *world) {
			warns("FailedMount", `MountVolume.SetUp failed for volume "nfs" : mount failed: exit status 32`)(w)
			w.event("Pod", "store-0", "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[nfs]: timed out waiting for the condition")
		}, says: "exit status 32"},
		{rule: "mount-failed", reason: "a race that does not end", breaks: warns("FailedMount", `MountVolume.SetUp failed for volume "config" : object "shop"/"shop-config" not registered`)},
		{rule: "sandbox-failed", reason: "no network", breaks: warns("FailedCreatePodSandBox", "Failed to create pod sandbox: plugin type=\"x\" failed (add): no addresses")},
	}
}
