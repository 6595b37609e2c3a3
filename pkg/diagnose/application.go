package diagnose

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/report"
)

// application looks at what Argo CD says before anything runs: whether it knows the
// application, whether its manifests render, and how the last sync went.
func (f *finder) application() {
	a := f.in.Argo
	if a == nil || a.Unseen != "" {
		return
	}
	n := finding{object: "Application " + or(a.Space, "argocd") + "/" + or(a.Name, f.in.Application), path: a.Path}
	switch {
	case a.Missing:
		n.object = "Application " + or(a.Space, "argocd") + "/" + f.in.Application
		n.message = "Argo CD does not know the application, so nothing of it is deployed"
		file := or(a.Path, f.in.Folder+"/application.yaml")
		n.fix = fix("create it", slices.Concat([]string{"kubectl apply -f " + file}, f.sync())...)
		n.path, n.gives = file, []string{"Operation", "Namespace", "NeverSynced"}
		if a.Deploys != "" {
			n.message = fmt.Sprintf("it deploys %s, not %s, so nothing of the latter is deployed", a.Deploys, f.in.Folder)
			n.fix = fix("apply "+file+", which has the right path", n.fix.Commands...)
		}
		if a.Deploys != "" && a.Line != 0 {
			n.line = a.Line
			n.fix = edit(report.Edit{Path: file, Line: a.Line, Old: a.Deploys, New: f.in.Folder}, "the path, and commit it", n.fix.Commands...)
		}
		f.add("application-missing", n)
		return
	case !a.Deleting.IsZero():
		n.message, n.since = "it is being deleted, and with it what it has deployed", a.Deleting
		n.gives = []string{"Operation"}
		n.fix = fix("let the deletion end; if it hangs, its finalizers wait for a resource: `kubectl -n " + or(a.Space, "argocd") + " describe application " + or(a.Name, f.in.Application) + "`")
		f.add("application-deleting", n)
		return
	}
	for _, c := range a.Conditions {
		f.condition(c, n)
	}
	f.operation(n)
	f.revision(n)
}

// Quoted is a message of Argo CD without what its own parts say of each other, and without
// what a decoder quotes of the document that it could not read: it may be a Secret.
func Quoted(message string) string {
	message, _, cut := strings.Cut(message, "error found in #")
	message = strings.Join(strings.Fields(message), " ")
	for _, noise := range []string{
		"Failed to load target state: ", "failed to generate manifest for source 1 of 1: ", "rpc error: code = Unknown desc = ",
		"Manifest generation error (cached): ", "failed to execute helm template command: ", "failed to get git client for repo ",
	} {
		message = strings.ReplaceAll(message, noise, "")
	}
	message = regexp.MustCompile("failed to get command args to log: `[^`]*` failed exit status \\d+: (?:Error: )?").ReplaceAllString(message, "")
	message = strings.TrimSuffix(message, " Use --debug flag to render out invalid YAML")
	if cut {
		return strings.TrimRight(message, ", ") + " (the rest quotes the document)"
	}
	return message
}

// condition reports what Argo CD complains about.
func (f *finder) condition(c Condition, n finding) {
	m := Quoted(c.Message)
	n.since, n.part = c.Since, c.Type
	n.evidence = []string{c.Type + ": " + m}
	n.gives = []string{"Operation"}
	switch c.Type {
	case "ComparisonError", "UnknownError", "InvalidSpecError":
		f.comparison(c.Type, m, n)
	case "SyncError":
		n.from, n.gives = []string{"Operation"}, nil
		n.message = "Argo CD's own sync failed: " + m
		n.fix = fix("put right what the message names, and sync", f.sync()...)
		f.add("sync-failed", n)
	case "DeletionError":
		n.message = "it cannot be deleted: " + m
		n.fix = fix("put right what the message names")
		f.add("application-deleting", n)
	}
}

