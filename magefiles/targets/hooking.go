package targets

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/hooks"
	"github.com/sealway/sealway/pkg/report"
)

type hookArguments struct {
	uninstall, status bool
	binary            string
}

// hooks is secrets:hooks.
func (s *session) hooks(ctx context.Context, a hookArguments) error {
	if a.uninstall && a.status {
		return &console.Usage{Problem: "secrets:hooks: -uninstall and -status exclude each other", Advice: "give one of them, or none to install"}
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	dir, err := hooks.Find(ctx, s.repo.Tree, hooks.Options{Program: a.binary})
	if err != nil {
		return err
	}
	s.report.Fact("hooks", dir.Path)
	switch {
	case a.status:
		return s.hookStatus(dir)
	case a.uninstall:
		return s.uninstallHooks(dir)
	}
	return s.installHooks(dir, a)
}

func (s *session) installHooks(dir *hooks.Dir, a hookArguments) error {
	if m := dir.Manager; m != nil && m.Active && m.Guards {
		s.report.Summary = fmt.Sprintf("nothing to install: %s has %s run secrets:guard", m.Config, m.Name)
		return s.console.Report(s.report)
	}
	if a.binary != "" && !dir.Built { // .bin/sealway may be built later
		return s.missingBinary(dir)
	}
	before, err := dir.Install()
	if err != nil {
		return err
	}
	installed := 0
	for _, h := range before {
		e := report.Entry{Path: s.hookPath(h.Path)}
		switch h.State {
		case hooks.Installed:
			e.Action = report.Unchanged
		case hooks.Outdated:
			e.Action = report.Update
		default:
			e.Action = report.Create
		}
		if h.State == hooks.Foreign || h.Kept != "" {
			e.Detail = "the hook that was there is " + h.Name + hooks.KeptSuffix + " and is called"
		}
		if e.Action != report.Unchanged {
			installed++
		}
		s.report.Entries = append(s.report.Entries, e)
	}
	s.hookWarnings(dir)
	s.report.Summary = "both hooks were installed already"
	if installed > 0 {
		s.report.Summary = count(installed, "hook") + " installed; `mage secrets:hooks -uninstall` takes them out again"
	}
	return s.console.Report(s.report)
}

func (s *session) uninstallHooks(dir *hooks.Dir) error {
	before, err := dir.Uninstall()
	if err != nil {
		return err
	}
	removed := 0
	for _, h := range before {
		e := report.Entry{Action: report.Delete, Path: s.hookPath(h.Path)}
		switch {
		case h.State == hooks.Foreign:
			e.Action, e.Detail = report.Keep, "not of secrets:hooks"
		case h.Kept != "":
			e.Detail = "the hook that was there before is back"
		case h.State == hooks.Missing:
			continue
		}
		if e.Action == report.Delete {
			removed++
		}
		s.report.Entries = append(s.report.Entries, e)
	}
	s.report.Summary = count(removed, "hook") + " taken out"
	return s.console.Report(s.report)
}

// hookStatus says what is installed.
func (s *session) hookStatus(dir *hooks.Dir) error {
	all, err := dir.Hooks()
	if err != nil {
		return err
	}
	good := 0
	for _, h := range all {
		step := report.Step{Name: h.Name, State: string(h.State), Detail: s.hookPath(h.Path)}
		if h.Kept != "" {
			step.Detail += ", with " + filepath.Base(h.Kept)
		}
		if h.State == hooks.Installed {
			good++
		}
		s.report.Steps = append(s.report.Steps, step)
	}
	s.hookWarnings(dir)
	s.report.Summary = fmt.Sprintf("%d of %s installed", good, count(len(all), "hook"))
	m := dir.Manager
	managed := m != nil && m.Active && m.Guards
	if managed {
		s.report.Summary = fmt.Sprintf("%s has %s run secrets:guard", m.Config, m.Name)
	}
	if err := s.console.Report(s.report); err != nil || managed || good == len(all) && dir.Built {
		return err
	}
	if good == len(all) {
		return &console.Findings{Summary: "secrets:hooks: the hooks cannot run"}
	}
	return &console.Findings{Summary: "secrets:hooks: nothing keeps plaintext out of a commit or a push here"}
}

// hookWarnings say what is in the way of hooks that work.
func (s *session) hookWarnings(dir *hooks.Dir) {
	warn := func(format string, args ...any) {
		s.report.Warnings = append(s.report.Warnings, fmt.Sprintf(format, args...))
	}
	m := dir.Manager
	switch {
	case m != nil && m.Active && !m.Guards:
		warn("%s writes the hooks of this repository, and %s does not have them run secrets:guard: docs/guard.md has the lines", m.Name, m.Config)
	case m != nil && !m.Active && !m.Guards:
		warn("%s is configured here: when it installs its own hooks, these are gone; docs/guard.md has the lines for %s", m.Name, m.Config)
	}
	if dir.Outside {
		warn("core.hooksPath is %s, outside this repository", dir.Path)
	}
	if !dir.Built {
		warn("%s is not there: until it is built (%s), the hooks refuse every commit and push", filepath.Clean(dir.Program), building(dir))
	}
}

// missingBinary refuses hooks that could do nothing but refuse.
func (s *session) missingBinary(dir *hooks.Dir) error {
	name := filepath.Clean(dir.Program)
	file := name
	if !filepath.IsAbs(name) {
		file = filepath.Join(s.repo.Tree.Root, name)
	}
	if info, err := os.Stat(file); err == nil && !info.IsDir() {
		return &console.Usage{Problem: "secrets:hooks: " + name + " cannot be executed: hooks that call it would refuse every commit and push", Advice: "`chmod +x " + name + "`, or name another one"}
	}
	return &console.Usage{Problem: "secrets:hooks: there is no program " + name + ": hooks that call it would refuse every commit and push", Advice: building(dir) + " builds it; then run this again"}
}

// building is the command that makes the program of the hooks.
func building(dir *hooks.Dir) string {
	name := filepath.Clean(dir.Program)
	switch {
	case filepath.IsAbs(name):
		return fmt.Sprintf("`go tool mage -compile %q`", name)
	case filepath.ToSlash(name) == hooks.DefaultProgram:
		return fmt.Sprintf("`task build`, or `go tool mage -compile \"$PWD/%s\"`", name)
	}
	return fmt.Sprintf("`go tool mage -compile \"$PWD/%s\"`", name)
}

// hookPath is the path as a person would type it.
func (s *session) hookPath(path string) string {
	if rel, err := filepath.Rel(s.repo.Tree.Root, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return path
}
