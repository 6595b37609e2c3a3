package generate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sealway/sealway/pkg/manifest"
)

const (
	fileMode = 0o600
	dirMode  = 0o700
)

// Apply writes the values into the plaintext files: all files or none. New files
// have the mode 0600 in a folder of mode 0700, and existing ones lose what others
// may do with them. Comments and the order of keys stay. A file that changed
// since the plan was made is an error. The caller keeps other writers away.
func (p *Plan) Apply(ctx context.Context) error {
	files, err := p.render()
	if err != nil {
		return err
	}
	if err := p.note(ctx, len(files)); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.Path), dirMode); err != nil {
			return fmt.Errorf("%s: nothing was written: %w", p.opts.shown(filepath.Dir(f.Path)), cause(err))
		}
	}
	if err := manifest.WriteFiles(ctx, files); err != nil {
		return err
	}
	if err := p.done(); err != nil {
		return err
	}
	return p.lock()
}

// render applies the changes in memory, file by file.
func (p *Plan) render() ([]manifest.File, error) {
	var files []manifest.File
	index := map[string]int{} // path -> place in files
	for _, draft := range p.drafts {
		d := draft()
		if err := d.current(p.opts); err != nil {
			return nil, err
		}
		index[p.opts.disk(d.Path)] = len(files)
		files = append(files, manifest.File{Path: p.opts.disk(d.Path), Data: d.Data, Mode: fileMode, Durable: true})
	}
	for i := range p.changes {
		c := &p.changes[i]
		at, known := index[c.secret.disk]
		if !known {
			data, err := c.secret.read()
			if err != nil {
				return nil, err
			}
			at = len(files)
			index[c.secret.disk] = at
			files = append(files, manifest.File{Path: c.secret.disk, Data: data, Mode: fileMode, Durable: true})
		}
		data, err := c.apply(files[at].Data)
		if err != nil {
			return nil, err
		}
		files[at].Data = data
	}
	return files, nil
}

// current refuses a draft of a file that is not what it was when the draft was made.
func (d *Draft) current(o Options) error {
	data, err := os.ReadFile(o.disk(d.Path))
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.Base == nil:
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", o.shown(d.Path), cause(err))
	case d.Base == nil || !bytes.Equal(data, d.Base):
		return &ConflictError{Path: o.shown(d.Path)}
	}
	return nil
}

// ConflictError says that somebody else wrote the file meanwhile.
type ConflictError struct{ Path string }

func (e *ConflictError) Error() string {
	return e.Path + ": the file has changed since it was read; nothing was written"
}

// Hint says what to do.
func (e *ConflictError) Hint() string { return "run it again" }

// read is the content of an existing file; a new one must not be there.
func (t *target) read() ([]byte, error) {
	if t.document == 0 {
		_, err := os.Lstat(t.disk)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil
		case err == nil:
			return nil, t.errorf("", "move it away, or run it again if it is new", "a file is in the way")
		default:
			return nil, t.errorf("", "", "%v", cause(err))
		}
	}
	data, err := os.ReadFile(t.disk)
	if err != nil {
		return nil, t.errorf("", "", "%v", cause(err))
	}
	return data, nil
}

// lock takes away what others may do with plaintext files and their folders.
func (p *Plan) lock() error {
	var errs errorList
	for _, path := range p.tighten {
		info, err := os.Lstat(path)
		if err != nil || info.Mode().Perm()&0o077 == 0 || info.Mode()&fs.ModeSymlink != 0 {
			continue // gone, fine or somebody else's
		}
		if err := os.Chmod(path, info.Mode().Perm()&^0o077); err != nil {
			errs.add(fmt.Errorf("%s: %w", p.opts.shown(path), cause(err)))
		}
	}
	return errs.err()
}

// cause drops the path from an error that has its own.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
