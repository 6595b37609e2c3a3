package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/git"
)

func applicationPath(c *checker, a *application) {
	if a.argo == nil {
		return
	}
	if s, ok := a.argo.source(a.dir); ok && folder(s.Path.Value) != a.dir {
		at := place{a.argo.path, s.Path.Line}
		c.add(at, finding("Application "+a.argo.name, fmt.Sprintf("the path is %q, and this folder is %s", s.Path.Value, a.dir),
			fmt.Sprintf("write `path: %s` in %s", a.dir, at)))
	}
}

func applicationNamespace(c *checker, a *application) {
	if a.argo == nil || a.argo.namespace.Value == a.Namespace {
		return
	}
	at := place{a.argo.path, a.argo.namespace.Line}
	has := fmt.Sprintf("the destination's namespace is %q", a.argo.namespace.Value)
	fix := fmt.Sprintf("write `namespace: %s` under `destination` in %s", a.Namespace, at)
	if a.argo.namespace.Value == "" {
		has = "the destination has no namespace"
	} else {
		fix += fmt.Sprintf(", or `namespaces: {%s: %s}` in .sealway.yaml and `mage seal:app %s`", a.Name, a.argo.namespace.Value, a.Name)
	}
	c.add(at, finding("Application "+a.argo.name, has+", and the Secrets are sealed for "+a.Namespace, fix))
}

// upstream asks once for each address.
func (c *checker) upstream(visit func(a *application, s argoSource, u Upstream)) error {
	known := map[string]Upstream{}
	for _, a := range c.selected {
		if a.argo == nil || c.options.Upstream == nil {
			continue
		}
		s, ok := a.argo.source(a.dir)
		if !ok || s.RepoURL.Value == "" {
			continue
		}
		u, asked := known[s.RepoURL.Value]
		if !asked {
			var err error
			if u, err = c.options.Upstream(c.ctx, s.RepoURL.Value); err != nil {
				return err
			}
			known[s.RepoURL.Value] = u
		}
		visit(a, s, u)
	}
	return nil
}

func applicationRepo(c *checker) error {
	return c.upstream(func(a *application, s argoSource, u Upstream) {
		if u.Remote != "" || len(u.Remotes) == 0 {
			return
		}
		at := place{a.argo.path, s.RepoURL.Line}
		address := git.Redact(s.RepoURL.Value)
		c.add(at, finding("Application "+a.argo.name,
			fmt.Sprintf("%s is no remote of this repository (%s): what is pushed there is not what Argo CD reads", address, strings.Join(u.Remotes, ", ")),
			fmt.Sprintf("write the address of a remote as `repoURL` in %s, or `git remote add NAME %s`", at, address)))
	})
}

// pinned are revisions that mean one version and no branch: a commit, a version or a
// range of versions.
var pinned = regexp.MustCompile(`^(?:[0-9a-f]{7,40}|[0-9a-f]{64}|[v~^<>=!]*\d+(?:\.[\dx*]+)+.*|\*)$`)

func applicationBranch(c *checker) error {
	return c.upstream(func(a *application, s argoSource, u Upstream) {
		branch := strings.TrimPrefix(s.Revision.Value, "refs/heads/")
		if u.Remote == "" || branch == "" || branch == "HEAD" || branch == u.Default || pinned.MatchString(branch) || strings.HasPrefix(branch, "refs/") {
			return
		}
		there := slices.Contains(u.Branches, branch)
		if there && u.Default == "" || !there && u.Default == "" && len(u.Branches) == 0 {
			return
		}
		at := place{a.argo.path, s.Revision.Line}
		want, message := u.Default, fmt.Sprintf("it follows %s, and the default branch of %s is %s: what is merged there does not arrive", branch, u.Remote, u.Default)
		if !there {
			message = fmt.Sprintf("it follows %s, which %s does not have, as far as is known here", branch, u.Remote)
		}
		if want == "" {
			want = u.Branches[0]
			if near := nearest(branch, u.Branches); near != "" {
				want = near
			}
		}
		c.add(at, finding("Application "+a.argo.name, message, fmt.Sprintf("write `targetRevision: %s` in %s", want, at)))
	})
}
