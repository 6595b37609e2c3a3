package diagnose

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/report"
)

// refusals are what the API server says of a field that it does not take: the first
// group is the field or its name, the second the value (apimachinery, field.Error).
var refusals = regexp.MustCompile(`([\w.\[\]-]+): (?:Invalid|Unsupported|Duplicate) value: "?([^":{}\s]+)"?(?:: supported values: (.+))?|unknown field "(?:[\w.\[\]-]+\.)?(\w+)"`)

// invalid is the change of the field that the API server does not take.
func (f *finder) invalid(message, kind, name string) (e report.Edit, why string) {
	m := refusals.FindStringSubmatch(message)
	if m == nil {
		return e, ""
	}
	if m[4] != "" {
		_, e.Path, e.Line = f.locate(kind, name, m[4])
		e.Old = m[4]
		return e, "there is no such field"
	}
	field := m[1][strings.LastIndex(m[1], ".")+1:]
	_, e.Path, e.Line = f.locateField(kind, name, field, m[2])
	e.Old = m[2]
	var supported []string
	for _, s := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(m[3], -1) {
		supported = append(supported, s[1])
	}
	e.New = near(e.Old, supported, nil)
	return e, "the value of " + field
}

// publishFile is publish where the file is known, else a sync.
func (f *finder) publishFile(file string) []string {
	if file == "" {
		return f.sync()
	}
	return f.publish("correct "+path.Base(file), file)
}

// refusal tells the reasons apart that need something else than a correction.
func (f *finder) refusal(m string, r Result, n finding) bool {
	space := regexp.MustCompile(`namespaces? "([^"]+)" not found`).FindStringSubmatch(m)
	switch {
	case space != nil:
		f.noNamespace(space[1], r, n)
	case f.noKind(m, n):
	case holds(m, "field is immutable|updates to statefulset spec for fields other than|cannot change"):
		n.message = "a field that Kubernetes does not let change has changed: " + m
		n.fix = f.anew(r)
		f.add("immutable-field", n)
	case strings.Contains(m, "admission webhook") && strings.Contains(m, "denied"):
		n.message = "an admission webhook refuses it: " + after(m, "admission webhook ")
		n.fix = fix("correct what it names in "+at(n.path, n.line), f.publishFile(n.path)...)
		f.add("webhook-denied", n)
	case strings.Contains(m, "failed calling webhook"):
		n.message = "an admission webhook does not answer: " + after(m, "failed calling webhook ")
		n.fix = fix("is the webhook's server running?", f.sync()...)
		f.add("webhook-down", n)
	default:
		return false
	}
	return true
}

// anew is what changes an object that cannot be changed: it is made anew, unless its
// data would go with it.
func (f *finder) anew(r Result) report.Fix {
	if r.Kind == "" || r.Name == "" {
		return fix("take the change back; the object that the message names would have to be deleted and made anew")
	}
	if holdsData(r.Group, r.Kind) {
		return fix("take the change back: if " + r.Kind + " " + r.Name + " is deleted and made anew, the data that it holds is lost")
	}
	kind, text, flags := strings.ToLower(r.Kind), "take the change back, or have the object made anew", ""
	switch r.Kind {
	case "StatefulSet":
		text, flags = text+" (its Pods and claims stay)", " --cascade=orphan"
	case "Deployment", "DaemonSet":
		text += " (its Pods go with it)"
	}
	if r.Group != "" {
		kind += "." + r.Group
	}
	remove := f.in.Kubectl + " -n " + or(r.Namespace, f.in.Namespace) + " delete " + kind + " " + r.Name + flags
	return fix(text, slices.Concat([]string{remove}, f.sync())...)
}

// holdsData says whether data may go with an object: of the kinds that Kubernetes does
// not have itself only their makers know.
func holdsData(group, kind string) bool {
	switch kind {
	case "PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition", "Cluster":
		return true
	case "SealedSecret":
		return false
	}
	return strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io")
}

// noNamespace reports a namespace that objects should go to and that there is not: the
// application's own, or one that is misspelt in a file.
func (f *finder) noNamespace(name string, r Result, n finding) {
	if name == f.in.Namespace {
		f.spaceMissing(n)
		return
	}
	if r.Kind == "SealedSecret" {
		if file := f.file(r.Name); file != nil {
			n.path, n.line = file.Path, file.Line
		}
		f.sealedFor(r.Name, name+"/"+r.Name, n)
		return
	}
	old, file, line := f.locate(r.Kind, r.Name, "namespace: "+name, name)
	n.path, n.line = or(file, n.path), line
	n.message = fmt.Sprintf("it is for namespace %s, which there is not", name)
	n.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: strings.Replace(old, name, f.in.Namespace, 1)}, "its namespace", owner{})
	f.add("namespace-wrong", n)
}
