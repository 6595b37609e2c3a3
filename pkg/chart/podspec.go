package chart

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// podPaths are where the kinds that make Pods have the template of them.
var podPaths = map[string][]string{
	"/Pod":                   {},
	"/PodTemplate":           {"template"},
	"/ReplicationController": {"spec", "template"},
	"apps/Deployment":        {"spec", "template"},
	"apps/StatefulSet":       {"spec", "template"},
	"apps/DaemonSet":         {"spec", "template"},
	"apps/ReplicaSet":        {"spec", "template"},
	"batch/Job":              {"spec", "template"},
	"batch/CronJob":          {"spec", "jobTemplate", "spec", "template"},
}

// PodSpec is what the object makes Pods of; false for a kind that makes none, and for
// one that is not written as Kubernetes wants it.
func PodSpec(o Object) (corev1.PodTemplateSpec, bool) {
	var out corev1.PodTemplateSpec
	path, ok := podPaths[o.Group+"/"+o.Kind]
	if !ok {
		return out, false
	}
	template := o.Raw
	if len(path) > 0 {
		if template, ok, _ = unstructured.NestedMap(o.Raw, path...); !ok {
			return out, false
		}
	}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &out)
	return out, err == nil
}

// Claims are the names of the PersistentVolumeClaims that the object stands for: its own
// where it is one, and those of a StatefulSet's volumeClaimTemplates for its replicas.
func Claims(o Object) []string {
	if o.Group == "" && o.Kind == "PersistentVolumeClaim" {
		return []string{o.Name}
	}
	if o.Group != "apps" || o.Kind != "StatefulSet" {
		return nil
	}
	replicas, ok, _ := unstructured.NestedInt64(o.Raw, "spec", "replicas")
	if !ok {
		replicas = 1
	}
	start, _, _ := unstructured.NestedInt64(o.Raw, "spec", "ordinals", "start")
	templates, _, _ := unstructured.NestedSlice(o.Raw, "spec", "volumeClaimTemplates")
	var out []string
	for _, t := range templates {
		m, _ := t.(map[string]any)
		name, _, _ := unstructured.NestedString(m, "metadata", "name")
		for i := range min(replicas, 1000) {
			out = append(out, claimName(name, o.Name, start+i))
		}
	}
	return out
}
