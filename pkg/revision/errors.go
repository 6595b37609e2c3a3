package revision

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/sealway/sealway/pkg/git"
)

// Error says that Argo CD would sync another version than the one at hand.
type Error struct{ Comparison }

func (e *Error) Error() string {
	head, theirs := git.Short(e.Head), git.Short(e.Source.Commit)
	switch {
	case e.State == NotPushed:
		return fmt.Sprintf("%s: %s is not pushed: Argo CD sees %s on %s", e.Source.Path, head, theirs, e.Followed)
	case e.State == NotSeen:
		return fmt.Sprintf("%s: %s is pushed, and Argo CD still sees %s on %s", e.Source.Path, head, theirs, e.Followed)
	case e.State == Diverged:
		return fmt.Sprintf("%s: %s here and %s on the remote have diverged: yours is %s, Argo CD sees %s", e.Source.Path, e.Branch, e.Followed, head, theirs)
	case e.Branch == "":
		return fmt.Sprintf("%s: Argo CD follows %s (%s), HEAD is detached at %s", e.Source.Path, e.target(), theirs, head)
	default:
		return fmt.Sprintf("%s: Argo CD follows %s (%s), you are on %s (%s)", e.Source.Path, e.target(), theirs, e.Branch, head)
	}
}

// target is what is followed, in words.
func (c Comparison) target() string { return cmp.Or(c.Followed, c.Source.Target, "HEAD") }

// Hint says how the version at hand gets where Argo CD looks.
func (e *Error) Hint() string {
	switch e.State {
	case NotPushed:
		push := "git push"
		if strings.HasPrefix(e.Source.URL, "file://") { // no remote need have it
			push += " " + e.Source.URL + " HEAD:" + e.Followed
		}
		return "`" + push + "`, then again; `mage gitops:sync " + e.Source.App + " -revision=" + git.Short(e.Source.Commit) + "` syncs what is there"
	case NotSeen:
		return "again in a moment; if it stays so, Argo CD has a mirror or another credential: look at its repository settings"
	case Diverged:
		return "`git pull --rebase` and `git push`, then again"
	default:
		return fmt.Sprintf("merge into %s and pull it, then again; `mage gitops:sync %s -revision=%s` syncs what is there", e.target(), e.Source.App, git.Short(e.Source.Commit))
	}
}

// NoRemoteError says that a push from here does not reach what Argo CD follows.
type NoRemoteError struct{ Path, URL string }

func (e *NoRemoteError) Error() string {
	return fmt.Sprintf("%s: Argo CD follows %s, which is no remote of this repository", e.Path, e.URL)
}

// Hint says how to add it.
func (e *NoRemoteError) Hint() string { return "`git remote add NAME " + e.URL + "`, then again" }

// BranchError says that what is committed here is not what Argo CD looks at.
type BranchError struct{ App, Path, Follows, Branch string }

func (e *BranchError) Error() string {
	return fmt.Sprintf("%s: Argo CD follows %s, you are on %s", e.Path, e.follows(), cmp.Or(e.Branch, "a detached HEAD"))
}

func (e *BranchError) follows() string { return cmp.Or(e.Follows, "HEAD") }

// Hint says which ways there are.
func (e *BranchError) Hint() string {
	return "switch to the branch that is followed and again; or `mage gitops:publish " + path.Base(e.Path) + " -branch=NAME`, and `mage gitops:sync " + e.App + "` after the merge"
}
