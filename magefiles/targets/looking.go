package targets

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/sealway/sealway/internal/deployment"
	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/revision"
	"github.com/sealway/sealway/pkg/verify"
)

// verifier looks at the applications, as often as it is asked to.
type verifier struct {
	s       *session
	folders []folder
	mask    func(string) string // of the plaintext on this machine
	deploys *deployment.Map
	kube    *kube.Cluster // nil when there is none
	clients *cluster.Clients
	offline string // why there is none
}

func (s *session) newVerifier(ctx context.Context, names []string) (*verifier, error) {
	apps, err := s.repo.Select(names...)
	if err != nil {
		return nil, err
	}
	v := &verifier{s: s}
	if v.folders, v.mask, err = s.gather(ctx, apps); err != nil {
		return nil, err
	}
	if v.deploys, err = deployment.New(s.repo); err != nil {
		return nil, err
	}
	if v.kube, err = s.cluster(); err != nil {
		return v, nil // each look says so
	}
	s.report.Fact("cluster", v.kube.String())
	v.clients, err = cluster.NewClients(v.kube.Config)
	return v, err
}

// one is one application as Argo CD has it, and the folder that it deploys.
type one struct {
	*folder
	app  *argocd.App // nil when Argo CD has none, or was not asked
	name string
}

// look looks once. What cannot be seen is unknown in the chains, and an error beside
// them.
func (v *verifier) look(ctx context.Context) ([]report.Chain, error) {
	if _, err := v.s.cluster(); err != nil && v.s.config.ArgoCD.Server == "" {
		return v.chains(ctx, v.pair(nil), nil, "there is no cluster to look at", err.Error()), err
	}
	list, argoErr := v.applications(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	m, err := v.match(ctx, list)
	if err != nil {
		return nil, err
	}
	unseen := ""
	if argoErr != nil {
		unseen = firstProblem(argoErr)
	}
	all := v.pair(m)
	state, err := v.state(ctx, all)
	offline := ""
	if err != nil {
		offline = firstProblem(err)
	}
	return v.chains(ctx, all, state, offline, unseen), errors.Join(err, unreachable(argoErr))
}

// unreachable are of the reasons why Argo CD could not be asked those that another look
// may not have.
func unreachable(err error) error {
	var absent *kube.NoApplicationsError
	if errors.As(err, &absent) {
		return nil // the chain says so
	}
	return err
}

// applications lists Argo CD's applications: as objects of the cluster, and through the
// server that ARGOCD_SERVER names where the cluster has none of ours.
func (v *verifier) applications(ctx context.Context) (list []argocd.App, err error) {
	if v.kube != nil {
		list, err = v.objects(ctx)
		if v.s.config.ArgoCD.Server == "" || err == nil && v.anyOurs(ctx, list) {
			return list, err
		}
	}
	err = v.s.argo(ctx, func(ctx context.Context, c *argocd.Client) (err error) {
		list, err = c.List(ctx, argocd.Filter{})
		return err
	})
	return list, err
}

func (v *verifier) objects(ctx context.Context) (list []argocd.App, err error) {
	namespace := v.s.config.ArgoCD.Namespace
	if namespace == "" {
		namespace = "argocd"
	}
	err = v.kube.Applications(ctx, namespace, func(data []byte) (string, error) {
		page, next, err := argocd.ReadList(data)
		list = append(list, page...)
		return next, err
	})
	return list, err
}

func (v *verifier) anyOurs(ctx context.Context, list []argocd.App) bool {
	m, err := v.match(ctx, list)
	return err == nil && len(m) > 0
}

// match finds the applications of each folder: those that follow this repository, or
// else those that have the folder from elsewhere.
func (v *verifier) match(ctx context.Context, list []argocd.App) (map[string][]*argocd.App, error) {
	ours, others := map[string][]*argocd.App{}, map[string][]*argocd.App{}
	for i := range list {
		sources, err := v.deploys.Of(ctx, list[i])
		if err != nil {
			return nil, err
		}
		for _, d := range sources {
			to := others
			if d.Remote != "" {
				to = ours
			}
			if !slices.Contains(to[d.Folder], &list[i]) {
				to[d.Folder] = append(to[d.Folder], &list[i])
			}
		}
	}
	for name, apps := range others {
		if len(ours[name]) == 0 {
			ours[name] = apps
		}
	}
	return ours, nil
}

// pair gives each application of the repository its application of Argo CD. One that is
// deployed several times is looked at as often.
func (v *verifier) pair(m map[string][]*argocd.App) []one {
	var out []one
	for i := range v.folders {
		f := &v.folders[i]
		apps := m[f.Name]
		if len(apps) == 0 {
			out = append(out, one{folder: f, name: f.Name})
		}
		for _, a := range apps {
			name := f.Name
			if len(apps) > 1 {
				name = a.FullName()
			}
			out = append(out, one{f, a, name})
		}
	}
	return out
}

// namespace is where the application's objects go.
func (o *one) namespace() string {
	if o.app != nil && o.app.Destination.Namespace != "" {
		return o.app.Destination.Namespace
	}
	return o.Namespace
}

// state reads all namespaces of the applications that live in this cluster.
func (v *verifier) state(ctx context.Context, all []one) (*cluster.State, error) {
	if v.kube == nil {
		return nil, nil
	}
	var spaces []string
	for i := range all {
		o := &all[i]
		if o.app != nil && !v.here(o.app) {
			continue
		}
		spaces = append(spaces, o.namespace())
		for _, f := range o.source.Sealed {
			spaces = append(spaces, f.Namespace)
		}
	}
	if len(spaces) == 0 {
		return nil, nil
	}
	return cluster.Read(ctx, v.clients, cluster.Options{Namespaces: spaces})
}

// here says whether an application is deployed to the cluster of the kubeconfig. Of an
// Argo CD in another cluster this is not known; its own cluster is taken for this one.
func (v *verifier) here(a *argocd.App) bool {
	d := a.Destination
	return d.Server == "https://kubernetes.default.svc" || d.Name == "in-cluster" || v.kube != nil && strings.TrimSuffix(d.Server, "/") == strings.TrimSuffix(v.kube.Server, "/")
}

// chains judges all applications, some at a time.
func (v *verifier) chains(ctx context.Context, all []one, state *cluster.State, offline, unseen string) []report.Chain {
	out := make([]report.Chain, len(all))
	mask := v.mask
	if state != nil {
		masker := state.Masker()
		mask = func(text string) string { return v.mask(masker.Mask(text)) }
	}
	controller := v.controller(ctx, all, state)
	var g errgroup.Group
	g.SetLimit(4) // git is waited for
	for i := range all {
		g.Go(func() error {
			src := v.source(ctx, &all[i], state, offline, unseen, mask)
			src.Controller = controller
			out[i] = verify.Chain(ctx, src)
			return nil
		})
	}
	_ = g.Wait() // they return none
	return out
}

// source puts together what is known of one application.
func (v *verifier) source(ctx context.Context, o *one, state *cluster.State, offline, unseen string, mask func(string) string) *verify.Source {
	src := o.source
	src.Application, src.Namespace, src.State, src.Offline = o.name, o.namespace(), state, offline
	switch {
	case unseen != "":
		src.Argo = &diagnose.Argo{Unseen: unseen}
	case o.app == nil:
		src.Argo = &diagnose.Argo{Missing: true, Path: o.source.Folder + "/application.yaml"}
	default:
		src.Argo = argoOf(o)
		if !v.here(o.app) && offline == "" {
			src.State, src.Offline = nil, "it is deployed to another cluster than the kubeconfig's: "+o.app.Destination.Server+o.app.Destination.Name
		}
	}
	src.Commit = v.commit(ctx, o)
	v.behind(ctx, src.Argo, src.Commit)
	if v.kube != nil {
		src.Logs = kube.Logs{Cluster: v.kube, Mask: mask}
	}
	src.Mask = mask
	return &src
}

// behind says how far what Argo CD has found is behind HEAD.
func (v *verifier) behind(ctx context.Context, a *diagnose.Argo, c *verify.Commit) {
	a.Unpushed = c.State == verify.CommitNotPushed
	if !a.Unpushed && c.State != verify.CommitNotSeen || a.Revision == "" {
		return
	}
	a.Behind = "behind HEAD"
	ahead, _, err := v.s.repo.Tree.AheadBehind(ctx, "HEAD", a.Revision)
	if err == nil && ahead > 0 {
		a.Behind = count(ahead, "commit") + " behind HEAD"
	}
}

// commit compares the folder with what Argo CD has seen.
func (v *verifier) commit(ctx context.Context, o *one) *verify.Commit {
	if o.app != nil {
		at, ok, err := v.deploys.Compare(ctx, *o.app)
		if err != nil {
			return &verify.Commit{State: verify.CommitUnknown, Problem: firstProblem(err)}
		}
		if ok {
			return commit(at)
		}
	}
	out := &verify.Commit{State: verify.CommitUnknown, Problem: "not compared with what Argo CD follows"}
	head, err := v.s.repo.Tree.Head(ctx)
	if err == nil {
		out.Head, out.Branch = git.Short(head.Commit), head.Branch
	}
	out.Dirty, _ = v.s.repo.Tree.Changed(ctx, o.source.Folder)
	return out
}

func commit(at revision.Comparison) *verify.Commit {
	return &verify.Commit{
		State: verify.CommitState(at.State), Head: git.Short(at.Head), Branch: at.Branch, Followed: at.Followed,
		Seen: git.Short(at.Source.Commit), Dirty: at.Dirty, Problem: at.Problem,
	}
}

// argo is what Argo CD says, as package diagnose takes it.
func argoOf(o *one) *diagnose.Argo {
	a := o.app
	out := &diagnose.Argo{
		Name: a.FullName(), Space: a.Namespace, Path: o.source.Folder + "/application.yaml", Deleting: a.Deleting,
		Sync: a.Sync, Health: a.Health, HealthMessage: a.HealthMessage, Revision: a.Revision(),
		AutoSync: a.AutoSync != nil, SelfHeal: a.AutoSync != nil && a.AutoSync.SelfHeal,
		CreatesSpace: slices.Contains(a.SyncOptions, "CreateNamespace=true"),
	}
	for _, c := range a.Conditions {
		out.Conditions = append(out.Conditions, diagnose.Condition{Type: c.Type, Message: c.Message, Since: c.Since})
	}
	for _, r := range a.Resources {
		out.Resources = append(out.Resources, diagnose.Resource{
			Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name,
			Sync: r.Sync, Health: r.Health, Message: r.Message, Hook: r.Hook, NeedsPruning: r.NeedsPruning,
		})
	}
	if a.Operation != nil {
		out.Operation = operation(a.Operation)
	}
	return out
}

func operation(o *argocd.Operation) *diagnose.Operation {
	out := &diagnose.Operation{
		Phase: o.Phase, Message: o.Message, Revision: o.Revision(), Started: o.Started, Finished: o.Finished,
		Retries: o.Retries, Automated: o.By == "auto-sync",
	}
	for _, r := range o.Results {
		out.Results = append(out.Results, diagnose.Result{
			Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Hook: r.Hook, Status: r.Status, Message: r.Message,
		})
	}
	return out
}
