package diagnose

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sealway/sealway/pkg/report"
)

// stage is how far an object has got on its way from the repository into the
// cluster, as the last part of a rule's name, and what brings it further.
type stage struct {
	rule string // not-rendered, misspelt, misplaced, disabled, elsewhere, not-committed, not-pushed, hook, wave, not-synced, gone
	why  string
	path string
	line int
	fix  report.Fix
}

// into tells a finding what the stage knows, and how it hangs together with what
// Argo CD says of the application as a whole: that it was never synced explains all
// that was not, and one object that was not explains that the whole is behind.
func (s *stage) into(n *finding) {
	n.path, n.line, n.fix = s.path, s.line, s.fix
	switch s.rule {
	case "not-committed", "not-pushed":
		n.gives = append(n.gives, "Unpushed")
	case "gone":
		n.from = append(n.from, "Namespace")
	case "not-synced":
		n.gives, n.from = append(n.gives, "Unsynced"), append(n.from, "NeverSynced", "Operation")
	}
}

// wanted is an object that something needs and that is not there.
type wanted struct {
	kind, name string
	by         owner    // who needs it
	used       []string // names of the same kind that it needs as well
}

// stage finds out why an object that is needed is not there. It may be nil: nothing
// is known of the repository.
func (f *finder) stage(w wanted) *stage {
	o, known := f.origin(w.kind, w.name)
	if !known {
		return nil
	}
	if !o.Found {
		return f.unrendered(w, o)
	}
	s := &stage{path: o.Path, line: o.Line}
	switch {
	case !o.Committed:
		s.rule, s.why = "not-committed", at(o.Path, o.Line)+" has it and is not committed"
		commands := f.publish("add "+w.kind+" "+w.name, o.Path)
		if o.Ignored != "" {
			s.why += ", as " + o.Ignored + " has Git ignore it"
			commands[0] = strings.Replace(commands[0], "git add", "git add -f", 1)
		}
		s.fix = fix("commit and push it", commands...)
	case !o.Pushed:
		s.rule, s.why = "not-pushed", at(o.Path, o.Line)+" has it; the commit is not pushed to where Argo CD looks"
		s.fix = fix("push it", slices.Concat([]string{f.in.Push}, f.sync())...)
	default:
		if late := f.late(w, o); late != nil {
			return late
		}
		f.published(s, o)
	}
	return s
}

// published is the stage of an object that Argo CD can see.
func (f *finder) published(s *stage, o Origin) {
	if !o.Deployed {
		s.rule, s.why = "not-synced", at(o.Path, o.Line)+" has it; Argo CD has not synced that commit"
		s.fix = fix("", f.sync()...)
		return
	}
	s.rule, s.why = "gone", "Argo CD synced it from "+at(o.Path, o.Line)+", and since then it was deleted or pruned"
	s.fix = fix("sync again, which brings it back", f.sync()...)
}

// unrendered is the stage of an object that the chart does not give.
func (f *finder) unrendered(w wanted, o Origin) *stage {
	candidates := slices.Concat(o.Near, f.names(w.kind))
	switch {
	case o.Disabled != nil:
		return f.disabled(w, o.Disabled)
	case o.Misplaced != "":
		return f.misplaced(w, o.Misplaced)
	case o.Elsewhere != "":
		return f.elsewhere(w, o)
	}
	if n := near(w.name, candidates, w.used); n != "" {
		return f.misspelt(w, n)
	}
	_, file, line := f.locate(w.by.kind, w.by.name, w.name)
	target := f.template(w.name)
	s := &stage{rule: "not-rendered", path: file, line: line, why: "no template of " + f.in.Folder + "/templates/ gives it"}
	text := fmt.Sprintf("write %s with a %s of that name, or correct the name in %s", target, w.kind, at(file, line))
	if len(o.Near) > 0 {
		text += fmt.Sprintf(" (the chart has %s)", strings.Join(o.Near, ", "))
	}
	s.fix = fix(text, f.publish("add "+w.kind+" "+w.name, target)...)
	return s
}

func (f *finder) disabled(w wanted, d *Switch) *stage {
	s := &stage{rule: "disabled", path: d.Path, line: d.Line}
	file := or(d.Path, "the Application")
	s.why = fmt.Sprintf("%s: %s is %s, which turns it off", at(file, d.Line), d.Key, or(d.Current, "not set"))
	also := ""
	if d.Also != nil {
		also = fmt.Sprintf(", and %s: %s in %s", d.Also.Key, d.Also.Wanted, at(or(d.Also.Path, "the Application"), d.Also.Line))
	}
	switch {
	case d.Path == "":
		application := f.in.Folder + "/application.yaml"
		s.path = application
		s.fix = fix(fmt.Sprintf("set the Helm value %s: %s in %s%s", d.Key, d.Wanted, application, also), slices.Concat([]string{f.in.Kubectl + " apply -f " + application}, f.sync())...)
		return s
	case d.Current == "" || d.Line == 0:
		s.fix = fix(fmt.Sprintf("set %s: %s in %s%s", d.Key, d.Wanted, d.Path, also), f.publish("turn "+w.kind+" "+w.name+" on", d.Path)...)
		return s
	}
	last := d.Key[strings.LastIndex(d.Key, ".")+1:]
	e := report.Edit{Path: d.Path, Line: d.Line, Old: d.Current, New: d.Wanted}
	if strings.Contains(last, d.Current) {
		e.Old, e.New = last+": "+d.Current, last+": "+d.Wanted
	}
	s.fix = edit(e, d.Key+also, f.publish("turn "+w.kind+" "+w.name+" on", d.Path)...)
	return s
}

