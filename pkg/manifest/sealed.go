package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Sealed is one SealedSecret of a file.
type Sealed struct {
	Path            string
	Line            int // where the object begins, counted from 1
	Document        int // counted from 1
	InList          bool
	Namespace, Name string
	Labels          map[string]string
	Annotations     map[string]string // metadata.annotations: they decide the scope
	Template        SealedTemplate
	Items           []SealedItem // sorted by key
}

// SealedTemplate is spec.template: what the unsealed Secret will look like.
type SealedTemplate struct {
	Namespace, Name string
	Labels          map[string]string
	Annotations     map[string]string
	Type            string
	Immutable       *bool
	Data            []string // keys of template.data, sorted
}

// SealedItem is one entry of spec.encryptedData.
type SealedItem struct {
	Key        string
	Ciphertext string // base64, as it stands in the file
	Line       int
}

// Object names the SealedSecret in messages.
func (s *Sealed) Object() string { return "SealedSecret " + s.Namespace + "/" + s.Name }

// Item returns the item with the given key, or nil.
func (s *Sealed) Item(key string) *SealedItem {
	i, ok := slices.BinarySearchFunc(s.Items, key, func(it SealedItem, k string) int { return strings.Compare(it.Key, k) })
	if !ok {
		return nil
	}
	return &s.Items[i]
}

const sealedKind = "SealedSecret"

type sealedObject struct {
	header
	Metadata struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		EncryptedData map[string]string `json:"encryptedData"`
		Template      struct {
			Type      string                     `json:"type"`
			Immutable *bool                      `json:"immutable"`
			Data      map[string]json.RawMessage `json:"data"`
			Metadata  struct {
				Name        string            `json:"name"`
				Namespace   string            `json:"namespace"`
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
		} `json:"template"`
	} `json:"spec"`
}

// ReadSealed reads the SealedSecrets of a YAML or JSON file and passes over
// every other object. A document that cannot be read fails the whole file, if
// the file speaks of SealedSecrets at all.
func ReadSealed(path string, data []byte) ([]Sealed, error) {
	if !strings.Contains(string(data), sealedKind) {
		return nil, nil
	}
	docs, err := documents(path, data)
	if err != nil {
		return nil, err
	}
	var out []Sealed
	for i := range docs {
		objects := docs[i].objects()
		for _, o := range objects {
			s, err := o.sealed(path)
			if err != nil {
				return nil, err
			}
			if s != nil {
				s.InList = len(objects) > 1 || lookup(docs[i].root, "items") != nil
				out = append(out, *s)
			}
		}
	}
	return out, nil
}

// FindSealed is ReadSealed for a file of a chart's templates: a Helm template that
// only speaks of SealedSecrets has none, unless its name begins with "sealed-".
func FindSealed(path string, data []byte) ([]Sealed, error) {
	out, err := ReadSealed(path, data)
	if err != nil && strings.Contains(string(data), "{{") && !strings.HasPrefix(filepath.Base(path), "sealed-") {
		return nil, nil
	}
	return out, err
}

func (o *object) sealed(path string) (*Sealed, error) {
	var what struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(o.json, &what); err != nil || what.Kind != sealedKind {
		return nil, nil //nolint:nilerr // some other object
	}
	h := o.header()
	var in sealedObject
	if err := json.Unmarshal(o.json, &in); err != nil {
		return nil, &Error{Path: path, Line: o.line(), Object: sealedKind + " " + h.Metadata.Namespace + "/" + h.Metadata.Name,
			Problem: "a field has the wrong type", Fix: "every label, annotation and encryptedData entry is a string: put it in quotes"}
	}
	s := &Sealed{
		Path: path, Line: o.line(), Document: o.doc.index,
		Namespace: in.Metadata.Namespace, Name: in.Metadata.Name,
		Labels: in.Metadata.Labels, Annotations: in.Metadata.Annotations,
		Template: SealedTemplate{
			Namespace: in.Spec.Template.Metadata.Namespace, Name: in.Spec.Template.Metadata.Name,
			Labels: in.Spec.Template.Metadata.Labels, Annotations: in.Spec.Template.Metadata.Annotations,
			Type: in.Spec.Template.Type, Immutable: in.Spec.Template.Immutable,
			Data: slices.Sorted(maps.Keys(in.Spec.Template.Data)),
		},
	}
	if !strings.HasPrefix(h.APIVersion, "bitnami.com/") {
		return nil, &Error{Path: path, Line: s.Line, Object: s.Object(), Problem: fmt.Sprintf("apiVersion is %q", h.APIVersion), Fix: "write `apiVersion: bitnami.com/v1alpha1`"}
	}
	items := lookup(o.node, "spec", "encryptedData")
	for _, k := range slices.Sorted(maps.Keys(in.Spec.EncryptedData)) {
		it := SealedItem{Key: k, Ciphertext: in.Spec.EncryptedData[k], Line: s.Line}
		if n, _ := entry(items, k); n != nil {
			it.Line = o.doc.at(n)
		}
		s.Items = append(s.Items, it)
	}
	return s, nil
}
