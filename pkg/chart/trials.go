package chart

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
)

// trial is one value to try.
type trial struct {
	key   string
	value any
	rank  int // the lower the more likely
}

// trials are the values that the conditions in the templates ask for, likely ones first.
func (e *experiment) trials(out *output) []trial {
	seen := map[string]bool{}
	var all []trial
	add := func(rank int, more []trial) {
		for _, t := range more {
			if id := fmt.Sprint(t.key, "=", t.value); !seen[id] {
				seen[id] = true
				t.rank = rank
				all = append(all, t)
			}
		}
	}
	charts := append([]*chart.Chart{out.chart}, e.disabled(out)...)
	named := named(charts)
	for _, c := range charts {
		walk(c, func(c *chart.Chart, f *chart.File) {
			for _, q := range questions(string(f.Data), named) {
				add(e.rank(string(f.Data)), e.alternatives(out, prefix(c), q))
			}
		})
	}
	add(-1, e.dependencies(out))
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

// question is a value that a condition asks for.
type question struct {
	key      string // its path among the values of the template's chart
	guess    bool   // it was put together of two pieces that may not belong together
	literals []string
}

var (
	valuePath = regexp.MustCompile(`\.Values((?:\.[A-Za-z_][A-Za-z0-9_]*)+)`)
	// fieldPath is a field of the dot, or of a variable: .create, $config.create
	fieldPath = regexp.MustCompile(`(?:^|[\s(])(?:\$[A-Za-z0-9_]+)?((?:\.[A-Za-z_][A-Za-z0-9_]*)+)`)
	included  = regexp.MustCompile(`(?:include|template)\s+"([^"]+)"`)
	literal   = regexp.MustCompile(`"([^"]*)"`)
	condition = regexp.MustCompile(`^(?:if|with|range|else if|else with)\b`)
	binding   = regexp.MustCompile(`^(?:with|range|else with|\$[A-Za-z0-9_]+\s*:?=)`)
)

// questions are the values that a template's conditions ask for: by their path, in a named
// template that they include, or below what `with` and a variable stand for.
func questions(text string, named map[string]string) []question {
	var out []question
	var bases []string
	for _, action := range actions(text) {
		full := expand(action, named, 3)
		var literals []string
		for _, m := range literal.FindAllStringSubmatch(full, -1) {
			literals = append(literals, m[1])
		}
		paths := valuePath.FindAllStringSubmatch(full, -1)
		if condition.MatchString(action) {
			for _, m := range paths {
				out = append(out, question{m[1][1:], false, literals})
			}
			for _, m := range fieldPath.FindAllStringSubmatch(full, -1) {
				for _, base := range bases {
					out = append(out, question{base + m[1], true, literals})
				}
			}
		}
		if binding.MatchString(action) {
			for _, m := range paths {
				bases = append(bases, m[1][1:])
			}
		}
	}
	return out
}

// alternatives are other values for the one that a condition asks for.
func (e *experiment) alternatives(out *output, prefix string, q question) []trial {
	key := prefix + q.key
	now, ok := e.value(out, key)
	if q.guess && !ok {
		return nil
	}
	switch now := now.(type) {
	case nil:
		return []trial{{key: key, value: true}}
	case bool:
		return []trial{{key: key, value: !now}}
	case string:
		var trials []trial
		for _, l := range append(slices.Clone(q.literals), "") {
			if l != now {
				trials = append(trials, trial{key: key, value: l})
			}
		}
		return trials
	case float64, int64, int:
		return []trial{{key: key, value: int64(1)}, {key: key, value: int64(0)}}
	}
	return nil
}

// disabled are the subcharts that Helm leaves out.
func (e *experiment) disabled(out *output) []*chart.Chart {
	whole, err := load(e.files)
	if err != nil {
		return nil
	}
	var left []*chart.Chart
	for _, d := range whole.Dependencies() {
		if !slices.ContainsFunc(out.chart.Dependencies(), func(c *chart.Chart) bool { return c.Name() == d.Name() }) {
			left = append(left, d)
		}
	}
	return left
}

// dependencies are the conditions and tags of subcharts that are not taken along.
func (e *experiment) dependencies(out *output) []trial {
	whole, err := load(e.files)
	if err != nil {
		return nil
	}
	var trials []trial
	for _, d := range whole.Metadata.Dependencies {
		keys := strings.Split(d.Condition, ",")
		for _, tag := range d.Tags {
			keys = append(keys, "tags."+tag)
		}
		for _, key := range keys {
			key = strings.TrimSpace(key)
			if now, ok := e.value(out, key); ok && now == false {
				trials = append(trials, trial{key: key, value: true})
			}
		}
	}
	return trials
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

// named are the actions within each named template, as one text.
func named(charts []*chart.Chart) map[string]string {
	out := map[string]string{}
	for _, c := range charts {
		walk(c, func(_ *chart.Chart, f *chart.File) {
			name, depth := "", 0
			for _, action := range actions(string(f.Data)) {
				depth = nest(depth, "{{"+action+"}}")
				m := literal.FindStringSubmatch(action)
				if depth == 1 && m != nil && keyword("{{"+action+"}}") == "define" {
					name = m[1]
				} else if depth > 0 {
					out[name] += " " + action
				}
			}
		})
	}
	return out
}

// expand adds to a condition what the named templates ask for that it includes.
func expand(action string, named map[string]string, depth int) string {
	out := action
	if depth == 0 {
		return out
	}
	for _, m := range included.FindAllStringSubmatch(action, -1) {
		out += " " + expand(named[m[1]], named, depth-1)
	}
	return out
}
