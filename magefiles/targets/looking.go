package targets

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	none    error  // why there is no kube
	kubectl string // how it is called for kube
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
	if v.kube, v.none = s.cluster(); v.none == nil { // else each look says so
		s.report.Fact("cluster", v.kube.String())
		v.kubectl = kubectl(v.kube.Context)
		v.clients, err = cluster.NewClients(v.kube.Config)
	}
	return v, err
}

// kubectl is how kubectl is called for a context of the kubeconfig: by itself it takes the
// current one, which is not this one where the configuration names one.
func kubectl(name string) string {
	file, err := kube.Describe(name)
	if name == "" || err == nil && file.Current == name {
		return "kubectl"
	}
	if strings.ContainsAny(name, " '\"$`\\&;|<>()*?!~#") {
		name = "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return "kubectl --context " + name
}

// one is one application as Argo CD has it, and the folder that it deploys.
type one struct {
	*folder
	app   *argocd.App // nil when Argo CD has none, or was not asked
	index int         // of its sources, the one with the folder
	from  string      // what that follows, as a remote or a URL; empty for another repository
	name  string      // of the chain; Argo CD's where several of its applications have the folder
}

// glance is one look at the cluster and at Argo CD.
type glance struct {
	*verifier
	list       []argocd.App // all of Argo CD's
	all        []one        // those of the repository
	unseen     string       // why Argo CD could not be asked
	state      *cluster.State
	offline    string // why the cluster could not be seen
	mask       func(string) string
	controller diagnose.Controller
	who        func(context.Context, diagnose.Resource) string
}

// look looks once. What cannot be seen is unknown in the chains, and an error beside
// them.
func (v *verifier) look(ctx context.Context) ([]report.Chain, error) {
	g := &glance{verifier: v, mask: v.mask}
	g.who = g.changers()
	argoErr := g.applications(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if argoErr != nil {
		g.unseen = firstProblem(argoErr)
	}
	m, err := v.match(ctx, g.list)
	if err != nil {
		return nil, err
	}
	g.pair(m)
	dead := argoErr
	if !unanswered(argoErr) { // else it does not answer a second time either
		dead = g.read(ctx)
	}
	if dead != nil { // which is told once, below the chains
		g.offline = report.Unreached
	}
	if dead != nil && errors.Is(argoErr, dead) {
		g.unseen, argoErr = g.offline, nil
	}
	if g.state != nil {
		masker := g.state.Masker(openWords(v.folders)...)
		g.mask = func(text string) string { return v.mask(masker.Mask(text)) }
		g.controller = g.sealer(ctx)
	}
	return g.chains(ctx), errors.Join(dead, unreachable(argoErr))
}

// unanswered says whether the API server itself did not answer.
func unanswered(err error) bool {
	var dead *kube.UnansweredError
	return errors.As(err, &dead)
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
func (g *glance) applications(ctx context.Context) (err error) {
	named := g.s.config.ArgoCD.Server != ""
	switch {
	case g.kube != nil:
		g.list, err = g.objects(ctx)
		if !named || err == nil && g.anyOurs(ctx, g.list) {
			return err
		}
	case !named:
		return g.none
	}
	return g.s.argo(ctx, func(ctx context.Context, c *argocd.Client) (err error) {
		g.list, err = c.List(ctx, argocd.Filter{})
		return err
	})
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
func (v *verifier) match(ctx context.Context, list []argocd.App) (map[string][]one, error) {
	ours, others := map[string][]one{}, map[string][]one{}
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
			if !slices.ContainsFunc(to[d.Folder], func(o one) bool { return o.app == &list[i] }) {
				to[d.Folder] = append(to[d.Folder], one{app: &list[i], index: sourceIndex(list[i], d), from: d.Remote})
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

// sourceIndex is which of an application's sources has the folder.
func sourceIndex(a argocd.App, d deployment.Deployment) int {
	return max(0, slices.IndexFunc(a.Sources, func(s argocd.Source) bool {
		return path.Clean(s.Path) == d.Source.Path && s.RepoURL == d.Source.URL && s.Chart == ""
	}))
}

// pair gives each application of the repository its application of Argo CD. One that is
// deployed several times is looked at as often.
func (g *glance) pair(m map[string][]one) {
	for i := range g.folders {
		f := &g.folders[i]
		apps := m[f.Name]
		if len(apps) == 0 {
			g.all = append(g.all, one{folder: f, name: f.Name})
		}
		for _, o := range apps {
			o.folder, o.name = f, f.Name
			if len(apps) > 1 {
				o.name = o.app.FullName()
			}
			g.all = append(g.all, o)
		}
	}
}

// namespace is where the application's objects go.
func (o *one) namespace() string {
	if o.app != nil && o.app.Destination.Namespace != "" {
		return o.app.Destination.Namespace
	}
	return o.Namespace
}

// read reads all namespaces of the applications that live in this cluster.
func (g *glance) read(ctx context.Context) (err error) {
	if g.kube == nil {
		return g.none
	}
	var spaces []string
	for i := range g.all {
		o := &g.all[i]
		if o.app != nil && !g.here(o.app) {
			continue
		}
		spaces = append(spaces, o.namespace())
		for _, f := range o.source.Sealed {
			spaces = append(spaces, f.Namespace)
		}
	}
	if len(spaces) == 0 {
		return nil
	}
	slices.Sort(spaces)
	g.state, err = cluster.Read(ctx, g.clients, cluster.Options{Namespaces: slices.Compact(spaces)})
	return err
}

// here says whether an application is deployed to the cluster of the kubeconfig. Of an
// Argo CD in another cluster this is not known; its own cluster is taken for this one.
func (v *verifier) here(a *argocd.App) bool {
	d := a.Destination
	return d.Server == "https://kubernetes.default.svc" || d.Name == "in-cluster" || v.kube != nil && strings.TrimSuffix(d.Server, "/") == strings.TrimSuffix(v.kube.Server, "/")
}

// chains judges all applications, some at a time.
func (g *glance) chains(ctx context.Context) []report.Chain {
	out := make([]report.Chain, len(g.all))
	var group errgroup.Group
	group.SetLimit(4) // git is waited for
	for i := range g.all {
		group.Go(func() error {
			out[i] = verify.Chain(ctx, g.source(ctx, &g.all[i]))
			return nil
		})
	}
	_ = group.Wait() // they return none
	return out
}

// source puts together what is known of one application.
func (g *glance) source(ctx context.Context, o *one) *verify.Source {
	src := o.source
	src.Application, src.Display, src.Namespace, src.Now = o.Name, o.name, o.namespace(), time.Now()
	src.Kubectl = g.kubectl
	src.State, src.Offline, src.Controller, src.Mask = g.state, g.offline, g.controller, g.mask
	if g.kube != nil {
		src.Logs, src.Changer = kube.Logs{Cluster: g.kube, Mask: g.mask}, g.who
	}
	switch {
	case g.unseen != "":
		src.Argo = &diagnose.Argo{Unseen: g.unseen}
	case o.app == nil:
		src.Argo = g.missing(o)
	default:
		src.Argo, src.Others = argoOf(o), g.others(o)
		if !g.here(o.app) {
			src.State, src.Offline = nil, "it is deployed to another cluster than the kubeconfig's: "+o.app.Destination.Server+o.app.Destination.Name
		}
	}
	src.Commit = g.commit(ctx, o)
	g.behind(ctx, src.Argo, src.Commit)
	src.Origins = g.origins(ctx, o, src.Commit)
	src.Push = g.push(ctx, o, src.Commit)
	return &src
}

// missing is what is known where no application of Argo CD has the folder: one of its name
// may have another.
func (g *glance) missing(o *one) *diagnose.Argo {
	out := &diagnose.Argo{Missing: true, Path: o.definition}
	i := slices.IndexFunc(g.list, func(a argocd.App) bool {
		return a.Name == o.Name && len(a.Sources) == 1 && a.Sources[0].Path != ""
	})
	if i < 0 || o.definition == "" {
		return out
	}
	data, err := os.ReadFile(filepath.Join(g.s.repo.Tree.Root, filepath.FromSlash(o.definition)))
	if err != nil {
		return out
	}
	out.Deploys, out.Space = g.list[i].Sources[0].Path, g.list[i].Namespace
	for n, line := range strings.Split(string(data), "\n") {
		if strings.TrimSpace(line) == "path: "+out.Deploys {
			out.Line = n + 1
		}
	}
	return out
}

// push is the command that brings a commit to where Argo CD looks; empty when a plain
// `git push` does.
func (g *glance) push(ctx context.Context, o *one, c *verify.Commit) string {
	if o.from == "" || c.Followed == "" || c.Branch == "" {
		return ""
	}
	t, err := g.s.repo.Tree.Tracking(ctx, c.Branch)
	if err == nil && o.from == cmp.Or(t.PushRemote, t.Remote) && c.Branch == c.Followed && t.Branch == c.Followed {
		return ""
	}
	return "git push " + o.from + " HEAD:" + c.Followed
}

// others are what other applications of Argo CD have in the same namespace.
func (g *glance) others(o *one) (names []verify.ObjectName) {
	for i := range g.list {
		a := &g.list[i]
		if a == o.app || a.Destination.Namespace != o.namespace() {
			continue
		}
		for _, r := range a.Resources {
			if r.Namespace == o.namespace() {
				names = append(names, verify.ObjectName{Kind: r.Kind, Name: r.Name})
			}
		}
	}
	return names
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
		Name: a.FullName(), Space: a.Namespace, Path: o.definition, Deleting: a.Deleting,
		Sync: a.Sync, Health: a.Health, HealthMessage: a.HealthMessage, Revision: a.Revision(), Compared: a.ReconciledAt,
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
