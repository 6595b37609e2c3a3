package seal

import (
	"maps"
	"slices"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// render writes a new sealed file.
func render(c *change, items []manifest.SealedItem, fingerprint string) []byte {
	encrypted := make(map[string]string, len(items))
	for _, it := range items {
		encrypted[it.Key] = it.Ciphertext
	}
	own := templateAnnotations(c.secret)
	if a := c.id.scope.Annotation(); a != "" {
		own[a] = "true"
	}
	template := manifest.Mapping{"metadata": metadata(c.secret.Name, c.secret.Namespace, c.secret.Labels, own), "type": string(c.secret.Type)}
	if c.secret.Immutable != nil {
		template["immutable"] = *c.secret.Immutable
	}
	annotations := c.sealedAnnotations()
	annotations[AnnotationCertificate] = fingerprint
	annotations[AnnotationHash] = encryptedDataHash(items)
	return manifest.Marshal(manifest.Mapping{
		"apiVersion": "bitnami.com/v1alpha1",
		"kind":       "SealedSecret",
		"metadata":   metadata(c.secret.Name, c.secret.Namespace, nil, annotations),
		"spec":       manifest.Mapping{"encryptedData": encrypted, "template": template},
	})
}

func metadata(name, namespace string, labels, annotations map[string]string) manifest.Mapping {
	m := manifest.Mapping{"name": name, "namespace": namespace}
	if len(labels) > 0 {
		m["labels"] = labels
	}
	if len(annotations) > 0 {
		m["annotations"] = annotations
	}
	return m
}

// sealedAnnotations are those of a new SealedSecret: its scope and what the contract asks for.
func (c *change) sealedAnnotations() map[string]string {
	out := c.contractAnnotations()
	if a := c.id.scope.Annotation(); a != "" {
		out[a] = "true"
	}
	return out
}

// contractAnnotations are what the contract asks for on the SealedSecret.
func (c *change) contractAnnotations() map[string]string {
	out := map[string]string{}
	if a := c.app.contract; a != nil {
		if spec := a.Secret(c.secret.Name); spec != nil {
			maps.Copy(out, spec.SealedAnnotations)
		}
	}
	return out
}

// metadataEdits bring an existing SealedSecret's metadata in line: what the
// plaintext says of the Secret, the scope in both places, the records. Labels
// and annotations that a person added stay; those that came from the plaintext
// (the ledger knows) and left it go.
func metadataEdits(c *change, record secretRecord, fingerprint string) []manifest.Edit {
	var e edits
	top, tmpl := []string{"metadata", "annotations"}, []string{"spec", "template", "metadata"}
	for _, s := range []repo.Scope{repo.ScopeNamespace, repo.ScopeCluster} {
		want := ""
		if s == c.id.scope {
			want = "true"
		}
		e.set(append(slices.Clone(top), s.Annotation()), c.sealed.Annotations, want)
		e.set(append(slices.Clone(tmpl), "annotations", s.Annotation()), c.sealed.Template.Annotations, want)
	}
	e.sync(top, c.sealed.Annotations, c.contractAnnotations(), record.SealedAnnotations)
	e.sync(append(slices.Clone(tmpl), "annotations"), c.sealed.Template.Annotations, templateAnnotations(c.secret), record.Annotations)
	e.sync(append(slices.Clone(tmpl), "labels"), c.sealed.Template.Labels, c.secret.Labels, record.Labels)
	e.field([]string{"spec", "template", "type"}, c.sealed.Template.Type, string(c.secret.Type), "Opaque")
	for _, f := range []struct{ field, have, want string }{
		{"name", c.sealed.Template.Name, c.secret.Name}, {"namespace", c.sealed.Template.Namespace, c.secret.Namespace},
	} {
		if f.have != "" {
			e.field(append(slices.Clone(tmpl), f.field), f.have, f.want, "")
		}
	}
	if have, want := truth(c.sealed.Template.Immutable), truth(c.secret.Immutable); have != want {
		e = append(e, manifest.Edit{Path: []string{"spec", "template", "immutable"}, Value: want, Plain: true})
	}
	if c.sealed.Annotations[AnnotationHash] != encryptedDataHash(c.sealed.Items) || c.sealed.Annotations[AnnotationCertificate] != fingerprint {
		e = append(e, manifest.Edit{Path: append(top, AnnotationHash), Value: ""}) // content fills both in
	}
	return e
}

type edits []manifest.Edit

// set makes one annotation have the value, or removes it when the value is empty.
func (e *edits) set(path []string, have map[string]string, want string) {
	old, there := have[path[len(path)-1]]
	switch {
	case want == "" && there:
		*e = append(*e, manifest.Edit{Path: path, Delete: true})
	case want != "" && old != want:
		*e = append(*e, manifest.Edit{Path: path, Value: want})
	}
}

// sync sets every wanted entry and removes those that were wanted once.
func (e *edits) sync(path []string, have, want map[string]string, once []string) {
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if v, there := have[k]; !there || v != want[k] {
			*e = append(*e, manifest.Edit{Path: append(slices.Clone(path), k), Value: want[k]})
		}
	}
	for _, k := range once {
		if _, wanted := want[k]; !wanted {
			e.set(append(slices.Clone(path), k), have, "")
		}
	}
}

// field sets a string; an absent one counts as its default.
func (e *edits) field(path []string, have, want, absent string) {
	if have == "" {
		have = absent
	}
	if have != want {
		*e = append(*e, manifest.Edit{Path: path, Value: want})
	}
}

func truth(b *bool) string {
	if b != nil && *b {
		return "true"
	}
	return "false"
}
