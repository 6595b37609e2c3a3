package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/report"
)

// pattern is something that programs say when a known thing is wrong.
type pattern struct {
	rule string
	text *regexp.Regexp
}

// patterns in the order in which they are tried: what is most certain first. Sources:
// PostgreSQL's error codes, Prisma's error reference, the resolvers of glibc, musl, Go
// and Node.js.
func patterns() []pattern {
	return []pattern{
		{"database-password", regexp.MustCompile(`28P01|password authentication failed|\bP1000\b|Authentication failed against database`)},
		{"database-unknown", regexp.MustCompile(`3D000|database "([^"]+)" does not exist|\bP1003\b`)},
		{"host-unresolved", regexp.MustCompile(`could not translate host name "([^"]+)"|failed to resolve host '([^']+)'|getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)|lookup ([\w.-]+)(?: on [\d.:]+)?: no such host|Name or service not known|Temporary failure in name resolution|nodename nor servname`)},
		{"database-not-migrated", regexp.MustCompile(`relation "([^"]+)" does not exist|42P01|UndefinedTable|\bP2021\b|no such table: (\w+)`)},
		{"database-unreachable", regexp.MustCompile(`Can't reach database server(?: at [\x60'"]?([\w.-]+))?|\bP1001\b(?:[^\n]*at [\x60'"]?([\w.-]+))?|connection to server at|could not connect to server|the database system is (?:starting up|shutting down)|ECONNREFUSED.*:5432|:5432.*connection refused`)},
		{"setting-missing", regexp.MustCompile(`KeyError: ["']([A-Z][A-Z0-9_]{3,})["']|\b(?i:missing|required|undefined|unset|must set|please set|environment variable)\b(?:[^\n]{0,40}[^A-Z_\n])?\b([A-Z][A-Z0-9]*_[A-Z0-9_]{2,})\b|\b([A-Z][A-Z0-9]*_[A-Z0-9_]{2,})\b[^\n]{0,40}(?i:is not set|not set|must be set|is required|is missing|not found|undefined|not provided|cannot be empty|must be specified|must not be empty)`)},
		{"disk-full", regexp.MustCompile(`(?i:no space left on device|ENOSPC|disk full)`)},
		{"file-missing", regexp.MustCompile(`(?:No such file or directory|no such file or directory|ENOENT|FileNotFoundError)[^/\n]{0,60}["']?(/[\w./-]+)|(/[\w./-]+)["']?: [Nn]o such file or directory`)},
		{"permission-denied", regexp.MustCompile(`(?i:permission denied|EACCES|read-only file system|EROFS)`)},
		{"port-in-use", regexp.MustCompile(`(?i:address already in use|EADDRINUSE)`)},
	}
}

// patterns reports a crash of which the log tells the cause.
func (f *finder) patterns(p *corev1.Pod, o owner, c container, said []string, n finding) bool {
	for _, pat := range patterns() {
		for i := len(said) - 1; i >= 0; i-- {
			m := pat.text.FindStringSubmatch(said[i])
			if m == nil || pat.rule == "permission-denied" && holds(said[i], "permission denied for ") {
				continue // the latter is PostgreSQL's
			}
			n := n
			if i < len(said)-shown { // else it is seen
				n.evidence = slices.Concat(said[i:i+1], n.evidence)
			}
			what := ""
			for _, group := range m[1:] {
				what = or(what, group)
			}
			if f.known(pat.rule, what, p, o, c, n) {
				return true
			}
			break
		}
	}
	return false
}

