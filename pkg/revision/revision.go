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
	"sync"

	"github.com/sealway/sealway/pkg/git"
)

// Source is what Argo CD follows, and what it found there.
type Source struct {
	App    string // the application in Argo CD, for messages
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
	NotSeen     State = "not seen"     // HEAD is pushed, and Argo CD has found an older commit
	OtherBranch State = "other branch" // HEAD has a version that the followed branch has not
	Diverged    State = "diverged"     // both have commits that the other has not
	Unknown     State = "unknown"      // the commit is not in this repository and could not be fetched
)

// Comparison is how a source stands to the work tree.
type Comparison struct {
	Source   Source
	State    State
	Branch   string   // checked out; empty when HEAD is detached
	Head     string   // full hash; empty before the first commit
	Followed string   // the branch that is followed: the target, or the remote's default branch
	Dirty    []string // files of the application's folder that are not as committed
	Problem  string   // why the state is unknown
}

// Comparer compares the sources of one run. It asks each remote once, and may be
// used by several goroutines.
type Comparer struct {
	tree *git.Tree

	mu      sync.Mutex
	fetched map[string]error  // by remote and branch
	names   map[string]string // default branches, by remote
}

// New is for a work tree.
func New(tree *git.Tree) *Comparer {
	return &Comparer{tree: tree, fetched: map[string]error{}, names: map[string]string{}}
}

// Compare looks at the local repository, and asks the remote when it does not have
// the commit or has to know more.
func (c *Comparer) Compare(ctx context.Context, s Source) (Comparison, error) {
	out := Comparison{Source: s}
	if err := c.compare(ctx, &out); err != nil {
		return out, fmt.Errorf("compare with Git: %w", err)
	}
	return out, nil
}

func (c *Comparer) compare(ctx context.Context, out *Comparison) error {
	head, err := c.tree.Head(ctx)
	if err != nil {
		return err
	}
	out.Branch, out.Head = head.Branch, head.Commit
	if out.Dirty, err = c.tree.Changed(ctx, out.Source.Path); err != nil {
		return err
	}
	if out.Head == "" {
		out.State, out.Problem = Unknown, "this repository has no commit yet"
		return nil
	}
	remote, err := Remote(ctx, c.tree, out.Source.URL)
	if err != nil {
		return err
	}
	if out.Followed, err = c.followed(ctx, remote, out.Source.Target); err != nil {
		out.State, out.Problem = Unknown, err.Error()
		return ctx.Err()
	}
	if err := c.obtain(ctx, remote, out); err != nil || out.State == Unknown {
		return err
	}
	return c.judge(ctx, remote, out)
}

