package guard

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/report"
)

// source is a file that a secretGenerator makes a Secret of.
type source struct {
	file string // as the kustomization names it
	line int    // where it does
}

// generator judges the literals of a kustomize secretGenerator, and notes its files.
func (w *walker) generator(list *yaml.Node) {
	for _, item := range list.Content {
		fields := pairs(item)
		object := "secretGenerator " + mark.ReplaceAllString(last(fields, "name"), "{{…}}")
		for _, literals := range values(fields, "literals") {
			for _, n := range scalars(literals) {
				key, value, _ := strings.Cut(textOf(n), "=")
				if w.telling(strings.Trim(value, `"'`)) {
					w.add(RuleGenerator, n, n, object, key, "this literal becomes a Secret, and stands here in plaintext")
				}
			}
		}
		for _, field := range []string{"files", "envs", "env"} {
			for _, files := range values(fields, field) {
				for _, n := range scalars(files) {
					name := textOf(n)
					if _, file, ok := strings.Cut(name, "="); ok && field == "files" {
						name = file
					}
					w.sources = append(w.sources, source{name, w.at(n)})
				}
			}
		}
	}
}

// scalars are a scalar, or those of a list.
func scalars(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.ScalarNode {
		return []*yaml.Node{n}
	}
	var out []*yaml.Node
	for _, c := range n.Content {
		if c = resolve(c); c != nil && c.Kind == yaml.ScalarNode {
			out = append(out, c)
		}
	}
	return out
}

func isKustomization(p string) bool {
	switch path.Base(p) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}

// generators judges the files that kustomizations make Secrets of: those that were
// scanned, and, when only a file of theirs is staged, the others.
func (r *run) generators(ctx context.Context, versions []git.Version) error {
	if r.scope == inIndex && len(versions) > 0 {
		if err := r.otherKustomizations(ctx, versions); err != nil {
			return err
		}
	}
	if len(r.sources) == 0 {
		return nil
	}
	index, err := r.tree.Index(ctx)
	if err != nil {
		return err
	}
	staged := map[string]git.Version{}
	for _, v := range versions {
		staged[v.Path] = v
	}
	told := map[string]bool{}
	for _, s := range r.sources {
		e, tracked := index[s.file]
		v, changed := staged[s.file]
		if !tracked || told[s.file] || !s.fresh && !changed || r.opts.IsPlaintext(s.file) {
			continue
		}
		told[s.file] = true
		v.Path, v.Entry = s.file, e.Entry
		if err := r.source(v, s); err != nil {
			return err
		}
	}
	return nil
}

// generated is a source with its place in the repository.
type generated struct {
	file  string // path of the file
	by    string // path:line of the kustomization
	fresh bool   // the kustomization itself is among what is scanned
}

func (r *run) addSources(kustomization string, list []source, fresh bool) {
	for _, s := range list {
		if !strings.Contains(s.file, "://") && !path.IsAbs(s.file) {
			r.sources = append(r.sources, generated{path.Join(path.Dir(kustomization), s.file), fmt.Sprintf("%s:%d", kustomization, s.line), fresh})
		}
	}
}

// otherKustomizations reads those that are not staged themselves.
func (r *run) otherKustomizations(ctx context.Context, versions []git.Version) error {
	all, err := r.tree.Listed(ctx, "kustomization.yaml", "*/kustomization.yaml", "kustomization.yml", "*/kustomization.yml", "Kustomization", "*/Kustomization")
	if err != nil {
		return err
	}
	var hashes []string
	all = slices.DeleteFunc(all, func(v git.Version) bool {
		return !isKustomization(v.Path) || slices.ContainsFunc(versions, func(s git.Version) bool { return s.Path == v.Path })
	})
	for _, v := range all {
		hashes = append(hashes, v.Hash)
	}
	return r.blobs.Each(hashes, func(i int, b git.Blob) error {
		text, ok := decode(b.Data)
		if !ok || !bytes.Contains(text, []byte("secretGenerator")) {
			return nil
		}
		found := r.scanner.structure(text)
		r.addSources(all[i].Path, found.sources, false)
		return nil
	})
}

// source judges one file.
func (r *run) source(v git.Version, s generated) error {
	return r.blobs.Each([]string{v.Hash}, func(_ int, b git.Blob) error {
		if b.Size == 0 || b.Data != nil && harmless(b.Data) || r.allow.lets(v.Path, b.Data) {
			return nil
		}
		h := hit{rule: RuleGenerator, message: "kustomize makes a Secret of this file (" + s.by + "), and it is in plaintext"}
		r.Findings = append(r.Findings, report.Finding{Rule: h.rule, Path: v.Path, Message: h.message, Fix: r.fix(r.fileScope(), h, v)})
		return nil
	})
}

// fileScope is the scope of what was looked up in the index.
func (r *run) fileScope() scope {
	if r.scope.commits() {
		return tracked
	}
	return r.scope
}

// harmless reports whether a file that becomes a Secret tells nothing: it is
// encrypted, holds certificates, or placeholders alone.
func harmless(data []byte) bool {
	for _, head := range []string{"-----BEGIN AGE ENCRYPTED FILE-----", "age-encryption.org/v1", "\x00GITCRYPT", "$ANSIBLE_VAULT;", "-----BEGIN PGP MESSAGE-----"} {
		if bytes.HasPrefix(data, []byte(head)) {
			return true
		}
	}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return onlyCertificates(data)
	}
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, value, ok := bytes.Cut(line, []byte("="))
		if ok && bytes.HasPrefix(name, []byte("sops_")) {
			continue
		}
		text := strings.Trim(string(value), `"'`)
		if !ok || telling(text) && !sopsValue.MatchString(text) {
			return sopsDocument(data)
		}
	}
	return true
}

// sopsDocument reports whether sops encrypted every value of a YAML or JSON file.
func sopsDocument(data []byte) bool {
	docs, rest := documents(data)
	for _, d := range docs {
		root := unwrap(d.root)
		if len(dig(root, "sops", "mac")) == 0 {
			return false
		}
		for _, p := range pairs(root) {
			if p.key != "sops" && !encrypted(p.node, 0) {
				return false
			}
		}
	}
	return len(docs) > 0 && len(rest) == 0
}

func encrypted(n *yaml.Node, depth int) bool {
	if n = resolve(n); n == nil || depth > maxDepth {
		return false
	}
	if n.Kind == yaml.ScalarNode {
		return isSOPS(n)
	}
	for i, c := range n.Content {
		if (n.Kind != yaml.MappingNode || i%2 == 1) && !encrypted(c, depth+1) {
			return false
		}
	}
	return true
}

func onlyCertificates(data []byte) bool {
	for rest := data; ; {
		if rest = bytes.TrimSpace(rest); len(rest) == 0 {
			return true
		}
		block, behind := pem.Decode(rest)
		if block == nil || !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return false
		}
		if block.Type != "CERTIFICATE" && block.Type != "PUBLIC KEY" {
			return false
		}
		rest = behind
	}
}
