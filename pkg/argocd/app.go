package argocd

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The sync states and healths that decisions are made on; Argo CD has more.
const (
	Synced    = "Synced"
	OutOfSync = "OutOfSync"

	Healthy   = "Healthy"
	Degraded  = "Degraded"
	Suspended = "Suspended"
)

// App is an application as Argo CD shows it at one moment.
type App struct {
	Name, Namespace, Project string

	Deleting time.Time // when its deletion was asked for; zero if it was not

	Sources     []Source
	Destination Destination
	AutoSync    *AutoSync // nil when a person or program has to sync it
	SyncOptions []string  // of its sync policy

	Sync          string   // Synced, OutOfSync, Unknown
	Health        string   // Healthy, Progressing, Degraded, Suspended, Missing, Unknown
	HealthMessage string   // rarely set
	Revisions     []string // what the last comparison found in Git, one for each source
	ReconciledAt  time.Time
	Conditions    []Condition
	Resources     []Resource // List gives them without health from Argo CD 3 on
	Operation     *Operation // the one that runs or the last one; nil if there was none
	Deployed      []string   // what the last operation that has succeeded brought, one for each source

	controllerNamespace string
	version             int64 // resourceVersion; newer is greater
}

// Source is where an application's manifests come from.
type Source struct {
	RepoURL, Path, Chart, TargetRevision string

	Helm map[string]any // the helm section, by its names in the Application; nil when there is none
}

// Destination is where an application's resources go: a cluster by its address or
// its name, and a namespace.
type Destination struct{ Server, Name, Namespace string }

// AutoSync says that Argo CD syncs an application by itself. That Argo CD 3.1 can
// switch it off inside of the policy (automated.enabled) is seen by ReadList alone, and
// not through the server: then Argo CD is given the time to begin, and ours begins
// after it.
type AutoSync struct{ Prune, SelfHeal bool }

// Condition is what Argo CD complains about.
type Condition struct {
	Type, Message string
	Since         time.Time
}

// String is the condition in one line.
func (c Condition) String() string { return c.Type + ": " + plain(c.Message) }

// Resource is one object of an application.
type Resource struct {
	Group, Kind, Namespace, Name string

	Sync, Health, Message string
	Hook                  bool
	NeedsPruning          bool     // it is no longer in Git
	Why                   []string // what is the matter below it, for instance with a Pod; only Explain fills it
}

// String is the resource as a sentence begins: "Deployment litellm".
func (r Resource) String() string { return r.Kind + " " + r.Name }

// Operation is a sync that is asked for, runs or has ended.
type Operation struct {
	Phase     string // Pending, Running, Terminating, Succeeded, Failed, Error
	Message   string
	Revisions []string // one for each source
	By        string   // the user; "auto-sync" when Argo CD began it itself
	Started   time.Time
	Finished  time.Time // zero while it goes on
	Retries   int

	Prune, DryRun bool
	Partial       bool // of some resources only
	Results       []Result

	tag string
}

// Result is what an operation did to one resource, or how a hook went.
type Result struct {
	Group, Kind, Namespace, Name string

	Hook    string // PreSync, Sync, PostSync, SyncFail; empty for what is no hook
	Status  string // Synced, SyncFailed, Pruned, PruneSkipped; of a hook its phase
	Message string
	Why     []string // of a hook that has failed: what is the matter below it
}

