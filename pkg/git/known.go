package git

import (
	"context"
	"strings"
)

// KnownBranches are the branches of a remote, by name, that this clone has seen, and the
// one that its HEAD was; the remote is not asked. Both are empty where nothing was
// ever fetched, and for a URL in the place of a name.
func (t *Tree) KnownBranches(ctx context.Context, remote string) (head string, branches []string, err error) {
	prefix := "refs/remotes/" + remote + "/"
	out, err := t.command("for-each-ref", "--format=%(refname)%00%(symref)", prefix).run(ctx)
	if err != nil {
		return "", nil, err
	}
	for line := range strings.Lines(string(out)) {
		ref, target, _ := strings.Cut(strings.TrimRight(line, "\n"), "\x00")
		name := strings.TrimPrefix(ref, prefix)
		if name == "HEAD" {
			head = strings.TrimPrefix(target, prefix)
			continue
		}
		branches = append(branches, name)
	}
	return head, branches, nil
}
