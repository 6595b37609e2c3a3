{{/* Labels of every object of the application. */}}
{{- define "litellm.labels" -}}
{{ include "litellm.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels that select the application's Pods; they never change. */}}
{{- define "litellm.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "litellm.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/*
DATABASE_URL, put together by the kubelet from the keys of the database's
Secret: $(NAME) refers to an earlier variable. Nothing percent-encodes the
password, so it has to be safe in a URL; the one secrets.yaml asks for is.
*/}}
{{- define "litellm.databaseEnv" -}}
- name: DATABASE_USERNAME
  valueFrom:
    secretKeyRef:
      name: cloudnative-pg-cluster-litellm
      key: username
- name: DATABASE_PASSWORD
  valueFrom:
    secretKeyRef:
      name: cloudnative-pg-cluster-litellm
      key: password
- name: DATABASE_URL
  value: postgresql://$(DATABASE_USERNAME):$(DATABASE_PASSWORD)@cloudnative-pg-cluster-litellm-rw:5432/litellm
{{- end }}
