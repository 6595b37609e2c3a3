package guard

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Bounds of an archive that is looked into. A chart has some hundred files.
const (
	maxEntries  = 10_000
	maxUnpacked = 64 << 20 // bytes, of all together
	maxEntry    = 4 << 20  // bytes, of one
)

// archive looks into a tar that gzip has packed, as `helm package` makes it of a chart,
// with what it does not exclude. problem says what was not looked at.
func (r *run) archive(data []byte) (hits []hit, problem string) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return nil, ""
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, ""
	}
	limited := &io.LimitedReader{R: unpacked, N: maxUnpacked}
	files := tar.NewReader(limited)
	for n := 0; ; n++ {
		head, err := files.Next()
		switch {
		case errors.Is(err, io.EOF) && limited.N > 0 || err != nil && n == 0 && limited.N > 0: // no tar
			return hits, problem
		case limited.N <= 0 || n >= maxEntries:
			return hits, "an archive too large to be looked into as a whole"
		case err != nil:
			return hits, "an archive that cannot be read to its end"
		}
		if head.Typeflag != tar.TypeReg {
			continue
		}
		if r.opts.IsPlaintext(head.Name) {
			hits = append(hits, hit{rule: RuleFile, archive: true, message: fmt.Sprintf("this archive holds the plaintext file %q", head.Name)})
			continue
		}
		if head.Size > maxEntry {
			problem = "an archive with a file too large to be looked into"
			continue
		}
		content, err := io.ReadAll(files)
		if err != nil {
			continue // so does the next one
		}
		hits = append(hits, r.packed(head.Name, content)...)
	}
}

// packed judges a file of an archive. Tokens do not count: charts of others have
// examples of them.
func (r *run) packed(name string, content []byte) (hits []hit) {
	for _, h := range r.scanner.scan(name, content).hits {
		if slices.Contains([]string{RuleSecret, RuleApplied, RuleValue}, h.rule) {
			h.archive, h.message = true, fmt.Sprintf("%s, in this archive's %q, line %d", h.message, name, h.line)
			h.line, h.end = 0, 0
			hits = append(hits, h)
		}
	}
	return hits
}
