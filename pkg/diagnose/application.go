package diagnose

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

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
	n := finding{object: "Application " + or(a.Space, "argocd") + "/" + path.Base(or(a.Name, f.in.Application)), path: a.Path}
	switch {
	case a.Missing:
		n.object = "Application " + or(a.Space, "argocd") + "/" + f.in.Application
		n.message = "Argo CD does not know the application, so nothing of it is deployed"
		file := or(a.Path, f.in.Folder+"/application.yaml")
		n.fix = fix("create it", slices.Concat([]string{f.in.Kubectl + " apply -f " + file}, f.sync())...)
		if a.Path == "" {
			n.fix = fix("write " + file + " for Argo CD and apply it")
		}
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
		n.fix = fix("let the deletion end; if it hangs, its finalizers wait for a resource: `" + f.in.Kubectl + " -n " + or(a.Space, "argocd") + " describe application " + path.Base(or(a.Name, f.in.Application)) + "`")
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
			f.in.Kubectl+" -n "+or(f.in.Argo.Space, "argocd")+" annotate application "+path.Base(or(f.in.Argo.Name, f.in.Application))+" argocd.argoproj.io/compare-options=ServerSideDiff=true --overwrite")
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
		n.fix = fix("correct it where it is defined")
		if n.path != "" {
			n.fix = fix("correct "+n.path, f.in.Kubectl+" apply -f "+n.path)
		}
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
		if data := f.pruned(); data != nil {
			n.fix = fix(fmt.Sprintf("a sync with -prune deletes %s with its data: back it up first, or put it back into Git; `%s` shows all that would go", strings.Join(data, ", "), f.mage("gitops:diff")))
		}
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

// pruned are the objects that a sync with -prune would delete together with their data.
func (f *finder) pruned() (out []string) {
	if f.in.Argo == nil {
		return nil
	}
	for _, r := range f.in.Argo.Resources {
		if r.NeedsPruning && holdsData(r.Group, r.Kind) {
			out = append(out, r.Kind+" "+r.Name)
		}
	}
	return out
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
