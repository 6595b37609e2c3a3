package diagnose_test

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/diagnose"
)

// A Pod mounts a ConfigMap that is not there; no event has come yet.
func ExampleDiagnose() {
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	pod.Spec.Containers = []corev1.Container{{Name: "web", VolumeMounts: []corev1.VolumeMount{{Name: "config"}}}}
	pod.Spec.Volumes = []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "shop-config"}},
	}}}
	state := &cluster.State{Spaces: map[string]*cluster.Space{"shop": {Name: "shop", Pods: []corev1.Pod{pod}}}}

	in := diagnose.Input{Application: "shop", Folder: "applications/shop", Namespace: "shop", State: state, Now: time.Now()}
	for _, c := range diagnose.Diagnose(context.Background(), in) {
		fmt.Println(c.Rule)
		fmt.Println(c.Object, c.Message)
	}
	// Output:
	// configmap-missing
	// ConfigMap shop/shop-config missing: volume config (container web) of Pod web needs it
}
