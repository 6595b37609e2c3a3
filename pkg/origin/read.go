package origin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/git"
)

// reading is what is known of one stage.
type reading struct {
	files    []chart.File
	rendered *chart.Rendered
	err      error
}

type readings [stages]reading

// content is the application's folder at a stage: names with the hashes of what is in
// them.
type content struct {
	blobs map[string]string
	data  map[string][]byte // nil when it has to be read from Git
}

// key is the same for the same content.
func (c content) key() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.blobs)) {
		fmt.Fprintf(sum, "%s\x00%s\x00", name, c.blobs[name])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// reader reads the stages of one application.
type reader struct {
	tree *git.Tree
	opts Options
	seen map[string]reading // by content
}

func read(ctx context.Context, tree *git.Tree, o Options) *readings {
	r := &reader{tree: tree, opts: o, seen: map[string]reading{}}
	var out readings
	onDisk, err := r.disk()
	out[Tree] = r.render(ctx, onDisk, err)
	head, err := tree.Resolve(ctx, "HEAD")
	if err != nil {
		out[Committed].err = err
	}
	commits := map[Stage]string{Committed: head, Pushed: o.Followed, Deployed: o.Deployed}
	for _, s := range []Stage{Committed, Pushed, Deployed} {
		if commits[s] == "" {
			continue
		}
		if i := slices.IndexFunc([]Stage{Committed, Pushed}, func(b Stage) bool { return b < s && commits[b] == commits[s] }); i >= 0 {
			out[s] = out[Committed+Stage(i)]
			continue
		}
		c, err := r.commit(ctx, commits[s])
		out[s] = r.render(ctx, c, err)
	}
	return &out
}

// render renders a content that was not rendered yet.
func (r *reader) render(ctx context.Context, c content, err error) reading {
	if err != nil || len(c.blobs) == 0 {
		return reading{err: err}
	}
	key := c.key()
	if known, ok := r.seen[key]; ok {
		return known
	}
	out := reading{}
	if out.files, err = r.files(ctx, c); err != nil {
		return reading{err: err}
	}
	if out.rendered, err = chart.Render(out.files, r.opts.Chart); err != nil {
		out.err = fmt.Errorf("%s: %w", r.opts.Dir, err)
	}
	r.seen[key] = out
	return out
}

// files are the content's files.
func (r *reader) files(ctx context.Context, c content) ([]chart.File, error) {
	names := slices.Sorted(maps.Keys(c.blobs))
	data := make([][]byte, len(names))
	if c.data == nil {
		hashes := make([]string, len(names))
		for i, name := range names {
			hashes[i] = c.blobs[name]
		}
		var err error
		if data, err = r.tree.ReadBlobs(ctx, hashes); err != nil {
			return nil, err
		}
	}
	out := make([]chart.File, len(names))
	for i, name := range names {
		if c.data != nil {
			data[i] = c.data[name]
		}
		out[i] = chart.File{Name: name, Data: data[i]}
	}
	return out, nil
}

// commit is the content of a commit. One that is not here has none.
func (r *reader) commit(ctx context.Context, hash string) (content, error) {
	c := content{blobs: map[string]string{}}
	full, err := r.tree.Resolve(ctx, hash)
	if err != nil || full == "" {
		return c, err
	}
	outside := r.outside()
	entries, err := r.tree.Files(ctx, full, append([]string{r.opts.Dir}, slices.Collect(maps.Keys(outside))...)...)
	if err != nil {
		return c, err
	}
	for p, entry := range entries {
		if entry.Mode != git.ModeFile && entry.Mode != git.ModeExecFile {
			continue
		}
		if name, ok := outside[p]; ok {
			c.blobs[name] = entry.Hash
		}
		if name, ok := strings.CutPrefix(p, r.opts.Dir+"/"); ok && !r.plaintext(name) {
			c.blobs[name] = entry.Hash
		}
	}
	return c, nil
}

// disk is the content of the work tree. The folder of plaintext is not entered.
func (r *reader) disk() (content, error) {
	c := content{blobs: map[string]string{}, data: map[string][]byte{}}
	root := filepath.Join(r.tree.Root, filepath.FromSlash(r.opts.Dir))
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		switch {
		case d.IsDir() && (d.Name() == ".git" || r.plaintext(name+"/")):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		return r.add(&c, name, p)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return content{}, nil
	}
	for p, name := range r.outside() {
		file := filepath.Join(r.tree.Root, filepath.FromSlash(p))
		if info, statErr := os.Lstat(file); statErr == nil && info.Mode().IsRegular() {
			err = errors.Join(err, r.add(&c, name, file))
		}
	}
	return c, err
}

// maxChartFile is the largest file that is read: charts hold text.
const maxChartFile = 16 << 20 // 16 MiB

// add reads a file of the work tree. One that can be no file of a chart is passed over.
func (r *reader) add(c *content, name, file string) error {
	info, err := os.Stat(file)
	if err != nil || info.Size() > maxChartFile {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	c.data[name], c.blobs[name] = data, r.tree.BlobHash(data)
	return nil
}

// plaintext reports whether a file lies in the folder of the plaintext Secrets.
func (r *reader) plaintext(name string) bool {
	folder := r.opts.Chart.Plaintext
	if folder == "" {
		folder = "local-secrets"
	}
	return strings.HasPrefix(name, folder+"/")
}

// outside are the files of values that lie outside of the folder: their path in the
// repository, and their name in the options.
func (r *reader) outside() map[string]string {
	out := map[string]string{}
	names := slices.Clone(r.opts.Chart.ValueFiles)
	for _, p := range r.opts.Chart.FileParameters {
		names = append(names, p.File)
	}
	for _, name := range names {
		p := inRepository(r.opts.Dir, name)
		own, inside := strings.CutPrefix(p, r.opts.Dir+"/")
		if fs.ValidPath(p) && (!inside || strings.HasPrefix(name, "/") && !r.plaintext(own)) {
			out[p] = path.Clean(name)
		}
	}
	return out
}

// inRepository is the path of a file of a chart, relative to the root. Argo CD reads one
// that begins with a slash from there.
func inRepository(dir, name string) string {
	if strings.HasPrefix(name, "/") {
		return path.Clean(name[1:])
	}
	return path.Join(dir, name)
}
