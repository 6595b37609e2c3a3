package repo

import (
	"fmt"
	"strings"
)

// MissingError says that a folder or file the conventions ask for is not there.
type MissingError struct{ What, In string }

func (e *MissingError) Error() string { return fmt.Sprintf("%s: no %s here", e.In, e.What) }

// Hint says where the name can be changed.
func (e *MissingError) Hint() string {
	return "run this inside the GitOps repository, or name the folder in .sealway.yaml"
}

// UnknownError says that there is no application of that name.
type UnknownError struct {
	Name    string
	Known   []string
	Setting string // the setting that names it; empty when the command line does
}

func (e *UnknownError) Error() string {
	text := fmt.Sprintf("application %q: not found", e.Name)
	if e.Setting != "" {
		text = "setting " + e.Setting + ": " + text
	}
	return text
}

// Hint lists the applications that there are.
func (e *UnknownError) Hint() string {
	if len(e.Known) == 0 {
		return "the applications folder is empty: an application is a folder in it"
	}
	return "the applications are: " + strings.Join(e.Known, ", ")
}

// Usage marks the error as one of usage: exit status 2.
func (e *UnknownError) Usage() bool { return true }

// OutsideError says that a symbolic link leads out of the repository.
type OutsideError struct{ Path, Target string }

func (e *OutsideError) Error() string {
	return fmt.Sprintf("%s: it does not stay in the repository, it leads to %s", e.Path, e.Target)
}

// Hint says what to do instead of the link.
func (e *OutsideError) Hint() string {
	return "put the file itself here: a link's target is outside what the guard watches"
}
