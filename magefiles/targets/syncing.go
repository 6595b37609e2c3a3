package targets

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/deployment"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

// syncArguments are the flags of the syncing targets.
type syncArguments struct {
	revision                    *string
	prune, hard, dryRun, noWait *bool
	timeout                     *time.Duration
	terminate                   *bool
}

// check refuses what would silently mean the default.
func (a syncArguments) check(command string) error {
	if a.timeout != nil && *a.timeout <= 0 {
		return &console.Usage{Problem: fmt.Sprintf("%s: -timeout=%s is no time to wait", command, *a.timeout), Advice: "for instance -timeout=10m; -noWait does not wait at all"}
	}
	return nil
}

func (a syncArguments) options() argocd.SyncOptions {
	o := argocd.SyncOptions{
		Revision: text(a.revision), Prune: is(a.prune), Hard: is(a.hard), DryRun: is(a.dryRun),
		NoWait: is(a.noWait), Terminate: is(a.terminate),
	}
	if a.timeout != nil {
		o.Timeout = *a.timeout
	}
	return o
}

// sync is gitops:sync: connect, sync, report.
func (s *session) sync(ctx context.Context, names []string, o argocd.SyncOptions) error {
	return s.argo(ctx, func(ctx context.Context, c *argocd.Client) error {
		return s.syncedAndUnsealed(ctx, c, names, o)
	})
}

// syncedAndUnsealed syncs, and looks whether the controller has unsealed what came.
func (s *session) syncedAndUnsealed(ctx context.Context, c *argocd.Client, names []string, o argocd.SyncOptions) error {
	if err := s.synced(ctx, c, names, o); err != nil || o.NoWait || o.DryRun || o.Revision != "" {
		return s.reported(s.because(ctx, err))
	}
	var folders []string
	for name, here := range s.folders {
		if here {
			folders = append(folders, name)
		}
	}
	if len(folders) == 0 {
		return s.reported(nil)
	}
	apps, err := s.repo.Select(folders...)
	if err != nil {
		return err
	}
	return s.shown(s.arrived(ctx, nil, "unsealed by the controller", func(ctx context.Context, c seal.Cluster) ([]report.Finding, int, error) {
		return seal.Unsealed(ctx, s.repo, apps, c)
	}))
}

func (s *session) syncAll(ctx context.Context, selector string, o argocd.SyncOptions) error {
	return s.argo(ctx, func(ctx context.Context, c *argocd.Client) error {
		list, err := c.List(ctx, argocd.Filter{Selector: selector})
		if err != nil {
			return err
		}
		if len(list) == 0 && selector != "" { // a slip in a pipeline must not be green
			return &console.Advised{Err: fmt.Errorf("no application has the labels %s", selector), Advice: "`mage gitops:status` shows all of them"}
		}
		m, err := s.deployments()
		if err != nil {
			return err
		}
		ours, err := m.Ours(ctx, list)
		if err != nil {
			return err
		}
		if err := s.unseen(ctx, m, list, selector); err != nil {
			return err
		}
		names := make([]string, len(ours))
		for i, a := range ours {
			names[i] = a.FullName()
		}
		return s.syncedAndUnsealed(ctx, c, names, o)
	})
}

// unseen warns of folders that define an application which Argo CD does not show. That
// a selector leaves some out is meant.
func (s *session) unseen(ctx context.Context, m *deployment.Map, list []argocd.App, selector string) error {
	if selector != "" {
		return nil
	}
	folders, err := m.Unseen(ctx, list)
	for _, f := range folders {
		if exists(filepath.Join(f.Dir, applicationFile)) {
			s.report.Warnings = append(s.report.Warnings, "application "+f.Name+" is not synced: Argo CD has none for its folder, or the account may not see it")
		}
	}
	return err
}

// reported prints a report and returns what has stopped the command half way: its
// document has the reason too.
func (s *session) reported(err error) error {
	if err != nil {
		s.report.Errors = console.Problems(err)
	}
	return errors.Join(s.console.Report(s.report), err)
}

