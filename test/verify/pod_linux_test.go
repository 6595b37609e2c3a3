package verify

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// podScenarios are about images, containers and probes.
func podScenarios() []scenario {
	return []scenario{
		{
			name: "image-invalid", reason: "the kubelet does not take it for an image's name",
			arrange: func(s *scene) { s.edit("values.yaml", `tag: "1.0.0"`, `tag: "1.0:0"`); s.ship() },
			rule:    "image-invalid", fix: "values.yaml:3", known: "1.0.0",
		},
		{
			name: "image-not-found", reason: "there is no such tag",
			arrange: func(s *scene) { s.edit("values.yaml", `tag: "1.0.0"`, `tag: "not-found"`); s.ship() },
			rule:    "image-not-found", fix: "values.yaml:3", known: "1.0.0",
		},
		{
			name: "image-host-unknown", reason: "the registry's name does not exist",
			arrange: func(s *scene) { s.edit("values.yaml", `tag: "1.0.0"`, `tag: "no-such-host"`); s.ship() },
			rule:    "image-unreachable", fix: "values.yaml:2", known: "pretend.test/shop",
			// The sandbox plays it by the tag.
			person: func(s *scene) { s.edit("values.yaml", "no-such-host", "1.0.0") },
		},
		{
			name: "pull-secret", reason: "the registry wants a login, and the Secret with it is called otherwise",
			arrange: func(s *scene) {
				s.edit("values.yaml", "pretend.test/shop", "pretend.test/private/shop")
				s.edit("templates/deployment.yaml", "      containers:\n", "      imagePullSecrets:\n        - name: shop-secert\n      containers:\n")
				s.edit("secrets.yaml", "secrets:\n", "secrets:\n  - name: shop-secret\n    type: kubernetes.io/dockerconfigjson\n    keys:\n      .dockerconfigjson: {external: login of the registry}\n")
				s.write("local-secrets/shop-secret.yaml", fmt.Sprintf(pullSecret, s.app))
				s.seal()
				s.ship()
			},
			rule: "secret-misspelt", fix: "shop-secret",
		},
		{
			name: "crash-login", reason: "the database does not take the password",
			arrange: func(s *scene) {
				s.args("print connecting to shop-db-rw as shop with $(PASSWORD)",
					unlessPassword("print FATAL: password authentication failed for user \"shop\" (SQLSTATE 28P01)"), unlessPassword("exit 1"))
				s.ship()
			},
			rule: "database-password", fix: "local-secrets/",
			person: func(s *scene) {
				s.secrets = append(s.secrets, rightPassword)
				s.file(s.work.Path(s.path(plaintext)), strings.Replace(s.read(plaintext), password, rightPassword, 1))
			},
		},
		{
			name: "crash-command", reason: "the image has no such program",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "          args:\n", "          command:\n            - shopd\n          args:\n")
				s.ship()
			},
			rule: "command-not-found", fix: "templates/deployment.yaml", known: "pretend",
		},
		{
			name: "crash-127", reason: "a shell in the image does not find a program",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "          env:\n", "          env:\n            - name: PROGRAM\n              value: shopd\n")
				s.args("unless $(PROGRAM) = shop: print sh: 1: $(PROGRAM): not found", "unless $(PROGRAM) = shop: exit 127")
				s.ship()
			},
			rule: "command-not-found", fix: "templates/deployment.yaml:23", known: "shop",
		},
		{
			name: "crash-memory", reason: "the limit is too low",
			arrange: func(s *scene) { s.args("memory 96Mi"); s.ship() },
			rule:    "out-of-memory", fix: "values.yaml:12", known: "128Mi",
		},
		{
			name: "crash-host", reason: "a value of the configuration names a host that does not exist",
			arrange: func(s *scene) {
				s.edit("values.yaml", "greeting: hello", "databaseHost: shop-dbb-rw")
				s.edit("templates/config.yaml", "  shop.yaml: |\n    greeting: {{ .Values.config.greeting }}\n", "  DATABASE_HOST: {{ .Values.config.databaseHost }}\n")
				s.edit("templates/deployment.yaml", "          env:\n", "          envFrom:\n            - configMapRef:\n                name: shop-config\n          env:\n")
				s.args(`unless $(DATABASE_HOST) = shop-db-rw: print could not translate host name "$(DATABASE_HOST)" to address: Name or service not known`, "unless $(DATABASE_HOST) = shop-db-rw: exit 1")
				s.ship()
			},
			rule: "host-unresolved", fix: "values.yaml:6", known: "shop-db-rw",
		},
		{
			name: "crash-unknown", reason: "nothing is known of what the log says, and it is shown",
			arrange: func(s *scene) { s.args("print cannot open /var/lib/shop", "exit 3"); s.ship() },
			rule:    "crash", fix: "logs shop-",
			person: func(s *scene) { s.edit("templates/deployment.yaml", "\n            - \"exit 3\"", ""); s.ship() },
		},
		{
			name: "init-container", reason: "Argo CD does not look at init containers",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "      containers:\n", "      initContainers:\n        - name: prepare\n          image: pretend.test/shop:1.0.0\n          args:\n            - print cannot prepare\n            - exit 1\n      containers:\n")
				s.ship()
			},
			rule: "crash", fix: "logs shop-",
			person: func(s *scene) { s.edit("templates/deployment.yaml", "            - exit 1\n", ""); s.ship() },
		},
		{
			name: "probe-port", reason: "the probe asks a port on which nothing listens",
			arrange: func(s *scene) {
				s.args("listen 8080")
				s.edit("templates/deployment.yaml", "              port: 8080\n", "              port: 8081\n")
				s.ship()
			},
			rule: "probe-fails", fix: "templates/deployment.yaml:32",
		},
		{
			name: "statefulset", reason: "Argo CD never calls a StatefulSet Degraded, and it does not replace a broken Pod by itself",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "kind: Deployment", "kind: StatefulSet")
				s.edit("templates/deployment.yaml", "  replicas: 1\n", "  replicas: 2\n  serviceName: shop\n")
				s.edit("values.yaml", `tag: "1.0.0"`, `tag: "not-found"`)
				s.ship()
			},
			rule: "image-not-found", fix: "delete pod", known: "1.0.0",
		},
		{
			name: "hook-failed", reason: "a migration fails, so nothing after it is applied",
			arrange: func(s *scene) {
				text := strings.ReplaceAll(migration, "PHASE", "Sync")
				s.write("templates/migrate.yaml", strings.Replace(text, "            - print migrating\n", "            - print relation \"orders\" does not exist\n            - exit 1\n", 1))
				s.ship()
			},
			rule: "job-failed", fix: "mage gitops:sync hook-failed",
			person: func(s *scene) { s.edit("templates/migrate.yaml", "            - exit 1\n", ""); s.push() },
		},
	}
}

const rightPassword = "canary-right-0b6d"

const pullSecret = `apiVersion: v1
kind: Secret
metadata:
  name: shop-secret
  namespace: %s
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{"auths":{"pretend.test":{"username":"shop","password":"` + password + `"}}}'
`

// unlessPassword is a statement of the container for when the password is not right.
func unlessPassword(statement string) string {
	return fmt.Sprintf("unless $(PASSWORD) = sha256:%x: %s", sha256.Sum256([]byte(rightPassword)), statement)
}

// args are what the shop's container does.
func (s *scene) args(lines ...string) {
	s.Helper()
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "            - %q\n", line)
	}
	s.edit("templates/deployment.yaml", "            - print started\n", b.String())
}
