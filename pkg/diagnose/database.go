package diagnose

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/report"
)

// The phases of CloudNativePG 1.27 to 1.30 that somebody has to do something about.
var stuckPhases = []string{
	"Cluster is unrecoverable and needs manual intervention",
	"Invalid cluster definition",
	"Unable to create required cluster objects",
	"Cluster has incomplete or invalid image catalog",
	"Not enough disk space",
	"Cluster cannot proceed to reconciliation due to an unknown plugin being required",
	"Cluster cannot execute instance online upgrade due to missing architecture binary",
	"Waiting for user action",
}

// databases looks at the CloudNativePG Clusters of the namespace.
func (f *finder) databases() {
	if f.space.Unseen["Cluster"] == cluster.NotInstalled && f.wantsDatabase() {
		f.operatorMissing(finding{})
		return
	}
	for i := range f.space.Databases {
		if d := &f.space.Databases[i]; !d.Deleting {
			f.database(d)
		}
	}
}

// wantsDatabase says whether Argo CD knows of a Cluster that the application has.
func (f *finder) wantsDatabase() bool {
	return f.in.Argo != nil && slices.ContainsFunc(f.in.Argo.Resources, func(r Resource) bool {
		return r.Group == "postgresql.cnpg.io" && r.Kind == "Cluster"
	})
}

// operatorMissing reports that nobody has defined the kind Cluster.
func (f *finder) operatorMissing(n finding) {
	n.object = "CustomResourceDefinition clusters.postgresql.cnpg.io"
	n.message = "the cluster does not know the kind Cluster: the CloudNativePG operator is not installed"
	n.fix = fix("install the CloudNativePG operator (https://cloudnative-pg.io), and sync again", f.sync()...)
	n.gives = append(n.gives, "Operator", "Operation")
	f.add("operator-missing", n)
}

func (f *finder) database(d *cluster.Database) {
	n := finding{
		object: "Cluster " + f.in.Namespace + "/" + d.Name, since: d.Created,
		gives: []string{"Database/" + d.Name, "Secret/" + d.Name + "-app", workload("Cluster", d.Name)},
		from:  f.below(d),
	}
	o, _ := f.origin("Cluster", d.Name)
	n.path, n.line = o.Path, o.Line
	for _, e := range f.space.EventsOf("Cluster", d.Name, d.UID) {
		if e.Warning() {
			n.evidence = join(n.evidence, []string{e.Reason + ": " + e.Message})
		}
	}
	switch {
	case d.Hibernated:
		n.message = "it is hibernated, and no instance runs"
		n.fix = fix("wake it up", f.kubectl("annotate clusters.postgresql.cnpg.io "+d.Name+" cnpg.io/hibernation=off --overwrite"))
		f.add("database-hibernated", n)
		return
	case d.Healthy():
		return
	}
	f.databaseSecret(d, n)
	f.initdb(d, n)
	if d.Phase == "" {
		n.message = "the CloudNativePG operator has never looked at it: it has no status"
		n.fix = fix("is the operator running? `"+f.in.Kubectl+" get pods --all-namespaces -l app.kubernetes.io/name=cloudnative-pg` shows it",
			f.in.Kubectl+" -n cnpg-system rollout restart deployment/cnpg-controller-manager")
		f.add("operator-silent", n)
		return
	}
	f.phase(d, n)
}

// phase reports the phase of a database. What lies below it explains it mostly.
func (f *finder) phase(d *cluster.Database, n finding) {
	n.evidence = join([]string{"phase: " + strings.TrimSuffix(d.Phase+": "+d.PhaseReason, ": ")}, n.evidence)
	n.message = fmt.Sprintf("not healthy: %d of %d instances ready, %q", d.Ready, d.Instances, d.Phase)
	if d.Phase == cluster.HealthyPhase {
		n.message = fmt.Sprintf("%d of %d instances are ready", d.Ready, d.Instances)
	}
	if d.PhaseReason != "" {
		n.message += ": " + d.PhaseReason
	}
	look := f.kubectl("describe clusters.postgresql.cnpg.io " + d.Name)
	n.fix = fix("`" + look + "` and the log of its Pods say more")
	if slices.ContainsFunc(stuckPhases, func(p string) bool { return strings.HasPrefix(d.Phase, p) }) {
		if d.Phase == "Cluster has incomplete or invalid image catalog" || d.Phase == "Invalid cluster definition" {
			n.fix = fix("correct "+at(n.path, n.line), f.publishFile(n.path)...)
		}
		if p := regexp.MustCompile(`storageclass\S* "([^"]+)" not found`).FindStringSubmatch(d.PhaseReason); p != nil {
			f.databaseClass(d, p[1], &n)
		}
		f.add("database-stuck", n)
		return
	}
	for _, c := range d.Conditions {
		if c.Type == "Ready" && c.LastTransitionTime.After(n.since) {
			n.since = c.LastTransitionTime.Time
		}
	}
	f.add("database-not-ready", n)
}

