package publish

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/report"
)

// Kind tells the kinds of a Problem apart.
type Kind string

// The kinds.
const (
	InProgress Kind = "in-progress" // a merge, a rebase, a conflict
	Detached   Kind = "detached"    // no branch is checked out
	NoRemote   Kind = "no-remote"   // none, or more than one and no upstream
	Behind     Kind = "behind"      // the remote's branch has commits that are not here
	Branch     Kind = "branch"      // the branch for the pull request cannot be used
	Staged     Kind = "staged"      // a sealed file is staged in another version
	Ignored    Kind = "ignored"     // Git ignores a sealed file
	Elsewhere  Kind = "elsewhere"   // a sealed file is not this repository's: submodule, symbolic link
	Filtered   Kind = "filtered"    // Git would commit something else than what lies here
	BadOption  Kind = "option"      // an option's value is not usable
)

// Problem says what stands in the way; nothing was committed and nothing pushed.
type Problem struct {
	Kind                 Kind
	Object, Problem, Fix string
}

func (e *Problem) Error() string { return e.Object + ": " + e.Problem }

// Hint says what to do about it.
func (e *Problem) Hint() string { return e.Fix }

// Usage marks the wrong value of an option: exit status 2.
func (e *Problem) Usage() bool { return e.Kind == BadOption }

// FindingsError says that something must not be published: exit status 3.
type FindingsError struct{ Findings []report.Finding }

func (e *FindingsError) Error() string {
	if n := len(e.Findings); n != 1 {
		return fmt.Sprintf("not published: %d findings", n)
	}
	return "not published: 1 finding"
}

// PushError says that a commit is there and did not get to the remote. The next
// run goes on with the push.
type PushError struct {
	Cause  error
	Commit string
	Branch string
	To     Destination
}

func (e *PushError) Error() string {
	return fmt.Sprintf("commit %s on %s: not pushed: %v", git.Short(e.Commit), e.Branch, e.Cause)
}

func (e *PushError) Unwrap() error { return e.Cause }

const again = "run this again: it goes on with the push"

// Hint says what to do about the remote, and that nothing else is needed.
func (e *PushError) Hint() string {
	var rejected *git.RejectedError
	var hook *git.HookError
	var hinted interface{ Hint() string }
	switch {
	case errors.As(e.Cause, &rejected) && !rejected.Declined:
		return fmt.Sprintf("somebody pushed to %s meanwhile: %s, then %s", e.To, pull(e.To), again)
	case errors.As(e.Cause, &rejected):
		return "does the remote take pushes to this branch at all? -branch=NAME publishes on one of its own, for a pull request; when the remote allows it, " + again
	case errors.As(e.Cause, &hook):
		return "mend what the hook complains about, then " + again
	case errors.As(e.Cause, &hinted):
		return hinted.Hint() + "; then " + again
	}
	return again
}

func pull(to Destination) string {
	return fmt.Sprintf("`git pull --rebase --autostash %s %s`", to.Remote, to.Branch)
}

func inProgress(op git.Operation) *Problem {
	return &Problem{InProgress, "repository", op.Name + " is in progress", fmt.Sprintf("finish it (`%s`) or leave it (`%s`), then run this again", op.Continue, op.Abort)}
}

func unmerged(file string) *Problem {
	return &Problem{InProgress, file, "it has a conflict that is not resolved", "resolve it and `git add` the file, then run this again"}
}

func detached(commit string) *Problem {
	return &Problem{Detached, "HEAD", fmt.Sprintf("no branch is checked out (detached at %s), so there is nothing to publish on", git.Short(commit)),
		"`git switch main`, or `git switch -c NAME` to keep the commits made here; or publish on a branch of its own: -branch=NAME"}
}

func noRemote() *Problem {
	return &Problem{NoRemote, "repository", "no remote to push to", "`git remote add origin URL`, or name one: -remote=URL"}
}

func manyRemotes(branch string, remotes []git.Remote) *Problem {
	if branch == "" {
		return &Problem{NoRemote, "HEAD", "no branch is checked out, and the remotes are " + names(remotes), "say which: -remote=" + remotes[0].Name}
	}
	return &Problem{NoRemote, "branch " + branch, "it has no upstream, and the remotes are " + names(remotes),
		fmt.Sprintf("say which: -remote=%s, or `git push -u %s %s` once", remotes[0].Name, remotes[0].Name, branch)}
}

