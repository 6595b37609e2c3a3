package deployment

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/git"
)

// NotDeployedError says that Argo CD does not know an application of the repository.
type NotDeployedError struct {
	Folder, Path string
	Unwritten    bool // the folder has no application.yaml
}

func (e *NotDeployedError) Error() string {
	return fmt.Sprintf("application %s: no application in Argo CD has the path %s", e.Folder, e.Path)
}

// Hint says how it comes into being.
func (e *NotDeployedError) Hint() string {
	file := e.Path + "/application.yaml"
	if e.Unwritten {
		return "write " + file + ", an Application with that path, and commit it; then `kubectl apply -f " + file + "`; or is this the wrong cluster?"
	}
	return "`kubectl apply -f " + file + "`; in the sandbox, commit it and run `mage sandbox:up` again; or is this the wrong cluster?"
}

// SeveralError says that a folder is deployed more than once from this branch.
type SeveralError struct {
	Folder string
	Apps   []string
}

func newSeveralError(folder string, places []Place) *SeveralError {
	e := &SeveralError{Folder: folder}
	for _, p := range places {
		e.Apps = append(e.Apps, p.App.FullName())
	}
	return e
}

func (e *SeveralError) Error() string {
	return fmt.Sprintf("application %s: Argo CD deploys it several times: %s", e.Folder, strings.Join(e.Apps, ", "))
}

// Hint says how to choose.
func (e *SeveralError) Hint() string {
	return fmt.Sprintf("`mage seal:app %[1]s`, `mage gitops:publish %[1]s`, and `mage gitops:sync` for the one that is meant", e.Folder)
}

// Usage marks the error as one of usage: exit status 2.
func (e *SeveralError) Usage() bool { return true }

// NoneError says that no application follows this repository.
type NoneError struct {
	URLs []string // where applications have these folders from
}

func newNoneError(elsewhere map[string]bool) *NoneError {
	e := &NoneError{}
	for _, u := range slices.Sorted(maps.Keys(elsewhere)) {
		e.URLs = append(e.URLs, git.Redact(u))
	}
	return e
}

func (e *NoneError) Error() string {
	if len(e.URLs) == 0 {
		return "no application in Argo CD has a folder of this repository as its path"
	}
	return "no application in Argo CD follows a remote of this repository: they follow " + strings.Join(e.URLs, ", ")
}

// Hint says what may be the matter.
func (e *NoneError) Hint() string {
	if len(e.URLs) == 0 {
		return "a selector or a cluster that is not the one that is meant, or a token that may not see them? `mage gitops:status` shows all of them"
	}
	return "`git remote add NAME " + e.URLs[0] + "`, then again"
}