func (f *finder) misplaced(w wanted, where string) *stage {
	file, line := where, 0
	if i := strings.LastIndex(where, ":"); i > 0 {
		if n, err := strconv.Atoi(where[i+1:]); err == nil {
			file, line = where[:i], n
		}
	}
	templates := path.Join(f.in.Folder, "templates")
	target := path.Join(templates, strings.TrimLeft(path.Base(file), "_"))
	s := &stage{rule: "misplaced", path: file, line: line, why: at(file, line) + " has it, and Helm renders what is in templates/ alone"}
	if strings.HasPrefix(file, templates+"/") {
		target = path.Join(path.Dir(file), path.Base(target))
		s.why = at(file, line) + " has it, and Helm does not render a file whose name begins with an underscore"
	}
	if target == file {
		ignore := f.in.Folder + "/.helmignore"
		s.why = at(file, line) + " has it, and " + ignore + " has Helm ignore the file"
		s.fix = fix("take the pattern that fits the file out of "+ignore, f.publish("have Helm see "+path.Base(file), ignore)...)
		return s
	}
	// No paths for the commit: Git knows the old one only if it was committed before.
	s.fix = fix("move the file", slices.Concat(
		[]string{"git add " + file, "git mv " + file + " " + target},
		[]string{fmt.Sprintf("git commit -m '%s: %s %s belongs in templates'", f.in.Application, w.kind, w.name), f.in.Push}, f.sync())...)
	return s
}

func (f *finder) elsewhere(w wanted, o Origin) *stage {
	text, file, line := f.locate(w.kind, w.name, "namespace: "+o.Elsewhere, o.Elsewhere)
	if file == "" {
		file, line = o.Path, 0
	}
	s := &stage{rule: "elsewhere", path: file, line: line, why: "the chart renders it for namespace " + o.Elsewhere}
	s.fix = f.change(report.Edit{Path: file, Line: line, Old: text, New: strings.Replace(text, o.Elsewhere, f.in.Namespace, 1)}, "its namespace", owner{})
	return s
}

func (f *finder) misspelt(w wanted, n string) *stage {
	_, file, line := f.locate(w.by.kind, w.by.name, w.name)
	s := &stage{rule: "misspelt", path: file, line: line, why: fmt.Sprintf("there is %s, %s away", n, letters(w.name, n))}
	s.fix = f.change(report.Edit{Path: file, Line: line, Old: w.name, New: n}, "the name", w.by)
	return s
}

// phases are the phases of a sync in their order.
var phases = map[string]int{"PreSync": 0, "": 1, "Sync": 1, "PostSync": 2}

// late finds that what needs the object comes before it in the order of a sync, so
// that each waits for the other. What needs it counts only when it holds up what
// comes after it, which everything but a Pod without readiness does.
func (f *finder) late(w wanted, o Origin) *stage {
	if w.by.kind == "" {
		return nil
	}
	by, known := f.origin(w.by.kind, w.by.name)
	if !known || !by.Found || o.Hook == "SyncFail" || by.Hook == "SyncFail" {
		return nil
	}
	switch early, late := phases[by.Hook], phases[o.Hook]; {
	case early < late:
		return f.hookDeadlock(w, by, o)
	case early == late && by.Wave < o.Wave:
		return f.waveDeadlock(w, by, o)
	}
	return nil
}

func (f *finder) hookDeadlock(w wanted, by, o Origin) *stage {
	s := &stage{rule: "hook"}
	kind, name, is, becomes := w.by.kind, w.by.name, by.Hook, "Sync"
	if o.Hook == "PostSync" {
		// What is needed is a hook itself: then that has to go.
		kind, name, is = w.kind, w.name, o.Hook
	}
	s.why = fmt.Sprintf("%s is a %s hook and comes before the phase that brings it (%s): each waits for the other", w.by, or(by.Hook, "Sync"), or(o.Hook, "Sync"))
	if by.Hook == "" {
		s.why = fmt.Sprintf("it is a %s hook, which waits until %s is healthy: each waits for the other", o.Hook, w.by)
	}
	old, file, line := f.locate(kind, name, append([]string{is}, helmHooks()...)...)
	if strings.Contains(old, "helm.sh/") {
		becomes = "argocd.argoproj.io/hook: Sync"
	}
	if file == "" {
		file = by.Path
	}
	s.path, s.line = file, line
	s.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: becomes}, "the hook's phase", owner{})
	return s
}

func (f *finder) waveDeadlock(w wanted, by, o Origin) *stage {
	s := &stage{rule: "wave", why: fmt.Sprintf("it is in sync wave %d and %s in wave %d waits for it: each waits for the other", o.Wave, w.by, by.Wave)}
	wave, wanted := strconv.Itoa(o.Wave), strconv.Itoa(by.Wave-1)
	old, file, line := f.locate(w.kind, w.name, `sync-wave: "`+wave+`"`, `sync-wave: '`+wave+`'`, "sync-wave: "+wave)
	if file == "" {
		file = o.Path
	}
	if line == 0 {
		old = "argocd.argoproj.io/sync-wave: \"" + wave + `"`
	}
	s.path, s.line = file, line
	s.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: strings.Replace(old, wave, wanted, 1)}, "the sync wave", owner{})
	return s
}

func or0(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// helmHooks are the ways in which templates write Helm's hooks, which Argo CD maps to
// its own.
func helmHooks() (out []string) {
	for _, key := range []string{"helm.sh/hook", `"helm.sh/hook"`} {
		for _, v := range []string{
			"pre-install,pre-upgrade", "pre-upgrade,pre-install", "pre-install, pre-upgrade", "pre-install", "pre-upgrade",
			"post-install,post-upgrade", "post-upgrade,post-install", "post-install", "post-upgrade",
		} {
			out = append(out, key+": "+v, key+`: "`+v+`"`)
		}
	}
	return out
}
