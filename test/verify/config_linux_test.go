package verify

// configScenarios are about ConfigMaps, the common case.
func configScenarios() []scenario {
	return []scenario{
		{
			name: "cm-missing", reason: "the ConfigMap is in no template at all",
			arrange: func(s *scene) { s.remove("templates/config.yaml"); s.ship() },
			rule:    "configmap-not-rendered", fix: "templates/",
			person: func(s *scene) { s.write("templates/shop-config.yaml", shop()["templates/config.yaml"]) },
		},
		{
			name: "cm-misplaced", reason: "the file is in the chart and not in its templates/",
			arrange: func(s *scene) {
				s.write("config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop-config\ndata:\n  shop.yaml: hello\n")
				s.remove("templates/config.yaml")
				s.ship()
			},
			rule: "configmap-misplaced", fix: "git mv",
		},
		{
			name: "cm-uncommitted", reason: "somebody forgot to commit the template",
			arrange: func(s *scene) {
				text := s.read("templates/config.yaml")
				s.remove("templates/config.yaml")
				s.ship()
				s.write("templates/config.yaml", text)
			},
			rule: "configmap-not-committed", fix: "git commit",
		},
		{
			name: "cm-unpushed", reason: "somebody forgot to push the commit",
			arrange: func(s *scene) {
				text := s.read("templates/config.yaml")
				s.remove("templates/config.yaml")
				s.ship()
				s.work.Commit(s.path("templates/config.yaml"), text)
			},
			rule: "configmap-not-pushed", fix: "git push",
		},
		{
			name: "cm-unsynced", reason: "Argo CD has the commit and nobody has synced it",
			arrange: func(s *scene) {
				text := s.read("templates/config.yaml")
				s.remove("templates/config.yaml")
				s.ship()
				s.operated()
				s.write("templates/config.yaml", text)
				s.push()
			},
			rule: "configmap-not-synced", fix: "mage gitops:sync cm-unsynced",
		},
		{
			name: "cm-disabled", reason: "a value turns it off",
			arrange: func(s *scene) { s.edit("values.yaml", "create: true", "create: false"); s.ship() },
			rule:    "configmap-disabled", fix: "values.yaml:5",
		},
		{
			name: "cm-elsewhere", reason: "it is rendered for another namespace",
			arrange: func(s *scene) {
				s.edit("templates/config.yaml", "  name: shop-config\n", "  name: shop-config\n  namespace: default\n")
				s.ship()
			},
			rule: "configmap-elsewhere", fix: "default",
			known: "cm-elsewhere",
		},
		{
			name: "cm-misspelt", reason: "one letter is missing where it is mounted",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "name: shop-config", "name: shop-confg")
				s.ship()
			},
			rule: "configmap-misspelt", fix: "shop-config",
		},
		{
			name: "cm-key", reason: "the volume wants a key that the ConfigMap does not have",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "            name: shop-config\n", "            name: shop-config\n            items:\n              - key: shop.yml\n                path: shop.yaml\n")
				s.ship()
			},
			rule: "configmap-key", fix: "shop.yaml",
		},
		{
			name: "cm-later-wave", reason: "it is applied after what waits for it",
			arrange: func(s *scene) {
				s.edit("templates/config.yaml", "  name: shop-config\n", "  name: shop-config\n  annotations:\n    argocd.argoproj.io/sync-wave: \"5\"\n")
				s.ship()
			},
			rule: "configmap-wave", fix: "templates/config.yaml:7",
		},
		{
			name: "cm-envfrom", reason: "a whole ConfigMap as environment, one letter wrong",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "          env:\n", "          envFrom:\n            - configMapRef:\n                name: shop-conifg\n          env:\n")
				s.ship()
			},
			rule: "configmap-misspelt", fix: "shop-config",
		},
	}
}
