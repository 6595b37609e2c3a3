package verify

// shop is the application that scenarios break: a Deployment that wants a file of a
// ConfigMap and a key of a Secret. APP is its name, REMOTE the repository's URL.
//
// Its image is of the registry that the sandbox's kubelet plays, see
// internal/sandbox/servers/kubernetes/_kubelet.
func shop() map[string]string {
	return map[string]string{
		"application.yaml": `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: APP
  namespace: argocd
spec:
  project: default
  source:
    repoURL: REMOTE
    targetRevision: main
    path: applications/APP
  destination:
    server: https://kubernetes.default.svc
    namespace: APP
  syncPolicy:
    syncOptions:
      - CreateNamespace=true
`,
		"Chart.yaml":  "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
		".helmignore": "local-secrets/\nsecrets.yaml\napplication.yaml\n.helmignore\n",
		"secrets.yaml": `secrets:
  - name: shop-secrets
    keys:
      password: {generate: password}
`,
		"local-secrets/shop-secrets.yaml": `apiVersion: v1
kind: Secret
metadata:
  name: shop-secrets
  namespace: APP
stringData:
  password: "` + password + `"
`,
		"values.yaml": `image:
  repository: pretend.test/shop
  tag: "1.0.0"
config:
  create: true
  greeting: hello
resources:
  requests:
    cpu: 10m
    memory: 16Mi
  limits:
    memory: 64Mi
`,
		"templates/config.yaml": `{{- if .Values.config.create }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: shop-config
data:
  shop.yaml: |
    greeting: {{ .Values.config.greeting }}
{{- end }}
`,
		"templates/deployment.yaml": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 1
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
        - name: shop
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          args:
            - print started
          env:
            - name: PASSWORD
              valueFrom:
                secretKeyRef:
                  name: shop-secrets
                  key: password
          ports:
            - name: http
              containerPort: 8080
          readinessProbe:
            httpGet:
              path: /ready
              port: 8080
            periodSeconds: 2
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          volumeMounts:
            - name: config
              mountPath: /etc/shop
      volumes:
        - name: config
          configMap:
            name: shop-config
`,
	}
}
