package git

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // Git's own names of objects
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Entry is what a tree or the index has at a path. The zero value is nothing.
type Entry struct {
	Mode string // 100644, 100755, 120000 (a symbolic link) or 160000 (a submodule)
	Hash string
}

// Modes of an Entry.
const (
	ModeFile      = "100644"
	ModeExecFile  = "100755"
	ModeLink      = "120000"
	ModeSubmodule = "160000"
)

// IndexEntry is what the index has at a path.
type IndexEntry struct {
	Entry
	Unmerged bool // a conflict that is not resolved
	Skipped  bool // a sparse checkout leaves it out of the work tree
}

// Index is the whole index. A path that was only announced (`git add -N`) is not in it.
func (t *Tree) Index(ctx context.Context) (map[string]IndexEntry, error) {
	out, err := t.command("ls-files", "-z", "--stage", "-t").run(ctx)
	if err != nil {
		return nil, err
	}
	empty := t.BlobHash(nil)
	index := map[string]IndexEntry{}
	for _, line := range fields(out) { // tag SP mode SP hash SP stage TAB path
		meta, path, ok := strings.Cut(line, "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 4 {
			return nil, fmt.Errorf("git ls-files: unexpected line %q", line)
		}
		if f[2] == empty {
			continue // a manifest is never empty
		}
		index[path] = IndexEntry{Entry: Entry{Mode: f[1], Hash: f[2]}, Unmerged: f[3] != "0", Skipped: f[0] == "S"}
	}
	return index, nil
}

// Files are the files of a commit below the given folders, and the given files;
// none when commit is empty. Paths are relative to the root, with slashes.
func (t *Tree) Files(ctx context.Context, commit string, paths ...string) (map[string]Entry, error) {
	files := map[string]Entry{}
	if commit == "" || len(paths) == 0 {
		return files, nil
	}
	out, err := t.command(append([]string{"ls-tree", "-r", "-z", "--full-tree", commit, "--"}, paths...)...).run(ctx)
	if err != nil {
		return nil, err
	}
	for _, line := range fields(out) { // mode SP type SP hash TAB path
		meta, path, ok := strings.Cut(line, "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 3 {
			return nil, fmt.Errorf("git ls-tree: unexpected line %q", line)
		}
		files[path] = Entry{Mode: f[0], Hash: f[2]}
	}
	return files, nil
}

// Object is a file of a commit.
type Object struct{ Hash, Path string }

// NewObjects are the files that the commits from one have and those without do
// not, each under one of its paths. See Commits for the arguments.
func (t *Tree) NewObjects(ctx context.Context, from string, without ...string) ([]Object, error) {
	args := append([]string{"rev-list", "--objects", from, "--not"}, without...)
	out, err := t.command(append(args, "--")...).run(ctx)
	if err != nil {
		return nil, err
	}
	var objects []Object
	for line := range strings.Lines(string(out)) {
		if hash, path, ok := strings.Cut(strings.TrimRight(line, "\n"), " "); ok && path != "" {
			objects = append(objects, Object{hash, path})
		}
	}
	return objects, nil
}

// ReadBlobs reads files by their hashes, in that order. One that is not there is an error.
func (t *Tree) ReadBlobs(ctx context.Context, hashes []string) ([][]byte, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	out, err := t.command("cat-file", "--batch").feed(strings.Join(hashes, "\n") + "\n").run(ctx)
	if err != nil {
		return nil, err
	}
	blobs := make([][]byte, len(hashes))
	for i := range hashes { // hash SP type SP size LF content LF
		head, rest, _ := bytes.Cut(out, []byte("\n"))
		f := strings.Fields(string(head))
		if len(f) != 3 {
			return nil, fmt.Errorf("git cat-file: %s", head)
		}
		size, err := strconv.Atoi(f[2])
		if err != nil || len(rest) <= size {
			return nil, fmt.Errorf("git cat-file: unexpected answer %q", head)
		}
		blobs[i], out = rest[:size], rest[size+1:]
	}
	return blobs, nil
}

// HashFiles are the hashes that files of the work tree would have in Git, after
// what .gitattributes does to them on the way.
func (t *Tree) HashFiles(ctx context.Context, paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	var in strings.Builder
	for _, p := range paths {
		in.WriteString(cQuote(p) + "\n")
	}
	out, err := t.command("hash-object", "--stdin-paths").feed(in.String()).run(ctx)
	if err != nil {
		return nil, err
	}
	hashes := strings.Fields(string(out))
	if len(hashes) != len(paths) {
		return nil, fmt.Errorf("git hash-object: %d answers for %d files", len(hashes), len(paths))
	}
	return hashes, nil
}

// cQuote writes a path as Git reads it between quotes.
func cQuote(path string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(path) {
		if c := path[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, "\\%03o", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// BlobHash is the hash of a file's content as it is, without what .gitattributes
// would do to it.
func (t *Tree) BlobHash(data []byte) string {
	head := fmt.Appendf(nil, "blob %d\x00", len(data))
	if t.format == "sha256" {
		sum := sha256.Sum256(append(head, data...))
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(append(head, data...)) //nolint:gosec // likewise
	return hex.EncodeToString(sum[:])
}

// WriteBlobs puts the content of files into the repository, as it is, and returns
// their hashes in that order.
func (t *Tree) WriteBlobs(ctx context.Context, files [][]byte) (hashes []string, err error) {
	if len(files) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp(t.GitDir, "sealway-objects-") // one process for all
	if err != nil {
		return nil, fmt.Errorf("git objects: %w", err)
	}
	defer os.RemoveAll(dir)
	var in strings.Builder
	for i, data := range files {
		path := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, fmt.Errorf("git objects: %w", err)
		}
		in.WriteString(cQuote(filepath.ToSlash(path)) + "\n")
	}
	out, err := t.command("hash-object", "-w", "--no-filters", "--stdin-paths").feed(in.String()).run(ctx)
	return strings.Fields(string(out)), err
}
