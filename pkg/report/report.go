// Package report holds what a command found or did as plain data, and renders
// that data for people (Text) and for programs (JSON). Nothing in it ever holds
// a secret value: entries and findings name files, lines, Secrets and keys.
package report

import "strconv"

// Action says what happened to the object of an Entry, or what a dry run found would happen.
type Action string

// The actions of an Entry.
const (
	Create      Action = "create"      // a file or a value that was not there
	Update      Action = "update"      // an existing file with at least one changed key
	Unchanged   Action = "unchanged"   // nothing to do
	Keep        Action = "keep"        // an existing value that generation leaves alone
	Placeholder Action = "placeholder" // a value that a person has to fill in
	Orphan      Action = "orphan"      // a sealed file whose plaintext is gone
	Delete      Action = "delete"      // a file that was removed
	NotSealed   Action = "not sealed"  // plaintext without a sealed file
	Stale       Action = "stale"       // sealed for another certificate than the current one
	Sealed      Action = "sealed"      // sealed and up to date
	Changed     Action = "changed"     // plaintext and sealed file differ
	Refused     Action = "refused"     // plaintext that cannot be sealed as it is
	Warning     Action = "warning"     // worth a look, and no reason to stop
)

// Entry is one line of a result: what happened to one Secret.
type Entry struct {
	Action      Action   `json:"action"`
	Application string   `json:"application,omitempty"`
	Namespace   string   `json:"namespace,omitempty"`
	Name        string   `json:"name,omitempty"`
	Path        string   `json:"path,omitempty"` // relative to the repository's root
	Line        int      `json:"line,omitempty"` // counted from 1
	Keys        []string `json:"keys,omitempty"` // the keys that the action concerns, sorted
	Detail      string   `json:"detail,omitempty"`
}

// Subject is the entry's Secret as namespace/name.
func (e Entry) Subject() string {
	if e.Name == "" {
		return ""
	}
	return e.Namespace + "/" + e.Name
}

// Finding is one violation of a rule: exit status 3 when there is any.
type Finding struct {
	Rule    string `json:"rule"`             // stable identifier, kebab-case
	Path    string `json:"path"`             // relative to the repository's root
	Line    int    `json:"line,omitempty"`   // counted from 1; 0 for the whole file
	Commit  string `json:"commit,omitempty"` // full hash of the commit that has it; empty for the index and the work tree
	Object  string `json:"object,omitempty"` // for instance "Secret litellm/litellm-secrets"
	Key     string `json:"key,omitempty"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"` // what to do, in one sentence
}

// Position is path:line, or the path alone when the line is unknown.
func (f Finding) Position() string {
	if f.Line == 0 {
		return f.Path
	}
	return f.Path + ":" + strconv.Itoa(f.Line)
}

// Step is one server, one check or one stage with its state, for tables of states.
type Step struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Detail string `json:"detail,omitempty"`
}

// Application is one application as Argo CD sees it, and what a command did to it.
type Application struct {
	Name       string     `json:"name"`
	Sync       string     `json:"sync"`                 // Synced, OutOfSync, Unknown
	Health     string     `json:"health"`               // Healthy, Progressing, Degraded, Suspended, Missing, Unknown
	Revision   string     `json:"revision,omitempty"`   // what it was last compared with; several separated by commas
	Follows    string     `json:"follows,omitempty"`    // the branch, tag or commit it is told to follow
	Repository string     `json:"repository,omitempty"` // URL of the Git repository it follows
	Head       string     `json:"head,omitempty"`       // how the revision stands to the local HEAD: HEAD is that commit, as HEAD another one with the same folder
	Operation  string     `json:"operation,omitempty"`  // the last one: phase and when
	Detail     string     `json:"detail,omitempty"`     // what happened, or what is wrong
	Resources  []Resource `json:"resources,omitempty"`  // those that are not as they should be
}

// Resource is one object of an application.
type Resource struct {
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name"`
	Sync      string   `json:"sync,omitempty"`
	Health    string   `json:"health,omitempty"`
	Message   string   `json:"message,omitempty"`
	Why       []string `json:"why,omitempty"`    // what is the matter below it, for instance with a Pod
	Change    string   `json:"change,omitempty"` // what a sync would do to it: create, update, delete
	Diff      string   `json:"diff,omitempty"`   // a line for each side of a changed field, -path: value; values of Secrets are masked
}

// String is the resource with its kind: Deployment litellm/litellm.
func (r Resource) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// SchemaVersion is the version of the JSON document. It grows when a field is
// renamed, removed or changes its meaning; new fields alone do not change it.
const SchemaVersion = 1

// Report is the answer of one command.
type Report struct {
	SchemaVersion int               `json:"schemaVersion"`
	Command       string            `json:"command"`
	Facts         map[string]string `json:"facts,omitempty"` // for instance cluster, certificate
	Entries       []Entry           `json:"entries,omitempty"`
	Findings      []Finding         `json:"findings,omitempty"`
	Steps         []Step            `json:"steps,omitempty"`
	Applications  []Application     `json:"applications,omitempty"`
	Chains        []Chain           `json:"chains,omitempty"`
	Checks        []Check           `json:"checks,omitempty"`
	Warnings      []string          `json:"warnings,omitempty"`
	Errors        []Problem         `json:"errors,omitempty"` // why the command failed; exit status not 0 or 3
	Summary       string            `json:"summary"`

	Rules map[string]string `json:"-"` // what a finding or cause of each rule means, for SARIF; not all are there
}

// Problem is one error with its advice.
type Problem struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// New starts the report of the named command.
func New(command string) *Report {
	return &Report{SchemaVersion: SchemaVersion, Command: command}
}

// Fact records one fact about the run, for instance which certificate it used.
func (r *Report) Fact(key, value string) {
	if r.Facts == nil {
		r.Facts = map[string]string{}
	}
	r.Facts[key] = value
}

// Count is the number of entries with the given action.
func (r *Report) Count(a Action) int {
	n := 0
	for _, e := range r.Entries {
		if e.Action == a {
			n++
		}
	}
	return n
}