func (f *finder) known(rule, what string, p *corev1.Pod, o owner, c container, n finding) bool {
	d := f.reaches(p)
	switch rule {
	case "database-password":
		f.wrongPassword(p, o, c, n)
		return true
	case "host-unresolved":
		f.unresolved(what, o, c, n)
		return true
	case "database-unreachable":
		if host, _, _ := strings.Cut(what, "."); what != "" && near(host, f.services(), nil) != "" && !slices.Contains(f.services(), host) {
			f.unresolved(what, o, c, n)
			return true
		}
		n.message = c.what + " does not reach its database"
		n.fix = fix("is the database up, and are host and port right in " + f.place(o) + "?")
		if d != nil {
			n.from = append(n.from, "Database/"+d.Name)
			n.message += ", Cluster " + d.Name
			n.hold = !d.Healthy()
		}
	case "database-unknown":
		n.message = fmt.Sprintf("%s: its database server has no database %s", c.what, or(what, "of that name"))
		n.fix = fix("correct the database's name in " + f.place(o))
		if d != nil && what != "" && what != d.DatabaseName {
			old, file, line := f.locate(o.kind, o.name, "/"+what, what)
			n.path, n.line = or(file, n.path), line
			n.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: strings.Replace(old, what, d.DatabaseName, 1)}, "the database of Cluster "+d.Name, o)
		}
	case "database-not-migrated":
		if o.job != "" && slices.Contains(f.hooks(), "Job/"+o.job) {
			return false // it is the migration
		}
		n.message = fmt.Sprintf("%s: its tables are not in the database (%s): the migration has not run", c.what, or(what, "none"))
		n.from = append(n.from, f.hooks()...)
		n.fix = fix("have the migration run: sync again", f.sync()...)
	case "setting-missing":
		return f.noSetting(what, o, c, n)
	case "disk-full":
		n.message = c.what + ": a volume is full"
		n.fix = fix("make the volume larger in " + f.place(o) + ", or free space on it")
	case "file-missing":
		n.message = fmt.Sprintf("%s: there is no file %s", c.what, what)
		n.fix = fix("mount what holds the file, or correct its path, in " + f.place(o))
		_, file, line := f.locate(o.kind, o.name, what)
		n.path, n.line = or(file, n.path), line
	case "permission-denied":
		n.message = c.what + " may not read or write a file that it needs"
		n.fix = fix("set fsGroup (for volumes) or runAsUser in the securityContext of " + f.place(o))
	case "port-in-use":
		n.message = c.what + ": its port is taken by another container of the Pod"
		n.fix = fix("give one of them another port in " + f.place(o))
	}
	f.add(rule, n)
	return true
}

// wrongPassword reports a database that does not take the application's password.
// Environment is read when a container starts, so a Secret that changed later is a
// restart away.
func (f *finder) wrongPassword(p *corev1.Pod, o owner, c container, n finding) {
	d := f.reaches(p)
	if d == nil {
		f.otherPassword(p, o, c, n)
		return
	}
	n.from = append(n.from, "Bad/"+d.Name)
	name := d.AppSecret()
	n.message = fmt.Sprintf("%s: Cluster %s refuses the user or password of Secret %s", c.what, d.Name, name)
	s := f.secret(name)
	switch {
	case s == nil:
	case s.Test("username", func(v []byte) bool { return string(v) != d.Owner }) && d.Secret != "":
		f.badDatabaseSecret(d, s, true, finding{object: f.object("Secret", name), gives: []string{"Bad/" + d.Name}, since: n.since})
	case s.Labels["cnpg.io/reload"] != "true" && d.Secret != "":
		n.message += "; without the label cnpg.io/reload the operator does not take a changed password over"
		if spec := f.spec(name); spec != nil {
			n.path, n.line = f.in.Contract.Path, spec.Line
		}
		n.fix = fix(fmt.Sprintf("label the Secret (and give it labels: {cnpg.io/reload: \"true\"} in %s, so that it stays)", or(at(n.path, n.line), "secrets.yaml")),
			slices.Concat([]string{f.kubectl("label secret " + name + " cnpg.io/reload=true --overwrite")}, f.restart(p, o))...)
		f.add("database-password", n)
		return
	}
	n.fix = fix("a password that changed after the Pod started needs a new Pod; if that does not help, the role in the database has another password than the Secret", f.restart(p, o)...)
	f.add("database-password", n)
}

// otherPassword is wrongPassword for a database of which nothing is known.
func (f *finder) otherPassword(p *corev1.Pod, o owner, c container, n finding) {
	n.message = c.what + ": the database refuses its user or password"
	env := passwordOf(c.spec)
	if env == nil {
		n.fix = fix("what it logs in with in " + f.place(o) + " has to be what the role in the database has")
		f.add("database-password", n)
		return
	}
	ref := env.ValueFrom.SecretKeyRef
	n.message += fmt.Sprintf("; env %s is key %s of Secret %s", env.Name, ref.Key, ref.Name)
	_, file, line := f.locate(o.kind, o.name, ref.Key)
	n.path, n.line = or(file, n.path), line
	right := fmt.Sprintf("key %s of Secret %s has to be the password that the role has in the database", ref.Key, ref.Name)
	s := f.file(ref.Name)
	switch {
	case s != nil && s.Plain != "":
		n.path, n.line = s.Plain, 0
		n.fix = fix(right+": correct it in "+s.Plain+" (or give the role that password), and restart what reads it", slices.Concat([]string{f.mage("gitops:ship")}, f.restart(p, o))...)
	case s != nil || f.spec(ref.Name) != nil:
		n.fix = fix(right + "; its plaintext is on another machine: correct it there, `" + f.mage("gitops:ship") + "`, and then `" + strings.Join(f.restart(p, o), "`, `") + "`")
	default:
		n.fix = fix(right+"; correct it where the Secret comes from, and restart what reads it", f.restart(p, o)...)
	}
	f.add("database-password", n)
}

