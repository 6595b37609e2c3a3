package argocd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ConditionError says that Argo CD cannot make anything of an application: its
// manifests do not render, or its definition is wrong. Argo CD itself shows such an
// application as Unknown and Healthy (argo-cd#10682).
type ConditionError struct {
	App        string
	Conditions []Condition
}

func (e *ConditionError) Error() string {
	texts := make([]string, len(e.Conditions))
	for i, c := range e.Conditions {
		texts[i] = c.String()
	}
	return object(e.App) + ": " + strings.Join(texts, "; ")
}

// Hint says where the cause is.
func (e *ConditionError) Hint() string {
	for _, c := range e.Conditions {
		if c.Type == "InvalidSpecError" {
			return "the Application itself is wrong: project, destination or source"
		}
	}
	return "the manifests in Git do not render as Argo CD does it; correct them and push. When they are right already, ask for a hard refresh (-hard)"
}

// DeletingError says that an application is being deleted.
type DeletingError struct {
	App   string
	Since time.Time
}

func (e *DeletingError) Error() string {
	return fmt.Sprintf("%s: it is being deleted since %s", object(e.App), e.Since.UTC().Format(time.RFC3339))
}

// Hint says what holds it.
func (e *DeletingError) Hint() string {
	return "a deletion that does not end waits for its finalizers: the resources of the application are deleted first"
}

// FollowError says that a revision was asked for of an application that Argo CD
// syncs by itself: it would be taken back at once, and the server refuses it.
type FollowError struct{ App, Revision, Follows string }

func (e *FollowError) Error() string {
	follows := e.Follows
	if follows == "" {
		follows = "HEAD"
	}
	return fmt.Sprintf("%s: sync to %s: Argo CD syncs it by itself, to %s", object(e.App), short(e.Revision), follows)
}

// Hint says what to do instead.
func (e *FollowError) Hint() string {
	return "push what is to be there, or take automated out of its syncPolicy first"
}

// WindowError says that a sync window forbids to sync now.
type WindowError struct {
	App     string
	Windows []Window // those that forbid, or would allow
	Waiting bool     // an operation has begun and waits for the window
}

func (e *WindowError) Error() string {
	texts := make([]string, len(e.Windows))
	for i, w := range e.Windows {
		texts[i] = w.String()
	}
	text := object(e.App) + ": a sync window forbids to sync now"
	if len(texts) > 0 {
		text += ": " + strings.Join(texts, ", ")
	}
	if e.Waiting {
		text += "; the operation goes on when it opens"
	}
	return text
}

// Hint says what could be done.
func (e *WindowError) Hint() string {
	return "wait for the window, or have it allow manual syncs (manualSync: true in the AppProject)"
}

// Unavailable marks the error as one of access: exit status 4.
func (e *WindowError) Unavailable() bool { return true }

// OperationError says that an operation has failed.
type OperationError struct {
	App       string
	Operation Operation
	Failed    []Result // what failed in it, hooks too
	Ours      bool     // this program has begun it
}

func (e *OperationError) Error() string {
	who := "the sync"
	if !e.Ours {
		who = "the sync of " + by(e.Operation.By)
	}
	text := fmt.Sprintf("%s: %s ended as %s", object(e.App), who, e.Operation.Phase)
	if r := e.Operation.Revision(); r != "" {
		text += " at " + short(r)
	}
	if e.Operation.Message != "" {
		text += ": " + plain(e.Operation.Message)
	}
	for _, r := range e.Failed {
		text += fmt.Sprintf("; %s: %s", r, strings.Join(append([]string{plain(r.Message)}, r.Why...), ": "))
	}
	return text
}

// Hint says where to look.
func (e *OperationError) Hint() string {
	for _, r := range e.Failed {
		if r.Hook != "" {
			return fmt.Sprintf("the log of the hook says more: `kubectl -n %s logs %s/%s`", r.Namespace, strings.ToLower(r.Kind), r.Name)
		}
	}
	return ""
}

func by(user string) string {
	if user == "" {
		return "somebody else"
	}
	return user
}

// HealthError says that an application does not get healthy by itself.
type HealthError struct {
	App      string
	Health   string
	Blocking []Resource
	Final    bool // nothing will change by waiting
}

func (e *HealthError) Error() string {
	return fmt.Sprintf("%s: %s%s", object(e.App), e.Health, reasons(e.Blocking))
}

// Hint says what the worst of it means.
func (e *HealthError) Hint() string {
	for _, r := range e.Blocking {
		switch {
		case !sealed(r):
		case strings.Contains(r.Message, "not managed by SealedSecret"):
			return "somebody has made a Secret of that name: `mage verify:app` says how the controller takes it over"
		default:
			return "it was sealed for another certificate, namespace or name than it is used with: seal it again for this cluster, commit and push"
		}
	}
	if e.Health == Suspended {
		return "something is paused (a suspended CronJob, a paused Rollout or Deployment): resume it"
	}
	return ""
}

// DriftError says that resources differ from Git again after a sync that succeeded.
type DriftError struct {
	App       string
	Resources []Resource
}

func (e *DriftError) Error() string {
	return fmt.Sprintf("%s: the sync succeeded and yet it is OutOfSync%s", object(e.App), reasons(e.Resources))
}

