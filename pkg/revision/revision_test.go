package revision_test

import (
	"os"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/revision"
)

func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }

const (
	folder = "applications/shop"
	file   = folder + "/values.yaml"
)

// world is a remote that Argo CD follows and a clone of it.
type world struct {
	*testing.T
	remote, clone *gittest.Repo
	first         string // the commit that both begin with
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, remote: gittest.Bare(t)}
	w.clone = w.remote.Clone()
	w.clone.Git("switch", "--quiet", "-C", "main")
	w.first = w.clone.Commit(file, "1")
	w.clone.Git("push", "--quiet", "-u", "origin", "main")
	return w
}

// argo is the remote's newest commit on main.
func (w *world) argo() string { return w.remote.Git("rev-parse", "main") }

// colleague pushes a change of the file from another clone.
func (w *world) colleague(name, text string) {
	other := w.remote.Clone()
	other.Commit(name, text)
	other.Git("push", "--quiet", "origin", "HEAD:main")
}

func (w *world) compare(change func(*revision.Source)) revision.Comparison {
	w.Helper()
	tree, err := git.Open(w.Context(), w.clone.Dir)
	if err != nil {
		w.Fatal(err)
	}
	s := revision.Source{URL: w.remote.Dir, Target: "main", Path: folder, Commit: w.argo()}
	if change != nil {
		change(&s)
	}
	if s.Commit == "FIRST" {
		s.Commit = w.first
	}
	c, err := revision.New(tree).Compare(w.Context(), s)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// A commit that is not HEAD is not called HEAD, though the folder is the same in it.
func TestSameIsNotHead(t *testing.T) {
	c := revision.Comparison{State: revision.Same, Head: "aaaa", Source: revision.Source{Commit: "aaaa"}}
	if c.String() != "HEAD" {
		t.Errorf("HEAD: %s", c)
	}
	c.Source.Commit = "bbbb"
	if c.String() != "as HEAD" {
		t.Errorf("another commit: %s", c)
	}
	c.Dirty = []string{"values.yaml"}
	if c.String() != "as HEAD, and uncommitted changes" {
		t.Errorf("another commit, and changes: %s", c)
	}
}

func TestCompare(t *testing.T) {
	cases := []struct {
		name, reason string
		prepare      func(*world)
		source       func(*revision.Source)
		want         revision.State
		said         string // in the error, the hint or the warning
	}{
		{name: "pushed", reason: "HEAD is what Argo CD sees", want: revision.Same},
		{name: "not pushed", reason: "the commit is here alone",
			prepare: func(w *world) { w.clone.Commit(file, "2") },
			want:    revision.NotPushed, said: "is not pushed: Argo CD sees"},
		{name: "another file is not pushed", reason: "only the application's folder counts",
			prepare: func(w *world) { w.clone.Commit("README.md", "2") },
			want:    revision.Same},
		{name: "on a branch", reason: "Argo CD follows main",
			prepare: func(w *world) {
				w.clone.Git("switch", "--quiet", "-c", "feature-x")
				w.clone.Commit(file, "2")
			},
			want: revision.OtherBranch, said: "Argo CD follows main ("},
		{name: "on a branch that is merged by a squash", reason: "the folder is the same, whatever the commits are called",
			prepare: func(w *world) {
				w.clone.Git("switch", "--quiet", "-c", "feature-x")
				w.clone.Commit(file, "2")
				w.colleague(file, "2")
			},
			want: revision.Same},
		{name: "a colleague was faster", reason: "the remote has HEAD and more, and the commit has to be fetched",
			prepare: func(w *world) { w.colleague(file, "2") },
			want:    revision.Newer, said: "main has newer commits than yours"},
		{name: "diverged", reason: "both have what the other has not",
			prepare: func(w *world) {
				w.colleague("other", "2")
				w.clone.Commit(file, "3")
			},
			want: revision.Diverged, said: "have diverged"},
		{name: "default branch", reason: "HEAD is the branch that the remote says, so the one at hand may be it",
			prepare: func(w *world) { w.clone.Commit(file, "2") },
			source:  func(s *revision.Source) { s.Target = "HEAD" },
			want:    revision.NotPushed, said: "is not pushed"},
		{name: "default branch, on another one", reason: "the remote says which branch HEAD is",
			prepare: func(w *world) {
				w.clone.Git("switch", "--quiet", "-c", "feature-x")
				w.clone.Commit(file, "2")
			},
			source: func(s *revision.Source) { s.Target = "" },
			want:   revision.OtherBranch, said: "Argo CD follows main ("},
		{name: "pushed a moment ago", reason: "the remote has it, and Argo CD has not looked since",
			prepare: func(w *world) {
				w.clone.Commit(file, "2")
				w.clone.Git("push", "--quiet")
			},
			source: func(s *revision.Source) { s.Commit = "FIRST" },
			want:   revision.NotSeen, said: "is pushed, and Argo CD still sees"},
		{name: "detached", reason: "no branch is at hand",
			prepare: func(w *world) {
				w.clone.Commit(file, "2")
				w.clone.Git("switch", "--quiet", "--detach")
			},
			want: revision.OtherBranch, said: "HEAD is detached at"},
		{name: "another repository", reason: "its commits cannot be known here",
			source: func(s *revision.Source) {
				s.URL, s.Commit = "https://example.com/other.git", strings.Repeat("a", 40)
			},
			want: revision.Unknown, said: "https://example.com/other.git, which is no remote of this repository"},
		{name: "the remote is gone", reason: "not knowing is no error: the sync may go on",
			prepare: func(w *world) { w.clone.Git("remote", "set-url", "origin", w.clone.Path("gone")) },
			source: func(s *revision.Source) {
				s.URL, s.Commit = strings.TrimSuffix(s.URL, "remote.git")+"../"+"x", strings.Repeat("a", 40)
			},
			want: revision.Unknown, said: "cannot be told"},
		{name: "not committed", reason: "Argo CD cannot see the work tree",
			prepare: func(w *world) { w.clone.Write(file, "2") },
			want:    revision.Same, said: file + " is not committed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.prepare != nil {
				c.prepare(w)
			}
			got := w.compare(c.source)
			if got.State != c.want {
				t.Errorf("%s, want %s: %s", got.State, c.want, c.reason)
			}
			said := got.Warning()
			if err := got.Err(); err != nil {
				said += err.Error()
			}
			if !strings.Contains(said, c.said) || c.said == "" && said != "" {
				t.Errorf("it said %q, want %q", said, c.said)
			}
		})
	}
}

