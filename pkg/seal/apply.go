package seal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	"golang.org/x/sync/errgroup"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Apply seals what changed and writes the files, all or none, then the ledger.
// A file is whole at every moment, old or new; when the run is killed between
// files, the next run seals the rest.
func (p *Plan) Apply(ctx context.Context) error {
	sealed, err := p.encrypt(ctx)
	if err != nil {
		return err
	}
	files, err := p.files(ctx, sealed)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := makeParent(f.Path); err != nil {
			return fmt.Errorf("%s: %w", p.opts.Repository.Rel(f.Path), err)
		}
	}
	if err := manifest.WriteFiles(ctx, files); err != nil {
		return err
	}
	changed := p.remember(sealed)
	for i := range p.applications {
		changed = p.settle(&p.applications[i], files) || changed
	}
	if !changed {
		return nil
	}
	return p.opts.Ledger.save(ctx)
}

// encrypt returns for each change the new ciphertexts by key.
func (p *Plan) encrypt(ctx context.Context) ([]map[string]string, error) {
	rnd := p.opts.Rand
	if rnd == nil {
		rnd = rand.Reader
	}
	workers := p.opts.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	out := make([]map[string]string, len(p.changes))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for i := range p.changes {
		c := &p.changes[i]
		if len(c.seal) == 0 {
			continue
		}
		g.Go(func() error {
			out[i] = make(map[string]string, len(c.seal))
			for _, key := range c.seal {
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("nothing was written: %w", err)
				}
				text, err := crypto.HybridEncrypt(rnd, p.opts.Certificate.Key, c.secret.Item(key).Value, c.id.label())
				if err != nil {
					return c.secret.Errorf(key, "", "encryption failed: %v", err)
				}
				out[i][key] = base64.StdEncoding.EncodeToString(text)
			}
			return nil
		})
	}
	return out, g.Wait()
}

// files are the new contents: several changes may go to one file.
func (p *Plan) files(ctx context.Context, sealed []map[string]string) ([]manifest.File, error) {
	contents := map[string][]byte{}
	var order []string
	fresh, err := p.fresh(ctx, sealed)
	if err != nil {
		return nil, err
	}
	for i := range p.changes {
		c := &p.changes[i]
		if c.action() == report.Unchanged {
			continue
		}
		if _, begun := contents[c.path]; !begun {
			order = append(order, c.path)
			if c.file != nil {
				contents[c.path] = c.file.data
			}
		}
		if fresh[i] != nil {
			contents[c.path] = fresh[i]
			continue
		}
		content, err := p.content(c, contents[c.path], sealed[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.opts.Repository.Rel(c.path), err)
		}
		contents[c.path] = content
	}
	var files []manifest.File
	if p.opts.Prune {
		if files, err = p.prune(contents, &order); err != nil {
			return nil, err
		}
	}
	want, err := p.expect(sealed)
	if err != nil {
		return nil, err
	}
	written, err := repo.Each(ctx, order, func(path string) (manifest.File, error) {
		f := manifest.File{Path: path, Data: contents[path]}
		if err := p.reread(f, want[path]); err != nil {
			return f, fmt.Errorf("%s: nothing was written: %w", p.opts.Repository.Rel(path), err)
		}
		return f, nil
	})
	return append(files, written...), err
}

// fresh renders the new files on all cores; nil stands for a change of an existing one.
func (p *Plan) fresh(ctx context.Context, sealed []map[string]string) ([][]byte, error) {
	indices := make([]int, len(p.changes))
	for i := range indices {
		indices[i] = i
	}
	return repo.Each(ctx, indices, func(i int) ([]byte, error) {
		if p.changes[i].action() != report.Create {
			return nil, nil
		}
		return p.content(&p.changes[i], nil, sealed[i])
	})
}

// content is the sealed file with one change applied.
func (p *Plan) content(c *change, old []byte, sealed map[string]string) ([]byte, error) {
	items := map[string]string{}
	if c.sealed != nil {
		for _, it := range c.sealed.Items {
			items[it.Key] = it.Ciphertext
		}
	}
	maps.Copy(items, sealed)
	for _, key := range c.drop {
		delete(items, key)
	}
	var list []manifest.SealedItem
	for _, key := range slices.Sorted(maps.Keys(items)) {
		list = append(list, manifest.SealedItem{Key: key, Ciphertext: items[key]})
	}
	if c.sealed == nil {
		return render(c, list, p.opts.Certificate.Fingerprint), nil
	}
	edits := c.edits
	for _, key := range c.seal {
		edits = append(edits, manifest.Edit{Path: []string{"spec", "encryptedData", key}, Value: sealed[key], Plain: true})
	}
	for _, key := range c.drop {
		edits = append(edits, manifest.Edit{Path: []string{"spec", "encryptedData", key}, Delete: true})
	}
	annotations := []string{"metadata", "annotations"}
	if c.sealed.Annotations[AnnotationCertificate] != p.opts.Certificate.Fingerprint {
		edits = append(edits, manifest.Edit{Path: append(slices.Clone(annotations), AnnotationCertificate), Value: p.opts.Certificate.Fingerprint, Bare: true})
	}
	edits = append(edits, manifest.Edit{Path: append(annotations, AnnotationHash), Value: encryptedDataHash(list), Bare: true}) // as render writes them
	return manifest.EditDocument(old, c.sealed.Document, edits)
}

