// Package revision holds the commit that Argo CD is about to sync against the
// commit that is checked out here: a sync of an older version than the one at hand
// is the commonest reason for "I synced and nothing changed" (argo-cd#7680).
package revision

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/sealway/sealway/pkg/git"
)

// Source is what Argo CD follows, and what it found there.
type Source struct {
	URL    string // of the Git repository
	Target string // branch, tag or commit; empty or "HEAD" is the remote's default branch
	Path   string // the application's folder, relative to the root
	Commit string // full hash of the commit that Argo CD found
}

// State is how Argo CD's commit stands to the local HEAD.
type State string

// The states. Same and Newer are fit to be synced.
const (
	Same        State = "same"         // it has the same version of the application's folder as HEAD
	Newer       State = "newer"        // it has HEAD and later commits that change the folder
	NotPushed   State = "not pushed"   // HEAD's branch is the one that is followed, and is ahead
	OtherBranch State = "other branch" // HEAD has a version that the followed branch has not
	Diverged    State = "diverged"     // both have commits that the other has not
	Unknown     State = "unknown"      // the commit is not in this repository and could not be fetched
)

// Comparison is how a source stands to the work tree.
type Comparison struct {
	Source  Source
	State   State
	Branch  string   // checked out; empty when HEAD is detached
	Head    string   // full hash; empty before the first commit
	Dirty   []string // files of the application's folder that are not as committed
	Problem string   // why the state is unknown
}

// Compare looks at the local repository, and asks the remote when it does not have
// the commit.
func Compare(ctx context.Context, tree *git.Tree, s Source) (Comparison, error) {
	c := Comparison{Source: s}
	head, err := tree.Head(ctx)
	if err != nil {
		return c, fmt.Errorf("compare with Git: %w", err)
	}
	c.Branch, c.Head = head.Branch, head.Commit
	if c.Dirty, err = tree.Changed(ctx, s.Path); err != nil {
		return c, fmt.Errorf("compare with Git: %w", err)
	}
	if c.Head == "" {
		c.State, c.Problem = Unknown, "this repository has no commit yet"
		return c, nil
	}
	if err := c.obtain(ctx, tree); err != nil || c.State == Unknown {
		return c, err
	}
	if err := c.judge(ctx, tree); err != nil {
		return c, fmt.Errorf("compare with Git: %w", err)
	}
	return c, nil
}

// obtain makes sure that the commit is here.
func (c *Comparison) obtain(ctx context.Context, tree *git.Tree) error {
	have := func() (bool, error) {
		hash, err := tree.Resolve(ctx, c.Source.Commit)
		return hash != "", err
	}
	if ok, err := have(); ok || err != nil {
		return err
	}
	remote, err := Remote(ctx, tree, c.Source.URL)
	if err != nil {
		return err
	}
	if remote == "" {
		c.State, c.Problem = Unknown, "Argo CD follows "+git.Redact(c.Source.URL)+", which is no remote of this repository"
		return nil
	}
	if _, err := tree.Fetch(ctx, remote, c.followed()); err != nil {
		c.State, c.Problem = Unknown, err.Error()
		return nil //nolint:nilerr // not knowing is an answer; the caller decides
	}
	ok, err := have()
	if err == nil && !ok {
		c.State, c.Problem = Unknown, fmt.Sprintf("%s is not on branch %s of %s", git.Short(c.Source.Commit), c.followed(), remote)
	}
	return err
}

func (c *Comparison) judge(ctx context.Context, tree *git.Tree) error {
	theirs, err := tree.PathAt(ctx, c.Source.Commit, c.Source.Path)
	if err != nil {
		return err
	}
	ours, err := tree.PathAt(ctx, c.Head, c.Source.Path)
	if err != nil {
		return err
	}
	contains, err := tree.IsAncestor(ctx, c.Head, c.Source.Commit)
	if err != nil {
		return err
	}
	behind, err := tree.IsAncestor(ctx, c.Source.Commit, c.Head)
	if err != nil {
		return err
	}
	switch {
	case theirs == ours:
		c.State = Same
	case contains:
		c.State = Newer
	case !c.follows():
		c.State = OtherBranch
	case behind:
		c.State = NotPushed
	default:
		c.State = Diverged
	}
	return nil
}

