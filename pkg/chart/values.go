package chart

import (
	"cmp"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/strvals"
)

// values are what is laid over the chart's own values.yaml.
func (o Options) values(files []File) (map[string]any, error) {
	out := map[string]any{}
	for _, name := range o.ValueFiles {
		data, ok := content(files, name)
		if !ok && o.IgnoreMissingFiles {
			continue
		}
		if !ok {
			return nil, &Error{Path: name, Cause: "the value file is not there"}
		}
		read, err := chartutil.ReadValues(data)
		if err != nil {
			return nil, chartError(name, err)
		}
		out = over(out, read)
	}
	out = over(out, o.Values)
	for _, p := range o.Parameters {
		if err := p.set(out); err != nil {
			return nil, err
		}
	}
	for _, p := range o.FileParameters {
		if err := p.set(out, files); err != nil {
			return nil, err
		}
	}
	return over(out, o.last), nil
}

// content is that of a file.
func content(files []File, name string) ([]byte, bool) {
	name = path.Clean(name)
	i := slices.IndexFunc(files, func(f File) bool { return f.Name == name })
	if i < 0 {
		return nil, false
	}
	return files[i].Data, true
}

// set puts the parameter into values.
func (p Parameter) set(values map[string]any) error {
	parse := strvals.ParseInto
	if p.ForceString {
		parse = strvals.ParseIntoString
	}
	if err := parse(p.Name+"="+escape(p.Value), values); err != nil {
		return &Error{Cause: "parameter " + p.Name + ": it cannot be set"}
	}
	return nil
}

// set puts the parameter into values.
func (p FileParameter) set(values map[string]any, files []File) error {
	data, ok := content(files, p.File)
	if !ok {
		return &Error{Path: p.File, Cause: "the file of parameter " + p.Name + " is not there"}
	}
	read := func([]rune) (any, error) { return string(data), nil }
	if err := strvals.ParseIntoFile(p.Name+"=file", values, read); err != nil {
		return &Error{Cause: "parameter " + p.Name + ": it cannot be set"}
	}
	return nil
}

// helmSource is the helm section of an Argo CD application's source.
type helmSource struct {
	ReleaseName             string         `json:"releaseName"`
	Namespace               string         `json:"namespace"`
	KubeVersion             string         `json:"kubeVersion"`
	APIVersions             []string       `json:"apiVersions"`
	ValueFiles              []string       `json:"valueFiles"`
	IgnoreMissingValueFiles bool           `json:"ignoreMissingValueFiles"`
	Values                  string         `json:"values"`
	ValuesObject            map[string]any `json:"valuesObject"`
	SkipCRDs                bool           `json:"skipCrds"`
	SkipSchemaValidation    bool           `json:"skipSchemaValidation"`
	Parameters              []struct {
		Name        string `json:"name"`
		Value       string `json:"value"`
		ForceString bool   `json:"forceString"`
	} `json:"parameters"`
	FileParameters []struct {
		Name string `json:"name"`
		Path string `json:"path"`
	} `json:"fileParameters"`
}

// WithSource adds what the helm section of an Argo CD 2.14 application's source says.
// o.Release and o.Namespace are the application's name and its destination's namespace.
// Value files out of another source ("$values/...") are not known here: they fail as
// missing ones. $ARGOCD_APP_NAME and the like are not replaced.
func (o Options) WithSource(helm map[string]any) (Options, error) {
	var h helmSource
	data, err := json.Marshal(helm)
	if err == nil {
		err = json.Unmarshal(data, &h)
	}
	if err != nil {
		return o, &Error{Cause: "the application's helm section cannot be read"}
	}
	o.Destination = o.Namespace
	o.Release, o.Namespace = cmp.Or(h.ReleaseName, o.Release), cmp.Or(h.Namespace, o.Namespace)
	o.KubeVersion = cmp.Or(h.KubeVersion, o.KubeVersion)
	o.APIVersions = append(slices.Clone(o.APIVersions), h.APIVersions...)
	o.ValueFiles = append(slices.Clone(o.ValueFiles), h.ValueFiles...)
	o.IgnoreMissingFiles = o.IgnoreMissingFiles || h.IgnoreMissingValueFiles
	o.SkipCRDs, o.SkipSchema = o.SkipCRDs || h.SkipCRDs, o.SkipSchema || h.SkipSchemaValidation
	values := h.ValuesObject
	if values == nil {
		if values, err = chartutil.ReadValues([]byte(h.Values)); err != nil {
			return o, &Error{Cause: "helm.values of the application is not YAML"}
		}
	}
	o.Values = over(o.Values, values)
	o.Parameters = slices.Clone(o.Parameters)
	for _, p := range h.Parameters {
		o.Parameters = append(o.Parameters, Parameter{Name: p.Name, Value: p.Value, ForceString: p.ForceString})
	}
	o.FileParameters = slices.Clone(o.FileParameters)
	for _, p := range h.FileParameters {
		o.FileParameters = append(o.FileParameters, FileParameter{Name: p.Name, File: p.Path})
	}
	return o, nil
}

// sets reports whether Values or Parameters say what a value is.
func (o Options) sets(key string) bool {
	var now any = o.Values
	for part := range strings.SplitSeq(key, ".") {
		m, _ := now.(map[string]any)
		now = m[part]
	}
	return now != nil || slices.ContainsFunc(o.Parameters, func(p Parameter) bool { return p.Name == key }) ||
		slices.ContainsFunc(o.FileParameters, func(p FileParameter) bool { return p.Name == key })
}

// escape keeps commas in a value from beginning another one. Argo CD does the same
// (util/helm/cmd.go), and leaves a list in braces alone.
func escape(value string) string {
	if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
		return value
	}
	var out []byte
	for i := range len(value) {
		if value[i] == ',' && (i == 0 || value[i-1] != '\\') {
			out = append(out, '\\')
		}
		out = append(out, value[i])
	}
	return string(out)
}

// over lays one tree of values over another; both stay as they are.
func over(under, top map[string]any) map[string]any {
	out := make(map[string]any, len(under)+len(top))
	for k, v := range under {
		out[k] = clone(v)
	}
	for k, v := range top {
		a, okA := out[k].(map[string]any)
		b, okB := v.(map[string]any)
		if okA && okB {
			out[k] = over(a, b)
		} else {
			out[k] = clone(v)
		}
	}
	return out
}

// clone copies a value: templates may change what they are given.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return over(nil, v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = clone(v[i])
		}
		return out
	}
	return v
}