// databaseClass names a storage class that there is, in place of one that there is not.
// The operator tries again by itself.
func (f *finder) databaseClass(d *cluster.Database, class string, n *finding) {
	names := f.classes()
	n.message += "; there is " + or(strings.Join(names, ", "), "no storage class at all")
	old, file, line := f.locate("Cluster", d.Name, "storageClass: "+class, class)
	if line == 0 {
		n.fix = fix("name a storage class that there is in "+at(n.path, n.line), f.publishFile(n.path)...)
		return
	}
	n.path, n.line = file, line
	becomes := near(class, names, nil)
	if becomes == "" && len(names) == 1 {
		becomes = names[0]
	}
	n.fix = f.change(report.Edit{Path: file, Line: line, Old: value(old), New: becomes}, "the storage class", owner{})
}

// below are the keys of what would explain that a database is not healthy.
func (f *finder) below(d *cluster.Database) []string {
	out := []string{"Secret/" + d.AppSecret(), "Operator", workload("Job", d.Name+"-1-initdb"), "Bad/" + d.Name}
	if d.Secret == "" {
		out = []string{"Operator", "Bad/" + d.Name}
	}
	if d.SuperuserSecret != "" {
		out = append(out, "Secret/"+d.SuperuserSecret)
	}
	for i := range f.space.Pods {
		if p := &f.space.Pods[i]; p.Labels["cnpg.io/cluster"] == d.Name {
			out = append(out, "Pod/"+p.Name)
		}
	}
	for i := range f.space.Jobs {
		if j := &f.space.Jobs[i]; j.Labels["cnpg.io/cluster"] == d.Name {
			out = append(out, workload("Job", j.Name), "Job/"+j.Name)
		}
	}
	for i := range f.space.Claims {
		if c := &f.space.Claims[i]; c.Labels["cnpg.io/cluster"] == d.Name {
			out = append(out, "PersistentVolumeClaim/"+c.Name)
		}
	}
	return out
}

// databaseSecret looks at the Secrets that a database is set up with.
func (f *finder) databaseSecret(d *cluster.Database, n finding) {
	n.from = nil
	by := owner{kind: "Cluster", name: d.Name, database: d.Name}
	for _, name := range []string{d.Secret, d.SuperuserSecret} {
		if name == "" {
			continue
		}
		m := n
		m.object, m.evidence, m.path, m.line = f.object("Secret", name), nil, "", 0
		m.gives = []string{"Secret/" + name, "Bad/" + d.Name}
		s := f.secret(name)
		if state, _ := f.lookup("Secret", name); state == absent {
			m.follows = []string{n.object + " waits for it"}
			f.noSecret(wanted{kind: "Secret", name: name, by: by}, "Cluster "+d.Name+" needs it", m)
			continue
		}
		if s != nil {
			f.badDatabaseSecret(d, s, name == d.Secret, m)
		}
	}
}

// badDatabaseSecret holds a Secret against what CloudNativePG takes: of type
// basic-auth (cloudnative-pg#268), the owner's name as username, no newline at the end
// of a value (cloudnative-pg#5060).
func (f *finder) badDatabaseSecret(d *cluster.Database, s *cluster.Secret, owns bool, n finding) {
	spec := f.spec(s.Name)
	if spec != nil {
		n.path, n.line = f.in.Contract.Path, spec.Line
	}
	newline := func(v []byte) bool { return bytes.HasSuffix(v, []byte("\n")) }
	other := func(v []byte) bool { return string(bytes.TrimSpace(v)) != d.Owner }
	switch {
	case s.Test("username", newline) || s.Test("password", newline):
		n.message = "a value ends with a newline, which PostgreSQL takes for a part of it"
		n.fix = fix(fmt.Sprintf("write the value without a newline (quotes, or |-) in the plaintext of %s, and seal it again", s.Name), f.reseal()...)
		f.add("database-secret-newline", n)
	case owns && s.Test("username", other):
		n.message = fmt.Sprintf("its username is not %s, the owner that Cluster %s gives to database %s", d.Owner, d.Name, d.DatabaseName)
		n.fix = fix(fmt.Sprintf("set username to %s in %s and in the plaintext, and seal it again", d.Owner, at(n.path, n.line)), f.reseal()...)
		f.add("database-owner", n)
	case s.Type != corev1.SecretTypeBasicAuth && owns:
		n.message = fmt.Sprintf("its type is %s, and CloudNativePG takes kubernetes.io/basic-auth", or(string(s.Type), "Opaque"))
		n.fix = fix(fmt.Sprintf("set type: kubernetes.io/basic-auth in %s; the type of a Secret cannot be changed, so delete it, too", at(n.path, n.line)),
			slices.Concat(f.reseal(), []string{f.kubectl("delete secret " + s.Name)})...)
		f.add("database-secret-type", n)
	}
}

