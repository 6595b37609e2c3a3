package chart

import (
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/strvals"
)

// values are what is laid over the chart's own values.yaml.
func (o Options) values(files []File) (map[string]any, error) {
	out := map[string]any{}
	for _, name := range o.ValueFiles {
		i := slices.IndexFunc(files, func(f File) bool { return f.Name == name })
		if i < 0 {
			if o.IgnoreMissingFiles {
				continue
			}
			return nil, &Error{Path: name, Cause: "the value file is not there"}
		}
		read, err := chartutil.ReadValues(files[i].Data)
		if err != nil {
			return nil, chartError(name, err)
		}
		out = over(out, read)
	}
	out = over(out, o.Values)
	for _, p := range o.Parameters {
		parse := strvals.ParseInto
		if p.ForceString {
			parse = strvals.ParseIntoString
		}
		if err := parse(p.Name+"="+escape(p.Value), out); err != nil {
			return nil, &Error{Cause: "parameter " + p.Name + ": it cannot be set"}
		}
	}
	return over(out, o.last), nil
}

// sets reports whether Values or Parameters say what a value is.
func (o Options) sets(key string) bool {
	var now any = o.Values
	for part := range strings.SplitSeq(key, ".") {
		m, _ := now.(map[string]any)
		now = m[part]
	}
	return now != nil || slices.ContainsFunc(o.Parameters, func(p Parameter) bool { return p.Name == key })
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
