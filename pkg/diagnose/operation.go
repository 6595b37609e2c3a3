package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

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
