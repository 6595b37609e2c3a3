package report

import "strconv"

// State is how one link of a chain, or one check, stands.
type State string

// The states of a Link and of a Check.
const (
	OK      State = "ok"
	Waiting State = "waiting" // on its way: may become ok by itself
	Warned  State = "warning" // worth a look, and no reason to stop
	Failed  State = "failed"  // will not become ok by itself
	Unknown State = "unknown" // could not be seen, the Summary says why
	Skipped State = "skipped" // there is nothing of it to look at
)

// Unreached is the Summary of a link that is unknown only because nothing answered: the
// report's error says so once.
const Unreached = "the cluster could not be reached"

// Chain is the way of one application from the plaintext Secret to the running
// Pod, with what breaks it.
type Chain struct {
	Application string  `json:"application"`
	Namespace   string  `json:"namespace"`
	State       State   `json:"state"` // the gravest of its links
	Links       []Link  `json:"links"` // in the order of the way
	Causes      []Cause `json:"causes,omitempty"`
	Strays      []Stray `json:"strays,omitempty"` // what did not come from Git
}

// Link is one stage of a Chain, for instance all SealedSecrets of an application.
type Link struct {
	Name    string `json:"name"` // for instance "SealedSecrets"
	State   State  `json:"state"`
	Summary string `json:"summary"`           // for instance "2 of 3 unsealed"
	Broken  string `json:"broken,omitempty"`  // the Rule of the cause that breaks it first
	Follows bool   `json:"follows,omitempty"` // it is broken only because an earlier link is
}

// Cause is why something is not as it should be: the root, not the symptom.
type Cause struct {
	Rule     string   `json:"rule"`               // stable identifier, kebab-case, for instance configmap-not-rendered
	Link     string   `json:"link"`               // Name of the link that it breaks
	Object   string   `json:"object"`             // for instance "ConfigMap litellm/litellm-config"
	Message  string   `json:"message"`            // one sentence
	Path     string   `json:"path,omitempty"`     // the file to look at, relative to the repository's root
	Line     int      `json:"line,omitempty"`     // counted from 1
	Fix      Fix      `json:"fix"`                // what to do
	Final    bool     `json:"final"`              // it cannot heal unless somebody does something
	Evidence []string `json:"evidence,omitempty"` // what the cluster said: events, last log lines; masked
	Follows  []string `json:"follows,omitempty"`  // symptoms of it: "Pod litellm/litellm-7d9f waits for it"
}

// Position is path:line, the path alone when the line is unknown, or nothing.
func (c Cause) Position() string {
	if c.Path == "" || c.Line == 0 {
		return c.Path
	}
	return c.Path + ":" + strconv.Itoa(c.Line)
}

// Fix is what to do about a Cause. Text says all of it, the other fields say the
// part that a program can do.
type Fix struct {
	Text     string   `json:"text"`               // one sentence; names Edit's place and every command
	Commands []string `json:"commands,omitempty"` // to run in this order, from the repository's root
	Edit     *Edit    `json:"edit,omitempty"`     // to be made before the commands
}

// Edit is a change of one line.
type Edit struct {
	Path string `json:"path"` // relative to the repository's root
	Line int    `json:"line"` // counted from 1
	Old  string `json:"old"`  // the part of the line to replace
	New  string `json:"new"`  // empty when only a person can know it
}

// Stray is an object in an application's namespace that did not come from Git, or
// that was changed since.
type Stray struct {
	Object  string `json:"object"` // for instance "Secret litellm/by-hand"
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// Check is one numbered prerequisite.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Saw   string `json:"saw"`           // what was seen
	Fix   string `json:"fix,omitempty"` // what to do, when it is not ok
}

// grave orders states, the gravest last.
var grave = []State{Skipped, OK, Warned, Waiting, Unknown, Failed}

// Gravest is the gravest of the states; Skipped when there is none.
func Gravest(states ...State) State {
	worst := 0
	for _, s := range states {
		for i, g := range grave {
			if s == g && i > worst {
				worst = i
			}
		}
	}
	return grave[worst]
}
