// Package generate fills in the plaintext Secrets of an application from its
// contract, for everybody who would otherwise invent passwords by hand. A value
// that exists is never overwritten; what to make anew has to be named key by key.
//
// [New] only plans. A plan can be printed and compared: it names Secrets and
// keys and keeps the values out of reach. [Plan.Apply] writes the files.
//
// Randomness comes from one reader that the caller may replace. Two kinds cannot
// use it: Go's crypto/rsa and x/crypto's bcrypt take the system's own source,
// whatever they are given, so RSA keys and bcrypt salts differ on every run.
package generate

import (
	"crypto/rand"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// App is one application as it is found on disk.
type App struct {
	Name      string
	Namespace string            // where its Secrets live unless the contract says otherwise
	Dir       string            // folder of the plaintext files; need not exist
	Contract  *repo.Contract    // nil when the application has none: it is left alone
	Secrets   []manifest.Secret // all Secrets of Dir; each Path is that of its file
	Sealed    []manifest.Sealed // those committed; a key that is sealed and has no plaintext is not made anew
}

// Options say what to generate. The zero value fills in what is missing in all
// applications.
type Options struct {
	// Root is the folder that App.Dir and the paths of Secrets are relative to
	// when they are not absolute, and that a plan's paths are relative to.
	// Default: the working directory.
	Root string
	// Applications are the names of those to fill in; empty: all. The others
	// still have to be passed to New, for links lead to them.
	Applications []string
	// Force names keys to make anew: application/secret/key or, when one
	// application is filled in, secret/key or a key that only one of its Secrets
	// has. Values computed from a forced one follow, in every application.
	Force []string
	// Follow restricts the plan to Force, Changed and Unfinished and to what is
	// computed from them: nothing else that is missing is filled in.
	Follow bool
	// Changed are keys that have their new value in App.Secrets already, by way of a
	// draft: they stay, and what is computed from them follows.
	Changed []repo.Ref
	// Drafts are new contents of plaintext files, which Apply writes. App.Secrets has
	// what stands in them, not what stands on disk.
	Drafts []Draft
	// Journal is a file in which Apply notes what it is about to write, while it
	// writes several files; empty: none. See ReadJournal.
	Journal string
	// Unfinished is what the journal of a run that was killed has: of these, computed
	// keys are brought into agreement with what they are made of.
	Unfinished []repo.Ref
	// Rand is the source of randomness. Default: crypto/rand.Reader.
	Rand io.Reader
}

// Draft is the new content of one plaintext file.
type Draft struct {
	Path string // as the Path of a Secret
	Base []byte // what stands there now; nil when there is no file
	Data []byte // what shall stand there
}

func (o Options) withDefaults() Options {
	if o.Root == "" {
		o.Root = "."
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

func (o Options) selects(app string) bool {
	return len(o.Applications) == 0 || slices.Contains(o.Applications, app)
}

// disk is where a path of an App lies.
func (o Options) disk(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(o.Root, path)
}

// shown is a path of an App as messages have it.
func (o Options) shown(path string) string {
	if filepath.IsAbs(path) {
		if root, err := filepath.Abs(o.Root); err == nil {
			if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) {
				path = rel
			}
		}
	}
	return filepath.ToSlash(path)
}

// ForceError is an entry of Options.Force that cannot be done.
type ForceError struct {
	Target  string // as given
	Problem string
	Fix     string // may be empty
}

// Error is force target: problem.
func (e *ForceError) Error() string { return fmt.Sprintf("force %q: %s", e.Target, e.Problem) }

// Hint is the advice that goes with the error.
func (e *ForceError) Hint() string { return e.Fix }
