package verify

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// clusterScenarios are about what a cluster does not give.
func clusterScenarios() []scenario {
	return []scenario{
		{
			name: "unschedulable", reason: "no node has that many cores",
			arrange: func(s *scene) { s.edit("values.yaml", "cpu: 10m", "cpu: 500"); s.ship() },
			rule:    "insufficient-resources", fix: "values.yaml:9", known: "10m",
		},
		{
			name: "node-selector", reason: "no node has that label",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "      containers:\n", "      nodeSelector:\n        disk: ssd\n      containers:\n")
				s.ship()
			},
			rule: "node-affinity", fix: "templates/deployment.yaml",
			person: func(s *scene) {
				s.edit("templates/deployment.yaml", "      nodeSelector:\n        disk: ssd\n", "")
			},
		},
		{
			name: "volume-pending", reason: "there is no such storage class",
			arrange: func(s *scene) {
				s.write("templates/data.yaml", claim)
				s.edit("templates/deployment.yaml", "      volumes:\n", "      volumes:\n        - name: data\n          persistentVolumeClaim:\n            claimName: shop-data\n")
				s.ship()
			},
			rule: "storageclass-missing", fix: "templates/data.yaml:6", known: "kwok-volume",
		},
		{
			name: "volume-missing", reason: "nothing makes the claim",
			arrange: func(s *scene) {
				s.write("templates/data.yaml", claim)
				s.edit("templates/data.yaml", "storageClassName: fast-ssd", "storageClassName: kwok-volume")
				s.edit("templates/deployment.yaml", "      volumes:\n", "      volumes:\n        - name: data\n          persistentVolumeClaim:\n            claimName: shop-dta\n")
				s.ship()
			},
			rule: "pvc-missing", fix: "shop-data",
		},
		{
			name: "quota", reason: "the namespace has a quota, so there is no Pod at all",
			arrange: func(s *scene) {
				s.namespace(nil)
				s.sh(healthy, "kubectl -n "+s.app+" create quota memory --hard=requests.memory=12Mi")
				s.ship()
			},
			rule: "quota-exceeded", fix: "values.yaml:10", known: "8Mi",
		},
		{
			name: "pod-security", reason: "the namespace does not admit the Pod",
			arrange: func(s *scene) {
				s.namespace(map[string]string{"pod-security.kubernetes.io/enforce": "baseline"})
				s.edit("templates/deployment.yaml", "          ports:\n", "          securityContext:\n            privileged: true\n          ports:\n")
				s.ship()
			},
			rule: "pod-security", fix: "templates/deployment.yaml", known: "privileged: false",
		},
		{
			name: "account-missing", reason: "there is no such service account",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "      containers:\n", "      serviceAccountName: shop\n      containers:\n")
				s.ship()
			},
			rule: "serviceaccount-missing", fix: "templates/shop.yaml",
			person: func(s *scene) {
				s.write("templates/shop.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: shop\n")
			},
		},
		{
			name: "database", reason: "the database is what everything else waits for",
			arrange: func(s *scene) {
				s.write("templates/database.yaml", database)
				s.operator()
				s.ship()
			},
			rule: "database-stuck", fix: "templates/database.yaml", known: "kwok-volume",
		},
	}
}

const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: shop-data
spec:
  storageClassName: fast-ssd
  accessModes:
    - ReadWriteOnce
  resources:
    requests:
      storage: 1Gi
`

const database = `apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata:
  name: shop-db
spec:
  instances: 1
  storage:
    size: 1Gi
    storageClass: fast-ssd
  bootstrap:
    initdb:
      database: shop
      owner: shop
`

// operator stands for CloudNativePG's, which the sandbox does not have, until the test
// ends: a cluster whose storage class does not exist is not made.
func (s *scene) operator() {
	clusters := s.Objects.Resource(schema.GroupVersionResource{Group: "postgresql.cnpg.io", Version: "v1", Resource: "clusters"}).Namespace(s.app)
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan struct{})
	s.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			c, err := clusters.Get(ctx, "shop-db", metav1.GetOptions{})
			if err != nil {
				continue
			}
			status := `{"status":{"phase":"Cluster in healthy state","instances":1,"readyInstances":1}}`
			if class := nested(c.Object, "spec", "storage", "storageClass"); class != "kwok-volume" {
				status = `{"status":{"phase":"Unable to create required cluster objects","phaseReason":"storageclass.storage.k8s.io \"` + class + `\" not found","instances":1,"readyInstances":0}}`
			}
			_, _ = clusters.Patch(ctx, "shop-db", types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status")
		}
	}()
}
