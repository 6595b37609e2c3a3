package verify

import (
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// argoScenarios are about what Argo CD cannot do.
func argoScenarios() []scenario {
	return []scenario{
		{
			name: "app-unknown", reason: "nobody has told Argo CD of the application",
			arrange: func(s *scene) { s.push() },
			rule:    "application-missing", fix: "kubectl apply -f applications/app-unknown/application.yaml",
		},
		{
			name: "app-unsynced", reason: "nobody has synced it yet",
			arrange: func(s *scene) { s.push(); s.know(); s.compared() },
			rule:    "never-synced", fix: "mage gitops:sync app-unsynced",
		},
		{
			name: "template-broken", reason: "the chart does not render, so Argo CD compares nothing",
			arrange: func(s *scene) {
				s.shipped()
				s.edit("templates/config.yaml", ".Values.config.greeting", ".Values.confg.greeting")
				s.push()
				s.refresh()
			},
			rule: "manifests-broken", fix: "templates/config.yaml:8", known: ".Values.config.greeting",
		},
		{
			name: "field-invalid", reason: "the API server refuses an object",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "containerPort: 8080", "containerPort: 80800")
				s.ship()
			},
			rule: "object-refused", fix: "templates/deployment.yaml", known: "8080",
		},
		{
			name: "definition-missing", reason: "the operator of a custom resource is not installed",
			arrange: func(s *scene) {
				s.write("templates/queue.yaml", "apiVersion: queues.example.test/v1\nkind: Queue\nmetadata:\n  name: shop\nspec: {}\n")
				s.ship()
			},
			rule: "kind-missing", fix: "Queue",
			person: func(s *scene) { s.sh(healthy, "kubectl apply -f - <<'EOF'\n"+queues+"EOF") },
		},
		{
			name: "path-wrong", reason: "the application looks into another folder",
			arrange: func(s *scene) {
				s.push()
				s.edit("application.yaml", "path: applications/path-wrong", "path: applications/path-wrogn")
				s.know()
			},
			rule: "application-missing", fix: "application.yaml:11",
		},
	}
}

const queues = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: queues.queues.example.test
spec:
  group: queues.example.test
  scope: Namespaced
  names: {plural: queues, singular: queue, kind: Queue, listKind: QueueList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

func nested(object map[string]any, path ...string) string {
	text, _, _ := unstructured.NestedString(object, path...)
	return text
}

// operated waits until the sync has ended.
func (s *scene) operated() {
	s.Helper()
	s.eventually("the sync has ended", func() bool {
		phase := s.live("status", "operationState", "phase")
		return phase != "" && phase != "Running"
	})
}

// compared waits until Argo CD has compared the application with Git.
func (s *scene) compared() {
	s.Helper()
	s.eventually("Argo CD has compared it with Git", func() bool { return s.live("status", "sync", "status") != "" })
}

// refresh has Argo CD look into Git, and waits until it has.
func (s *scene) refresh() {
	s.Helper()
	s.sh(healthy, "kubectl -n argocd annotate application "+s.app+" argocd.argoproj.io/refresh=normal")
	s.eventually("Argo CD has looked", func() bool { return s.live("metadata", "annotations", "argocd.argoproj.io/refresh") == "" })
}

func (s *scene) live(path ...string) string {
	s.Helper()
	a := s.application()
	return nested(a.Object, path...)
}

// file writes a file that is none of the repository's, or is ignored.
func (s *scene) file(path, text string) {
	s.Helper()
	if err := os.WriteFile(path, []byte(strings.TrimLeft(text, "\n")), 0o600); err != nil {
		s.Fatal(err)
	}
}
