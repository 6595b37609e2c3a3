package chart_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/chart"
)

func TestDisabled(t *testing.T) {
	const configmap = `
-- templates/configmap.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
`
	tests := []struct {
		name, reason, files string
		options             chart.Options
		want                *chart.Switch
	}{
		{
			name: "a condition", reason: "the case of LiteLLM's own chart: proxyConfigMap.create",
			files: minimal + `
-- values.yaml --
# The proxy's configuration.
config:
  create: false
  other: true
-- templates/configmap.yaml --
{{- if .Values.config.create }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
{{- end }}
`,
			want: &chart.Switch{Path: "values.yaml", Line: 3, Key: "config.create", Old: "false", New: "true"},
		},
		{
			name: "it is rendered", reason: "nothing to switch",
			files: minimal + configmap,
		},
		{
			name: "no chart renders it", reason: "another cause has to be looked for",
			files: minimal + "\n-- values.yaml --\na: false\n-- templates/x.yaml --\n{{ if .Values.a }}{kind: ConfigMap, apiVersion: v1, metadata: {name: other}}{{ end }}\n",
		},
		{
			name: "negation", reason: "an existing one is used in its place",
			files: minimal + "\n-- values.yaml --\nexisting: true\n-- templates/x.yaml --\n{{ if not .Values.existing }}{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}{{ end }}\n",
			want:  &chart.Switch{Path: "values.yaml", Line: 1, Key: "existing", Old: "true", New: "false"},
		},
		{
			name: "a name in place of a flag", reason: "existingSecret: the chart renders its own only when it is empty",
			files: minimal + "\n-- values.yaml --\nexistingSecret: mine\n-- templates/x.yaml --\n{{ if not .Values.existingSecret }}{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}{{ end }}\n",
			want:  &chart.Switch{Path: "values.yaml", Line: 1, Key: "existingSecret", Old: "mine", New: ""},
		},
		{
			name: "one of several words", reason: "a comparison names the word that is needed",
			files: minimal + "\n-- values.yaml --\nmode: local\n-- templates/x.yaml --\n{{ if or (eq .Values.mode \"s3\") (eq .Values.mode \"gcs\") }}{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}{{ end }}\n",
			want:  &chart.Switch{Path: "values.yaml", Line: 1, Key: "mode", Old: "local", New: "s3"},
		},
		{
			name: "a value that is not there", reason: "values.yaml does not mention it",
			files: minimal + "\n-- templates/x.yaml --\n{{ if .Values.config }}{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}{{ end }}\n",
			want:  &chart.Switch{Path: "values.yaml", Key: "config", New: "true"},
		},
		{
			name: "two conditions", reason: "both have to be changed",
			files: minimal + "\n-- values.yaml --\na: {enabled: false}\nb: {enabled: false}\n-- templates/x.yaml --\n{{ if and .Values.a.enabled .Values.b.enabled }}{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}{{ end }}\n",
			want: &chart.Switch{
				Path: "values.yaml", Line: 1, Key: "a.enabled", Old: "false", New: "true",
				Also: &chart.Switch{Path: "values.yaml", Line: 2, Key: "b.enabled", Old: "false", New: "true"},
			},
		},
		{
			name: "a helper decides", reason: "the condition stands in _helpers.tpl",
			files: minimal + "\n-- values.yaml --\nconfig:\n  enabled: false\n-- templates/_h.tpl --\n{{ define \"on\" }}{{ if .Values.config.enabled }}true{{ end }}{{ end }}\n-- templates/x.yaml --\n{{ if eq (include \"on\" .) \"true\" }}{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}{{ end }}\n",
			want:  &chart.Switch{Path: "values.yaml", Line: 2, Key: "config.enabled", Old: "false", New: "true"},
		},
		{
			name: "a subchart's condition", reason: "the whole chart is left out",
			files: `
-- Chart.yaml --
apiVersion: v2
name: web
version: 0.1.0
dependencies:
  - {name: db, version: 0.1.0, condition: db.enabled}
-- values.yaml --
db:
  enabled: false
-- charts/db/Chart.yaml --
apiVersion: v2
name: db
version: 0.1.0
-- charts/db/templates/x.yaml --
{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}
`,
			want: &chart.Switch{Path: "values.yaml", Line: 2, Key: "db.enabled", Old: "false", New: "true"},
		},
		{
			name: "a value file wins", reason: "values.yaml would be the wrong place",
			files:   minimal + "\n-- values.yaml --\nenabled: true\n-- prod.yaml --\n# production\nenabled: false\n-- templates/x.yaml --\n{{ if .Values.enabled }}{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}{{ end }}\n",
			options: chart.Options{ValueFiles: []string{"prod.yaml"}},
			want:    &chart.Switch{Path: "prod.yaml", Line: 2, Key: "enabled", Old: "false", New: "true"},
		},
		{
			name: "a parameter wins", reason: "the application in Argo CD sets it",
			files:   minimal + "\n-- values.yaml --\nenabled: true\n-- templates/x.yaml --\n{{ if .Values.enabled }}{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}{{ end }}\n",
			options: chart.Options{Parameters: []chart.Parameter{{Name: "enabled", Value: "false"}}},
			want:    &chart.Switch{Key: "enabled", Old: "false", New: "true"},
		},
		{
			name: "another condition would fail", reason: "an experiment that does not render is no answer",
			files: minimal + "\n-- values.yaml --\nbad: false\ngood: false\n-- templates/x.yaml --\n{{ if .Values.bad }}{{ fail \"no\" }}{{ end }}{{ if or .Values.bad .Values.good }}{kind: ConfigMap, apiVersion: v1, metadata: {name: web-config}}{{ end }}\n",
			want:  &chart.Switch{Path: "values.yaml", Line: 2, Key: "good", Old: "false", New: "true"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := chart.Disabled(archive(t, tt.files), tt.options, "ConfigMap", "web-config")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}