// prune removes the orphans: a whole file, or its documents from a shared one.
func (p *Plan) prune(contents map[string][]byte, order *[]string) ([]manifest.File, error) {
	var gone []manifest.File
	for _, file := range p.orphanFiles() {
		f := file[0].file
		if len(file) == len(f.objects) && onlySealed(f) {
			gone = append(gone, manifest.File{Path: f.path, Delete: true})
			continue
		}
		if _, begun := contents[f.path]; !begun {
			contents[f.path] = f.data
			*order = append(*order, f.path)
		}
		for _, o := range slices.Backward(file) {
			if o.sealed.InList {
				return nil, &manifest.Error{Path: o.sealed.Path, Line: o.sealed.Line, Object: o.sealed.Object(), Problem: "a SealedSecret inside a List cannot be removed", Fix: "remove it by hand"}
			}
			var err error
			if contents[f.path], err = manifest.DeleteDocument(contents[f.path], o.sealed.Document); err != nil {
				return nil, fmt.Errorf("%s: %w", o.sealed.Path, err)
			}
		}
	}
	return gone, nil
}

// orphanFiles groups the orphans by file, in the files' order of documents.
func (p *Plan) orphanFiles() [][]orphan {
	var out [][]orphan
	for _, o := range p.orphans {
		if n := len(out); n > 0 && out[n-1][0].file == o.file {
			out[n-1] = append(out[n-1], o)
			continue
		}
		out = append(out, []orphan{o})
	}
	return out
}

// onlySealed reports whether the file holds nothing but its SealedSecrets.
func onlySealed(f *sealedFile) bool {
	n, err := manifest.CountDocuments(f.data)
	return err == nil && n == len(f.objects)
}

// remember brings the ledger up to date and reports whether it changed.
func (p *Plan) remember(sealed []map[string]string) bool {
	changed := false
	for i := range p.changes {
		c := &p.changes[i]
		if c.action() == report.Unchanged && !c.proven {
			continue
		}
		changed = true
		r := secretRecord{
			Certificate: p.opts.Certificate.Fingerprint, Items: make(map[string]itemRecord, len(c.secret.Items)),
			SealedAnnotations: slices.Sorted(maps.Keys(c.contractAnnotations())),
			Labels:            slices.Sorted(maps.Keys(c.secret.Labels)), Annotations: slices.Sorted(maps.Keys(templateAnnotations(c.secret))),
		}
		for _, it := range c.secret.Items {
			text := sealed[i][it.Key]
			if text == "" {
				text = c.sealed.Item(it.Key).Ciphertext
			}
			item := itemRecord{HMAC: p.opts.Ledger.hmac(c.id, string(c.secret.Type), it.Key, it.Value), Ciphertext: ciphertextHash(text)}
			item.Since = p.since(c, it.Key, item)
			r.Items[it.Key] = item
		}
		p.opts.Ledger.record(c.app.Name, c.id, r)
	}
	if p.opts.Prune {
		for _, o := range p.orphans {
			changed = true
			p.opts.Ledger.forget(o.app.Name, identity{namespace: o.app.namespaceOf(o.sealed), name: o.sealed.Name})
		}
	}
	return changed
}

// since is when a value was sealed first. Of one that was sealed before this machine
// remembered anything nobody knows.
func (p *Plan) since(c *change, key string, now itemRecord) time.Time {
	before, known := p.opts.Ledger.lookup(c.app.Name, c.id).Items[key]
	switch {
	case known && before.HMAC == now.HMAC:
		return before.Since
	case known, c.sealed == nil, c.sealed.Item(key) == nil:
		return p.opts.Now.UTC().Truncate(time.Second)
	}
	return time.Time{}
}

// settle tells the ledger of an application that has nothing left to do or to
// say, so that the next run can pass over it if no byte has changed.
func (p *Plan) settle(a *application, written []manifest.File) bool {
	if a.settled != nil || p.warned[a.Name] {
		return false
	}
	for _, o := range p.orphans {
		if o.app == a && !p.opts.Prune {
			return false
		}
	}
	var secrets []settledSecret
	for i := range p.changes {
		if c := &p.changes[i]; c.app == a {
			secrets = append(secrets, settledSecret{c.id.namespace, c.id.name, fmt.Sprintf("%s:%d", c.secret.Path, c.secret.Line), p.opts.Repository.Rel(c.path)})
		}
	}
	return p.opts.Ledger.settle(a, p.after(a, written), p.opts.Certificate, secrets)
}

// after is the application's sealed folder with what was written to it.
func (p *Plan) after(a *application, written []manifest.File) []repo.File {
	folder := slices.Clone(a.folder)
	for _, w := range written {
		if filepath.Dir(w.Path) != a.Sealed {
			continue
		}
		folder = slices.DeleteFunc(folder, func(f repo.File) bool { return f.Path == w.Path })
		if !w.Delete {
			folder = append(folder, repo.File{Path: w.Path, Rel: p.opts.Repository.Rel(w.Path), Data: w.Data})
		}
	}
	slices.SortFunc(folder, func(a, b repo.File) int { return strings.Compare(a.Path, b.Path) })
	return folder
}

// encryptedDataHash is "sha256:" and the hex SHA-256 over the sorted items, each
// key and ciphertext preceded by its length (8 bytes, big endian).
func encryptedDataHash(items []manifest.SealedItem) string {
	h := sha256.New()
	var size [8]byte
	for _, it := range items {
		for _, part := range []string{it.Key, it.Ciphertext} {
			binary.BigEndian.PutUint64(size[:], uint64(len(part)))
			h.Write(size[:])
			h.Write([]byte(part))
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func makeParent(path string) error { return os.MkdirAll(filepath.Dir(path), 0o755) }