// synced syncs the applications and fills in the report.
func (s *session) synced(ctx context.Context, c *argocd.Client, names []string, o argocd.SyncOptions) error {
	if o.Revision == "" {
		expect, err := s.expectation()
		if err != nil {
			return err
		}
		o.Expect = expect
	}
	outcomes, err := c.SyncAll(ctx, names, o, func(e argocd.Event) { s.progressOf(e) })
	good, leftover := 0, 0
	for i := range outcomes {
		leftover += len(outcomes[i].Pruning)
		if outcomes[i].Sync != "" { // else it was never seen
			s.report.Applications = append(s.report.Applications, outcome(&outcomes[i]))
		}
		if outcomes[i].Waited {
			good++
		}
	}
	s.report.Summary = fmt.Sprintf("%d of %s Synced and Healthy", good, count(len(outcomes), "application"))
	if leftover > 0 {
		s.report.Warnings = append(s.report.Warnings, count(leftover, "resource")+" no longer in Git and still in the cluster: -prune deletes")
	}
	switch {
	case ctx.Err() != nil:
		s.report.Summary = "interrupted"
	case err != nil && (o.DryRun || o.NoWait):
		s.report.Summary = "failed"
	case err != nil:
		s.report.Summary = fmt.Sprintf("%d of %s failed", len(outcomes)-good, count(len(outcomes), "application"))
	case o.DryRun:
		s.report.Summary = "tried, nothing was changed"
	case o.NoWait:
		s.report.Summary = "begun: `mage gitops:status` shows how it goes"
	}
	return err
}

// progressOf shows one event of a sync.
func (s *session) progressOf(e argocd.Event) {
	detail := string(e.Step)
	if e.Step == argocd.Done {
		detail = e.Sync + ", " + e.Health
	}
	if e.Detail != "" {
		detail += ": " + e.Detail
	}
	for i, r := range e.Blocking {
		if i == 2 {
			detail += fmt.Sprintf("; %d more", len(e.Blocking)-i)
			break
		}
		detail += "; " + strings.Join(slices.Concat([]string{r.String()}, r.Why), ", ")
		if len(r.Why) == 0 && r.Message != "" {
			detail += ": " + r.Message
		}
	}
	if e.Away != nil {
		detail += "; " + e.Away.Error()
	}
	s.console.Progress(e.App, time.Since(s.now).Round(time.Second).String()+" "+detail, e.Step == argocd.Done)
}

// outcome is what a sync came to, for the report.
func outcome(o *argocd.Outcome) report.Application {
	a := report.Application{Name: o.App, Sync: o.Sync, Health: o.Health, Revision: o.Revision}
	if op := o.Operation; op != nil {
		a.Operation = op.Phase
	}
	var notes []string
	switch {
	case o.Unchanged:
		notes = append(notes, "nothing to sync")
	case o.Adopted && o.AutoSync:
		notes = append(notes, "synced by Argo CD itself")
	case o.Adopted:
		notes = append(notes, "synced by "+o.Operation.By)
	case o.DryRun:
		notes = append(notes, "dry run")
	}
	if n := len(o.Pruning); n > 0 {
		notes = append(notes, count(n, "resource")+" no longer in Git: -prune deletes them")
	}
	a.Detail = strings.Join(append(notes, o.Duration.Round(100*time.Millisecond).String()), ", ")
	for _, r := range slices.Concat(o.Blocking, o.Pruning) {
		a.Resources = append(a.Resources, resource(r))
	}
	return a
}

func resource(r argocd.Resource) report.Resource {
	out := report.Resource{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Sync: r.Sync, Health: r.Health, Message: r.Message, Why: r.Why}
	if r.NeedsPruning {
		out.Message = strings.TrimSpace("no longer in Git " + r.Message)
	}
	return out
}

// expectation asks, of each application that is about to be synced, whether that is
// what is at hand.
func (s *session) expectation() (func(context.Context, argocd.App) error, error) {
	m, err := s.deployments()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	return func(ctx context.Context, a argocd.App) error {
		at, ok, err := m.Compare(ctx, a)
		if err != nil {
			return err
		}
		sources, err := m.Of(ctx, a)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		s.elsewhere[a.FullName()] = !s.inCluster(a)
		for _, d := range sources {
			s.folders[d.Folder] = s.inCluster(a)
		}
		if !ok {
			return nil
		}
		if w := at.Warning(); w != "" && !slices.Contains(s.report.Warnings, a.Name+": "+w) {
			s.report.Warnings = append(s.report.Warnings, a.Name+": "+w)
		}
		return at.Err()
	}, nil
}

// deployments knows which applications deploy which folders. A repository without
// applications has none, and Argo CD may be looked at from there all the same.
func (s *session) deployments() (*deployment.Map, error) {
	m, err := deployment.New(s.repo)
	var missing *repo.MissingError
	if errors.As(err, &missing) {
		s.report.Warnings = append(s.report.Warnings, "not compared with Git: "+err.Error())
		return m, nil
	}
	return m, err
}

