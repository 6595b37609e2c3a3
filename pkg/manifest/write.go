package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// File is a file to write or, when Delete is set, to remove.
type File struct {
	Path   string // absolute, or relative to the working directory
	Data   []byte
	Mode   fs.FileMode // permission bits; 0 keeps those of the existing file, 0644 for a new one
	Delete bool
	// Durable syncs the content to the disk before the rename, for files that
	// nothing else can restore after a power failure. It costs milliseconds a file.
	Durable bool
}

const tempPrefix, tempSuffix = ".sealway-", ".tmp"

// WriteFiles writes all files or, when one cannot be prepared (no space, no
// permission, ctx done), none: each is first written under a temporary name in its own folder and then renamed, so that a file is whole at
// every moment, old or new. Temporary files that a killed run left in the
// folders are removed; the caller keeps other writers away with a lock.
func WriteFiles(ctx context.Context, files []File) error {
	dirs := map[string]bool{}
	for _, f := range files {
		if dir := filepath.Dir(f.Path); !dirs[dir] {
			dirs[dir] = true
			removeLeftovers(dir)
		}
	}
	staged := make([]string, len(files))
	defer func() {
		for _, name := range staged {
			if name != "" {
				_ = os.Remove(name)
			}
		}
	}()
	if err := stageAll(ctx, files, staged); err != nil {
		return err
	}
	for i, f := range files {
		var err error
		if f.Delete {
			err = os.Remove(f.Path)
		} else if err = os.Rename(staged[i], f.Path); err == nil {
			staged[i] = ""
		}
		if err != nil {
			return fmt.Errorf("%s: written up to this file: %w", f.Path, cause(err))
		}
	}
	for _, f := range files {
		if f.Durable {
			syncDir(filepath.Dir(f.Path))
		}
	}
	return nil
}

// stageAll fills in the temporary file's name for each file. The error is the
// first file's that has one.
func stageAll(ctx context.Context, files []File, staged []string) error {
	errs := make([]error, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() error {
			if errs[i] = ctx.Err(); errs[i] == nil {
				staged[i], errs[i] = f.stage()
			}
			return errs[i]
		})
	}
	if g.Wait() == nil {
		return nil
	}
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	return fmt.Errorf("%s: nothing was written: %w", files[i].Path, cause(errs[i]))
}

// stage writes the content under a temporary name beside the target.
func (f File) stage() (name string, err error) {
	mode := f.Mode
	info, err := os.Lstat(f.Path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return "", errors.New("the target is not a regular file")
	case err == nil && info.Mode().Perm()&0o200 == 0:
		return "", fmt.Errorf("the file is read-only: %w", fs.ErrPermission)
	case err == nil && mode == 0:
		mode = info.Mode().Perm()
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	if f.Delete {
		return "", err
	}
	if mode == 0 {
		mode = 0o644
	}
	t, err := os.CreateTemp(filepath.Dir(f.Path), tempPrefix+"*"+tempSuffix)
	if err != nil {
		return "", err
	}
	_, err = t.Write(f.Data)
	if err == nil && f.Durable {
		err = t.Sync()
	}
	return t.Name(), errors.Join(err, t.Chmod(mode), t.Close())
}

// cause drops the temporary file's name from a path error.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func removeLeftovers(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) && strings.HasSuffix(e.Name(), tempSuffix) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// syncDir makes the renames durable; not every file system can, and the files
// are whole without it.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}
