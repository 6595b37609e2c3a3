package cluster

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// meta leaves out what quotes whole objects: kubectl's record of the last apply may
// hold a Secret in plaintext.
func meta(o metav1.Object) Meta {
	annotations := map[string]string{}
	for k, v := range o.GetAnnotations() {
		if k != corev1.LastAppliedConfigAnnotation {
			annotations[k] = v
		}
	}
	return Meta{
		Namespace: o.GetNamespace(), Name: o.GetName(), UID: string(o.GetUID()),
		Labels: o.GetLabels(), Annotations: annotations, Owners: o.GetOwnerReferences(),
		Created: o.GetCreationTimestamp().Time, Deleting: o.GetDeletionTimestamp() != nil, Generation: o.GetGeneration(),
	}
}

// Controller is the name of the controlling owner if it is of that kind, else empty.
func (m Meta) Controller(kind string) string {
	for _, o := range m.Owners {
		if o.Controller != nil && *o.Controller && o.Kind == kind {
			return o.Name
		}
	}
	return ""
}
