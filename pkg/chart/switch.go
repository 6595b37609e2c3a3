package chart

import (
	"fmt"
	"helm.sh/helm/v3/pkg/chartutil"
	"strings"
)

// Switch is the value that keeps a chart from rendering an object.
type Switch struct {
	Path string  // the file of values, relative to the chart's folder; empty when Options sets the value
	Line int     // counted from 1; 0 when the file does not have the value yet
	Key  string  // for instance "config.create"
	Old  string  // what it is now; empty when it is nothing
	New  string  // with this the object is rendered; that was tried
	Also *Switch // another value that has to be changed too
}

// maxRenders bounds the experiments of Disabled.
const maxRenders = 48

// Disabled finds out by experiment which value keeps a chart from rendering an object;
// nil when the object is rendered, or no value was found that would make it.
func Disabled(files []File, o Options, kind, name string) (*Switch, error) {
	e := &experiment{files: withoutPlaintext(files, o.Plaintext), opts: o, kind: kind, name: name}
	out, err := render(e.files, o, nil)
	if err != nil {
		return nil, err
	}
	if e.has(out) {
		return nil, nil
	}
	return e.search(out), nil
}

type experiment struct {
	files      []File
	opts       Options
	kind, name string
	renders    int
}

// has reports whether the object is there.
func (e *experiment) has(out *output) bool {
	r := &Rendered{sources: map[string]*source{}}
	for _, name := range out.names() {
		if !strings.Contains(out.manifests[name], e.name) {
			continue
		}
		r.sources[name] = &source{}
		if err := r.read(name, out.manifests[name], e.opts); err != nil {
			return false
		}
	}
	_, ok := r.Find(e.kind, "", e.name)
	return ok
}

// try renders with changed values.
func (e *experiment) try(changes ...trial) bool {
	if e.renders >= maxRenders {
		return false
	}
	e.renders++
	o := e.opts
	o.last = map[string]any{}
	for _, c := range changes {
		o.last = over(o.last, tree(c.key, c.value))
	}
	out, err := render(e.files, o, nil)
	return err == nil && e.has(out)
}

// tree is a value at its path.
func tree(key string, value any) map[string]any {
	parts := strings.Split(key, ".")
	for i := len(parts) - 1; i > 0; i-- {
		value = map[string]any{parts[i]: value}
	}
	return map[string]any{parts[0]: value}
}

func (e *experiment) search(out *output) *Switch {
	trials := e.trials(out)
	for _, t := range trials {
		if e.try(t) {
			return e.found(out, t)
		}
	}
	for i, a := range trials {
		for _, b := range trials[i+1:] {
			if a.key != b.key && e.try(a, b) {
				s := e.found(out, a)
				s.Also = e.found(out, b)
				return s
			}
		}
	}
	return nil
}

// value is what a chart is rendered with at a path.
func (e *experiment) value(out *output, key string) (any, bool) {
	var now any = map[string]any(out.values)
	for part := range strings.SplitSeq(key, ".") {
		m, ok := now.(map[string]any)
		if values, isValues := now.(chartutil.Values); isValues {
			m, ok = values, true
		}
		if !ok {
			return nil, false
		}
		if now, ok = m[part]; !ok {
			return nil, false
		}
	}
	return now, true
}

// found describes a value that helped.
func (e *experiment) found(out *output, t trial) *Switch {
	s := &Switch{Path: valuesFile, Key: t.key, New: fmt.Sprint(t.value)}
	if now, ok := e.value(out, t.key); ok && now != nil {
		s.Old = fmt.Sprint(now)
	}
	if e.opts.sets(t.key) {
		s.Path = ""
		return s
	}
	for _, v := range valueFiles(e.files, e.opts) {
		if n := find(v.root, t.key); n != nil {
			s.Path, s.Line = v.name, n.Line
			return s
		}
	}
	return s
}
