package diagnose

import "time"

// Argo is what Argo CD says of an application, as package argocd converts it.
type Argo struct {
	Missing  bool      // there is no such Application
	Unseen   string    // why it could not be read; empty when it could
	Name     string    // as Argo CD calls it; the folder's name when empty
	Space    string    // the namespace of the Application; "argocd" when empty
	Deploys  string    // of one that is missing: the folder that an Application of its name deploys instead
	Line     int       // of Deploys in application.yaml; 0 when that does not have it
	Path     string    // of application.yaml, relative to the repository's root; empty when unknown
	Deleting time.Time // since when it is being deleted; zero when it is not

	Sync, Health  string // Synced, OutOfSync, Unknown; Healthy, Progressing, Degraded, Missing, Suspended, Unknown
	HealthMessage string
	Revision      string    // that the last comparison found in Git
	Compared      time.Time // of the last comparison with Git; zero when unknown
	Behind        string    // how Revision stands to HEAD as far as the application's folder differs: "2 commits behind HEAD"; else empty
	Unpushed      bool      // because HEAD is not pushed
	AutoSync      bool
	SelfHeal      bool
	CreatesSpace  bool // CreateNamespace=true

	Conditions []Condition
	Resources  []Resource
	Operation  *Operation // that runs or ran last; nil when there was none
}

// Stale says whether Argo CD has not compared the application with Git since the last
// sync has ended: what it says of resources is how they were before.
func (a *Argo) Stale() bool {
	op := a.Operation
	return op != nil && !a.Compared.IsZero() && a.Compared.Before(op.Finished)
}

// Condition is what Argo CD complains about.
type Condition struct {
	Type, Message string
	Since         time.Time
}

// Resource is one object of the application.
type Resource struct {
	Group, Kind, Namespace, Name string

	Sync, Health, Message string
	Hook                  bool
	NeedsPruning          bool
}

// Operation is a sync that runs or has ended.
type Operation struct {
	Phase     string // Pending, Running, Terminating, Succeeded, Failed, Error
	Message   string
	Revision  string
	Started   time.Time
	Finished  time.Time
	Retries   int
	Results   []Result
	Automated bool
}

// Running says whether the operation is under way.
func (o *Operation) Running() bool {
	if o == nil {
		return false
	}
	switch o.Phase {
	case "Pending", "Running", "Terminating":
		return true
	}
	return false
}

// Result is what an operation did to one object, or how a hook went.
type Result struct {
	Group, Kind, Namespace, Name string

	Hook    string // PreSync, Sync, PostSync, SyncFail; empty for what is no hook
	Status  string // Synced, SyncFailed, Pruned, PruneSkipped; of a hook its phase
	Message string
}
