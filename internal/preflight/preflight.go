// Package preflight looks at what sealway's targets need before any of them is run
// (issue 4): the kubeconfig, the API server, permissions, Argo CD, the Sealed
// Secrets controller, CloudNativePG, Git and the pinned certificate.
//
// It only gets and lists, and asks the API server what is allowed
// (SelfSubjectAccessReview). No check hides another one: those that do not need each
// other run side by side, and one that needs a failed one says so.
package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/controller"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

// Options say what to look at.
type Options struct {
	Kubeconfig func() (*kube.Kubeconfig, error)
	Cluster    func() (*kube.Cluster, error)
	Context    string // the setting of that name; empty for the current context

	Repository   *repo.Repository
	Certificates seal.CertificateOptions // where the pin is, and what time it is

	Controller controller.Options
	ArgoCD     argocd.ServerOptions
	Token      bool // ARGOCD_AUTH_TOKEN is set: nobody needs admin's first password

	// Elsewhere asks the Argo CD that ARGOCD_SERVER names for its version; nil where
	// it is the cluster's.
	Elsewhere func(context.Context) (version string, err error)

	LookPath func(name string) (string, error) // exec.LookPath
	Limit    time.Duration                     // how long a check may take; default 15s, 30s for those that ask Git remotes
}

// Result is what was found.
type Result struct {
	Checks      []report.Check
	Unreachable bool // no API server could be asked
}

// Count is the number of checks in a state.
func (r *Result) Count(s report.State) int {
	n := 0
	for _, c := range r.Checks {
		if c.State == s {
			n++
		}
	}
	return n
}

// Summary counts what there is.
func (r *Result) Summary() string {
	text := fmt.Sprintf("%d checks, %d ok", len(r.Checks), r.Count(report.OK))
	for _, c := range []struct {
		state report.State
		words string
	}{{report.Failed, "failed"}, {report.Warned, "to look at"}, {report.Unknown, "not seen"}, {report.Skipped, "left out"}} {
		if n := r.Count(c.state); n > 0 {
			text += fmt.Sprintf(", %d %s", n, c.words)
		}
	}
	return text
}

// Err is that no API server could be asked.
func (r *Result) Err() error {
	if r.Unreachable {
		return &UnreachableError{}
	}
	return nil
}

// UnreachableError says that no API server could be asked; the checks say why.
type UnreachableError struct{}

func (e *UnreachableError) Error() string { return "cluster: no API server could be asked" }

// Hint points to the reason.
func (e *UnreachableError) Hint() string { return "the first checks say why, and what to do" }

// Unavailable marks the error as one of reach: exit status 4.
func (e *UnreachableError) Unavailable() bool { return true }

// atOnce is how many checks run at a time.
const atOnce = 8

// answerTime is how long one check may take, where it has no time of its own.
const answerTime = 15 * time.Second

// check is one of the list.
type check struct {
	name  string
	needs []string      // those without which it cannot be looked at
	after []string      // those whose result it uses if there is one
	limit time.Duration // default answerTime
	run   func(context.Context) outcome
}

// running is a check that runs or has run; out is there when done is closed.
type running struct {
	check
	done chan struct{}
	out  outcome
}

// inspection is one run. What a check finds for others it keeps in a field; they
// read it when that check is done.
type inspection struct {
	Options

	apps      []repo.Application
	databases []string // those with a PostgreSQL cluster

	cluster  *kube.Cluster
	version  version // of Kubernetes
	argo     *argocd.Server
	argoIs   version // of Argo CD
	sealer   *controller.Controller
	cert     *seal.Certificate
	branches map[string]bool // remotes that were asked, and whether they answered
}

