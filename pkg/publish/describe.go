package publish

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// diff is what happens to one Secret, or to the pinned certificate.
type diff struct {
	report.Entry
	added, changed, removed []string // keys
	certificate             string   // beginning of the fingerprint; empty for a Secret
}

// describe says what is new, for the remote and for the commit.
func (p *planner) describe(ctx context.Context) error {
	if !p.push {
		return nil
	}
	news, err := p.diffs(ctx, p.local, func(c *candidate) git.Entry { return c.shown })
	if err != nil {
		return err
	}
	for _, d := range news {
		p.Entries = append(p.Entries, d.Entry)
	}
	if len(p.changes) == 0 {
		return nil
	}
	if p.parent != p.shown {
		if news, err = p.diffs(ctx, p.changes, func(c *candidate) git.Entry { return c.before }); err != nil {
			return err
		}
	}
	p.Message = message(news, p.opts.Message)
	return nil
}

// diffs compares candidates with the entries that a commit has for them.
func (p *planner) diffs(ctx context.Context, files []*candidate, entry func(*candidate) git.Entry) ([]diff, error) {
	var changed []*candidate
	var hashes []string
	for _, c := range files {
		if e := entry(c); !c.same(e) {
			changed = append(changed, c)
			if e.Hash != "" && e.Mode != git.ModeSubmodule {
				hashes = append(hashes, e.Hash)
			}
		}
	}
	blobs, err := p.tree.ReadBlobs(ctx, hashes)
	if err != nil {
		return nil, err
	}
	content := map[string][]byte{}
	for i, h := range hashes {
		content[h] = blobs[i]
	}
	var out []diff
	before, after := map[identity]manifest.Sealed{}, map[identity]manifest.Sealed{}
	for _, c := range changed {
		if c.app == "" {
			out = append(out, pinned(c, entry(c)))
			continue
		}
		old, _ := manifest.FindSealed(c.path, content[entry(c).Hash])
		p.collect(before, c.app, old)
		p.collect(after, c.app, c.objects)
	}
	for id := range union(before, after) {
		out = append(out, compare(id, before, after))
	}
	slices.SortFunc(out, func(a, b diff) int {
		return cmp.Or(cmp.Compare(a.certificate, b.certificate), cmp.Compare(a.Application, b.Application), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

// identity is what stays the same when a SealedSecret moves to another file.
type identity struct{ app, namespace, name string }

func (p *planner) collect(into map[identity]manifest.Sealed, app string, objects []manifest.Sealed) {
	i := slices.IndexFunc(p.apps, func(a repo.Application) bool { return a.Name == app })
	for _, o := range objects {
		o.Namespace = cmp.Or(o.Namespace, p.apps[i].Namespace)
		into[identity{app, o.Namespace, o.Name}] = o
	}
}

func union[K comparable, V any](a, b map[K]V) map[K]bool {
	out := map[K]bool{}
	for k := range a {
		out[k] = true
	}
	for k := range b {
		out[k] = true
	}
	return out
}

// compare says what happens to one Secret. Its ciphertext tells whether a key
// was sealed anew, not whether the value is another one.
func compare(id identity, before, after map[identity]manifest.Sealed) diff {
	old, had := before[id]
	now, has := after[id]
	d := diff{Entry: report.Entry{Action: report.Update, Application: id.app, Namespace: plain(id.namespace), Name: plain(id.name), Path: now.Path, Line: now.Line}}
	was, is := items(old), items(now)
	for _, k := range slices.Sorted(maps.Keys(union(was, is))) {
		o, inOld := was[k]
		n, inNew := is[k]
		switch k = plain(k); {
		case !inOld:
			d.added = append(d.added, k)
		case !inNew:
			d.removed = append(d.removed, k)
		case o != n:
			d.changed = append(d.changed, k)
		}
	}
	switch {
	case !had:
		d.Action, d.Keys = report.Create, d.added
	case !has:
		d.Action, d.Path, d.Line = report.Delete, old.Path, 0
	default:
		d.Keys = slices.Sorted(slices.Values(slices.Concat(d.added, d.changed)))
		d.Detail = d.detail(old.Path != now.Path, old.Path)
	}
	return d
}

func items(s manifest.Sealed) map[string]string {
	out := map[string]string{}
	for _, it := range s.Items {
		out[it.Key] = it.Ciphertext
	}
	return out
}

// detail is what an updated Secret's keys do not say.
func (d *diff) detail(moved bool, from string) string {
	var parts []string
	if len(d.added) > 0 {
		parts = append(parts, "new: "+strings.Join(d.added, ", "))
	}
	if len(d.removed) > 0 {
		parts = append(parts, "removed: "+strings.Join(d.removed, ", "))
	}
	if moved {
		parts = append(parts, "moved from "+from)
	}
	if len(d.added)+len(d.removed)+len(d.changed) == 0 && !moved {
		parts = append(parts, "no key: labels, annotations, template or comments")
	}
	return strings.Join(parts, "; ")
}

// pinned is the diff of the certificate.
func pinned(c *candidate, before git.Entry) diff {
	d := diff{Entry: report.Entry{Action: report.Update, Path: c.path}}
	if before.Hash == "" {
		d.Action = report.Create
	}
	if block, _ := pem.Decode(bytes.TrimSpace(c.data)); block != nil {
		sum := sha256.Sum256(block.Bytes)
		d.certificate = hex.EncodeToString(sum[:])[:16]
	}
	d.Detail = "certificate " + d.certificate
	return d
}

// plain keeps a name from a file of somebody else from being anything but a name.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return '?'
		}
		return r
	}, name)
}