// follows reports whether the branch at hand is the one that Argo CD follows. Of the
// default branch only the remote knows the name, so any branch may be it.
func (c *Comparison) follows() bool {
	return c.Branch != "" && c.followed() == c.Branch
}

// followed is the branch that is followed.
func (c *Comparison) followed() string {
	if t := c.Source.Target; t != "" && t != "HEAD" {
		return strings.TrimPrefix(t, "refs/heads/")
	}
	return c.Branch
}

// Err says why a sync would not bring what is at hand; nil when it would, or when
// that cannot be known.
func (c Comparison) Err() error {
	switch c.State {
	case NotPushed, OtherBranch, Diverged:
		return &Error{c}
	default:
		return nil
	}
}

// Warning is worth a look before a sync, and no reason against it; empty when there
// is nothing.
func (c Comparison) Warning() string {
	var parts []string
	if len(c.Dirty) > 0 {
		parts = append(parts, fmt.Sprintf("%s is not committed, and Argo CD cannot see it", list(c.Dirty)))
	}
	switch c.State {
	case Newer:
		parts = append(parts, fmt.Sprintf("%s has newer commits than yours (%s)", c.Source.Target, git.Short(c.Source.Commit)))
	case Unknown:
		parts = append(parts, "whether this is your version cannot be told: "+c.Problem)
	}
	return strings.Join(parts, "; ")
}

func list(files []string) string {
	if len(files) == 1 {
		return files[0]
	}
	return fmt.Sprintf("%s and %d more", files[0], len(files)-1)
}

// String is the state in the few words of a table.
func (c Comparison) String() string {
	switch {
	case c.State == Same && len(c.Dirty) > 0:
		return "HEAD, and uncommitted changes"
	case c.State == Same:
		return "HEAD"
	case c.State == Newer:
		return "newer than HEAD"
	case c.State == Unknown:
		return "not known here"
	default:
		return "not HEAD: " + string(c.State)
	}
}

// Remote is the name of the remote with that URL, however it is written; empty when
// there is none. A repository on this machine needs no remote: its URL does.
func Remote(ctx context.Context, tree *git.Tree, address string) (string, error) {
	remotes, err := tree.Remotes(ctx)
	if err != nil {
		return "", fmt.Errorf("compare with Git: %w", err)
	}
	for _, r := range remotes {
		if canonical(r.URL) == canonical(address) {
			return r.Name, nil
		}
	}
	if strings.HasPrefix(address, "file://") {
		return address, nil
	}
	return "", nil
}

// Destination is where a commit has to be pushed for Argo CD to see it: a remote, by
// name or by URL, and a branch, which is the one that is checked out.
func Destination(ctx context.Context, tree *git.Tree, s Source) (remote, branch string, err error) {
	if remote, err = Remote(ctx, tree, s.URL); err != nil {
		return "", "", err
	}
	if remote == "" {
		return "", "", &NoRemoteError{Path: s.Path, URL: git.Redact(s.URL)}
	}
	head, err := tree.Head(ctx)
	if err != nil {
		return "", "", fmt.Errorf("compare with Git: %w", err)
	}
	c := Comparison{Source: s, Branch: head.Branch}
	if !c.follows() {
		return "", "", &BranchError{Path: s.Path, Follows: s.Target, Branch: head.Branch}
	}
	return remote, head.Branch, nil
}

// canonical is host and path of a Git URL: the same repository goes by https, by ssh
// and by scp's short form, with and without .git and a user.
func canonical(address string) string {
	a := address
	if u, err := url.Parse(a); err == nil && u.Scheme != "" && (u.Host != "" || u.Scheme == "file") {
		a = u.Hostname() + "/" + u.Path
	} else if host, rest, ok := strings.Cut(a, ":"); ok && !strings.Contains(host, "/") {
		if _, h, ok := strings.Cut(host, "@"); ok {
			host = h
		}
		a = host + "/" + rest
	} else {
		a = "/" + a
	}
	host, rest, _ := strings.Cut(a, "/")
	return strings.ToLower(host) + strings.TrimSuffix(path.Clean("/"+rest), ".git")
}
