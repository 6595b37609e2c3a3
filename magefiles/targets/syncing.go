package targets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/revision"
)

// syncArguments are the flags of the syncing targets.
type syncArguments struct {
	revision                    *string
	prune, hard, dryRun, noWait *bool
	timeout                     *time.Duration
	terminate                   *bool
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
		return s.reported(s.synced(ctx, c, names, o))
	})
}

func (s *session) syncAll(ctx context.Context, selector string, o argocd.SyncOptions) error {
	return s.argo(ctx, func(ctx context.Context, c *argocd.Client) error {
		names, err := s.ours(ctx, c, selector)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			s.report.Summary = "nothing to sync: no application follows this repository"
			return s.console.Report(s.report)
		}
		return s.reported(s.synced(ctx, c, names, o))
	})
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
	var mu sync.Mutex
	if o.Revision == "" {
		o.Expect = func(ctx context.Context, a argocd.App) error {
			at, err := s.compare(ctx, a)
			if err != nil || at == nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if w := at.Warning(); w != "" && !slices.Contains(s.report.Warnings, a.Name+": "+w) {
				s.report.Warnings = append(s.report.Warnings, a.Name+": "+w)
			}
			return at.Err()
		}
	}
	outcomes, err := c.SyncAll(ctx, names, o, func(e argocd.Event) { s.progressOf(e) })
	good := 0
	for i := range outcomes {
		s.report.Applications = append(s.report.Applications, outcome(&outcomes[i]))
		if outcomes[i].Waited {
			good++
		}
	}
	s.report.Summary = fmt.Sprintf("%d of %s Synced and Healthy", good, count(len(outcomes), "application"))
	switch {
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

// compare holds what Argo CD found in Git against HEAD; nil for an application that
// is none of this repository.
func (s *session) compare(ctx context.Context, a argocd.App) (*revision.Comparison, error) {
	source, ok := s.source(a)
	if !ok || len(a.Revisions) != len(a.Sources) {
		return nil, nil
	}
	c, err := revision.Compare(ctx, s.repo.Tree, source)
	return &c, err
}

// source is the first of the application's sources that is the folder of an
// application of this repository.
func (s *session) source(a argocd.App) (revision.Source, bool) {
	apps, err := s.repo.Applications()
	if err != nil {
		return revision.Source{}, false // another repository's place to look at Argo CD from
	}
	for i, src := range a.Sources {
		folder := func(app repo.Application) bool { return s.repo.Rel(app.Dir) == strings.Trim(src.Path, "./") }
		if src.Chart == "" && slices.ContainsFunc(apps, folder) {
			out := revision.Source{URL: src.RepoURL, Target: src.TargetRevision, Path: strings.Trim(src.Path, "./")}
			if i < len(a.Revisions) {
				out.Commit = a.Revisions[i]
			}
			return out, true
		}
	}
	return revision.Source{}, false
}

// ours are the names of the applications that follow this repository.
func (s *session) ours(ctx context.Context, c *argocd.Client, selector string) ([]string, error) {
	list, err := c.List(ctx, argocd.Filter{Selector: selector})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range list {
		source, ok := s.source(a)
		if !ok || !a.Deleting.IsZero() {
			continue
		}
		remote, err := revision.Remote(ctx, s.repo.Tree, source.URL)
		if err != nil {
			return nil, err
		}
		if remote != "" {
			names = append(names, s.fullName(a))
		}
	}
	return names, nil
}

// fullName is how an application is told from others of its name; those in Argo CD's
// own namespace need no more than their name.
func (s *session) fullName(a argocd.App) string {
	if a.Namespace == cmp.Or(s.config.ArgoCD.Namespace, "argocd") {
		return a.Name
	}
	return a.Namespace + "/" + a.Name
}

// argoStatus is gitops:status.
func (s *session) argoStatus(ctx context.Context, selector string) error {
	return s.argo(ctx, func(ctx context.Context, c *argocd.Client) error {
		list, err := c.List(ctx, argocd.Filter{Selector: selector})
		if err != nil {
			return err
		}
		good := 0
		for _, a := range list {
			line, err := s.state(ctx, a)
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
func (s *session) state(ctx context.Context, a argocd.App) (report.Application, error) {
	out := report.Application{Name: a.Name, Sync: a.Sync, Health: a.Health, Revision: a.Revision()}
	if len(a.Sources) > 0 {
		out.Follows, out.Repository = a.Sources[0].TargetRevision, a.Sources[0].RepoURL
	}
	at, err := s.compare(ctx, a)
	if err != nil {
		return out, err
	}
	if at != nil {
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
		changes := 0
		for _, name := range names {
			a, n, err := s.diff(ctx, c, name, hard)
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
func (s *session) diff(ctx context.Context, c *argocd.Client, name string, hard bool) (report.Application, int, error) {
	if hard {
		if _, err := c.Refresh(ctx, name, true); err != nil {
			return report.Application{}, 0, err
		}
	}
	d, err := c.Diff(ctx, name)
	if err != nil {
		return report.Application{}, 0, err
	}
	a, err := s.state(ctx, d.App)
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
