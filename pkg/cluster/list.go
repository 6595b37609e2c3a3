package cluster

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// pageSize is how many objects one answer holds at most.
const pageSize = "500"

// kind is one kind of object: how it is asked for and where it is kept.
type kind struct {
	name     string // "Pod", the key in Unseen
	group    schema.GroupVersion
	resource string
	cluster  bool // it lives outside of namespaces

	// page asks for one page and keeps what is on it by keep, which may be called
	// for objects of any namespace.
	page func(ctx context.Context, r *rest.Request, keep func(namespace string, put func(*State, *Space))) (next string, err error)
}

// pages lists objects page by page. No resourceVersion is sent, so each answer is
// as new as the cluster: "0" would be answered out of a cache that may be older than
// the change somebody has just made to fix things, and such a cache ignores the
// limit. From Kubernetes 1.31 on the newest state comes out of the cache, too.
func (c *Clients) pages(ctx context.Context, k kind, namespace string, keep func(namespace string, put func(*State, *Space))) error {
	next, limit := "", pageSize
	for {
		r := c.groups[k.group].Get().Resource(k.resource).Param("limit", limit)
		if namespace != "" {
			r = r.Namespace(namespace)
		}
		if next != "" {
			r = r.Param("continue", next)
		}
		after, err := k.page(ctx, r, keep)
		if apierrors.IsResourceExpired(err) && next != "" {
			// The list has been compacted away between two pages: once more, in one.
			next, limit = "", "0"
			keep("", nil)
			continue
		}
		if err != nil || after == "" {
			return err
		}
		next = after
	}
}

// typed makes the page function of a kind that Kubernetes itself has.
func typed[L any, T any, PL interface {
	*L
	runtime.Object
	metav1.ListInterface
}, PT interface {
	*T
	metav1.Object
}](items func(PL) []T, put func(*State, *Space, T)) func(context.Context, *rest.Request, func(string, func(*State, *Space))) (string, error) {
	return func(ctx context.Context, r *rest.Request, keep func(string, func(*State, *Space))) (string, error) {
		list := PL(new(L))
		if err := r.Do(ctx).Into(list); err != nil {
			return "", err
		}
		for _, item := range items(list) {
			o := PT(&item)
			o.SetManagedFields(nil)
			delete(o.GetAnnotations(), corev1.LastAppliedConfigAnnotation) // a copy of the object, of a Secret in plaintext
			keep(o.GetNamespace(), func(s *State, space *Space) { put(s, space, item) })
		}
		return list.GetContinue(), nil
	}
}

// custom makes the page function of a kind that a CustomResourceDefinition brings.
func custom[T any](put func(*Space, T)) func(context.Context, *rest.Request, func(string, func(*State, *Space))) (string, error) {
	return func(ctx context.Context, r *rest.Request, keep func(string, func(*State, *Space))) (string, error) {
		raw, err := r.DoRaw(ctx)
		if err != nil {
			return "", err
		}
		var list struct {
			Metadata metav1.ListMeta   `json:"metadata"`
			Items    []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(raw, &list); err != nil {
			return "", err
		}
		for _, one := range list.Items {
			var item T
			var at struct {
				Metadata struct {
					Namespace string `json:"namespace"`
				} `json:"metadata"`
			}
			if json.Unmarshal(one, &at) != nil || json.Unmarshal(one, &item) != nil {
				continue // an object that is not as its definition says is nobody's cause
			}
			keep(at.Metadata.Namespace, func(_ *State, space *Space) { put(space, item) })
		}
		return list.Metadata.Continue, nil
	}
}
