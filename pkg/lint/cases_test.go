package lint_test

// one is a case of TestRules.
type one struct {
	name, reason string
	edits        []edit
	want         []want
	unsealed     bool // the contract's Secrets have no sealed files
	manual       bool // only a person can carry out the fix
}

const (
	deployment = "templates/deployment.yaml"
	migration  = "templates/migration.yaml"
)

func cases() []one {
	var out []one
	for _, list := range [][]one{references(), keysOf(), orders(), databases(), owners(), files4(), argo()} {
		out = append(out, list...)
	}
	return out
}

// replace is an edit of the application shop.
func replace(path, before, after string) []edit { return []edit{{of(path), before, after}} }

// also adds a file to the application shop.
func also(path, text string) []edit { return []edit{{of(path), "", text}} }

func references() []one {
	at := of(deployment)
	return []one{
		{name: "config map misspelt", reason: "the classic FailedMount, in a volume",
			edits: replace(deployment, "configMap:\n            name: shop-config", "configMap:\n            name: shop-confg"),
			want:  []want{{"reference-missing", at + ":33", `volume config needs ConfigMap "shop-confg", and nothing makes it; did you mean "shop-config"?`, `write "shop-config" in place of "shop-confg" in ` + at + ":33"}}},
		{name: "config map of an init container", reason: "Argo CD's health does not look at them",
			edits: replace(deployment, "configMapRef:\n                name: shop-config", "configMapRef:\n                name: config"),
			want:  []want{{"reference-missing", at + ":16", `envFrom of init container wait needs ConfigMap "config"`, `write "shop-config"`}}},
		{name: "config map switched off", reason: "the value that has to change is found by trying",
			edits: replace("values.yaml", "create: true\n  name", "create: false\n  name"),
			want: []want{
				{"reference-missing", at + ":16", "envFrom of init container wait", "write `config.create: true` in " + of("values.yaml:2")},
				{"reference-missing", at + ":33", "volume config", "write `config.create: true`"},
			}},
		{name: "another one switched off", reason: "the same, for a ConfigMap whose name the template has",
			edits: replace(deployment, "configMapRef:\n                name: shop-config", "configMapRef:\n                name: shop-extra"),
			want:  []want{{"reference-missing", at + ":16", "the chart does not render it while `extra.create` is false", "write `extra.create: true` in " + of("values.yaml:5")}}},
		{name: "name in values.yaml", reason: "the line to change is the value's",
			edits: append(replace(deployment, "claimName: shop-data", "claimName: {{ .Values.claim }}"), edit{of("values.yaml"), "extra:", "claim: shop-dat\nextra:"}),
			want:  []want{{"reference-missing", of("values.yaml:4"), `volume data needs PersistentVolumeClaim "shop-dat"`, `write "shop-data" in place of "shop-dat" in ` + of("values.yaml:4")}}},
		{name: "claim that nobody makes", reason: "a claim from elsewhere has to be declared",
			edits: replace(deployment, "claimName: shop-data", "claimName: models"),
			want:  []want{{"reference-missing", at + ":39", `PersistentVolumeClaim "models"`, "or write `external: {persistentVolumeClaims: [models]}` in " + of("secrets.yaml")}}},
		{name: "claim declared", reason: "external says that something else makes it",
			edits: append(replace(deployment, "claimName: shop-data", "claimName: models"), edit{of("secrets.yaml"), "secrets:\n", "external: {persistentVolumeClaims: [models]}\nsecrets:\n"})},
		{name: "service account missing", reason: "no Pod is made at all",
			edits: replace(deployment, "serviceAccountName: shop-web", "serviceAccountName: shop-wbe"),
			want:  []want{{"reference-missing", at + ":10", `serviceAccountName needs ServiceAccount "shop-wbe"`, `write "shop-web"`}}},
		{name: "default service account", reason: "every namespace has one",
			edits: replace(deployment, "serviceAccountName: shop-web", "serviceAccountName: default")},
		{name: "service account of the cluster", reason: "CloudNativePG makes one of the cluster's name",
			edits: replace(deployment, "serviceAccountName: shop-web", "serviceAccountName: shop-db")},
		{name: "secret missing", reason: "CreateContainerConfigError",
			edits: replace(deployment, "name: shop-secrets\n", "name: payment\n"),
			want:  []want{{"reference-missing", at + ":26", `env API_KEY of container web needs Secret "payment"`, "add it to " + of("secrets.yaml") + " and run `mage secrets:generate -app=shop` and `mage seal:app shop`, or write `external: {secrets: [payment]}`"}}},
		{name: "secret declared external", reason: "the wildcard certificate of the platform team",
			edits: append(replace(deployment, "name: shop-secrets\n", "name: payment\n"), edit{of("secrets.yaml"), "secrets:\n", "external:\n  secrets: [payment]\n  configMaps: []\nsecrets:\n"})},
		{name: "secret of another kind of external", reason: "a ConfigMap of that name does not help",
			edits: append(replace(deployment, "name: shop-secrets\n", "name: payment\n"), edit{of("secrets.yaml"), "secrets:\n", "external: {configMaps: [payment]}\nsecrets:\n"}),
			want:  []want{{"reference-missing", at + ":26", `Secret "payment"`, ""}}, manual: true},
		{name: "optional", reason: "the Pod starts without",
			edits: replace(deployment, "name: shop-secrets\n                  key: API_KEY", "name: payment\n                  key: API_KEY\n                  optional: true")},
		{name: "of a hook", reason: "hook Jobs have Pods, too",
			edits: replace(migration, "name: shop-db-owner", "name: shop-db-ownre"),
			want:  []want{{"reference-missing", of(migration) + ":23", `Secret "shop-db-ownre"`, `write "shop-db-owner"`}}},
		{name: "of a CronJob", reason: "its Pods come later and fail as well",
			edits: also("templates/cron.yaml", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec:\n  schedule: '@daily'\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n            - name: x\n              image: shop:1\n              envFrom: [{secretRef: {name: nightly-secrets}}]\n"),
			want:  []want{{"reference-missing", of("templates/cron.yaml:13"), `envFrom of container x needs Secret "nightly-secrets"`, ""}}},
		{name: "helm test", reason: "no sync applies it",
			edits: also("templates/tests/test.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n  annotations: {helm.sh/hook: test}\nspec:\n  containers: [{name: x, image: a, envFrom: [{secretRef: {name: none}}]}]\n")},
		{name: "made by a helm test", reason: "no sync applies what the Deployment needs",
			edits: append(replace(deployment, "claimName: shop-data", "claimName: test-data"), also("templates/tests/pvc.yaml", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: test-data\n  annotations: {helm.sh/hook: test}\n")...),
			want:  []want{{"reference-missing", at + ":39", `PersistentVolumeClaim "test-data"`, ""}}},
		{name: "another namespace", reason: "sealed for a namespace that is not this one",
			edits: []edit{{of("secrets.yaml"), "  - name: shop-secrets\n", "  - name: shop-secrets\n    namespace: shopp\n"}},
			want:  []want{{"reference-missing", at + ":26", "in namespace shop: " + of("templates/sealed-shop-secrets.yaml:4") + " is for shopp", "write `namespace: shop` for it in " + of("secrets.yaml:2")}}, manual: true},
		{name: "config map of another namespace", reason: "a reference never leaves its namespace",
			edits: append(replace(deployment, "configMapRef:\n                name: shop-config", "configMapRef:\n                name: ca"), also("templates/ca.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ca\n  namespace: kube-public\ndata: {a: b}\n")...),
			want:  []want{{"reference-missing", at + ":16", of("templates/ca.yaml:4") + " is for kube-public", "give it the namespace shop in " + of("templates/ca.yaml:4")}}, manual: true},
		{name: "operators", reason: "what the known operators bring",
			edits: append(replace(deployment, "      containers:\n        - name: web", `      imagePullSecrets: [{name: shop-web-token}]
      containers:
        - name: other
          image: shop:1
          envFrom:
            - secretRef: {name: shop-db-ca}
            - secretRef: {name: shop-tls}
            - secretRef: {name: from-vault}
            - secretRef: {name: rabbit-default-user}
            - secretRef: {name: bucket}
            - configMapRef: {name: kube-root-ca.crt}
            - configMapRef: {name: trusted}
        - name: web`), also("templates/operators.yaml", `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: shop}
spec: {secretName: shop-tls}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: vault}
spec: {target: {name: from-vault}}
---
apiVersion: rabbitmq.com/v1beta1
kind: RabbitmqCluster
metadata: {name: rabbit}
---
apiVersion: s3.example.org/v1
kind: Bucket
metadata: {name: uploads}
spec: {writeConnectionSecretToRef: {name: bucket}}
---
apiVersion: trust.cert-manager.io/v1alpha1
kind: Bundle
metadata: {name: trusted}
---
apiVersion: v1
kind: Secret
metadata: {name: shop-web-token, annotations: {kubernetes.io/service-account.name: shop-web}}
type: kubernetes.io/service-account-token
`)...)},
		{name: "made at run time", reason: "a Job with the right to make Secrets is given the name (ingress-nginx and its like)",
			edits: append(replace(deployment, "name: shop-secrets\n", "name: shop-admission\n"), also("templates/certgen.yaml", `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: certgen}
rules:
  - apiGroups: [""]
    resources: [secrets]
    verbs: [get, create]
---
apiVersion: batch/v1
kind: Job
metadata:
  name: certgen
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
spec:
  template:
    spec:
      containers:
        - name: create
          image: certgen:1
          args: [create, --secret-name=shop-admission]
`)...)},
		{name: "named by a Job without the right", reason: "it cannot make it",
			edits: append(replace(deployment, "name: shop-secrets\n", "name: shop-admission\n"), also("templates/job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nspec:\n  template:\n    spec:\n      containers: [{name: c, image: a, args: [--secret-name=shop-admission]}]\n")...),
			want:  []want{{"reference-missing", at + ":26", `Secret "shop-admission"`, ""}}},
		{name: "claims of a StatefulSet", reason: "volumeClaimTemplates make them, named after the replica",
			edits: append(replace(deployment, "claimName: shop-data", "claimName: data-cache-1"), also("templates/cache.yaml", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: cache}\nspec:\n  replicas: 2\n  template: {spec: {containers: [{name: c, image: a}]}}\n  volumeClaimTemplates: [{metadata: {name: data}}]\n")...)},
		{name: "owner Secret of the cluster missing", reason: "the operator waits for it, and so does everything else",
			edits: replace("templates/cluster.yaml", "name: shop-db-owner", "name: shop-db-user"),
			want:  []want{{"reference-missing", of("templates/cluster.yaml:16"), `spec.bootstrap.initdb.secret needs Secret "shop-db-user"`, ""}}},
		{name: "not sealed yet", reason: "the contract promises it; it is told once",
			unsealed: true, edits: []edit{{of("templates/sealed-shop-db-owner.yaml"), "", sealedOwner}},
			want: []want{{"contract-without-sealed", of("secrets.yaml:2"), "no sealed file holds it", "run `mage secrets:generate -app=shop`, fill in what it names, run `mage seal:app shop`"}}, manual: true},
		{name: "of an application in the same namespace", reason: "two applications may share a namespace and what is in it",
			edits: append(replace(deployment, "claimName: shop-data", "claimName: files"), edit{"applications/files/Chart.yaml", "", "apiVersion: v2\nname: files\nversion: 0.1.0\n"}, edit{"applications/files/.helmignore", "", "local-secrets/\n"},
				edit{"applications/files/templates/pvc.yaml", "", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: files, namespace: shop}\n"})},
		{name: "monitoring queries later", reason: "the cluster begins without them",
			edits: append(replace("templates/cluster.yaml", "  storage:\n", "  monitoring: {customQueriesConfigMap: [{name: queries, key: a}]}\n  storage:\n"), also("templates/queries.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: queries}\ndata: {a: b}\n")...)},
	}
}

const sealedOwner = `apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: shop-db-owner
  namespace: shop
  annotations:
    argocd.argoproj.io/sync-wave: "-3"
spec:
  encryptedData:
    username: AgAA
    password: AgAA
  template:
    type: kubernetes.io/basic-auth
`

func keysOf() []one {
	at := of(deployment)
	return []one{
		{name: "key of a Secret misspelt", reason: "couldn't find key in Secret",
			edits: replace(deployment, "key: API_KEY", "key: API_KYE"),
			want:  []want{{"key-missing", at + ":27", `env API_KEY of container web needs this key of Secret "shop-secrets"`, `write "API_KEY" in place of "API_KYE" in ` + at + ":27"}}},
		{name: "key of a Secret unknown", reason: "it has to be sealed",
			edits: replace(deployment, "key: API_KEY", "key: license"),
			want:  []want{{"key-missing", at + ":27", "it has API_KEY, SESSION_KEY", "add the key to shop-secrets of " + of("secrets.yaml")}}, manual: true},
		{name: "key that was not sealed yet", reason: "the contract has it; near names would mislead",
			edits: []edit{{of("templates/sealed-shop-secrets.yaml"), "    API_KEY: AgAAAA==\n", ""}},
			want:  []want{{"key-missing", at + ":27", `env API_KEY of container web needs this key of Secret "shop-secrets", and ` + of("templates/sealed-shop-secrets.yaml:4") + " was sealed without it", "run `mage secrets:generate -app=shop` and `mage seal:app shop`"}}, manual: true},
		{name: "key of a ConfigMap", reason: "references non-existent config key",
			edits: replace(deployment, "key: config.yaml", "key: config.yml"),
			want:  []want{{"key-missing", at + ":35", `volume config needs this key of ConfigMap "shop-config"`, `write "config.yaml" in place of "config.yml"`}}},
		{name: "key of a ConfigMap unknown", reason: "nothing is near",
			edits: replace(deployment, "key: config.yaml", "key: routes.json"),
			want:  []want{{"key-missing", at + ":35", "it has LEVEL, config.yaml", "add the key to the ConfigMap in " + of("templates/configmap.yaml:5")}}, manual: true},
		{name: "key of CloudNativePG's Secret", reason: "its keys are known: username, not user_name",
			edits: []edit{{"applications/blog/templates/deployment.yaml", "key: uri", "key: url"}},
			want:  []want{{"key-missing", "applications/blog/templates/deployment.yaml:18", `Secret "blog-db-app"`, `write "uri" in place of "url"`}}},
		{name: "no -app Secret with one's own", reason: "with bootstrap.initdb.secret the operator makes none (cloudnative-pg#6650)",
			edits: replace(deployment, "name: shop-secrets\n                  key: API_KEY", "name: shop-db-app\n                  key: uri"),
			want:  []want{{"reference-missing", at + ":26", `Secret "shop-db-app"`, ""}}},
		{name: "optional key", reason: "the variable is left out",
			edits: replace(deployment, "key: API_KEY", "key: license\n                  optional: true")},
		{name: "key of the root CA", reason: "every namespace has it",
			edits: replace(deployment, "configMap:\n            name: shop-config\n            items:\n              - key: config.yaml", "configMap:\n            name: kube-root-ca.crt\n            items:\n              - key: ca.crt")},
		{name: "key that somebody fills in", reason: "a Secret with a generator's annotation, and an empty one",
			edits: append(replace(deployment, "name: shop-secrets\n                  key: API_KEY", "name: generated\n                  key: token"), also("templates/generated.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: generated\n  annotations: {secret-generator.v1.mittwald.de/autogenerate: token}\nstringData: {user: web}\n")...)},
		{name: "key by a template of the SealedSecret", reason: "template.data brings keys, too",
			unsealed: true,
			edits: append(replace(deployment, "key: API_KEY", "key: url"),
				edit{of("templates/sealed-shop-secrets.yaml"), "", "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: shop-secrets, namespace: shop}\nspec:\n  encryptedData: {API_KEY: AgAA, SESSION_KEY: AgAA}\n  template:\n    data: {url: 'https://example.com'}\n"},
				edit{of("templates/sealed-shop-db-owner.yaml"), "", sealedOwner})},
		{name: "key of the owner's Secret", reason: "CloudNativePG wants username and password",
			edits: replace("secrets.yaml", "password: {generate: password}", "passwd: {generate: password}"),
			want: []want{
				{"key-missing", of("templates/cluster.yaml:16"), "spec.bootstrap.initdb.secret needs this key", ""},
				{"key-missing", of(migration) + ":24", "env PGPASSWORD", ""},
			}, manual: true},
	}
}

func orders() []one {
	const hook = "argocd.argoproj.io/hook: Sync"
	return []one{
		{name: "PreSync migration", reason: "litellm#7110: the Job waits for a Secret and a database of the Sync phase",
			edits: replace(migration, hook, "argocd.argoproj.io/hook: PreSync"),
			want: []want{
				{"hook-order", of(migration) + ":6", `it comes in PreSync, wave -1, and waits for ever for Secret "shop-db-owner" (env PGPASSWORD of container migrate), which comes in Sync, wave -3 (` + of("templates/sealed-shop-db-owner.yaml:4") + `); for the database "shop-db" (env PGHOST of container migrate), which comes in Sync, wave -2 (` + of("templates/cluster.yaml:4") + ")", "write `argocd.argoproj.io/hook: Sync` and `argocd.argoproj.io/sync-wave: \"-1\"` in " + of(migration) + ":6"},
			}},
		{name: "PreSync migration without waves", reason: "what it needs has to come earlier, too",
			edits: []edit{
				{of(migration), hook, "argocd.argoproj.io/hook: PreSync"},
				{of("templates/cluster.yaml"), "  annotations:\n    argocd.argoproj.io/sync-wave: \"-2\"\n", ""},
				{of("secrets.yaml"), "type: kubernetes.io/basic-auth\n    sealedAnnotations: {argocd.argoproj.io/sync-wave: \"-3\"}", "type: kubernetes.io/basic-auth"},
			},
			want: []want{{"hook-order", of(migration) + ":6", `for the database "shop-db"`, "write `argocd.argoproj.io/hook: Sync` and `argocd.argoproj.io/sync-wave: \"-1\"` in " + of(migration) + ":6, and write `sealedAnnotations: {argocd.argoproj.io/sync-wave: \"-3\"}` for Secret shop-db-owner in " + of("secrets.yaml:7") + " and run `mage seal:app shop`, and give Cluster shop/shop-db the annotation `argocd.argoproj.io/sync-wave: \"-2\"` in " + of("templates/cluster.yaml:4")}}},
		{name: "Helm's pre-install", reason: "Argo CD takes it for PreSync",
			edits: replace(migration, hook, "helm.sh/hook: pre-install,pre-upgrade"),
			want:  []want{{"hook-order", of(migration) + ":6", `for ever for Secret "shop-db-owner"`, ""}}},
		{name: "PreSync with nothing of ours", reason: "a hook that needs nothing may come first",
			edits: also("templates/notify.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: notify\n  annotations: {argocd.argoproj.io/hook: PreSync}\nspec: {template: {spec: {containers: [{name: c, image: a}]}}}\n")},
		{name: "PreSync with its own Secret", reason: "a ServiceAccount that is a hook of an earlier wave is there",
			edits: also("templates/notify.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: notify\n  annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: \"-5\"}\n---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: notify\n  annotations: {helm.sh/hook: pre-install}\nspec: {template: {spec: {serviceAccountName: notify, containers: [{name: c, image: a}]}}}\n")},
		{name: "PreSync with a ServiceAccount of Sync", reason: "its Pod is never made",
			edits: also("templates/notify.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: notify\n  annotations:\n    argocd.argoproj.io/hook: PreSync\nspec: {template: {spec: {serviceAccountName: shop-web, containers: [{name: c, image: a}]}}}\n"),
			want:  []want{{"hook-order", of("templates/notify.yaml:6"), `ServiceAccount "shop-web"`, ""}}},
		{name: "PreSync with its Secret later in PreSync", reason: "waves count within a phase",
			edits: also("templates/notify.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: notify\n  annotations:\n    argocd.argoproj.io/hook: PreSync\n    argocd.argoproj.io/sync-wave: \"2\"\ndata: {a: b}\n---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: notify\n  annotations:\n    argocd.argoproj.io/hook: PreSync\nspec: {template: {spec: {containers: [{name: c, image: a, envFrom: [{configMapRef: {name: notify}}]}]}}}\n"),
			want:  []want{{"hook-order", of("templates/notify.yaml:15"), "it comes in PreSync, wave 0, and waits for ever for ConfigMap \"notify\" (envFrom of container c), which comes in PreSync, wave 2", "give ConfigMap shop/notify the annotation `argocd.argoproj.io/sync-wave: \"-3\"`"}}},
		{name: "PostSync needs Sync", reason: "that is the order",
			edits: replace(migration, hook, "argocd.argoproj.io/hook: PostSync")},
		{name: "Sync needs PostSync", reason: "the workload never becomes healthy, so PostSync never comes",
			edits: replace("templates/pvc.yaml", "  name: shop-data\n", "  name: shop-data\n  annotations:\n    argocd.argoproj.io/hook: PostSync\n"),
			want:  []want{{"wave-order", of(deployment) + ":4", `it comes in Sync, wave 0, and waits for ever for PersistentVolumeClaim "shop-data" (volume data), which comes in PostSync, wave 0`, "take the hook annotation away from PersistentVolumeClaim shop/shop-data in " + of("templates/pvc.yaml:6")}}},
		{name: "sealed in a later wave than the cluster", reason: "the cluster waits for its owner's password",
			edits: replace("secrets.yaml", "type: kubernetes.io/basic-auth\n    sealedAnnotations: {argocd.argoproj.io/sync-wave: \"-3\"}", "type: kubernetes.io/basic-auth"),
			want: []want{
				{"wave-order", of("templates/cluster.yaml:6"), `it comes in Sync, wave -2, and waits for ever for Secret "shop-db-owner" (spec.bootstrap.initdb.secret), which comes in Sync, wave 0`, "write `sealedAnnotations: {argocd.argoproj.io/sync-wave: \"-3\"}` for Secret shop-db-owner in " + of("secrets.yaml:7") + " and run `mage seal:app shop`"},
				{"hook-order", of(migration) + ":6", `Secret "shop-db-owner"`, "write `sealedAnnotations"},
			}},
		{name: "workload before its ConfigMap", reason: "the earlier wave has to be healthy first",
			edits: replace(deployment, "metadata:\n  name: shop\n", "metadata:\n  name: shop\n  annotations:\n    argocd.argoproj.io/sync-wave: \"-4\"\n"),
			want: []want{
				{"wave-order", of(deployment) + ":6", `PersistentVolumeClaim "shop-data" (volume data), which comes in Sync, wave 0 (`, "give Deployment shop/shop the annotation `argocd.argoproj.io/sync-wave: \"0\"` in " + of(deployment) + ":4"},
			}},
		{name: "ConfigMap in a late wave", reason: "the same from the other side",
			edits: replace("templates/pvc.yaml", "  name: shop-data\n", "  name: shop-data\n  annotations:\n    argocd.argoproj.io/sync-wave: \"5\"\n"),
			want:  []want{{"wave-order", of(deployment) + ":4", "which comes in Sync, wave 5", "give PersistentVolumeClaim shop/shop-data the annotation `argocd.argoproj.io/sync-wave: \"0\"` in " + of("templates/pvc.yaml:4")}}},
		{name: "one wave for all", reason: "Argo CD applies a wave as a whole, and the kubelet tries again until the Secret is unsealed",
			edits: []edit{
				{of("secrets.yaml"), "type: kubernetes.io/basic-auth\n    sealedAnnotations: {argocd.argoproj.io/sync-wave: \"-3\"}", "type: kubernetes.io/basic-auth"},
				{of("templates/cluster.yaml"), "  annotations:\n    argocd.argoproj.io/sync-wave: \"-2\"\n", ""},
				{of(migration), "    argocd.argoproj.io/sync-wave: \"-1\"\n", ""},
			}},
		{name: "no Pods wanted", reason: "a Deployment with 0 replicas is healthy at once",
			edits: replace(deployment, "metadata:\n  name: shop\nspec:\n", "metadata:\n  name: shop\n  annotations:\n    argocd.argoproj.io/sync-wave: \"-4\"\nspec:\n  replicas: 0\n")},
		{name: "CronJob early", reason: "a sync does not wait for its Pods",
			edits: also("templates/cron.yaml", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, annotations: {argocd.argoproj.io/sync-wave: \"-9\"}}\nspec:\n  schedule: '@daily'\n  jobTemplate: {spec: {template: {spec: {containers: [{name: x, image: a, envFrom: [{secretRef: {name: shop-secrets}}]}]}}}}\n")},
		{name: "database by a ConfigMap", reason: "the host may stand in a ConfigMap that the hook reads",
			edits: also("templates/job.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: db\n  annotations: {argocd.argoproj.io/sync-wave: \"-9\"}\ndata:\n  DB_HOST: shop-db-rw\n---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: early\n  annotations:\n    argocd.argoproj.io/hook: Sync\n    argocd.argoproj.io/sync-wave: \"-5\"\nspec: {template: {spec: {containers: [{name: c, image: a, envFrom: [{configMapRef: {name: db}}]}]}}}\n"),
			want:  []want{{"hook-order", of("templates/job.yaml:14"), `the database "shop-db" (ConfigMap db), which comes in Sync, wave -2`, "give Job shop/early the annotation `argocd.argoproj.io/sync-wave: \"-2\"`"}}},
		{name: "a hook that is deleted", reason: "it works until the first Pod is made anew",
			edits: replace("templates/serviceaccount.yaml", "  name: shop-web\n", "  name: shop-web\n  annotations:\n    argocd.argoproj.io/hook: PreSync\n    argocd.argoproj.io/hook-delete-policy: HookSucceeded\n"),
			want:  []want{{"hook-gone", of("templates/serviceaccount.yaml:7"), "Argo CD deletes this hook at the end of the sync, and Deployment shop/shop needs it for its next Pod (serviceAccountName)", "write `argocd.argoproj.io/hook-delete-policy: BeforeHookCreation` in " + of("templates/serviceaccount.yaml:7")}}},
		{name: "a hook of Helm's that is deleted", reason: "Argo CD heeds both annotations, so Helm's has to change",
			edits: replace("templates/serviceaccount.yaml", "  name: shop-web\n", "  name: shop-web\n  annotations:\n    helm.sh/hook: pre-install\n    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded\n"),
			want:  []want{{"hook-gone", of("templates/serviceaccount.yaml:7"), "", "write `helm.sh/hook-delete-policy: before-hook-creation` in"}}},
		{name: "a hook that is made anew", reason: "BeforeHookCreation leaves it there until the next sync",
			edits: replace("templates/serviceaccount.yaml", "  name: shop-web\n", "  name: shop-web\n  annotations:\n    helm.sh/hook: pre-install\n")},
		{name: "a deleted hook that another object stands for", reason: "one of the two stays",
			edits: also("templates/again.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: shop-web\n  annotations: {helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-succeeded}\n")},
		{name: "SealedSecret as a hook", reason: "argo-cd#15146: Argo CD deletes it before each sync",
			edits: []edit{{of("templates/sealed-shop-secrets.yaml"), "    argocd.argoproj.io/sync-wave: \"-3\"\n", "    argocd.argoproj.io/hook: PreSync\n"}},
			want:  []want{{"hook-sealed", of("templates/sealed-shop-secrets.yaml:8"), "it is a PreSync hook", "take the hook annotation away in " + of("templates/sealed-shop-secrets.yaml:8") + " and write `argocd.argoproj.io/sync-wave: \"-3\"`"}}},
	}
}
