// Package publish commits the sealed files of applications and pushes them:
// those, the pinned certificate they were sealed for, and nothing else.
//
// NewPlan reads, asks the remote where it stands, and decides; Plan.Apply commits
// and pushes. What a run did not get done, the next one goes on with: a commit
// that is there and was not pushed is pushed.
//
// The commit is made of the bytes that were checked, by `git commit` on an index
// of its own: hooks, signature and identity are the user's, and what else is
// staged stays staged. In the flow for pull requests (Options.Branch) the commit
// goes on a branch that begins where the followed branch is on the remote, so that
// nothing unpublished goes along; the checked-out branch, the index and the work
// tree stay as they are.
package publish
