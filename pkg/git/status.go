package git

import "context"

// Changed returns the files below a path (relative to the root, with slashes) that
// are not as HEAD has them: edited, staged, new or deleted. Ignored ones are not
// among them.
func (t *Tree) Changed(ctx context.Context, path string) ([]string, error) {
	out, err := t.command("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", ":(literal)"+path).run(ctx)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, f := range fields(out) { // XY SP path
		if len(f) > 3 {
			paths = append(paths, f[3:])
		}
	}
	return paths, nil
}
