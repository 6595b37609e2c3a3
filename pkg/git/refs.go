package git

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// LooseVersions are the files that refs lead to without a commit: a tag may name a
// file or a folder. Their path begins with the ref's name.
func (t *Tree) LooseVersions(ctx context.Context) ([]Version, error) {
	out, err := t.command("--no-replace-objects", "for-each-ref", "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)").run(ctx)
	if err != nil {
		return nil, err
	}
	var versions []Version
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) != 5 {
			return nil, fmt.Errorf("git for-each-ref: unexpected line %q", line)
		}
		kind, hash, ref := f[0], f[1], f[4]
		if kind == "tag" { // an annotated one
			kind, hash = f[2], f[3]
		}
		switch kind {
		case "blob":
			versions = append(versions, Version{Entry: Entry{Mode: ModeFile, Hash: hash}, Path: ref, New: true})
		case "tree":
			files, err := t.command("--no-replace-objects", "ls-tree", "-r", "-z", "--full-tree", hash).run(ctx)
			if err != nil {
				return nil, err
			}
			for _, file := range fields(files) { // mode SP type SP hash TAB path
				meta, path, ok := strings.Cut(file, "\t")
				m := strings.Fields(meta)
				if !ok || len(m) != 3 {
					return nil, fmt.Errorf("git ls-tree: unexpected line %q", file)
				}
				versions = append(versions, Version{Entry: Entry{Mode: m[0], Hash: m[2]}, Path: ref + "/" + path, New: true})
			}
		}
	}
	return versions, nil
}

// RemoteTips are the commits of the remote branches that do not lead to a commit, each
// once. A
// branch that was pushed already is no reason to leave its own commits out.
func (t *Tree) RemoteTips(ctx context.Context, without string) ([]string, error) {
	out, err := t.command("--no-replace-objects", "for-each-ref", "--format=%(objectname)", "--no-contains="+without, "refs/remotes/").run(ctx)
	tips := strings.Fields(string(out))
	slices.Sort(tips)
	return slices.Compact(tips), err
}