// comparison tells the reasons apart why the manifests of the repository are none.
func (f *finder) comparison(kind, m string, n finding) {
	switch {
	case holds(m, "missing in charts/ directory|helm dependency build"):
		n.message = "the chart's dependencies are not in its charts/ folder: " + m
		n.path = path.Join(f.in.Folder, "Chart.yaml")
		n.fix = fix("vendor them", slices.Concat([]string{"helm dependency build " + f.in.Folder}, f.publish("vendor the charts", f.in.Folder))...)
		f.add("chart-dependency", n)
	case f.noKind(m, n):
	case holds(m, "field not declared in schema"):
		n.message = "this Argo CD is too old for this Kubernetes: it does not know a field of a live object: " + m
		n.fix = fix("have the API server compare, which knows all fields (or update Argo CD)",
			"kubectl -n "+or(f.in.Argo.Space, "argocd")+" annotate application "+or(f.in.Argo.Name, f.in.Application)+" argocd.argoproj.io/compare-options=ServerSideDiff=true --overwrite")
		f.add("argocd-schema", n)
	case holds(m, "app path does not exist|no such file or directory"):
		n.message = "the path of the Application is not in the commit that Argo CD looks at: " + m
		n.fix = fix(fmt.Sprintf("push the folder, or correct spec.source.path in %s", or(n.path, "the Application")), f.in.Push)
		f.add("source-missing", n)
	case holds(m, "unable to resolve|couldn't find remote ref|unknown revision"):
		n.message = "the branch or tag that Argo CD should follow is not in the repository: " + m
		n.fix = fix("push it, or correct spec.source.targetRevision in " + or(n.path, "the Application"))
		f.add("source-missing", n)
	case holds(m, "repository not found|authentication required|connection refused|no such host|i/o timeout|permission denied|could not read Username|knownhosts|x509"):
		n.message = "Argo CD does not reach the repository: " + m
		n.fix = fix("correct spec.source.repoURL in " + or(n.path, "the Application") + ", or give Argo CD credentials for it")
		f.add("repository-unreachable", n)
	case kind == "InvalidSpecError":
		n.message = "the Application itself is not valid: " + m
		n.fix = fix("correct "+or(n.path, "the Application"), "kubectl apply -f "+or(n.path, f.in.Folder+"/application.yaml"))
		f.add("invalid-spec", n)
	default:
		f.unrenderable(m, n)
	}
}

// noKind reports a kind of object that the cluster does not have.
func (f *finder) noKind(m string, n finding) bool {
	var kind string
	for _, e := range []string{
		`no matches for kind "([^"]+)"`, `could not find (?:[\w.-]+/)?([A-Z]\w+) for requested resource`, `could not find the requested resource \(?.*?/(\w+)`,
		`resource mapping not found for name: "[^"]*" namespace: "[^"]*" from "[^"]*": no matches for kind "([^"]+)"`,
	} {
		if p := regexp.MustCompile(e).FindStringSubmatch(m); p != nil {
			kind = p[1]
			break
		}
	}
	switch {
	case kind == "":
		return false
	case kind == "Cluster" && holds(m, "postgresql.cnpg.io"):
		f.operatorMissing(n)
		return true
	case kind == "SealedSecret":
		n.object, n.message = "CustomResourceDefinition sealedsecrets.bitnami.com", "the cluster does not know SealedSecrets: their controller is not installed"
		n.fix = fix("install the Sealed Secrets controller", f.sync()...)
		n.gives = append(n.gives, "Controller", "Kind/SealedSecret")
		f.add("sealed-secrets-missing", n)
		return true
	}
	n.object, n.part = "kind "+kind, ""
	n.message = "the cluster does not know the kind " + kind + ": what brings it is not installed"
	n.fix = fix("install what brings the kind "+kind+" (its CustomResourceDefinition), and sync again", f.sync()...)
	f.add("kind-missing", n)
	return true
}

// where is the template that Helm says is wrong. A line is one of
// the template only where Helm says so; YAML errors count rendered lines.
func (f *finder) where(m string) (file string, line int) {
	for _, e := range []string{`\(([\w.-]+/templates/[^:()\s]+):(\d+)`, `template: ([\w.-]+/templates/[^:\s]+):(\d+)`, `YAML parse error on ([\w.-]+/templates/[^:\s]+)`, `([\w.-]+/templates/[\w./-]+\.(?:ya?ml|tpl))`} {
		p := regexp.MustCompile(e).FindStringSubmatch(m)
		if p == nil {
			continue
		}
		_, inside, _ := strings.Cut(p[1], "/") // the chart's name is in front
		if len(p) > 2 {
			line, _ = strconv.Atoi(p[2])
		}
		return path.Join(f.in.Folder, inside), line
	}
	return "", 0
}

func (f *finder) unrenderable(m string, n finding) {
	file, line := f.where(m)
	n.path, n.line = or(file, n.path), line
	n.message = "its manifests cannot be rendered or compared: " + m
	n.fix = fix("correct " + or(at(file, line), f.in.Folder))
	if file != "" {
		commands := f.publish("correct "+path.Base(file), file)
		n.fix = fix("correct "+at(file, line), commands...)
		if what := regexp.MustCompile(`at <(\$?\.Values\.[\w.]+)>: nil pointer`).FindStringSubmatch(m); what != nil && line != 0 {
			n.fix = edit(report.Edit{Path: file, Line: line, Old: what[1]}, "a value that there is, or set it in "+f.in.Folder+"/values.yaml", commands...)
		}
	}
	f.add("manifests-broken", n)
}