// initdb looks at the Jobs that set a database up.
func (f *finder) initdb(d *cluster.Database, n finding) {
	for i := range f.space.Jobs {
		j := &f.space.Jobs[i]
		if j.Labels["cnpg.io/cluster"] != d.Name || jobCondition(j, batchv1.JobFailed) == nil {
			continue
		}
		m := n
		m.object, m.part = f.object("Job", j.Name), d.Name
		m.gives, m.from, m.path = []string{"Job/" + j.Name, "Bad/" + d.Name}, []string{"Secret/" + d.AppSecret()}, n.path
		m.message = "the Job that sets Cluster " + d.Name + " up has failed: " + jobCondition(j, batchv1.JobFailed).Message
		m.log = f.jobLog(j)
		m.fix = fix("its log says why; when that is put right, delete the Job, and the operator makes it again", f.kubectl("delete job "+j.Name))
		f.add("database-initdb", m)
	}
}

// ofDatabase handles a missing Secret that CloudNativePG makes. With a Secret of the
// owner's own it makes no -app Secret at all (cloudnative-pg#6650).
func (f *finder) ofDatabase(w wanted, needs string, n finding) bool {
	for i := range f.space.Databases {
		d := &f.space.Databases[i]
		suffix, ok := strings.CutPrefix(w.name, d.Name+"-")
		if !ok || f.sealed(w.name) != nil || f.spec(w.name) != nil {
			continue
		}
		switch suffix {
		case "app":
			if d.Secret != "" {
				f.notMadeWith(d, w, needs, n)
				return true
			}
		case "superuser":
			if !d.Superuser {
				n.message = fmt.Sprintf("missing: %s; CloudNativePG makes it only with enableSuperuserAccess: true", needs)
				o, _ := f.origin("Cluster", d.Name)
				n.path, n.line = o.Path, o.Line
				n.fix = fix("set spec.enableSuperuserAccess: true in "+at(o.Path, o.Line), f.publish("superuser access", o.Path)...)
				f.add("database-no-superuser", n)
				return true
			}
		case "ca", "server", "replication":
		default:
			continue
		}
		n.message = fmt.Sprintf("missing: %s; CloudNativePG makes it when Cluster %s comes up", needs, d.Name)
		n.symptom = n.object + " is missing: " + needs
		n.from = append(n.from, "Database/"+d.Name)
		n.fix = fix("wait for the database")
		n.hold = !f.lasted(d.Created, 10*time.Minute)
		f.add("secret-of-database", n)
		return true
	}
	return f.ofAbsentDatabase(w, needs, n)
}

func (f *finder) notMadeWith(d *cluster.Database, w wanted, needs string, n finding) {
	text, file, line := f.locate(w.by.kind, w.by.name, w.name)
	n.message = fmt.Sprintf("missing: %s; CloudNativePG does not make it, as Cluster %s has a Secret of its own, %s", needs, d.Name, d.Secret)
	n.path, n.line = file, line
	n.fix = f.change(report.Edit{Path: file, Line: line, Old: text, New: d.Secret}, "the Secret's name", w.by)
	f.add("database-no-app-secret", n)
}

// ofAbsentDatabase handles a Secret that CloudNativePG would make, had the Cluster
// come into the cluster.
func (f *finder) ofAbsentDatabase(w wanted, needs string, n finding) bool {
	name, ok := strings.CutSuffix(w.name, "-app")
	if !ok || !f.space.Sees("Cluster") {
		return false
	}
	if o, known := f.origin("Cluster", name); !known || !o.Found {
		return false
	}
	s := f.stage(wanted{kind: "Cluster", name: name, by: w.by})
	n.object, n.gives = "Cluster "+f.in.Namespace+"/"+name, append(n.gives, "Database/"+name)
	n.message = fmt.Sprintf("missing, and with it Secret %s: %s; %s", w.name, needs, s.why)
	s.into(&n)
	f.add("database-missing", n)
	return true
}

// reaches is the database that a Pod talks to, as far as its environment tells: one
// whose Secret it reads or whose Service it names.
func (f *finder) reaches(p *corev1.Pod) *cluster.Database {
	for i := range f.space.Databases {
		d := &f.space.Databases[i]
		for _, r := range references(&p.Spec) {
			if r.kind == "Secret" && (r.name == d.AppSecret() || r.name == d.Name+"-app") {
				return d
			}
		}
		for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
			if slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return strings.Contains(e.Value, d.Name+"-rw") }) {
				return d
			}
		}
	}
	return nil
}
