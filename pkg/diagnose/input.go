package diagnose

import (
	"context"
	"time"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// Input is all that a diagnosis is made of. What is nil or empty is not known, and
// then nothing is concluded from it.
type Input struct {
	Application string // its name: "litellm"
	Folder      string // its folder, relative to the repository's root: "applications/litellm"
	Namespace   string // where its objects live

	State      *cluster.State // of at least Namespace
	Argo       *Argo          // what Argo CD says of the application
	Origins    Origins        // where objects come from in the repository
	Sealed     []SealedFile   // the application's SealedSecrets in the work tree, and what lacks one
	Contract   *repo.Contract // the application's secrets.yaml
	External   []string       // names of Secrets that are declared to come from elsewhere
	Pin        string         // fingerprint of the pinned certificate
	Controller Controller     // of Sealed Secrets
	Logs       Logs           // the last words of crashed containers

	// Masker is State's; made anew when nil, which takes a while where there are many
	// applications.
	Masker *cluster.Masker
	// Mask takes secret values out of a text, in addition to those that State knows
	// of; for instance the plaintext on this machine.
	Mask func(string) string

	Now     time.Time // against which ages are held
	Command string    // how targets are called; "mage" when empty
	Kubectl string    // how kubectl is called for the cluster that State is of: "kubectl --context X"; "kubectl" when empty
	Push    string    // the command that publishes commits; "git push" when empty
}

// Origins says where the application's objects come from in the repository.
type Origins interface {
	// Find looks for an object that the application's chart gives, or could give,
	// in the application's namespace.
	Find(kind, name string) Origin
	// Locate finds the line that gives the text to an object: in its template or in
	// values.yaml, and that holds the text literally. Without such a line it gives
	// the object's template and 0; without that an empty path.
	Locate(kind, name, text string) (path string, line int)
}

// Origin is where an object comes from and how far it has got.
type Origin struct {
	Found     bool   // the chart of the work tree renders it for the application's namespace
	Path      string // the template, relative to the repository's root
	Line      int    // counted from 1; 0 when unknown
	Namespace string // that it is rendered for
	Wave      int    // sync wave
	Hook      string // PreSync, Sync, PostSync; empty for what is no hook

	InTree    bool // rendered from the work tree
	Committed bool // rendered from HEAD
	Pushed    bool // rendered from the branch that Argo CD follows
	Deployed  bool // rendered from the commit that Argo CD synced last

	Disabled  *Switch  // why it is not rendered although a template has it
	Misplaced string   // path or path:line of a file that holds it and that the chart does not render
	Ignored   string   // the rule that keeps Git from seeing the template: ".gitignore:3: *.yaml"
	Near      []string // names of the same kind that the chart renders and that look like it
	Elsewhere string   // another namespace that the chart renders it for
	Keys      []string // of a ConfigMap's or Secret's data
}

// Switch is the value that turns an object off.
type Switch struct {
	Path    string  // of values.yaml, relative to the repository's root; empty when the Application sets the value
	Line    int     // counted from 1; 0 when the file does not have the value yet
	Key     string  // for instance config.create
	Current string  // as it stands in the file
	Wanted  string  // with which the chart renders the object
	Also    *Switch // another value that has to be changed, too
}

// SealedFile is one SealedSecret of the work tree, or a Secret that lacks one.
type SealedFile struct {
	Path      string // relative to the repository's root; of a Secret that is not sealed, secrets.yaml's or the plaintext's
	Line      int    // where the object begins; 0 when unknown
	Namespace string // metadata.namespace
	Name      string // metadata.name
	SealedFor string // namespace/name of spec.template; empty when it does not say
	Scope     repo.Scope
	Keys      []string // of encryptedData

	Fingerprint string        // of the certificate that it records; empty when it records none
	Edited      bool          // encryptedData is not what was sealed
	State       report.Action // report.Sealed, Changed, Stale, Orphan, NotSealed or Refused; empty when unknown
	Plain       string        // the file with its plaintext, relative to the root; empty when this machine has none
	PlainSpace  string        // metadata.namespace of Plain; empty when it has none
	PlainLine   int           // of metadata.namespace in Plain; 0 when unknown
}

// Controller is the Sealed Secrets controller.
type Controller struct {
	Namespace, Name string // of its Deployment
	Known           bool   // whether the fields below are known
	Running         bool
	Why             string // why it does not run, in one clause: "it is scaled to 0"
	Fix             string // the command that helps, if one is known
	Fingerprint     string // of the certificate that it serves; empty when unknown
}

// Logs gives the last lines that a container has printed.
type Logs interface {
	// Tail gives the last lines of a container, or of the run before it.
	Tail(ctx context.Context, namespace, pod, container string, previous bool) ([]string, error)
}
