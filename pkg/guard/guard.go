package guard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/report"
)

// DefaultMaxSize is the size in bytes of the largest file that is read: 16 MiB.
const DefaultMaxSize = 16 << 20

// Options say what counts as plaintext. The zero value knows no local values and
// no plaintext folders.
type Options struct {
	IsPlaintext func(path string) bool // whether a path (relative, with slashes) is in a folder of plaintext
	Values      []Value                // of this machine
	Allow       []Allow
	AllowFile   string    // that holds the allow-list, for messages; default ".sealway.yaml"
	Now         time.Time // for the allow-list
	MaxSize     int64     // larger files are not read, and counted; default DefaultMaxSize
	Published   bool      // the commits were pushed already, as in CI: what they hold is known
}

func (o Options) withDefaults() Options {
	o.AllowFile = cmp.Or(o.AllowFile, ".sealway.yaml")
	o.MaxSize = cmp.Or(o.MaxSize, DefaultMaxSize)
	if o.IsPlaintext == nil {
		o.IsPlaintext = func(string) bool { return false }
	}
	return o
}

// Result is what a scan found.
type Result struct {
	Findings []report.Finding // in the order of paths and lines; of a history in the order of its commits
	Files    int              // that were looked at
	Allowed  int              // that the allow-list let pass
	Skipped  []Skipped
	Warnings []string
}

// Skipped is a file that was not read.
type Skipped struct {
	Path   string
	Commit string
	Size   int64
}

// Index judges what the next commit would bring: the files of the index that
// differ from those of the commit which is checked out.
func Index(ctx context.Context, tree *git.Tree, o Options) (*Result, error) {
	versions, err := tree.Staged(ctx)
	if err != nil {
		return nil, err
	}
	return list(ctx, tree, versions, o, inIndex)
}

// All judges all files of the index: everything that is tracked.
func All(ctx context.Context, tree *git.Tree, o Options) (*Result, error) {
	versions, err := tree.Listed(ctx)
	if err != nil {
		return nil, err
	}
	return list(ctx, tree, versions, o, tracked)
}

// Range judges every version of a file that the commits of a range bring, be it
// still there at the end or not: whoever gets the commits gets them all. The form
// is base...head or base..head, both mean the commits that head has and base has
// not. A base of zeros, as Git and CI systems give it for a new branch, stands for
// everything that the remotes are known to have on branches without head: a CI system
// has fetched the new branch itself, too. Where the clone does not have all of the
// commits, none is judged.
func Range(ctx context.Context, tree *git.Tree, commits string, o Options) (*Result, error) {
	revs, err := revisions(ctx, tree, commits)
	if err != nil {
		return nil, err
	}
	cut, err := tree.Cut(ctx, revs)
	if err != nil {
		return nil, err
	}
	if cut != "" {
		return nil, &RangeError{Range: commits, Problem: "this clone is shallow: what comes before commit " + git.Short(cut) + " is not here and would not be looked at"}
	}
	return history(ctx, tree, revs, o, inRange)
}

// History judges every version of every file that any ref can reach.
func History(ctx context.Context, tree *git.Tree, o Options) (*Result, error) {
	r, err := history(ctx, tree, []string{"--all"}, o, inHistory)
	if err == nil && tree.Shallow() {
		r.Warnings = append(r.Warnings, "this clone is shallow: older commits are not here and were not looked at; `git fetch --unshallow` brings them")
	}
	return r, err
}

// list judges versions that are known beforehand.
func list(ctx context.Context, tree *git.Tree, versions []git.Version, o Options, s scope) (*Result, error) {
	slices.SortStableFunc(versions, func(a, b git.Version) int { return strings.Compare(a.Path, b.Path) })
	r, err := newRun(ctx, tree, o, s)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.rules(ctx, versions); err != nil {
		return nil, err
	}
	for _, v := range versions {
		if err := r.version(v); err != nil {
			return nil, err
		}
	}
	if err := r.finish(ctx, versions); err != nil {
		return nil, err
	}
	if s == tracked {
		r.Warnings = append(r.Warnings, r.allow.unused()...)
	}
	return &r.Result, nil
}

// history judges versions while Git lists them.
func history(ctx context.Context, tree *git.Tree, revs []string, o Options, s scope) (*Result, error) {
	r, err := newRun(ctx, tree, o, s)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := tree.EachVersion(ctx, revs, r.version); err != nil {
		return nil, err
	}
	if s == inHistory {
		loose, err := tree.LooseVersions(ctx)
		if err != nil {
			return nil, err
		}
		for _, v := range loose {
			if err := r.version(v); err != nil {
				return nil, err
			}
		}
	}
	if err := r.finish(ctx, nil); err != nil {
		return nil, err
	}
	return &r.Result, nil
}

// run is one scan.
type run struct {
	Result
	tree    *git.Tree
	opts    Options
	scope   scope
	allow   *allowed
	scanner *scanner
	blobs   *git.BlobReader
	batch   []git.Version
	seen    map[seen]bool
	sources []generated
	ignored map[string]*git.IgnoreRule // the staged files of plaintext that a rule ignores
}

// seen is a version that was judged, by its hash and by how its name has it read;
// where the path decides, by the path. It has no pointers: a history has many.
type seen struct {
	sum  [sha256.Size]byte
	kind kind
}

