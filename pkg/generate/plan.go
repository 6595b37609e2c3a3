package generate

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Plan is what is to be done, Secret by Secret and key by key. Neither its text
// nor its fields give a value away.
type Plan struct {
	Steps []Step // in the order of applications and contracts

	opts    Options
	changes []change
	drafts  []func() Draft
	tighten []string // plaintext files and folders that others must not read
}

// Step is what happens to one key, or to the whole Secret when Key is empty.
type Step struct {
	// Action is report.Create (the key gets its value), Update (an existing value
	// is made anew), Keep, Placeholder (a person has to fill it in) or Warning
	// (it does not agree with the contract and is left alone).
	Action      report.Action
	Application string
	Namespace   string
	Secret      string
	Key         string
	Path        string // of the plaintext file, relative to Options.Root
	Line        int    // of the key in it, counted from 1; 0 when it is not there yet
	Detail      string // why, for a person; may be empty
}

// hidden keeps a value where no printer, encoder or comparison can get at it.
type hidden func() string

func hide(v string) hidden { return func() string { return v } }

// New plans how to fill in the Secrets of the applications. It reads and writes
// no file. Apart from values that exist, the result depends on nothing but the
// arguments and the source of randomness. Errors are joined; each is a
// *manifest.Error with the contract's line, a *ForceError or ctx's.
func New(ctx context.Context, apps []App, o Options) (*Plan, error) {
	o = o.withDefaults()
	g, err := newGraph(apps, o)
	if err != nil {
		return nil, err
	}
	if err := g.force(); err != nil {
		return nil, err
	}
	return g.decide(ctx)
}

// decide makes the plan once it is known what to make anew.
func (g *graph) decide(ctx context.Context) (*Plan, error) {
	g.follow()
	var errs errorList
	for _, s := range g.secrets {
		for _, n := range s.nodes {
			errs.add(g.resolve(ctx, n, nil))
		}
	}
	if err := errs.err(); err != nil {
		return nil, err
	}
	return g.plan(), nil
}

// plan collects the steps and the changes of the files.
func (g *graph) plan() *Plan {
	p := &Plan{opts: g.opts}
	p.opts.Rand = nil // printed, its state would give the values away
	for _, d := range g.opts.Drafts {
		p.drafts = append(p.drafts, func() Draft { return d })
	}
	p.opts.Drafts = nil // likewise
	for _, s := range g.secrets {
		if s.selected && s.found != nil {
			p.Steps = append(p.Steps, s.drift(g.opts)...)
			p.tighten = append(p.tighten, g.opts.disk(s.found.Path))
		}
		c := change{secret: newTarget(s, g.opts)}
		for _, n := range s.nodes {
			if n.step == nil {
				continue
			}
			p.Steps = append(p.Steps, *n.step)
			if e, ok := n.edit(); ok {
				c.edits = append(c.edits, e)
			}
		}
		if len(c.edits) > 0 {
			p.changes = append(p.changes, c)
		}
		if dir := g.opts.disk(s.app.Dir); (s.selected || len(c.edits) > 0) && filepath.Dir(c.secret.disk) == filepath.Clean(dir) {
			p.tighten = append(p.tighten, dir)
		}
	}
	slices.Sort(p.tighten)
	p.tighten = slices.Compact(p.tighten)
	return p
}

// Empty reports whether Apply has no value to write.
func (p *Plan) Empty() bool { return len(p.changes) == 0 && len(p.drafts) == 0 }

// Changed are the keys that Apply gives a value, drafts aside.
func (p *Plan) Changed() []repo.Ref {
	var out []repo.Ref
	for _, s := range p.Steps {
		if s.Action == report.Create || s.Action == report.Update {
			out = append(out, repo.Ref{Application: s.Application, Secret: s.Secret, Key: s.Key})
		}
	}
	return out
}

// Entries are the steps as a report has them: one entry per Secret, action and
// detail, with all the keys that it is true of.
func (p *Plan) Entries() []report.Entry {
	var out []report.Entry
	for _, s := range p.Steps {
		i := len(out) - 1
		for ; i >= 0 && s.sameSecret(out[i]); i-- {
			if out[i].Action == s.Action && out[i].Detail == s.Detail && s.Action != report.Warning {
				break
			}
		}
		if i < 0 || !s.sameSecret(out[i]) {
			e := report.Entry{Action: s.Action, Application: s.Application, Namespace: s.Namespace, Name: s.Secret, Path: s.Path, Line: s.Line, Detail: s.Detail}
			if s.Key != "" {
				e.Keys = []string{s.Key}
			}
			out = append(out, e)
			continue
		}
		out[i].Keys = append(out[i].Keys, s.Key)
		slices.Sort(out[i].Keys)
		out[i].Line = 0 // several places
	}
	return out
}

func (s *Step) sameSecret(e report.Entry) bool {
	return e.Path == s.Path && e.Namespace == s.Namespace && e.Name == s.Secret
}

// String is one line per step, without any value.
func (p *Plan) String() string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%s %s/%s %s", s.Action, s.Namespace, s.Secret, cmp.Or(s.Key, "-"))
		if s.Detail != "" {
			b.WriteString(": " + s.Detail)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
