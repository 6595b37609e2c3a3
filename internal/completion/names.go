package completion

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// maxFiles is how many names of one folder are read.
const maxFiles = 1000

// Repository has the names of a work tree. What cannot be read has none.
type Repository struct {
	Open func(context.Context) (*repo.Repository, error)
}

// Applications are the folders of the applications.
func (r Repository) Applications(ctx context.Context) []string {
	opened, err := r.Open(ctx)
	if err != nil {
		return nil
	}
	apps, _ := opened.Applications() // with a wrong setting, too, there are names
	out := make([]string, len(apps))
	for i, a := range apps {
		out[i] = a.Name
	}
	return out
}

// Keys are those of the application's contract, sealed files and plaintext, sorted.
// The plaintext is read for its names alone.
func (r Repository) Keys(ctx context.Context, application string) map[string][]string {
	opened, err := r.Open(ctx)
	if err != nil {
		return nil
	}
	apps, err := opened.Select(application)
	if err != nil {
		return nil
	}
	out := map[string][]string{}
	for _, a := range apps {
		contracted(opened, a, out)
		for name, keys := range inFolder(ctx, opened, a.Plaintext, plaintext) {
			out[name] = append(out[name], keys...)
		}
		for name, keys := range inFolder(ctx, opened, a.Sealed, sealed) {
			out[name] = append(out[name], keys...)
		}
	}
	for name, keys := range out {
		slices.Sort(keys)
		out[name] = slices.Compact(keys)
	}
	return out
}

func contracted(r *repo.Repository, a repo.Application, out map[string][]string) {
	c, err := r.LoadContract(a)
	if err != nil || c == nil {
		return
	}
	for _, s := range c.Secrets {
		for _, k := range s.Keys {
			out[s.Name] = append(out[s.Name], k.Name)
		}
	}
}

// inFolder reads the files of a folder, each by itself: one that is wrong hides no other.
func inFolder(ctx context.Context, r *repo.Repository, dir string, read func(repo.File, map[string][]string)) map[string][]string {
	out := map[string][]string{}
	files, _ := r.Folder(ctx, dir)
	for _, f := range files {
		read(f, out)
	}
	return out
}

func plaintext(f repo.File, out map[string][]string) {
	secrets, _ := manifest.ReadSecrets(f.Rel, f.Data)
	for _, s := range secrets {
		for _, it := range s.Items {
			out[s.Name] = append(out[s.Name], it.Key)
		}
	}
}

func sealed(f repo.File, out map[string][]string) {
	list, _ := manifest.FindSealed(f.Rel, f.Data)
	for _, s := range list {
		for _, it := range s.Items {
			out[s.Name] = append(out[s.Name], it.Key)
		}
	}
}

// Files are what a path may go on with.
func (Repository) Files(prefix string) []string {
	folder, base := filepath.Split(prefix)
	dir, err := os.Open(filepath.Clean(folder)) // of no folder: "."
	if err != nil {
		return nil
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(maxFiles)
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(base, ".") {
			continue
		}
		name := folder + e.Name()
		if info, err := os.Stat(filepath.Join(folder, e.Name())); err == nil && info.IsDir() {
			name += "/"
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