// argoStatus is gitops:status.
func (s *session) argoStatus(ctx context.Context, selector string) error {
	return s.argo(ctx, func(ctx context.Context, c *argocd.Client) error {
		list, err := c.List(ctx, argocd.Filter{Selector: selector})
		if err != nil {
			return err
		}
		m, err := s.deployments()
		if err != nil {
			return err
		}
		good := 0
		for _, a := range c.Complete(ctx, list) {
			line, err := s.state(ctx, m, a)
			if err != nil {
				return err
			}
			if a.Sync == argocd.Synced && a.Health == argocd.Healthy && len(a.Conditions) == 0 {
				good++
			}
			s.report.Applications = append(s.report.Applications, line)
		}
		s.report.Summary = fmt.Sprintf("%d of %s Synced and Healthy", good, count(len(list), "application"))
		return s.console.Report(s.report)
	})
}

// state is one line of the status.
func (s *session) state(ctx context.Context, m *deployment.Map, a argocd.App) (report.Application, error) {
	out := report.Application{Name: a.FullName(), Sync: a.Sync, Health: a.Health, Revision: a.Revision()}
	if len(a.Sources) > 0 {
		out.Follows, out.Repository = a.Sources[0].TargetRevision, git.Redact(a.Sources[0].RepoURL)
	}
	at, ok, err := m.Compare(ctx, a)
	if err != nil {
		return out, err
	}
	if ok {
		out.Head = at.String()
	}
	if op := a.Operation; op != nil {
		out.Operation = strings.TrimSpace(op.Phase + " " + age(s.now, op.Finished))
	}
	var notes []string
	if !a.Deleting.IsZero() {
		notes = append(notes, "being deleted since "+age(s.now, a.Deleting))
	}
	for _, c := range a.Conditions {
		notes = append(notes, c.String())
	}
	out.Detail = strings.Join(notes, "; ")
	for _, r := range a.Blocking() {
		out.Resources = append(out.Resources, resource(r))
	}
	return out, nil
}

// age is how long ago a moment was, as people say it.
func age(now, then time.Time) string {
	switch d := now.Sub(then); {
	case then.IsZero():
		return ""
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// argoDiff is gitops:diff: status 3 when a sync would change anything.
func (s *session) argoDiff(ctx context.Context, names []string, hard bool) error {
	return s.argo(ctx, func(ctx context.Context, c *argocd.Client) error {
		m, err := s.deployments()
		if err != nil {
			return err
		}
		changes := 0
		for _, name := range names {
			a, n, err := s.diff(ctx, c, m, name, hard)
			if err != nil {
				return err
			}
			changes += n
			s.report.Applications = append(s.report.Applications, a)
		}
		s.report.Summary = fmt.Sprintf("a sync would change %s", count(changes, "resource"))
		if err := s.console.Report(s.report); err != nil || changes == 0 {
			return err
		}
		return &console.Findings{Summary: "gitops:diff: " + s.report.Summary}
	})
}

// diff is what a sync would do to one application.
func (s *session) diff(ctx context.Context, c *argocd.Client, m *deployment.Map, name string, hard bool) (report.Application, int, error) {
	if hard {
		if _, err := c.Refresh(ctx, name, true); err != nil {
			return report.Application{}, 0, err
		}
	}
	d, err := c.Diff(ctx, name)
	if err != nil {
		return report.Application{}, 0, err
	}
	a, err := s.state(ctx, m, d.App)
	a.Resources = nil
	for _, ch := range d.Changes {
		r := report.Resource{Kind: ch.Kind, Namespace: ch.Namespace, Name: ch.Name, Change: string(ch.Action)}
		for _, f := range ch.Fields {
			r.Diff += changed("-", f.Path, f.Before) + changed("+", f.Path, f.After)
		}
		a.Resources = append(a.Resources, r)
	}
	for _, h := range d.Hooks {
		a.Resources = append(a.Resources, report.Resource{Kind: h.Kind, Namespace: h.Namespace, Name: h.Name, Message: strings.Join(h.Phases, ", ") + " hook: each sync runs it"})
	}
	return a, len(d.Changes), err
}

// changed is one side of a changed field; a field that is not there has none.
func changed(sign, path, value string) string {
	if value == "" {
		return ""
	}
	return sign + path + ": " + value + "\n"
}

// terminate is gitops:terminate.
func (s *session) terminate(ctx context.Context, names []string) error {
	return s.argo(ctx, func(ctx context.Context, c *argocd.Client) error {
		m, err := s.deployments()
		if err != nil {
			return err
		}
		for _, name := range names {
			a, err := c.Terminate(ctx, name)
			if err != nil {
				return err
			}
			line, err := s.state(ctx, m, a)
			if err != nil {
				return err
			}
			s.report.Applications = append(s.report.Applications, line)
		}
		s.report.Summary = "no operation runs any more; `mage gitops:sync` begins one"
		return s.console.Report(s.report)
	})
}
