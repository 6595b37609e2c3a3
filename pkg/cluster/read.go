package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Options say what to read.
type Options struct {
	Namespaces []string // at least one; a name may come twice
	Parallel   int      // requests at a time; 8 when 0
}

// fewest namespaces are listed one by one: from more of them on, the whole cluster
// is listed once and what belongs to others is dropped.
const fewest = 3

// Read reads the state of namespaces. Only an API server that cannot be reached, or
// that does not accept the credentials, is an error.
func Read(ctx context.Context, c *Clients, o Options) (*State, error) {
	r := &reader{clients: c, state: &State{Spaces: map[string]*Space{}, Unseen: map[string]string{}}}
	for _, ns := range o.Namespaces {
		r.state.Spaces[ns] = &Space{Name: ns, Unseen: map[string]string{}}
	}
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(o.Parallel, 8))
	for _, job := range r.jobs() {
		g.Go(func() error { return job(each) })
	}
	if err := g.Wait(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("cluster: read: %w", context.Cause(ctx))
		}
		return nil, err
	}
	for _, s := range r.state.Spaces {
		s.sort()
	}
	byName(r.state.Nodes)
	byName(r.state.Volumes)
	byName(r.state.StorageClasses)
	return r.state, nil
}

type reader struct {
	clients *Clients
	mu      sync.Mutex
	state   *State
}

type job = func(context.Context) error

func (r *reader) jobs() []job {
	var jobs []job
	many := len(r.state.Spaces) > fewest
	if many {
		jobs = append(jobs, r.allNamespaces)
	} else {
		jobs = append(jobs, r.eachNamespace)
	}
	for _, k := range kinds() {
		switch {
		case k.cluster:
			jobs = append(jobs, func(ctx context.Context) error { return r.cluster(ctx, k) })
		case many:
			jobs = append(jobs, func(ctx context.Context) error { return r.wide(ctx, k) })
		default:
			for ns := range r.state.Spaces {
				jobs = append(jobs, func(ctx context.Context) error { return r.narrow(ctx, k, ns) })
			}
		}
	}
	return jobs
}

// held is what a listing has found, until it is complete.
type held struct {
	namespaces []string
	puts       []func(*State, *Space)
}

// keep takes one object; nil forgets all of them.
func (h *held) keep(namespace string, put func(*State, *Space)) {
	if put == nil {
		*h = held{}
		return
	}
	h.namespaces, h.puts = append(h.namespaces, namespace), append(h.puts, put)
}

// take moves what was found into the state.
func (r *reader) take(h *held) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, put := range h.puts {
		ns := h.namespaces[i]
		if ns == "" {
			put(r.state, nil)
		} else if space := r.state.Spaces[ns]; space != nil {
			put(r.state, space)
		}
	}
}

func (r *reader) cluster(ctx context.Context, k kind) error {
	var h held
	if err := r.clients.pages(ctx, k, "", h.keep); err != nil {
		return r.unseen(k.name, err, func(why string) { r.state.Unseen[k.name] = why })
	}
	r.take(&h)
	return nil
}

func (r *reader) narrow(ctx context.Context, k kind, namespace string) error {
	var h held
	if err := r.clients.pages(ctx, k, namespace, h.keep); err != nil {
		return r.unseen(k.name, err, func(why string) { r.state.Spaces[namespace].Unseen[k.name] = why })
	}
	r.take(&h)
	return nil
}

// wide lists the whole cluster, and namespace by namespace where that is forbidden.
func (r *reader) wide(ctx context.Context, k kind) error {
	var h held
	filter := func(namespace string, put func(*State, *Space)) {
		if put == nil || r.state.Spaces[namespace] != nil {
			h.keep(namespace, put)
		}
	}
	err := r.clients.pages(ctx, k, "", filter)
	switch {
	case err == nil:
		r.take(&h)
		return nil
	case !apierrors.IsForbidden(err):
		return r.unseen(k.name, err, func(why string) {
			for _, s := range r.state.Spaces {
				s.Unseen[k.name] = why
			}
		})
	}
	for ns := range r.state.Spaces {
		if err := r.narrow(ctx, k, ns); err != nil {
			return err
		}
	}
	return nil
}

// unseen records why a kind was not seen; it gives the error back when the API
// server is out of reach.
func (r *reader) unseen(kind string, err error, record func(why string)) error {
	why, answered := reason(kind, err)
	if !answered {
		return &AccessError{Kind: kind, Cause: err}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	record(why)
	return nil
}

func (r *reader) allNamespaces(ctx context.Context) error {
	k := kind{name: "Namespace", group: corev1.SchemeGroupVersion, resource: "namespaces", page: typed(
		func(l *corev1.NamespaceList) []corev1.Namespace { return l.Items },
		func(s *State, _ *Space, n corev1.Namespace) {
			if space := s.Spaces[n.Name]; space != nil {
				space.Object = &n
			}
		})}
	var h held
	err := r.clients.pages(ctx, k, "", h.keep)
	if apierrors.IsForbidden(err) {
		return r.eachNamespace(ctx)
	}
	if err != nil {
		return r.unseen(k.name, err, func(why string) {
			for _, s := range r.state.Spaces {
				s.Unseen[k.name] = why
			}
		})
	}
	r.take(&h)
	return nil
}

func (r *reader) eachNamespace(ctx context.Context) error {
	for ns, space := range r.state.Spaces {
		object := &corev1.Namespace{}
		err := r.clients.groups[corev1.SchemeGroupVersion].Get().Resource("namespaces").Name(ns).Do(ctx).Into(object)
		if err == nil {
			space.Object = object
			continue
		}
		var status apierrors.APIStatus
		if apierrors.IsNotFound(err) && errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Name != "" {
			continue // there is no such namespace
		}
		if err := r.unseen("Namespace", err, func(why string) { space.Unseen["Namespace"] = why }); err != nil {
			return err
		}
	}
	return nil
}

// byName orders objects, so that the same state reads the same.
func byName[T any, P interface {
	*T
	metav1.Object
}](items []T) {
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(P(&a).GetName(), P(&b).GetName()) })
}

func byMeta[T interface{ name() string }](items []T) {
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(a.name(), b.name()) })
}

func (m Meta) name() string { return m.Name }

func (s *Space) sort() {
	byName(s.Pods)
	byName(s.ReplicaSets)
	byName(s.Deployments)
	byName(s.StatefulSets)
	byName(s.DaemonSets)
	byName(s.Jobs)
	byName(s.CronJobs)
	byName(s.Claims)
	byName(s.ServiceAccounts)
	byName(s.Quotas)
	byName(s.LimitRanges)
	byName(s.Services)
	byName(s.EndpointSlices)
	byMeta(s.ConfigMaps)
	byMeta(s.Secrets)
	byMeta(s.SealedSecrets)
	byMeta(s.Databases)
	slices.SortStableFunc(s.Events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), a.Last.Compare(b.Last), cmp.Compare(a.Message, b.Message))
	})
}

// EventsOf are the events about an object, oldest first. The UID tells the object
// from an earlier one of the same name; empty takes them all.
func (s *Space) EventsOf(kind, name, uid string) []Event {
	order := func(e Event) int { return cmp.Or(cmp.Compare(e.Kind, kind), cmp.Compare(e.Name, name)) }
	from, _ := slices.BinarySearchFunc(s.Events, name, func(e Event, _ string) int { return order(e) })
	var found []Event
	for _, e := range s.Events[from:] {
		if order(e) != 0 {
			break
		}
		if uid == "" || e.UID == "" || e.UID == uid {
			found = append(found, e)
		}
	}
	return found
}
