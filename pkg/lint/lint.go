package lint

import (
	"cmp"
	"context"
	slashes "path"
	"slices"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Options are what Check needs to know beside the files. The zero value checks
// everything but repoURL and targetRevision.
type Options struct {
	// Silence are findings that the repository does not want to see.
	Silence []Silence
	// Upstream says what is known here of the repository with that address, without the
	// network; nil: application-repo and application-branch find nothing.
	Upstream func(ctx context.Context, address string) (Upstream, error)
	// KubeVersion is the version that charts see; default: pkg/chart's.
	KubeVersion string
}

// Upstream is what a clone knows of the repository that an application names.
type Upstream struct {
	Remote   string   // name of the remote with that address; empty when there is none
	Remotes  []string // names of the remotes that are not on this machine; with none nothing can be said
	Default  string   // the remote's default branch; empty when it is not known here
	Branches []string // branches of the remote that are known here
}

// Result is what Check found and how much it looked at.
type Result struct {
	Findings     []report.Finding // by application, then by place
	Silenced     int              // findings that Options.Silence took out
	Unused       []Silence        // silences that matched nothing
	Unrendered   []string         // applications that are no Helm chart: only their files were looked at
	Applications int
	Objects      int // rendered or sealed
	References   int // to Secrets, ConfigMaps, ServiceAccounts and PersistentVolumeClaims
}

// Check applies every rule to the named applications. All applications of the
// repository are read, since they may depend on one another.
func Check(ctx context.Context, r *repo.Repository, apps []repo.Application, o Options) (*Result, error) {
	if err := checkSilences(o.Silence); err != nil {
		return nil, err
	}
	every, err := r.Applications()
	if err != nil {
		return nil, err
	}
	all, err := repo.Each(ctx, every, func(a repo.Application) (*application, error) { return load(ctx, r, a, o) })
	if err != nil {
		return nil, err
	}
	c := &checker{ctx: ctx, repo: r, options: o, all: all, result: &Result{}}
	for _, a := range all {
		if slices.ContainsFunc(apps, func(b repo.Application) bool { return a.Name == b.Name }) {
			c.selected = append(c.selected, a)
		}
	}
	c.produced = produce(all)
	for _, rule := range Rules() {
		c.rule = rule.Name
		if err := rule.check(c); err != nil {
			return nil, err
		}
	}
	c.finish(len(c.selected) == len(all))
	return c.result, ctx.Err()
}

// checker is one run over the repository.
type checker struct {
	ctx      context.Context
	repo     *repo.Repository
	options  Options
	all      []*application // of the repository
	selected []*application // that are checked
	produced products

	rule   string // that is checked now
	result *Result
}

// place is a line of a file of the repository.
type place struct {
	path string // relative to the root
	line int
}

func (p place) String() string { return report.Finding{Path: p.path, Line: p.line}.Position() }

// add records a finding of the rule that is checked now. The same about the same place
// is told once.
func (c *checker) add(at place, f report.Finding) {
	f.Rule, f.Path, f.Line = c.rule, at.path, at.line
	if !slices.ContainsFunc(c.result.Findings, func(o report.Finding) bool {
		return o.Rule == f.Rule && o.Path == f.Path && o.Line == f.Line && o.Key == f.Key && o.Message == f.Message
	}) {
		c.result.Findings = append(c.result.Findings, f)
	}
}

// finish counts, sorts and takes out what is silenced. Only a look at all applications
// can say that a silence is not needed.
func (c *checker) finish(everything bool) {
	res := c.result
	res.Applications = len(c.selected)
	for _, a := range c.selected {
		res.Objects += len(a.objects)
		if !a.isChart {
			res.Unrendered = append(res.Unrendered, a.Name)
		}
	}
	slices.SortStableFunc(res.Findings, func(a, b report.Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	used := make([]bool, len(c.options.Silence))
	res.Findings = slices.DeleteFunc(res.Findings, func(f report.Finding) bool {
		silenced := false
		for i, s := range c.options.Silence {
			if s.matches(f) {
				used[i], silenced = true, true
			}
		}
		if silenced {
			res.Silenced++
		}
		return silenced
	})
	for i, s := range c.options.Silence {
		if everything && !used[i] {
			res.Unused = append(res.Unused, s)
		}
	}
}

// each makes a rule's check of one for a single application.
func each(f func(c *checker, a *application)) func(*checker) error {
	return func(c *checker) error {
		for _, a := range c.selected {
			f(c, a)
		}
		return c.ctx.Err()
	}
}

// at is a place of the chart as one of the repository.
func (a *application) at(path string, line int) place { return place{slashes.Join(a.dir, path), line} }

// atObject is where an object is written.
func (a *application) atObject(o chart.Object) place { return a.at(o.Path, o.Line) }