// followed is the branch that a target means.
func (c *Comparer) followed(ctx context.Context, remote, target string) (string, error) {
	if target != "" && target != "HEAD" {
		return strings.TrimPrefix(target, "refs/heads/"), nil
	}
	if remote == "" {
		return "", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if name, known := c.names[remote]; known {
		return name, nil
	}
	name, err := c.tree.DefaultBranch(ctx, remote)
	if err == nil {
		c.names[remote] = name
	}
	return name, err
}

// obtain makes sure that the commit is here.
func (c *Comparer) obtain(ctx context.Context, remote string, out *Comparison) error {
	have, err := c.tree.Resolve(ctx, out.Source.Commit)
	if have != "" || err != nil {
		return err
	}
	if remote == "" {
		out.State, out.Problem = Unknown, "Argo CD follows "+git.Redact(out.Source.URL)+", which is no remote of this repository"
		return nil
	}
	fetchErr := c.fetch(ctx, remote, out.Followed)
	have, err = c.tree.Resolve(ctx, out.Source.Commit)
	switch {
	case have != "" || err != nil:
		return err
	case fetchErr != nil:
		out.State, out.Problem = Unknown, fetchErr.Error()
	default:
		out.State, out.Problem = Unknown, fmt.Sprintf("%s is not on branch %s of %s", git.Short(out.Source.Commit), out.Followed, git.Redact(remote))
	}
	return ctx.Err()
}

// fetch gets a branch once in a run.
func (c *Comparer) fetch(ctx context.Context, remote, branch string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := remote + " " + branch
	err, done := c.fetched[id]
	if !done {
		_, err = c.tree.Fetch(ctx, remote, branch)
		c.fetched[id] = err
	}
	return err
}

func (c *Comparer) judge(ctx context.Context, remote string, out *Comparison) error {
	theirs, err := c.tree.PathAt(ctx, out.Source.Commit, out.Source.Path)
	if err != nil {
		return err
	}
	ours, err := c.tree.PathAt(ctx, out.Head, out.Source.Path)
	if err != nil {
		return err
	}
	contains, err := c.tree.IsAncestor(ctx, out.Head, out.Source.Commit)
	if err != nil {
		return err
	}
	behind, err := c.tree.IsAncestor(ctx, out.Source.Commit, out.Head)
	if err != nil {
		return err
	}
	switch {
	case theirs == ours:
		out.State = Same
	case contains:
		out.State = Newer
	case out.Branch == "" || out.Branch != out.Followed:
		out.State = OtherBranch
	case behind && c.pushed(ctx, remote, out):
		out.State = NotSeen
	case behind:
		out.State = NotPushed
	default:
		out.State = Diverged
	}
	return nil
}

// pushed reports whether the remote itself has HEAD; when it cannot be asked, what
// Argo CD has found is all that is known.
func (c *Comparer) pushed(ctx context.Context, remote string, out *Comparison) bool {
	if remote == "" {
		return false
	}
	there, err := c.tree.RemoteBranch(ctx, remote, out.Followed)
	return err == nil && there == out.Head
}

// Err says why a sync would not bring what is at hand; nil when it would, or when
// that cannot be known.
func (c Comparison) Err() error {
	switch c.State {
	case NotPushed, NotSeen, OtherBranch, Diverged:
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
		parts = append(parts, fmt.Sprintf("%s has newer commits than yours (%s)", c.target(), git.Short(c.Source.Commit)))
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
		return c.same() + ", and uncommitted changes"
	case c.State == Same:
		return c.same()
	case c.State == Newer:
		return "newer than HEAD"
	case c.State == Unknown:
		return "not known here"
	default:
		return "not HEAD: " + string(c.State)
	}
}

// same is "HEAD" for that commit, and "as HEAD" for another one with the same version of
// the application's folder.
func (c Comparison) same() string {
	if c.Source.Commit == c.Head {
		return "HEAD"
	}
	return "as HEAD"
}

// Remote is the name of the remote with that URL, however it is written; empty when
// there is none. A repository on this machine needs no remote: its URL does.
func Remote(ctx context.Context, tree *git.Tree, address string) (string, error) {
	remotes, err := tree.Remotes(ctx)
	if err != nil {
		return "", err
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
func (c *Comparer) Destination(ctx context.Context, s Source) (remote, branch string, err error) {
	if remote, err = Remote(ctx, c.tree, s.URL); err != nil {
		return "", "", fmt.Errorf("compare with Git: %w", err)
	}
	if remote == "" {
		return "", "", &NoRemoteError{Path: s.Path, URL: git.Redact(s.URL)}
	}
	head, err := c.tree.Head(ctx)
	if err != nil {
		return "", "", fmt.Errorf("compare with Git: %w", err)
	}
	followed, err := c.followed(ctx, remote, s.Target)
	switch {
	case err != nil:
		return "", "", err
	case followed == "": // an empty repository takes any
		followed = head.Branch
	}
	if head.Branch == "" || head.Branch != followed {
		return "", "", &BranchError{App: s.App, Path: s.Path, Follows: followed, Branch: head.Branch}
	}
	return remote, head.Branch, nil
}

// canonical is host and path of a Git URL: the same repository goes by https, by ssh
// and by scp's short form, with and without .git and a user.
func canonical(address string) string {
	a := address
	if u, err := url.Parse(a); err == nil && u.Scheme != "" && (u.Host != "" || u.Scheme == "file") {
		a = u.Hostname() + port(u) + "/" + u.Path
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

// port is a port that is not the scheme's own.
func port(u *url.URL) string {
	switch p := u.Port(); {
	case p == "", u.Scheme == "https" && p == "443", u.Scheme == "http" && p == "80", u.Scheme == "ssh" && p == "22":
		return ""
	default:
		return ":" + p
	}
}
