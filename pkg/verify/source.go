package verify

import (
	"context"

	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
)

// LinkLocal is the link before those of package diagnose: the plaintext.
const LinkLocal = "Local Secrets"

// Source is all that is known of one application at one moment. What is nil or empty
// is not known, and then its link says so.
type Source struct {
	diagnose.Input

	Local   []LocalSecret    // plaintext on this machine; in a clone there is none
	Check   []report.Finding // of the offline check of the sealed files
	Commit  *Commit          // nil when the application is not compared with Git
	Uncheck string           // why the sealed files could not be judged; empty when they could
	Offline string           // why the cluster was not looked at; empty when it was

	Display   string       // the chain's name; Application when empty. A folder that is deployed twice has two chains
	Home      string       // namespace of the application's Secrets by the repository's conventions; Namespace when empty
	Plaintext string       // folder of the plaintext, relative to the repository's root
	Others    []ObjectName // what other applications of Argo CD have in the namespace

	// Changer says in words who has changed an object last and when: "kubectl-edit, 5 min
	// ago"; empty when that cannot be known. It may be nil.
	Changer func(context.Context, diagnose.Resource) string
}

// home is where the repository has the application's Secrets.
func (s *Source) home() string { return or(s.Home, s.Namespace) }

// ObjectName names an object in the application's namespace.
type ObjectName struct{ Kind, Name string }

// LocalSecret is a Secret in plaintext on this machine. It has no value.
type LocalSecret struct {
	Namespace, Name string
	Path            string
	Line            int      // where it begins
	NamespaceLine   int      // of metadata.namespace; 0 when unknown
	Keys            []string // that have a value
	Placeholders    []string // that wait for somebody to fill them in
}

// Commit is how the application's folder stands to Git and to what Argo CD has seen
// of it.
type Commit struct {
	State    CommitState
	Head     string   // short hash; empty before the first commit
	Branch   string   // checked out; empty when HEAD is detached
	Followed string   // the branch that Argo CD follows; empty when unknown
	Seen     string   // short hash of what Argo CD has found; empty when it has not
	Dirty    []string // files of the folder that are not as committed
	Problem  string   // why the state is unknown
}

// CommitState is how Argo CD's commit stands to HEAD; the values are those of package
// revision.
type CommitState string

// The states of a Commit.
const (
	CommitSame        CommitState = "same"
	CommitNewer       CommitState = "newer"
	CommitNotPushed   CommitState = "not pushed"
	CommitNotSeen     CommitState = "not seen"
	CommitOtherBranch CommitState = "other branch"
	CommitDiverged    CommitState = "diverged"
	CommitUnknown     CommitState = "unknown"
)