// String is the result as a sentence begins: "PreSync hook Job migrate".
func (r Result) String() string {
	if r.Hook != "" {
		return r.Hook + " hook " + r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Name
}

// autoSync is who begins the operations of Argo CD itself.
const autoSync = "auto-sync"

// pending is the phase of an operation that the controller has not picked up.
const pending = "Pending"

// FullName is what tells the application from others: its name, with the namespace
// in front when that is not the one of Argo CD itself.
func (a App) FullName() string {
	if a.Namespace == "" || a.Namespace == cmp.Or(a.controllerNamespace, serverNamespace) {
		return a.Name
	}
	return a.Namespace + "/" + a.Name
}

// Running says whether the operation is under way or about to be. Between two
// attempts of a retry it has a finish time and still runs.
func (o *Operation) Running() bool {
	if o == nil {
		return false
	}
	switch o.Phase {
	case pending, "Running", "Terminating":
		return true
	}
	return false
}

// Revision is the revision of an application with one source, and the list of them
// otherwise; empty before the first comparison.
func (a App) Revision() string { return strings.Join(a.Revisions, ", ") }

// Revision is what the operation syncs to.
func (o *Operation) Revision() string {
	if o == nil {
		return ""
	}
	return strings.Join(o.Revisions, ", ")
}

// by is who began the operation.
func (o *Operation) by() string {
	if o == nil {
		return ""
	}
	return o.By
}

// Blocking are the resources that are not there yet: neither Synced nor, where
// they have a health, Healthy. What only waits to be pruned is not among them.
func (a App) Blocking() (found []Resource) {
	for _, r := range a.Resources {
		if r.Hook || r.NeedsPruning {
			continue
		}
		if r.Sync != "" && r.Sync != Synced || r.Health != "" && r.Health != Healthy {
			found = append(found, r)
		}
	}
	return found
}

// Pruning are the resources that are no longer in Git.
func (a App) Pruning() (found []Resource) {
	for _, r := range a.Resources {
		if r.NeedsPruning && !r.Hook {
			found = append(found, r)
		}
	}
	return found
}

// problems are the conditions that no sync gets past. A SyncError tells of an
// earlier automated attempt and is what a new sync may cure.
func (a App) problems() (found []Condition) {
	for _, c := range a.Conditions {
		if strings.HasSuffix(c.Type, "Error") && c.Type != "SyncError" && c.Type != "DeletionError" {
			found = append(found, c)
		}
	}
	return found
}

// convert takes over what this package decides on. It keeps nothing of a.
func convert(a *v1alpha1.Application) App {
	out := App{
		Name:                a.Name,
		Namespace:           a.Namespace,
		Project:             a.Spec.GetProject(),
		Sync:                string(a.Status.Sync.Status),
		Health:              string(a.Status.Health.Status),
		HealthMessage:       a.Status.Health.Message,
		Revisions:           revisions(a.Status.Sync.Revision, a.Status.Sync.Revisions),
		ReconciledAt:        moment(a.Status.ReconciledAt),
		Deleting:            moment(a.DeletionTimestamp),
		Destination:         Destination{Server: a.Spec.Destination.Server, Name: a.Spec.Destination.Name, Namespace: a.Spec.Destination.Namespace},
		Operation:           operation(a),
		controllerNamespace: a.Status.ControllerNamespace,
	}
	out.version, _ = strconv.ParseInt(a.ResourceVersion, 10, 64)
	for _, s := range a.Spec.GetSources() {
		out.Sources = append(out.Sources, Source{RepoURL: s.RepoURL, Path: s.Path, Chart: s.Chart, TargetRevision: s.TargetRevision, Helm: helm(s.Helm)})
	}
	if p := a.Spec.SyncPolicy; p != nil {
		out.SyncOptions = p.SyncOptions
		if p.Automated != nil {
			out.AutoSync = &AutoSync{Prune: p.Automated.Prune, SelfHeal: p.Automated.SelfHeal}
		}
	}
	if n := len(a.Status.History); n > 0 {
		out.Deployed = revisions(a.Status.History[n-1].Revision, a.Status.History[n-1].Revisions)
	}
	for _, c := range a.Status.Conditions {
		out.Conditions = append(out.Conditions, Condition{Type: c.Type, Message: scrub(c.Message), Since: moment(c.LastTransitionTime)})
	}
	for _, r := range a.Status.Resources {
		out.Resources = append(out.Resources, resource(r))
	}
	return out
}

// helm is the helm section as it was written.
func helm(h *v1alpha1.ApplicationSourceHelm) (out map[string]any) {
	if h.IsZero() {
		return nil
	}
	data, err := json.Marshal(h)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil { // values that are none: Argo CD refuses them, too
		return nil
	}
	return out
}

func resource(r v1alpha1.ResourceStatus) Resource {
	out := Resource{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Sync: string(r.Status), Hook: r.Hook, NeedsPruning: r.RequiresPruning}
	if r.Health != nil {
		out.Health, out.Message = string(r.Health.Status), scrub(r.Health.Message)
	}
	return out
}

// operation is the running or the last operation. The server writes .operation,
// which is what is asked for; the controller answers in .status.operationState and
// takes .operation away when it is done.
func operation(a *v1alpha1.Application) *Operation {
	state := a.Status.OperationState
	if a.Operation != nil && (state == nil || state.Phase.Completed()) {
		o := requested(*a.Operation)
		o.Phase = pending
		return &o
	}
	if state == nil {
		return nil
	}
	o := requested(state.Operation)
	o.Phase, o.Message, o.Retries = string(state.Phase), scrub(state.Message), int(state.RetryCount)
	o.Started, o.Finished = state.StartedAt.Time, moment(state.FinishedAt)
	if r := state.SyncResult; r != nil {
		if found := revisions(r.Revision, r.Revisions); len(found) > 0 {
			o.Revisions = found
		}
		for _, res := range r.Resources {
			o.Results = append(o.Results, result(res))
		}
	}
	return &o
}

func requested(op v1alpha1.Operation) Operation {
	o := Operation{By: op.InitiatedBy.Username}
	if op.InitiatedBy.Automated {
		o.By = autoSync
	}
	for _, i := range op.Info {
		if i != nil && i.Name == tagName {
			o.tag = i.Value
		}
	}
	if s := op.Sync; s != nil {
		o.Revisions = revisions(s.Revision, s.Revisions)
		o.Prune, o.DryRun, o.Partial = s.Prune, s.DryRun, len(s.Resources) > 0 || len(s.Manifests) > 0
	}
	return o
}

func result(r *v1alpha1.ResourceResult) Result {
	out := Result{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Hook: string(r.HookType), Status: string(r.Status), Message: scrub(r.Message)}
	if out.Hook != "" {
		out.Status = string(r.HookPhase)
	}
	return out
}

func revisions(one string, many []string) []string {
	if len(many) > 0 {
		return many
	}
	if one != "" {
		return []string{one}
	}
	return nil
}

// scrub takes out of a message what a decoder quotes of the document that it could
// not read: it may be a Secret.
func scrub(message string) string {
	before, _, found := strings.Cut(message, "error found in #")
	if !found {
		return message
	}
	return strings.TrimRight(before, ", ") + " (the rest quotes the document)"
}

func moment(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// ref names an application to the server. With the project the server can tell "not
// there" from "not allowed" (argo-cd#13000).
type ref struct {
	name, namespace, project string
	shown                    string // as the caller has named it
}

// parseName reads NAME or NAMESPACE/NAME.
func parseName(s string) (ref, error) {
	namespace, name, found := strings.Cut(s, "/")
	if !found {
		namespace, name = "", s
	}
	if name == "" || found && namespace == "" || strings.Contains(name, "/") {
		return ref{}, &NameError{Name: s}
	}
	return ref{name: name, namespace: namespace, shown: s}, nil
}

func (r ref) String() string { return r.shown }

func (r ref) appNamespace() *string { return optional(r.namespace) }
func (r ref) projectName() *string  { return optional(r.project) }

func (r ref) projects() []string {
	if r.project == "" {
		return nil
	}
	return []string{r.project}
}

// of is the reference with all that is known now.
func (r ref) of(a App) ref {
	r.namespace, r.project = a.Namespace, a.Project
	return r
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// short is a revision as people read it.
func short(revision string) string {
	if len(revision) == 40 && strings.Trim(revision, "0123456789abcdef") == "" {
		return revision[:7]
	}
	return revision
}

func object(name string) string { return fmt.Sprintf("application %s", name) }