func TestRemote(t *testing.T) {
	r := gittest.New(t)
	r.Git("remote", "add", "origin", "git@github.com:acme/gitops.git")
	tree, err := git.Open(t.Context(), r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, want string }{
		{"git@github.com:acme/gitops.git", "origin"},
		{"https://github.com/acme/gitops", "origin"},
		{"https://token@GitHub.com/acme/gitops.git/", "origin"},
		{"ssh://git@github.com:22/acme/gitops.git", "origin"},
		{"https://github.com:8443/acme/gitops.git", ""},
		{"https://github.com/acme/other.git", ""},
		{"https://gitlab.com/acme/gitops.git", ""},
		{"https://github.com/Acme/gitops.git", ""}, // paths may differ by case
		{"file:///srv/repo.git", "file:///srv/repo.git"},
	} {
		got, err := revision.Remote(t.Context(), tree, c.url)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.url, got, err, c.want)
		}
	}
}

func TestDestination(t *testing.T) {
	w := newWorld(t)
	tree, err := git.Open(t.Context(), w.clone.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, target, remote, branch, said string }{
		{w.remote.Dir, "main", "origin", "main", ""},
		{w.remote.Dir, "", "origin", "main", ""},
		{"file:///srv/repo.git", "refs/heads/main", "file:///srv/repo.git", "main", ""},
		{w.remote.Dir, "release", "", "", "Argo CD follows release, you are on main"},
		{"https://user:secret@example.com/x.git", "main", "", "", "Argo CD follows https://example.com/x.git, which is no remote"},
	} {
		remote, branch, err := revision.New(tree).Destination(t.Context(), revision.Source{URL: c.url, Target: c.target, Path: folder})
		if remote != c.remote || branch != c.branch || (err == nil) != (c.said == "") || err != nil && !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s %s: %q, %q, %v", c.url, c.target, remote, branch, err)
		}
	}
}
