{{/* Labels of every object of the application. */}}
{{- define "authentik.labels" -}}
{{ include "authentik.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels that select the application's Pods; they never change. */}}
{{- define "authentik.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "authentik.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Environment of server and worker. */}}
{{- define "authentik.env" -}}
- name: AUTHENTIK_SECRET_KEY
  valueFrom:
    secretKeyRef:
      name: authentik-secrets
      key: AUTHENTIK_SECRET_KEY
- name: AUTHENTIK_POSTGRESQL__HOST
  value: cloudnative-pg-cluster-authentik-rw
- name: AUTHENTIK_POSTGRESQL__NAME
  value: authentik
- name: AUTHENTIK_POSTGRESQL__USER
  valueFrom:
    secretKeyRef:
      name: cloudnative-pg-cluster-authentik
      key: username
- name: AUTHENTIK_POSTGRESQL__PASSWORD
  valueFrom:
    secretKeyRef:
      name: cloudnative-pg-cluster-authentik
      key: password
{{- end }}

{{/* The image runs as this user. */}}
{{- define "authentik.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "authentik.securityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: ["ALL"]
{{- end }}
