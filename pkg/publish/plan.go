package publish

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Options say where to publish. The zero value pushes the checked-out branch to
// where Git would push it.
type Options struct {
	Remote  string // name or URL; default: branch.<name>.pushRemote, remote.pushDefault, the upstream's, the only one
	Target  string // branch on the remote; default: the upstream's, or the same name
	Branch  string // commit on this branch and push it, leaving the checked-out one alone; Target is not used
	Message string // subject of the commit; default: one that names Secrets and keys
	Commits bool   // push other commits of the branch too when no sealed file is to be published

	Progress func(what string) // told before the remote is asked; may be nil

	// Check is what can be proven offline about the applications (seal.Check);
	// what it finds is not published.
	Check func(ctx context.Context) ([]report.Finding, error)

	// Along judges what the other commits bring that the push takes along
	// (guard.Range): those that head has and base has not, or, where base is empty,
	// no remote is known to have. What it finds is not published. May be nil.
	Along func(ctx context.Context, base, head string) ([]report.Finding, error)
}

// Plan is what publishing would do.
type Plan struct {
	Entries []report.Entry // what the remote would newly have, sorted by application and Secret
	Along   []git.Commit   // other commits that the push takes along, newest first
	Message string         // of the commit; empty when there is nothing to commit
	Branch  string         // that is committed on and pushed
	To      Destination

	repo    *repo.Repository
	opts    Options
	parent  string // commit that the new one goes on; empty before the first
	changes []*candidate
	files   int  // sealed files that there are
	push    bool // the remote lacks something
}

// Destination is a branch of a remote.
type Destination struct {
	Remote string // name, or URL without credentials
	URL    string // without credentials
	Branch string

	address     string // for git
	setUpstream bool
}

// String is origin/main, or the branch and the URL.
func (d Destination) String() string {
	if d.Remote == d.URL {
		return d.Branch + " of " + d.URL
	}
	return d.Remote + "/" + d.Branch
}

// Commits reports whether there is anything to commit.
func (p *Plan) Commits() bool { return len(p.changes) > 0 }

// Empty reports whether there is nothing to do: the remote has it all.
func (p *Plan) Empty() bool { return !p.push }

// Files is the number of sealed files that the applications have here.
func (p *Plan) Files() int { return p.files }

// NewPlan decides what has to be committed and pushed for the applications. What
// must not be published is a *FindingsError, what stands in the way a *Problem.
func NewPlan(ctx context.Context, r *repo.Repository, apps []repo.Application, o Options) (*Plan, error) {
	p := &planner{Plan: Plan{repo: r, opts: o}, tree: r.Tree, apps: apps}
	for _, step := range []func(context.Context) error{
		p.state, p.destination, p.offline, p.read, p.follow, p.decide, p.obstacles, p.inspect, p.describe,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return &p.Plan, nil
}

// planner is a plan in the making.
type planner struct {
	Plan
	tree *git.Tree
	apps []repo.Application

	head  git.Head
	index map[string]git.IndexEntry
	local []*candidate

	followed Destination // in the flow for pull requests: where the new branch begins
	seen     string      // the commit that the remote has, from which the others are counted; empty for none
	shown    string      // the commit that the result is compared with
	fork     string      // where what is checked out and the new branch's beginning parted
	isNew    bool        // the branch is not there yet
	ahead    bool        // the branch has commits that the remote has not
	behind   *Problem    // told after what must not be published
}

// state refuses to begin in the middle of something.
func (p *planner) state(ctx context.Context) (err error) {
	if op := p.tree.Operation(); op.Name != "" {
		return inProgress(op)
	}
	if p.head, err = p.tree.Head(ctx); err != nil {
		return err
	}
	if p.head.Branch == "" && p.opts.Branch == "" {
		return detached(p.head.Commit)
	}
	if p.index, err = p.tree.Index(ctx); err != nil {
		return err
	}
	for path, e := range p.index {
		if e.Unmerged {
			return unmerged(path)
		}
	}
	return p.submodules()
}

// decide compares what is here with the commit that the new one goes on, and
// with what the remote has.
func (p *planner) decide(ctx context.Context) error {
	parent, err := p.at(ctx, p.parent)
	if err != nil {
		return err
	}
	shown, err := p.at(ctx, p.shown)
	if err != nil {
		return err
	}
	for _, c := range p.local {
		c.before, c.shown = parent[c.path], shown[c.path]
		if !c.same(c.before) {
			p.changes, p.push = append(p.changes, c), true
		}
		p.push = p.push || !c.same(c.shown)
	}
	p.push = p.push || p.opts.Commits && p.ahead
	if p.behind != nil && p.push {
		return p.behind
	}
	return nil
}

// at are the entries of all candidates in a commit.
func (p *planner) at(ctx context.Context, commit string) (map[string]git.Entry, error) {
	ours, places := map[string]bool{}, map[string]bool{}
	for _, c := range p.local {
		ours[c.path] = true
		if dir := path.Dir(c.path); dir != "." { // folders make a shorter command line
			places[dir] = true
		} else {
			places[c.path] = true
		}
	}
	files, err := p.tree.Files(ctx, commit, slices.Collect(maps.Keys(places))...)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", git.Short(commit), err)
	}
	maps.DeleteFunc(files, func(file string, _ git.Entry) bool { return !ours[file] })
	return files, nil
}