// operation reports how the last sync failed, object by object. A hook that failed is
// explained by its Job.
func (f *finder) operation(n finding) {
	op := f.in.Argo.Operation
	if op == nil {
		return
	}
	if op.Running() {
		f.waiting(op, n)
		return
	}
	if op.Phase != "Failed" && op.Phase != "Error" || f.in.Argo.Sync == "Synced" && f.in.Argo.Health == "Healthy" {
		return
	}
	n.since = or2(op.Finished, op.Started)
	said := false
	for _, r := range op.Results {
		m := n
		m.part = r.Kind + "/" + r.Name
		switch {
		case r.Hook != "" && (r.Status == "Failed" || r.Status == "Error"):
			said = true
			f.failedHook(r, m)
		case r.Hook == "" && r.Status == "SyncFailed":
			said = true
			f.refusedObject(r, m)
		}
	}
	if said {
		return
	}
	m := Quoted(op.Message)
	n.evidence = []string{op.Phase + ": " + m}
	n.from = []string{"Operation"}
	n.message = "the last sync failed: " + m
	if f.refusal(m, Result{}, n) {
		return
	}
	n.fix = fix("put right what the message names, and sync", f.sync()...)
	f.add("sync-failed", n)
}

func or2(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

func (f *finder) failedHook(r Result, n finding) {
	n.object = f.object(r.Kind, r.Name)
	n.message = fmt.Sprintf("the %s hook failed: %s", r.Hook, or(Quoted(r.Message), "Argo CD does not say why"))
	n.from = []string{workload(r.Kind, r.Name), r.Kind + "/" + r.Name, "Operation"}
	n.gives, n.quiet = []string{"Hook/" + r.Name}, true
	o, _ := f.origin(r.Kind, r.Name)
	n.path, n.line = o.Path, o.Line
	n.fix = fix("find out why from its log, put it right, and sync", f.sync()...)
	f.add("hook-failed", n)
}

// refusedObject reports an object that could not be applied.
func (f *finder) refusedObject(r Result, n finding) {
	m := Quoted(r.Message)
	n.object = strings.TrimSuffix(r.Kind+" "+or(r.Namespace, f.in.Namespace)+"/"+r.Name, "/")
	n.evidence = []string{"SyncFailed: " + m}
	n.gives = []string{"Operation", r.Kind + "/" + r.Name, workload(r.Kind, r.Name)}
	if r.Kind == "SealedSecret" {
		n.gives = append(n.gives, "Sealed/"+r.Name, "Secret/"+r.Name)
	}
	o, _ := f.origin(r.Kind, r.Name)
	n.path, n.line = o.Path, o.Line
	if f.refusal(m, r, n) {
		return
	}
	n.message = "the cluster does not take it: " + m
	n.fix = fix("correct what it names in "+at(n.path, n.line), f.publishFile(n.path)...)
	if e, why := f.invalid(m, r.Kind, r.Name); e.Line != 0 {
		n.path, n.line = e.Path, e.Line
		n.fix = f.change(e, why, owner{})
	}
	f.add("object-refused", n)
}

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
		n.fix = fix("take the change back, or delete the object and sync (a StatefulSet's or a Deployment's Pods go with it, its claims stay)",
			slices.Concat([]string{f.kubectl("delete " + strings.ToLower(or(r.Kind, "object")) + " " + r.Name)}, f.sync())...)
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

// waiting reports a sync that waits. What it waits for explains it mostly; by itself
// it is a cause only when it lasts.
func (f *finder) waiting(op *Operation, n finding) {
	m := Quoted(op.Message)
	n.since, n.evidence = op.Started, []string{op.Phase + ": " + m}
	if strings.Contains(m, "blocked by sync window") {
		n.message = "a sync window of the project holds the sync back"
		n.fix = fix("wait for the window, or change it in the AppProject")
		f.add("sync-window", n)
		return
	}
	for _, r := range op.Results {
		if r.Hook != "" && r.Status == "Running" {
			n.from = append(n.from, workload(r.Kind, r.Name), r.Kind+"/"+r.Name)
		}
	}
	if p := regexp.MustCompile(`waiting for (?:healthy state of|completion of hook) (?:[\w.-]+/)?(\w+)/([\w.-]+)`).FindStringSubmatch(m); p != nil {
		n.from = append(n.from, workload(p[1], p[2]), p[1]+"/"+p[2])
		switch p[1] {
		case "SealedSecret":
			n.from = append(n.from, "Sealed/"+p[2])
		case "Cluster":
			n.from = append(n.from, "Database/"+p[2])
		}
	}
	n.quiet = true // what it waits for is told, and the link says that it waits
	n.message = "the sync waits: " + or(m, "Argo CD does not say for what")
	n.fix = fix("end it and sync again", f.sync()...)
	n.late = true
	f.add("sync-waits", n)
}

// revision reports that what is in the cluster is not what is in the repository.
func (f *finder) revision(n finding) {
	a := f.in.Argo
	op := a.Operation
	n.from = []string{"Operation"}
	switch {
	case a.Behind != "" && a.Unpushed:
		n.quiet = true
		n.from = append(n.from, "Unpushed")
		n.message = "Argo CD looks at another commit than this work tree: " + a.Behind
		n.fix = fix("", slices.Concat([]string{f.in.Push}, f.sync())...)
		f.add("revision-behind", n)
	case a.Behind != "":
		n.quiet = true
		n.from = append(n.from, "Unsynced")
		n.message = "Argo CD looks at another commit than this work tree: " + a.Behind
		n.fix = fix("", f.sync()...)
		f.add("revision-behind", n)
	case a.Sync != "OutOfSync" || op.Running() || a.Stale():
	case op == nil:
		n.message = "Argo CD has never synced it"
		n.gives = []string{"Namespace", "NeverSynced"}
		n.hold = a.AutoSync
		n.fix = fix("", f.sync()...)
		f.add("never-synced", n)
	case op.Phase == "Succeeded" && op.Revision == a.Revision:
		f.outOfSync(n)
	case op.Phase == "Succeeded":
		n.message = "what is in Git is not in the cluster yet"
		n.from = append(n.from, "Unsynced")
		n.hold = a.AutoSync
		n.fix = fix("", f.sync()...)
		f.add("not-synced", n)
	}
}

// outOfSync reports what differs although this very commit was synced.
func (f *finder) outOfSync(n finding) {
	var prune, differ, gone []string
	for _, r := range f.in.Argo.Resources {
		switch {
		case r.NeedsPruning:
			prune = append(prune, r.Kind+" "+r.Name)
		case r.Sync == "OutOfSync" && !r.Hook && r.Health == "Missing" && f.there(r.Kind, r.Name):
			// Argo CD has not looked since it made it.
		case r.Sync == "OutOfSync" && !r.Hook && r.Health == "Missing":
			gone = append(gone, r.Kind+" "+r.Name)
			n.from = append(n.from, r.Kind+"/"+r.Name, workload(r.Kind, r.Name), "Sealed/"+r.Name)
		case r.Sync == "OutOfSync" && !r.Hook:
			differ = append(differ, r.Kind+" "+r.Name)
		}
	}
	n.since = f.in.Argo.Operation.Finished
	if len(prune) > 0 {
		n.part, n.evidence = "prune", prune
		n.message = fmt.Sprintf("%s no longer in Git and still in the cluster", list(prune))
		n.fix = fix("", f.sync("-prune")...)
		f.add("prune-needed", n)
	}
	if len(gone) > 0 {
		n.part, n.evidence = "gone", gone
		n.message = fmt.Sprintf("%s in Git and no longer in the cluster: deleted since the sync", list(gone))
		n.fix = fix("", f.sync()...)
		f.add("changed-since-sync", n)
	}
	if len(differ) > 0 {
		n.part, n.evidence = "differ", differ
		n.message = fmt.Sprintf("%s changed in the cluster since the sync, or something changes it again and again", list(differ))
		n.fix = fix("`"+f.mage("gitops:diff")+"` shows the difference; a sync takes it back, ignoreDifferences in the Application leaves it", f.sync()...)
		f.add("changed-since-sync", n)
	}
}

// there says whether the cluster is seen to have an object.
func (f *finder) there(kind, name string) bool {
	switch kind {
	case "SealedSecret":
		return f.sealed(name) != nil
	case "Cluster":
		return slices.ContainsFunc(f.space.Databases, func(d cluster.Database) bool { return d.Name == name })
	case "Deployment":
		return slices.ContainsFunc(f.space.Deployments, func(d appsv1.Deployment) bool { return d.Name == name })
	case "StatefulSet":
		return f.statefulSet(owner{kind: kind, name: name}) != nil
	}
	state, _ := f.lookup(kind, name)
	return state == present
}

func list(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more are", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ") + " are"
}