// Run looks at everything. It fails when ctx is over, and when the settings are
// wrong about the applications.
func Run(ctx context.Context, o Options) (*Result, error) {
	apps, err := o.Repository.Applications()
	if err != nil && !errors.As(err, new(*repo.MissingError)) {
		return nil, err
	}
	i := &inspection{Options: o, apps: apps, databases: databases(apps), branches: map[string]bool{}}
	all := i.start(ctx)
	r := &Result{}
	for _, c := range all {
		<-c.done
		r.Checks = append(r.Checks, report.Check{Name: c.name, State: c.out.state, Saw: c.out.saw, Fix: c.out.fix})
		if c.out.state == report.Failed && slices.Contains([]string{checkKubeconfig, checkServer}, c.name) {
			r.Unreachable = true
		}
	}
	return r, ctx.Err()
}

// start begins every check; they stand in the order of the list.
func (i *inspection) start(ctx context.Context) []*running {
	slots := semaphore.NewWeighted(atOnce)
	var all []*running
	byName := map[string]*running{}
	for _, c := range i.checks() {
		r := &running{check: c, done: make(chan struct{})}
		all, byName[c.name] = append(all, r), r
	}
	for _, r := range all {
		needs, after := pick(byName, r.needs), pick(byName, r.after)
		go func() {
			defer close(r.done)
			r.out = r.wait(ctx, i.Limit, slots, needs, after)
		}()
	}
	return all
}

func pick(byName map[string]*running, names []string) []*running {
	out := make([]*running, len(names))
	for i, n := range names {
		out[i] = byName[n]
	}
	return out
}

// wait runs the check when those before it are done.
func (r *running) wait(ctx context.Context, limit time.Duration, slots *semaphore.Weighted, needs, after []*running) outcome {
	for _, before := range slices.Concat(needs, after) {
		<-before.done
	}
	for _, n := range needs {
		if why := n.out.because(n.name); why != "" {
			return outcome{state: report.Skipped, saw: "not looked at, because " + why, reason: why}
		}
	}
	if err := slots.Acquire(ctx, 1); err != nil {
		return unknown("interrupted", "")
	}
	defer slots.Release(1)
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(limit, r.limit, answerTime))
	defer cancel()
	return r.run(ctx)
}

// outcome is what a check comes to.
type outcome struct {
	state  report.State
	saw    string
	fix    string
	reason string // why checks that need this one cannot be looked at
}

// because is why a check that needs this one cannot be looked at; empty when it can.
func (o outcome) because(name string) string {
	switch {
	case o.reason != "":
		return o.reason
	case o.state == report.Failed:
		return fmt.Sprintf("the check %q failed", name)
	}
	return ""
}

func ok(format string, args ...any) outcome {
	return outcome{state: report.OK, saw: fmt.Sprintf(format, args...)}
}

func failed(saw, fix string) outcome { return outcome{state: report.Failed, saw: saw, fix: fix} }

func warned(saw, fix string) outcome { return outcome{state: report.Warned, saw: saw, fix: fix} }

func unknown(saw, fix string) outcome { return outcome{state: report.Unknown, saw: saw, fix: fix} }

func skipped(format string, args ...any) outcome {
	return outcome{state: report.Skipped, saw: fmt.Sprintf(format, args...)}
}

// blocks gives the reason why checks that need this one cannot be looked at.
func (o outcome) blocks(reason string) outcome {
	o.reason = reason
	return o
}

// failure is an error as an outcome, with its hint as what to do.
func failure(state report.State, err error) outcome {
	o := outcome{state: state, saw: err.Error()}
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		o.fix = h.Hint()
	}
	return o
}

// join makes one outcome of several: all that was seen, all that is to be done.
func join(list ...outcome) outcome {
	states := make([]report.State, len(list))
	var saw, fix []string
	var out outcome
	for n, o := range list {
		states[n] = o.state
		saw = append(saw, o.saw)
		if o.fix != "" && !slices.Contains(fix, o.fix) {
			fix = append(fix, o.fix)
		}
		if out.reason == "" {
			out.reason = o.reason
		}
	}
	out.state, out.saw, out.fix = report.Gravest(states...), strings.Join(saw, "; "), strings.Join(fix, "\n")
	return out
}