func (r *run) key(v git.Version) (key seen) {
	switch {
	case r.opts.IsPlaintext(v.Path):
		key.sum, key.kind = sha256.Sum256([]byte(v.Path)), -1
	case r.allow.names(v.Path):
		key.sum, key.kind = sha256.Sum256([]byte(v.Hash+v.Path)), -1
	default:
		_, _ = hex.Decode(key.sum[:], []byte(v.Hash)) // SHA-1 or SHA-256
		key.kind = kindOf(v.Path)
	}
	return key
}

func newRun(ctx context.Context, tree *git.Tree, o Options, s scope) (*run, error) {
	o = o.withDefaults()
	r := &run{tree: tree, opts: o, scope: s, scanner: newScanner(o.Values), seen: map[seen]bool{}}
	r.allow, r.Findings = readAllow(o.AllowFile, o.Allow, o.Now)
	var err error
	r.blobs, err = tree.NewBlobReader(ctx, o.MaxSize)
	return r, err
}

func (r *run) close() { r.blobs.Close() }

// batchSize is how many versions wait until their content is read.
const batchSize = 256

// version takes one version in.
func (r *run) version(v git.Version) error {
	if v.Mode == git.ModeSubmodule { // another repository, with a guard of its own
		return nil
	}
	if r.scope.commits() {
		key := r.key(v)
		if r.seen[key] {
			return nil
		}
		r.seen[key] = true
	}
	if r.batch = append(r.batch, v); len(r.batch) < batchSize {
		return nil
	}
	return r.flush()
}

// rules asks which of the staged files of plaintext are ignored.
func (r *run) rules(ctx context.Context, versions []git.Version) error {
	var paths []string
	for _, v := range versions {
		if r.scope == inIndex && r.opts.IsPlaintext(v.Path) {
			paths = append(paths, v.Path)
		}
	}
	rules, err := r.tree.IgnoreRules(ctx, paths)
	r.ignored = make(map[string]*git.IgnoreRule, len(rules))
	for path, rule := range rules {
		r.ignored[path] = &rule
	}
	return err
}

// flush reads and judges the versions that wait.
func (r *run) flush() error {
	hashes := make([]string, len(r.batch))
	for i, v := range r.batch {
		hashes[i] = v.Hash
	}
	err := r.blobs.Each(hashes, func(i int, b git.Blob) error {
		r.judge(r.batch[i], b)
		return nil
	})
	r.batch = r.batch[:0]
	return err
}

// finish judges what still waits, and what only all files together say.
func (r *run) finish(ctx context.Context, versions []git.Version) error {
	if err := r.flush(); err != nil {
		return err
	}
	return r.generators(ctx, versions)
}

func (r *run) judge(v git.Version, b git.Blob) {
	r.Files++
	var hits []hit
	switch {
	case r.opts.IsPlaintext(v.Path):
		hits = []hit{{rule: RuleFile, message: r.scope.file()}}
	case b.Data == nil && b.Size > 0:
		r.Skipped = append(r.Skipped, Skipped{v.Path, v.Commit, b.Size})
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s: %d MiB, too large to be looked into", at(v), b.Size>>20))
	default:
		f := r.scanner.scan(v.Path, b.Data)
		hits = f.hits
		r.addSources(v.Path, f.sources, true)
		inside, problem := r.archive(b.Data)
		hits = append(hits, inside...)
		if problem != "" {
			r.Warnings = append(r.Warnings, at(v)+": "+problem)
		}
	}
	if len(hits) == 0 {
		return
	}
	if r.allow.lets(v.Path, b.Data) {
		r.Allowed++
		return
	}
	for _, h := range hits {
		r.Findings = append(r.Findings, report.Finding{Rule: h.rule, Path: v.Path, Line: h.line, Commit: v.Commit,
			Object: h.object, Key: h.key, Message: h.message, Fix: r.fix(r.scope, h, v)})
	}
}

func at(v git.Version) string {
	if v.Commit == "" {
		return v.Path
	}
	return v.Path + " (commit " + git.Short(v.Commit) + ")"
}

// revisions turns a range into arguments for Git.
func revisions(ctx context.Context, tree *git.Tree, commits string) ([]string, error) {
	base, head, ok := strings.Cut(commits, "..")
	head = cmp.Or(strings.TrimPrefix(head, "."), "HEAD")
	if !ok || base == "" {
		return nil, &RangeError{Range: commits, Problem: "not of the form base...head"}
	}
	tip, err := tree.Resolve(ctx, head)
	if err != nil {
		return nil, err
	}
	if tip == "" {
		return nil, &RangeError{Range: commits, Problem: fmt.Sprintf("there is no commit %q here", head)}
	}
	if strings.Trim(base, "0") == "" {
		revs := []string{tip}
		others, err := tree.RemoteTips(ctx, tip)
		for _, hash := range others {
			revs = append(revs, "^"+hash)
		}
		return revs, err
	}
	from, err := tree.Resolve(ctx, base)
	if err != nil {
		return nil, err
	}
	if from == "" {
		return nil, &RangeError{Range: commits, Problem: fmt.Sprintf("there is no commit %q here", base)}
	}
	return []string{tip, "^" + from}, nil
}

// RangeError is a range that cannot be looked at.
type RangeError struct{ Range, Problem string }

func (e *RangeError) Error() string { return fmt.Sprintf("range %q: %s", e.Range, e.Problem) }

// Hint says what it may be.
func (e *RangeError) Hint() string {
	return "for instance -range=origin/main...HEAD; CI systems fetch the newest commits alone unless told otherwise (fetch-depth: 0, GIT_DEPTH: 0); `git fetch --unshallow` brings the others"
}

// Usage marks the error as one of usage: exit status 2.
func (e *RangeError) Usage() bool { return true }