func unknownRemote(name string, remotes []git.Remote) *Problem {
	p := &Problem{BadOption, fmt.Sprintf("remote %q", git.Redact(name)), "not found", "the remotes are " + names(remotes) + "; an address has a / or a : in it"}
	if len(remotes) == 0 {
		p.Fix = "there is no remote: `git remote add origin URL`, or give the address: -remote=URL"
	}
	return p
}

func names(remotes []git.Remote) string {
	out := make([]string, len(remotes))
	for i, r := range remotes {
		out[i] = r.Name
	}
	return strings.Join(out, ", ")
}

func fallenBehind(branch string, to Destination, ahead, behind int) *Problem {
	p := &Problem{Behind, "branch " + branch, fmt.Sprintf("it is %s behind %s", commits(behind), to), pull(to) + ", then run this again; nothing was committed"}
	if ahead > 0 {
		p.Problem = fmt.Sprintf("it and %s have diverged: %s here, %s there", to, commits(ahead), commits(behind))
	}
	return p
}

func unbornBehind(branch string, to Destination) *Problem {
	return &Problem{Behind, "branch " + branch, fmt.Sprintf("it has no commit yet, and %s has some", to),
		fmt.Sprintf("`git pull %s %s`, then run this again; nothing was committed", to.Remote, to.Branch)}
}

// outdated says that the followed branch has another version of a file than the
// one that was worked on here.
func outdated(file string, followed Destination) *Problem {
	return &Problem{Behind, file, fmt.Sprintf("it was changed on %s since you began; publishing would undo that", followed),
		pull(followed) + ", seal again, then run this again; nothing was committed"}
}

func commits(n int) string {
	if n == 1 {
		return "1 commit"
	}
	return fmt.Sprintf("%d commits", n)
}

func invalidBranch(name string) *Problem {
	return &Problem{BadOption, fmt.Sprintf("branch %q", name), "not a name that Git takes for a branch", "letters, digits, - and / are safe: -branch=seal/litellm"}
}

func ownBranch(name string) *Problem {
	return &Problem{BadOption, "branch " + name, "it is checked out here", "leave -branch out to publish on it"}
}

func checkedOut(name, where string) *Problem {
	return &Problem{Branch, "branch " + name, "it is checked out in " + where, "publish there, or take another name"}
}

func takenBranch(to Destination) *Problem {
	return &Problem{Branch, "branch " + to.Branch, fmt.Sprintf("%s has one already and there is none here", to.Remote),
		fmt.Sprintf("take another name; or, to add to it, `git fetch %s %s:%s` and run this again", to.Remote, to.Branch, to.Branch)}
}

func otherBranch(name string, to Destination) *Problem {
	return &Problem{Branch, "branch " + name, to.String() + " has commits that the branch here has not",
		"take another name; or bring the two together first, and run this again"}
}

func nothingYet(branch string) *Problem {
	return &Problem{Branch, "branch " + branch, "it has no commit yet, and the remote has none to begin at", "publish the first time without -branch"}
}

func stagedOtherwise(file string) *Problem {
	return &Problem{Staged, file, "the staged version is neither the committed one nor the one in the work tree",
		fmt.Sprintf("`git add %s` to publish the one in the work tree, or `git checkout -- %s` to go back to the staged one; nothing was changed", quote(file), quote(file))}
}

func ignoredBy(file string, rule git.IgnoreRule) *Problem {
	return &Problem{Ignored, file, fmt.Sprintf("Git ignores this sealed file, because of line %s of %s: %s", rule.Line, rule.Source, rule.Pattern),
		fmt.Sprintf("narrow that rule, or add `!%s` behind it", file)}
}

func inSubmodule(dir string) *Problem {
	return &Problem{Elsewhere, dir, "it is a submodule: its files belong to another repository", "publish inside of it"}
}

func linked(file string) *Problem {
	return &Problem{Elsewhere, file, "a symbolic link leads to it or from it, and Git would commit the link", "put the file itself there"}
}

func filtered(file string) *Problem {
	return &Problem{Filtered, file, "a filter of .gitattributes changes it on its way into Git, so what would be published cannot be checked",
		"sealed files need no filter: `" + file + " -filter -ident -working-tree-encoding` in .gitattributes takes it off"}
}

// quote writes a path for a shell, where it needs that.
func quote(file string) string {
	if strings.ContainsFunc(file, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`"'$&|;<>()*?[]#~!{}\`+"`", r) }) {
		return "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
	}
	return file
}
