package git

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// OutsideError is ErrNoRepository about a folder.
type OutsideError struct{ Dir string }

func (e *OutsideError) Error() string { return e.Dir + ": " + ErrNoRepository.Error() }

func (e *OutsideError) Unwrap() error { return ErrNoRepository }

// Hint says how to get into one.
func (e *OutsideError) Hint() string {
	return "cd into the GitOps repository; if this is to become one, `git init`"
}

// NoGitError says that there is no git command.
type NoGitError struct{}

func (e *NoGitError) Error() string { return "git: not found on the PATH" }

// Hint says what to do.
func (e *NoGitError) Hint() string {
	return "install Git, or put the folder with the git command on the PATH: everything here asks it"
}

// HookError says that a hook of this repository refused.
type HookError struct {
	Operation string   // commit or push
	Hooks     []string // those that there are and that may have refused
	Output    string   // what it said
}

func (e *HookError) Error() string {
	text := "git " + e.Operation + ": a hook refused"
	if len(e.Hooks) == 1 {
		text = "git " + e.Operation + ": the " + e.Hooks[0] + " hook refused"
	} else if len(e.Hooks) > 1 {
		text += " (" + strings.Join(e.Hooks, ", ") + ")"
	}
	if e.Output != "" {
		text += ":\n    " + strings.ReplaceAll(lastLines(e.Output, 20), "\n", "\n    ")
	}
	return text
}

// Hint says what to do.
func (e *HookError) Hint() string { return "mend what the hook complains about, then run this again" }

func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// LockedError says that another git process is at work, or one was killed.
type LockedError struct{ File string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("repository: another git process holds %s", filepath.Base(e.File))
}

// Hint says how to get on.
func (e *LockedError) Hint() string {
	return "wait for it (an editor, another git command) and run this again; if there is none, one was killed: remove " + e.File
}

var lockFile = regexp.MustCompile(`Unable to create '([^']+\.lock)': File exists`)

// locked turns git's complaint about a lock file into a LockedError.
func locked(err error) error {
	if m := lockFile.FindStringSubmatch(said(err)); m != nil {
		return &LockedError{File: m[1]}
	}
	return err
}

// IdentityError says that Git does not know who commits.
type IdentityError struct{}

func (e *IdentityError) Error() string { return "git commit: Git does not know who you are" }

// Hint names the settings.
func (e *IdentityError) Hint() string {
	return "`git config --global user.name \"Your Name\"` and `git config --global user.email you@example.com`"
}

// MovedError says that a branch is not at the commit where it was a moment ago.
type MovedError struct{ Ref, Expected, Found string }

func (e *MovedError) Error() string {
	return fmt.Sprintf("%s: somebody committed meanwhile: it is at %s, and was at %s", e.Ref, Short(e.Found), Short(e.Expected))
}

// Hint says what to do.
func (e *MovedError) Hint() string { return "run this again" }

// AlteredError says that a commit is not what was asked for: a hook changed it.
type AlteredError struct {
	Commit string
	Paths  []string // that differ
}

func (e *AlteredError) Error() string {
	return fmt.Sprintf("commit %s: a hook changed what was to be committed: %s", Short(e.Commit), strings.Join(e.Paths, ", "))
}

// Hint says how to look at it and how to take it back.
func (e *AlteredError) Hint() string {
	return fmt.Sprintf("look at it with `git show %s`; `git reset --soft %s~1` takes the commit back when its branch is checked out", Short(e.Commit), Short(e.Commit))
}

// UnreachableError says that a remote did not answer, or let nobody in.
type UnreachableError struct {
	Remote string // name or URL, without credentials
	Said   string // git's and the remote's words
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("remote %s: cannot be reached: %s", e.Remote, summary(e.Said))
}

// Hint says what to look at.
func (e *UnreachableError) Hint() string {
	for _, h := range []struct{ said, hint string }{
		{"Host key verification failed", "this machine does not know the server yet: connect once by hand (`git ls-remote`) and compare its key"},
		{"Permission denied", "the server does not accept your SSH key: `ssh-add` it"},
		{"terminal prompts disabled", "Git has no credentials for it and nobody is asked here: log in once by hand (`git ls-remote`), or set a credential helper"},
		{"Authentication failed", "the stored credentials are not accepted: log in once by hand (`git ls-remote`)"},
		{"The requested URL returned error: 403", "these credentials may not do this"},
		{"does not appear to be a git repository", "is the address right? `git remote -v` shows it"},
		{"not found", "is the address right, and may you see that repository? `git remote -v` shows it"},
	} {
		if strings.Contains(e.Said, h.said) {
			return h.hint
		}
	}
	return "is the network up and the address right? `git remote -v` shows it; run this again when it is"
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *UnreachableError) Unavailable() bool { return true }

// summary is the line of git's output that says most.
func summary(text string) string {
	lines := strings.Split(text, "\n")
	for _, l := range lines {
		if rest, ok := strings.CutPrefix(l, "fatal: "); ok && !strings.HasPrefix(rest, "Could not read from remote repository") {
			return rest
		}
	}
	return strings.TrimPrefix(lines[0], "fatal: ")
}

// RejectedError says that a remote was reached and did not take a push.
type RejectedError struct {
	Remote   string // name or URL, without credentials
	Branch   string // on the remote
	Reason   string // "non-fast-forward", "pre-receive hook declined"
	Declined bool   // the remote's rules forbid it; else the branch has moved on
	Messages []string
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("remote %s: branch %s: rejected: %s", e.Remote, e.Branch, e.Reason)
}

// Unavailable marks a push that the remote does not allow: exit status 4.
func (e *RejectedError) Unavailable() bool { return e.Declined }

// SigningError says that commit.gpgSign is set and there was no signature.
type SigningError struct{ Said string }

func (e *SigningError) Error() string {
	return "git commit: the commit could not be signed: " + strings.TrimPrefix(lastLines(strings.TrimSuffix(e.Said, "\nfatal: failed to write commit object"), 1), "error: ")
}

// Hint says what to look at.
func (e *SigningError) Hint() string {
	return "is the signing key here and unlocked? nobody is asked for a passphrase here: `git commit --allow-empty -S -m test` shows"
}
