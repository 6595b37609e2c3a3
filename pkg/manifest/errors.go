package manifest

import (
	"fmt"
	"strings"
)

// Error is one thing wrong with a file. It names the place and never quotes the
// file's text: a plaintext file's text is secret.
type Error struct {
	Path    string // as given by the caller
	Line    int    // counted from 1; 0 when unknown
	Object  string // for instance "Secret litellm/litellm-secrets"; empty when unknown
	Key     string // the key of the Secret; empty when the whole object is meant
	Problem string // what is wrong
	Fix     string // what to do, one sentence; may be empty
}

// Error is path:line: object: key: problem.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Path)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Object != "" {
		b.WriteString(": " + e.Object)
	}
	if e.Key != "" {
		b.WriteString(": key" + quoted(e.Key))
	}
	b.WriteString(": " + e.Problem)
	return b.String()
}

// Hint is the advice that goes with the error.
func (e *Error) Hint() string { return e.Fix }
