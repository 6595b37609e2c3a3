package chart

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
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

// trial is one value to try.
type trial struct {
	key   string
	value any
	rank  int // the lower the more likely
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

var (
	valuePath = regexp.MustCompile(`(?:\$|\.)?\.Values((?:\.[A-Za-z_][A-Za-z0-9_]*)+)`)
	included  = regexp.MustCompile(`(?:include|template)\s+"([^"]+)"`)
	literal   = regexp.MustCompile(`"([^"]*)"`)
	capable   = regexp.MustCompile(`^\s*(?:if|with|range|else if|else with)\b`)
)

// trials are the values that the conditions in the templates ask for, likely ones first.
func (e *experiment) trials(out *output) []trial {
	definitions := definitions(out.chart)
	seen := map[string]bool{}
	var all []trial
	walkRoots(out.chart, "", func(prefix, name string, data []byte) {
		rank := e.rank(string(data))
		for _, action := range actions(string(data)) {
			if !capable.MatchString(action) {
				continue
			}
			for _, t := range e.alternatives(out, prefix, expand(action, definitions, 3)) {
				if id := fmt.Sprint(t.key, "=", t.value); !seen[id] {
					seen[id] = true
					t.rank = rank
					all = append(all, t)
				}
			}
		}
	})
	all = append(all, e.dependencies(out)...)
	slices.SortStableFunc(all, func(a, b trial) int { return a.rank - b.rank })
	return all
}

// rank says how much a template looks like the object's.
func (e *experiment) rank(text string) int {
	rank := 3
	if strings.Contains(text, "kind: "+e.kind) {
		rank -= 2
	}
	if strings.Contains(text, e.name) {
		rank--
	}
	return rank
}

// alternatives are other values for those that a condition asks for.
func (e *experiment) alternatives(out *output, prefix, action string) []trial {
	var trials []trial
	for _, m := range valuePath.FindAllStringSubmatch(action, -1) {
		key := prefix + m[1][1:]
		switch now, _ := e.value(out, key); now := now.(type) {
		case bool:
			trials = append(trials, trial{key: key, value: !now})
		case nil:
			trials = append(trials, trial{key: key, value: true})
		case string:
			for _, l := range literal.FindAllStringSubmatch(action, -1) {
				if l[1] != now {
					trials = append(trials, trial{key: key, value: l[1]})
				}
			}
			if now != "" {
				trials = append(trials, trial{key: key, value: ""})
			}
		case float64, int64, int:
			trials = append(trials, trial{key: key, value: int64(1)}, trial{key: key, value: int64(0)})
		}
	}
	return trials
}

// dependencies are the conditions and tags of subcharts that are not taken along.
func (e *experiment) dependencies(out *output) []trial {
	c, err := load(e.files)
	if err != nil {
		return nil
	}
	var trials []trial
	for _, d := range c.Metadata.Dependencies {
		for key := range strings.SplitSeq(d.Condition, ",") {
			if now, ok := e.value(out, strings.TrimSpace(key)); ok && now == false {
				trials = append(trials, trial{key: strings.TrimSpace(key), value: true})
			}
		}
		for _, tag := range d.Tags {
			if now, ok := e.value(out, "tags."+tag); ok && now == false {
				trials = append(trials, trial{key: "tags." + tag, value: true})
			}
		}
	}
	return trials
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

// walkRoots visits templates with the path of the values that they see as theirs.
func walkRoots(c *chart.Chart, prefix string, visit func(prefix, name string, data []byte)) {
	for _, t := range c.Templates {
		visit(prefix, t.Name, t.Data)
	}
	for _, d := range c.Dependencies() {
		walkRoots(d, prefix+d.Name()+".", visit)
	}
}

// actions are the insides of a template's actions.
func actions(text string) []string {
	var out []string
	for {
		begin := strings.Index(text, "{{")
		if begin < 0 {
			return out
		}
		text = text[begin:]
		end := actionEnd(text)
		inner := strings.TrimSuffix(strings.TrimPrefix(text[:end], "{{"), "}}")
		out = append(out, strings.TrimSpace(strings.Trim(inner, "-")))
		text = text[end:]
	}
}

// definitions are the actions within each named template, as one text.
func definitions(c *chart.Chart) map[string]string {
	out := map[string]string{}
	walk(c, func(_ string, f *chart.File) {
		name, depth := "", 0
		for _, action := range actions(string(f.Data)) {
			depth = nest(depth, "{{"+action+"}}")
			if keyword("{{"+action+"}}") == "define" && depth == 1 {
				if m := literal.FindStringSubmatch(action); m != nil {
					name = m[1]
				}
				continue
			}
			if depth > 0 {
				out[name] += " " + action
			}
		}
	})
	return out
}

// expand adds to a condition what the named templates ask for that it includes.
func expand(action string, definitions map[string]string, depth int) string {
	out := action
	if depth == 0 {
		return out
	}
	for _, m := range included.FindAllStringSubmatch(action, -1) {
		out += " " + expand(definitions[m[1]], definitions, depth-1)
	}
	return out
}