// Hint says why that happens.
func (e *DriftError) Hint() string {
	return "something in the cluster changes these resources (a webhook, another controller): gitops:diff shows the fields; ignoreDifferences is for what is meant to differ"
}

// OvertakenError says that another operation took the place of ours.
type OvertakenError struct {
	App, Wanted, Got string // revisions
	By               string
	Cause            error // why the other revision is not as good; may be nil
}

func (e *OvertakenError) Error() string {
	text := fmt.Sprintf("%s: %s was to be synced, but %s synced %s", object(e.App), short(e.Wanted), by(e.By), short(e.Got))
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *OvertakenError) Unwrap() error { return e.Cause }

// Hint says what to do.
func (e *OvertakenError) Hint() string { return "run it again to sync what is in Git now" }

// TimeoutError says that an application was not there in time.
type TimeoutError struct {
	App        string
	Waited     time.Duration
	For        string // what was waited for: "the operation", "Healthy"
	Detail     string // what it said last
	Blocking   []Resource
	Running    bool   // the operation goes on
	Terminated bool   // the operation was terminated
	Spared     string // why it was not, although that was asked for
	Cause      error  // why the server could not be asked last; may be nil
}

func (e *TimeoutError) Error() string {
	text := fmt.Sprintf("%s: not there after %s: waiting for %s", object(e.App), e.Waited.Round(time.Second), e.For)
	if e.Detail != "" {
		text += " (" + plain(e.Detail) + ")"
	}
	text += reasons(e.Blocking)
	var part *PartError
	switch {
	case errors.As(e.Cause, &part):
		text += ": " + part.fault()
	case e.Cause != nil:
		text += "; the last look failed: " + e.Cause.Error()
	}
	return text + fate(e.Running, e.Terminated, e.Spared)
}

func fate(running, terminated bool, spared string) string {
	switch {
	case terminated:
		return "; the operation was terminated"
	case spared != "":
		return "; the operation goes on in Argo CD: " + spared
	case running:
		return "; the operation goes on in Argo CD"
	}
	return ""
}

// Hint says how to go on.
func (e *TimeoutError) Hint() string {
	var part *PartError
	if errors.As(e.Cause, &part) {
		return part.Hint()
	}
	switch {
	case e.Spared != "":
		return endIt(e.App)
	case strings.HasPrefix(e.For, otherOperation):
		return "`mage gitops:terminate " + e.App + "` ends it, if it waits for what only a newer commit brings; run it again to wait on"
	case e.Running && !e.Terminated:
		return "run it again to wait on (it adopts the operation), with a longer -timeout if need be; -terminateOnTimeout ends the operation instead"
	}
	for _, r := range e.Blocking {
		if len(r.Why) > 0 { // such as a ConfigMap that is not there: seldom a matter of time
			return "mend what is named, push it, and sync again; if it only takes its time, run it again with a longer -timeout"
		}
	}
	return "run it again to wait on, with a longer -timeout if need be"
}

func endIt(app string) string {
	return "`mage gitops:terminate " + app + "` ends it; run it again to wait on"
}

func (e *TimeoutError) Unwrap() error { return e.Cause }

// Timeout marks the error: exit status 5.
func (e *TimeoutError) Timeout() bool { return true }

// InterruptedError says that the caller gave up waiting.
type InterruptedError struct {
	App        string
	For        string
	Running    bool
	Terminated bool
	Spared     string // why it was not terminated, although that was asked for
}

func (e *InterruptedError) Error() string {
	text := object(e.App) + ": gave up waiting for " + e.For
	if !e.Running && !e.Terminated {
		return text + "; no operation of ours is under way"
	}
	return text + fate(e.Running, e.Terminated, e.Spared)
}

// Hint says how to go on.
func (e *InterruptedError) Hint() string {
	switch {
	case e.Spared != "":
		return endIt(e.App)
	case e.Running:
		return "run it again to wait on: it adopts the operation"
	}
	return ""
}

// Interrupted marks the error as one of giving up, whose hint is to be heard.
func (e *InterruptedError) Interrupted() bool { return true }

// Unwrap is context.Canceled.
func (e *InterruptedError) Unwrap() error { return context.Canceled }

// reasons lists resources with what is the matter, the first few of them.
func reasons(rs []Resource) string {
	const most = 5
	var b strings.Builder
	for i, r := range rs {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(rs)-most)
			break
		}
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + r.String() + " " + r.Reason())
	}
	return b.String()
}

// Reason is the resource's state and what is known about it, in one line.
func (r Resource) Reason() string {
	var parts []string
	if r.Health != "" && r.Health != Healthy {
		parts = append(parts, r.Health)
	}
	switch {
	case r.NeedsPruning:
		parts = append(parts, "no longer in Git")
	case r.Sync != "" && r.Sync != Synced:
		parts = append(parts, r.Sync)
	}
	text := strings.Join(parts, ", ")
	for _, m := range append([]string{r.Message}, r.Why...) {
		if m == "" || strings.Contains(text, m) {
			continue
		}
		if text != "" {
			text += ": "
		}
		text += m
	}
	return text
}
