package diagnose

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sealway/sealway/pkg/report"
)

// fix says what to do in one sentence that names every command.
func fix(text string, commands ...string) report.Fix {
	return report.Fix{Text: sentence(text, commands), Commands: commands}
}

// edit is a fix that begins with the change of one line. Without the line it says
// the same and leaves the change to a person.
func edit(e report.Edit, why string, commands ...string) report.Fix {
	text := fmt.Sprintf("in %s change %s to %s", at(e.Path, e.Line), quote(e.Old), quote(e.New))
	if e.New == "" {
		text = fmt.Sprintf("in %s correct %s", at(e.Path, e.Line), quote(e.Old))
	}
	if why != "" {
		text += " (" + why + ")"
	}
	out := report.Fix{Text: sentence(text, commands), Commands: commands}
	if e.Path != "" && e.Line != 0 {
		out.Edit = &e
	}
	return out
}

// quote puts a text into quotation marks that it does not have.
func quote(s string) string {
	if strings.Contains(s, `"`) {
		return "'" + s + "'"
	}
	return `"` + s + `"`
}

func sentence(text string, commands []string) string {
	if len(commands) == 0 {
		return text
	}
	quoted := make([]string, len(commands))
	for i, c := range commands {
		quoted[i] = "`" + c + "`"
	}
	if text == "" {
		return strings.Join(quoted, ", then ")
	}
	return text + "; then " + strings.Join(quoted, ", ")
}

// at is path:line as far as it is known.
func at(file string, line int) string {
	switch {
	case file == "":
		return "the chart"
	case line == 0:
		return file
	}
	return file + ":" + strconv.Itoa(line)
}

// mage is the call of a target for the application. Those that speak to Argo CD alone
// know it by its name there, the others by its folder's.
func (f *finder) mage(target string, flags ...string) string {
	name := f.in.Application
	switch target {
	case "gitops:sync", "gitops:terminate", "gitops:diff":
		if f.in.Argo != nil {
			name = or(f.in.Argo.Name, name)
		}
	}
	return strings.Join(slices.Concat([]string{f.in.Command, target, name}, flags), " ")
}

// sync is what brings the published state into the cluster. An operation that waits
// for what it will never get has to be ended first.
func (f *finder) sync(flags ...string) []string {
	var out []string
	if f.in.Argo != nil && f.in.Argo.Operation.Running() {
		out = append(out, f.mage("gitops:terminate"))
	}
	return append(out, f.mage("gitops:sync", flags...))
}

// publish is what brings changed files into the cluster.
func (f *finder) publish(why string, files ...string) []string {
	files = slices.DeleteFunc(slices.Compact(files), func(s string) bool { return s == "" })
	if len(files) == 0 {
		files = []string{f.in.Folder}
	}
	list := strings.Join(files, " ")
	return slices.Concat([]string{
		"git add " + list,
		fmt.Sprintf("git commit -m '%s: %s' -- %s", f.in.Application, strings.ReplaceAll(why, "'", ""), list),
		f.in.Push,
	}, f.sync())
}

// change is the fix of one line of the repository: it is edited and goes the whole
// way into the cluster. Where the line is not known, what a person has to change is
// said and nothing is run.
func (f *finder) change(e report.Edit, why string, o owner) report.Fix {
	if e.Line == 0 || e.Path == "" {
		e.Line = 0
		return edit(e, why)
	}
	return edit(e, why, f.replace(o, f.publish(subject(e, why), e.Path))...)
}

// subject says in a commit what was changed.
func subject(e report.Edit, why string) string {
	clause, _, _ := strings.Cut(why, ",")
	switch {
	case e.New != "" || clause == "":
		return "correct " + e.Old
	case strings.HasPrefix(clause, "the "):
		return "correct " + clause
	}
	return clause
}

// value is the value of a text that may be a line of YAML: where only a person knows
// the new one, that is all there is to replace.
func value(text string) string {
	if _, v, ok := strings.Cut(text, ": "); ok {
		text = v
	}
	return strings.Trim(text, `"'`)
}

// replace adds to commands that bring a new template of a StatefulSet's Pods what
// has the broken Pod replaced. The StatefulSet controller waits for it to become
// ready before it looks at the new template (kubernetes#67250); so it goes, and the
// StatefulSet without its Pods, which the sync that follows makes anew.
func (f *finder) replace(o owner, commands []string) []string {
	if o.kind != "StatefulSet" || o.pod == "" {
		return commands
	}
	last := len(commands) - 1
	for last > 0 && !strings.Contains(commands[last], "gitops:sync") {
		last--
	}
	return slices.Insert(slices.Clone(commands), last,
		f.kubectl("delete statefulset "+o.name+" --cascade=orphan"), f.kubectl("delete pod "+o.pod))
}

func (f *finder) kubectl(what string) string {
	return f.in.Kubectl + " -n " + f.in.Namespace + " " + what
}

// locate finds the line that gives one of the texts to an object; the first text
// that stands literally somewhere wins.
func (f *finder) locate(kind, name string, texts ...string) (text, file string, line int) {
	if f.in.Origins == nil || kind == "" {
		return first(texts), "", 0
	}
	for _, t := range texts {
		if t == "" {
			continue
		}
		p, l := f.in.Origins.Locate(kind, name, t)
		if l != 0 {
			return t, p, l
		}
		if file == "" {
			file = p
		}
	}
	return first(texts), file, 0
}

// locateField is locate for the text of one field, where several have the same:
// limits.memory and requests.memory.
func (f *finder) locateField(kind, name, field string, texts ...string) (text, file string, line int) {
	fields, ok := f.in.Origins.(interface {
		LocateField(kind, name, field, text string) (path string, line int)
	})
	if ok {
		for _, t := range texts {
			if p, l := fields.LocateField(kind, name, field, t); l != 0 {
				return t, p, l
			}
		}
	}
	return f.locate(kind, name, texts...)
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

// origin asks where an object comes from; known is false when nothing is known of
// the repository.
func (f *finder) origin(kind, name string) (o Origin, known bool) {
	if f.in.Origins == nil {
		return Origin{}, false
	}
	return f.in.Origins.Find(kind, name), true
}

// template is where an object of the application belongs in the repository.
func (f *finder) template(name string) string {
	return path.Join(f.in.Folder, "templates", name+".yaml")
}