// passwordOf is the variable of a container that has the password of its database, as
// far as a Secret gives it; the name tells.
func passwordOf(c *corev1.Container) *corev1.EnvVar {
	for _, sign := range []string{"PASSWORD", "PASS", "PWD", "DATABASE_URL", "DSN", "URL", "URI"} {
		for i := range c.Env {
			e := &c.Env[i]
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil && strings.Contains(strings.ToUpper(e.Name), sign) {
				return e
			}
		}
	}
	return nil
}

// unresolved reports a host name that DNS does not know.
func (f *finder) unresolved(host string, o owner, c container, n finding) {
	n.message = fmt.Sprintf("%s: there is no host %s", c.what, or(host, "of the name that it looks for"))
	n.fix = fix("correct the host in " + f.place(o) + ", or look at the cluster's DNS")
	if host == "" {
		f.add("host-unresolved", n)
		return
	}
	for i := range f.space.Databases {
		d := &f.space.Databases[i]
		if strings.HasPrefix(host, d.Name+"-r") {
			n.from = append(n.from, "Database/"+d.Name)
			n.hold = !d.Healthy()
		}
	}
	services := f.services()
	short, rest, qualified := strings.Cut(host, ".")
	old, file, line := f.locate(o.kind, o.name, host, short)
	n.path, n.line = or(file, n.path), line
	space, _, _ := strings.Cut(rest, ".")
	switch s := near(short, services, nil); {
	case s != "" && !slices.Contains(services, short):
		n.message += fmt.Sprintf("; there is a Service %s, %s away", s, letters(short, s))
		n.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: strings.Replace(old, short, s, 1)}, "the host", o)
	case qualified && slices.Contains(services, short) && space != f.in.Namespace:
		n.message += fmt.Sprintf("; the Service %s is in namespace %s", short, f.in.Namespace)
		n.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: strings.Replace(old, "."+space, "."+f.in.Namespace, 1)}, "the host", o)
	case line != 0:
		n.fix = f.change(report.Edit{Path: file, Line: line, Old: old}, "the host, or look at the cluster's DNS if it is right", o)
	}
	f.add("host-unresolved", n)
}

func (f *finder) services() (names []string) {
	for i := range f.space.Services {
		names = append(names, f.space.Services[i].Name)
	}
	return names
}

// noSetting reports a variable that a program asks for and that its container lacks.
func (f *finder) noSetting(name string, o owner, c container, n finding) bool {
	if name == "" || slices.ContainsFunc(c.spec.Env, func(e corev1.EnvVar) bool { return e.Name == name && e.ValueFrom == nil && e.Value != "" }) {
		return false
	}
	n.part = c.name + "/" + name
	n.message = fmt.Sprintf("%s asks for %s, which is not set or is empty", c.what, name)
	n.fix = fix(fmt.Sprintf("give it %s in %s; a secret one comes from a Secret of %s/secrets.yaml", name, f.place(o), f.in.Folder))
	if f.in.Contract != nil {
		for i := range f.in.Contract.Secrets {
			if s := &f.in.Contract.Secrets[i]; s.Key(name) != nil {
				n.fix = fix(fmt.Sprintf("add an env %s to %s that reads key %s of Secret %s", name, f.place(o), name, s.Name))
			}
		}
	}
	f.add("setting-missing", n)
	return true
}

// hooks are the keys of the application's hook Jobs that have not succeeded.
func (f *finder) hooks() (out []string) {
	for i := range f.space.Jobs {
		j := &f.space.Jobs[i]
		if jobCondition(j, batchv1.JobComplete) == nil && hookOf(j) != "" {
			out = append(out, workload("Job", j.Name), "Job/"+j.Name)
		}
	}
	return out
}

// hookOf is the phase of a sync in which Argo CD runs a Job, empty for what is no hook.
func hookOf(j *batchv1.Job) string {
	if h := j.Annotations["argocd.argoproj.io/hook"]; h != "" {
		return h
	}
	return j.Annotations["helm.sh/hook"]
}
