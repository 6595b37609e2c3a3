package diagnose

import (
	"testing"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func storageClass(name string) storagev1.StorageClass {
	return storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func TestHealthyWorld(t *testing.T) {
	for _, c := range newWorld().diagnose(t) {
		t.Errorf("%s: %s: %s", c.Rule, c.Object, c.Message)
	}
}
