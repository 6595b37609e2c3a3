package publish

import (
	"context"
	"errors"
	"slices"

	"github.com/sealway/sealway/pkg/git"
)

// Result is what publishing did, as far as it came.
type Result struct {
	Commit    string // that holds the files: a new one, or the one that was there
	Committed bool   // it is new
	Pushed    bool
	Messages  []string // what the remote said
}

// Apply commits and pushes. With an error the result says how far it came.
func (p *Plan) Apply(ctx context.Context) (Result, error) {
	r := Result{Commit: p.parent}
	if len(p.changes) > 0 {
		hash, err := p.commit(ctx)
		if hash != "" {
			r.Commit, r.Committed = hash, true
		}
		if err != nil {
			return r, err
		}
	}
	if !p.push {
		return r, nil
	}
	if p.opts.Progress != nil {
		p.opts.Progress("pushing to " + p.To.String())
	}
	var err error
	r.Messages, err = p.repo.Tree.Push(ctx, git.PushOptions{Remote: p.To.address, Branch: p.Branch, To: p.To.Branch, SetUpstream: p.To.setUpstream})
	if err != nil {
		return r, &PushError{Cause: err, Commit: r.Commit, Branch: p.Branch, To: p.To}
	}
	r.Pushed = true
	return r, nil
}

func (p *Plan) commit(ctx context.Context) (hash string, err error) {
	o := git.CommitOptions{Parent: p.parent, Branch: p.opts.Branch, Message: p.Message}
	var files [][]byte
	var want []string
	for _, c := range p.changes {
		change := git.Change{Path: c.path, Entry: c.entry}
		if c.data != nil {
			files, want = append(files, c.data), append(want, c.entry.Hash)
			if c.before.Mode == git.ModeExecFile {
				change.Mode = git.ModeExecFile
			}
		}
		o.Changes = append(o.Changes, change)
	}
	got, err := p.repo.Tree.WriteBlobs(ctx, files)
	if err != nil {
		return "", err
	}
	if !slices.Equal(want, got) {
		return "", errors.New("commit: git wrote other objects than those that were checked")
	}
	return p.repo.Tree.Commit(ctx, o)
}
