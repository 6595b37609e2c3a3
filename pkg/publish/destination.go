package publish

import (
	"context"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/git"
)

// destination finds out where the push goes, by Git's rules, and in the flow for
// pull requests also which branch is followed.
func (p *planner) destination(ctx context.Context) error {
	remotes, err := p.tree.Remotes(ctx)
	if err != nil {
		return err
	}
	var tr git.Tracking
	if p.head.Branch != "" {
		if tr, err = p.tree.Tracking(ctx, p.head.Branch); err != nil {
			return err
		}
	} else if tr, err = p.tree.Tracking(ctx, p.opts.Branch); err != nil { // detached: only remote.pushDefault counts
		return err
	} else {
		tr = git.Tracking{PushRemote: tr.PushRemote}
	}
	if tr.Remote == "." { // it follows a branch of this repository
		tr.Remote, tr.Branch = "", ""
	}
	if p.To, err = p.remote(remotes, tr); err != nil {
		return err
	}
	if p.opts.Branch != "" {
		return p.aside(ctx, remotes, tr)
	}
	p.Branch = p.head.Branch
	p.To.Branch = p.head.Branch
	if p.To.address == tr.Remote && tr.Branch != "" {
		p.To.Branch = tr.Branch
	}
	if p.opts.Target != "" {
		p.To.Branch = p.opts.Target
	}
	p.To.setUpstream = tr.Remote == "" && known(remotes, p.To.address) && p.opts.Target == ""
	return nil
}

// remote is the one to push to.
func (p *planner) remote(remotes []git.Remote, tr git.Tracking) (Destination, error) {
	name := p.opts.Remote
	switch {
	case name != "":
		if !known(remotes, name) && !isAddress(name) {
			return Destination{}, unknownRemote(name, remotes)
		}
	case tr.PushRemote != "":
		name = tr.PushRemote
	case tr.Remote != "":
		name = tr.Remote
	case len(remotes) == 1:
		name = remotes[0].Name
	case len(remotes) == 0:
		return Destination{}, noRemote()
	default:
		return Destination{}, manyRemotes(p.head.Branch, remotes)
	}
	return place(remotes, name, ""), nil
}

// place describes a branch of a remote, which is a configured one or an address.
func place(remotes []git.Remote, name, branch string) Destination {
	d := Destination{Remote: git.Redact(name), URL: git.Redact(name), Branch: branch, address: name}
	for _, r := range remotes {
		if r.Name == name {
			d.URL = git.Redact(r.URL)
		}
	}
	return d
}

func known(remotes []git.Remote, name string) bool {
	return slices.ContainsFunc(remotes, func(r git.Remote) bool { return r.Name == name })
}

// isAddress tells a URL, user@host:path or a path from the name of a remote.
func isAddress(s string) bool {
	return !strings.HasPrefix(s, "-") && strings.ContainsAny(s, `/:\`)
}

// aside is destination for a branch of its own: it begins at the branch that the
// checked-out one follows.
func (p *planner) aside(ctx context.Context, remotes []git.Remote, tr git.Tracking) error {
	name := p.opts.Branch
	p.Branch, p.To.Branch = name, name
	if ok, err := p.tree.ValidBranch(ctx, name); err != nil || !ok {
		return orElse(err, invalidBranch(name))
	}
	if name == p.head.Branch {
		return ownBranch(name)
	}
	if where, err := p.tree.CheckedOut(ctx, name); err != nil || where != "" {
		return orElse(err, checkedOut(name, where))
	}
	p.To.setUpstream = known(remotes, p.To.address)
	switch {
	case tr.Remote != "" && tr.Branch != "":
		p.followed = place(remotes, tr.Remote, tr.Branch)
	case p.head.Branch != "":
		p.followed = place(remotes, p.To.address, p.head.Branch)
	}
	return nil
}

func orElse(err error, otherwise *Problem) error {
	if err != nil {
		return err
	}
	return otherwise
}

// follow asks the remotes where they stand.
func (p *planner) follow(ctx context.Context) error {
	if p.opts.Branch != "" {
		return p.followAside(ctx)
	}
	p.parent = p.head.Commit
	var err error
	p.ask(p.To)
	if p.seen, err = p.tree.Fetch(ctx, p.To.address, p.To.Branch); err != nil || p.seen == "" {
		p.ahead = p.parent != ""
		return err
	}
	p.shown = p.seen
	if p.parent == "" {
		return unbornBehind(p.head.Branch, p.To)
	}
	ahead, behind, err := p.tree.AheadBehind(ctx, p.parent, p.seen)
	p.ahead = ahead > 0
	if err == nil && behind > 0 {
		p.behind = fallenBehind(p.head.Branch, p.To, ahead, behind)
	}
	return err
}

// followAside finds the commit that the branch is at, or is to begin at, and
// what the remote has of it.
func (p *planner) followAside(ctx context.Context) (err error) {
	if p.parent, err = p.tree.Resolve(ctx, "refs/heads/"+p.Branch); err != nil {
		return err
	}
	p.ask(p.To)
	pushed, err := p.tree.RemoteBranch(ctx, p.To.address, p.Branch)
	if err != nil {
		return err
	}
	if p.parent == "" && pushed != "" {
		return takenBranch(p.To)
	}
	if pushed != "" {
		return p.onTop(ctx, pushed)
	}
	tip := ""
	if p.followed.address != "" {
		p.ask(p.followed)
		if tip, err = p.tree.Fetch(ctx, p.followed.address, p.followed.Branch); err != nil {
			return err
		}
	}
	p.seen, p.shown = tip, tip
	if p.parent != "" {
		return nil
	}
	p.isNew = true
	if p.parent = tip; tip == "" {
		p.parent = p.head.Commit
	}
	if p.parent == "" {
		return nothingYet(p.head.Branch)
	}
	p.shown = p.parent
	if p.head.Commit != "" && tip != "" {
		p.fork, err = p.tree.MergeBase(ctx, p.head.Commit, tip)
	}
	return err
}

// onTop continues a branch that was pushed before: the one here must have all of it.
func (p *planner) onTop(ctx context.Context, pushed string) error {
	p.seen, p.shown = pushed, pushed
	here, err := p.tree.Resolve(ctx, pushed)
	if err != nil {
		return err
	}
	if here != "" {
		has, err := p.tree.IsAncestor(ctx, pushed, p.parent)
		if err != nil || has {
			return err
		}
	}
	return otherBranch(p.Branch, p.To)
}

// ask tells that the remote is being asked.
func (p *planner) ask(d Destination) {
	if p.opts.Progress != nil {
		p.opts.Progress("asking " + d.Remote)
	}
}

// exclude is what the remote has: the other commits go along.
func (p *planner) exclude() []string {
	if p.seen != "" {
		return []string{p.seen}
	}
	return []string{"--remotes"}
}
