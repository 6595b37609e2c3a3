package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
)

// Blob is the content of a file as Git has it.
type Blob struct {
	Size int64
	Data []byte // nil when it is larger than the limit; valid until the next one
}

// BlobReader reads blobs one by one, in constant memory, with two processes for
// all of them: one says how large each is, the other hands over those that are
// not too large.
type BlobReader struct {
	limit       int64
	sizes, data *catFile
	buf         []byte
}

// NewBlobReader starts a reader. limit is the size in bytes of the largest blob
// that it hands over. Close ends it.
func (t *Tree) NewBlobReader(ctx context.Context, limit int64) (*BlobReader, error) {
	sizes, err := t.catFile(ctx, "--batch-check")
	if err != nil {
		return nil, err
	}
	data, err := t.catFile(ctx, "--batch")
	if err != nil {
		sizes.close()
		return nil, err
	}
	return &BlobReader{limit: limit, sizes: sizes, data: data}, nil
}

// Close ends the processes.
func (r *BlobReader) Close() {
	r.sizes.close()
	r.data.close()
}

// burst is how many names are written before the answers are read: all of them
// fit into a pipe.
const burst = 64

// Each calls do for the blobs with the given hashes, in that order. One that is
// not in the repository is an error.
func (r *BlobReader) Each(hashes []string, do func(i int, b Blob) error) error {
	for start := 0; start < len(hashes); start += burst {
		part := hashes[start:min(start+burst, len(hashes))]
		if err := r.part(part, func(i int, b Blob) error { return do(start+i, b) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *BlobReader) part(hashes []string, do func(i int, b Blob) error) error {
	if err := r.sizes.ask(hashes); err != nil {
		return err
	}
	sizes := make([]int64, len(hashes))
	wanted := make([]string, 0, len(hashes))
	for i, h := range hashes {
		size, err := r.sizes.head(h)
		if err != nil {
			return err
		}
		if sizes[i] = size; size <= r.limit {
			wanted = append(wanted, h)
		}
	}
	if err := r.data.ask(wanted); err != nil {
		return err
	}
	for i, h := range hashes {
		b := Blob{Size: sizes[i]}
		if b.Size <= r.limit {
			if err := r.read(h, &b); err != nil {
				return err
			}
		}
		if err := do(i, b); err != nil {
			return err
		}
	}
	return nil
}

// read takes the next blob from the pipe.
func (r *BlobReader) read(hash string, b *Blob) error {
	size, err := r.data.head(hash)
	if err != nil {
		return err
	}
	if int64(cap(r.buf)) < size+1 {
		r.buf = make([]byte, size+1)
	}
	r.buf = r.buf[:size+1] // a line feed ends it
	if _, err := io.ReadFull(r.data.out, r.buf); err != nil {
		return r.data.failed(err)
	}
	b.Data = r.buf[:size]
	return nil
}

// catFile is one running `git cat-file`.
type catFile struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

func (t *Tree) catFile(ctx context.Context, mode string) (*catFile, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &catFile{cmd: t.command("--no-replace-objects", "cat-file", mode).prepare(ctx), cancel: cancel}
	c.cmd.Stderr = &c.stderr
	in, errIn := c.cmd.StdinPipe()
	out, errOut := c.cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		cancel()
		return nil, &Error{Command: "cat-file", Err: err}
	}
	c.in, c.out = in, bufio.NewReaderSize(out, 1<<16)
	if err := c.cmd.Start(); err != nil {
		cancel()
		return nil, &Error{Command: "cat-file", Err: err}
	}
	return c, nil
}

func (c *catFile) ask(hashes []string) error {
	if len(hashes) == 0 {
		return nil
	}
	if _, err := io.WriteString(c.in, strings.Join(hashes, "\n")+"\n"); err != nil {
		return c.failed(err)
	}
	return nil
}

// head reads the line before an object: hash SP type SP size.
func (c *catFile) head(hash string) (size int64, err error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return 0, c.failed(err)
	}
	f := strings.Fields(line)
	if len(f) == 2 && f[1] == "missing" {
		return 0, &MissingObjectError{Hash: hash}
	}
	if len(f) != 3 || f[0] != hash || f[1] != "blob" {
		return 0, fmt.Errorf("git cat-file: unexpected answer %q", strings.TrimSpace(line))
	}
	return strconv.ParseInt(f[2], 10, 64)
}

// failed is the error of a pipe that broke: git itself says why.
func (c *catFile) failed(err error) error {
	c.close()
	return &Error{Command: "cat-file", Stderr: Redact(strings.TrimSpace(c.stderr.String())), Err: err}
}

func (c *catFile) close() {
	_ = c.in.Close()
	c.cancel()
	_ = c.cmd.Wait() // it was told to end, whatever it did
}

// MissingObjectError says that an object is not in the repository: a partial
// clone that could not fetch it, or one that was damaged.
type MissingObjectError struct{ Hash string }

func (e *MissingObjectError) Error() string {
	return "git object " + Short(e.Hash) + ": not in this repository"
}

// Hint says how to get it.
func (e *MissingObjectError) Hint() string {
	return "`git fsck` says more; in a partial clone `git fetch --refetch` brings it"
}
