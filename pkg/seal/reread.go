package seal

import (
	"fmt"
	"maps"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/report"
)

// expectation is what a file has to hold once it is written.
type expectation struct {
	items   map[string]map[string]string // of each SealedSecret, by namespace/name
	objects int                          // SealedSecrets and others
}

// expect collects what was meant for each file: the changed objects with their
// items, and every other object of the file as it was.
func (p *Plan) expect(sealed []map[string]string) (map[string]*expectation, error) {
	out := map[string]*expectation{}
	begin := func(a *application, path string, f *sealedFile) (*expectation, error) {
		if e := out[path]; e != nil || f == nil {
			if e == nil {
				e = &expectation{items: map[string]map[string]string{}}
				out[path] = e
			}
			return e, nil
		}
		n, err := manifest.CountDocuments(f.data)
		e := &expectation{items: map[string]map[string]string{}, objects: n}
		for i := range f.objects {
			e.items[a.namespaceOf(&f.objects[i])+"/"+f.objects[i].Name] = itemsOf(&f.objects[i])
		}
		out[path] = e
		return e, err
	}
	for i := range p.changes {
		c := &p.changes[i]
		if c.action() == report.Unchanged {
			continue
		}
		e, err := begin(c.app, c.path, c.file)
		if err != nil {
			return nil, err
		}
		if c.sealed == nil {
			e.objects++
			e.items[c.id.String()] = map[string]string{}
		}
		maps.Copy(e.items[c.id.String()], sealed[i])
		for _, key := range c.drop {
			delete(e.items[c.id.String()], key)
		}
	}
	for _, o := range p.orphans {
		e, err := begin(o.app, o.file.path, o.file)
		if err != nil {
			return nil, err
		}
		if p.opts.Prune {
			e.objects--
			delete(e.items, o.app.namespaceOf(o.sealed)+"/"+o.sealed.Name)
		}
	}
	return out, nil
}

// reread parses what is about to be written and holds it against what was meant.
func (p *Plan) reread(f manifest.File, want *expectation) error {
	list, err := manifest.ReadSealed(p.opts.Repository.Rel(f.Path), f.Data)
	if err != nil {
		return fmt.Errorf("the edited file could not be read again: %w", err)
	}
	n := len(list)
	if want.objects != 1 { // a file of its own holds nothing else
		if n, err = manifest.CountDocuments(f.Data); err != nil {
			return fmt.Errorf("the edited file could not be read again: %w", err)
		}
	}
	if n != want.objects || len(list) != len(want.items) {
		return fmt.Errorf("the edited file would have %d objects, not %d: edit it by hand or give each SealedSecret its own file", n, want.objects)
	}
	for i := range list {
		s := &list[i]
		items, known := want.items[s.Namespace+"/"+s.Name]
		if !known && s.Namespace == "" {
			continue // one without a namespace is not ours to edit
		}
		if !maps.Equal(items, itemsOf(s)) {
			return fmt.Errorf("%s would not hold what was sealed: edit the file by hand or give it a file of its own", s.Object())
		}
	}
	return nil
}

func itemsOf(s *manifest.Sealed) map[string]string {
	out := make(map[string]string, len(s.Items))
	for _, it := range s.Items {
		out[it.Key] = it.Ciphertext
	}
	return out
}
