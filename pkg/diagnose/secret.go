package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

func (f *finder) secret(name string) *cluster.Secret {
	for i := range f.space.Secrets {
		if s := &f.space.Secrets[i]; s.Name == name {
			return s
		}
	}
	return nil
}

func (f *finder) sealed(name string) *cluster.SealedSecret {
	for i := range f.space.SealedSecrets {
		if s := &f.space.SealedSecrets[i]; s.Name == name {
			return s
		}
	}
	return nil
}

// file is the sealed file of a Secret of the application's namespace, or one of the
// same name for another namespace.
func (f *finder) file(name string) *SealedFile {
	var other *SealedFile
	for i := range f.in.Sealed {
		s := &f.in.Sealed[i]
		switch {
		case s.Name != name:
		case s.Namespace == f.in.Namespace || s.Namespace == "":
			return s
		default:
			other = s
		}
	}
	return other
}

func (f *finder) spec(name string) *repo.SecretSpec {
	if f.in.Contract == nil {
		return nil
	}
	s := f.in.Contract.Secret(name)
	if s == nil || s.NamespaceOr(f.in.Namespace) != f.in.Namespace {
		return nil
	}
	return s
}

// secrets looks at the SealedSecrets of the cluster.
func (f *finder) secrets() {
	if f.space.Unseen["SealedSecret"] == cluster.NotInstalled && (len(f.in.Sealed) > 0 || f.in.Contract != nil) {
		f.add("sealed-secrets-missing", finding{
			object:  "CustomResourceDefinition sealedsecrets.bitnami.com",
			message: "the cluster does not know SealedSecrets: their controller is not installed",
			fix:     fix("install the Sealed Secrets controller; `" + f.in.Command + " verify:cluster` says what else is missing"),
			gives:   []string{"Controller", "Kind/SealedSecret"},
		})
	}
	for i := range f.space.SealedSecrets {
		f.sealedSecret(&f.space.SealedSecrets[i])
	}
}

// contract looks at what secrets.yaml asks for, whether a Pod needs it or not.
func (f *finder) contract() {
	if f.in.Contract == nil {
		return
	}
	for i := range f.in.Contract.Secrets {
		f.contracted(&f.in.Contract.Secrets[i])
	}
}

// contracted looks whether a Secret of secrets.yaml is there with all its keys.
func (f *finder) contracted(s *repo.SecretSpec) {
	if s.NamespaceOr(f.in.Namespace) != f.in.Namespace {
		return
	}
	n := finding{object: f.object("Secret", s.Name), gives: []string{"Secret/" + s.Name}}
	n.symptom = n.object + " is missing"
	state, keys := f.lookup("Secret", s.Name)
	if state == absent && f.blamed("Secret/"+s.Name) {
		return
	}
	if state == absent {
		f.noSecret(wanted{kind: "Secret", name: s.Name}, at(f.in.Contract.Path, s.Line)+" asks for it", n)
		return
	}
	if state != present {
		return
	}
	for j := range s.Keys {
		if k := &s.Keys[j]; !slices.Contains(keys, k.Name) {
			r := reference{kind: "Secret", name: s.Name, key: k.Name}
			m := n
			m.part, m.path, m.line = k.Name, f.in.Contract.Path, k.Line
			m.message = fmt.Sprintf("has no key %s: %s asks for it; it has %s", k.Name, at(f.in.Contract.Path, k.Line), or(strings.Join(keys, ", "), "none"))
			m.gives = append(slices.Clone(n.gives), "Key/"+s.Name+"/"+k.Name)
			f.noSecretKey(r, owner{}, keys, m)
		}
	}
}

// blamed says whether it is known already what breaks an object.
func (f *finder) blamed(key string) bool {
	return slices.ContainsFunc(f.found, func(n *finding) bool { return slices.Contains(n.gives, key) })
}

// sealedSecret looks at one SealedSecret of the cluster.
func (f *finder) sealedSecret(s *cluster.SealedSecret) {
	n := finding{object: "SealedSecret " + f.in.Namespace + "/" + s.Name, gives: []string{"Sealed/" + s.Name, "Secret/" + s.Name}, since: s.Created}
	if file := f.file(s.Name); file != nil {
		n.path, n.line = file.Path, file.Line
	}
	for _, e := range f.space.EventsOf("SealedSecret", s.Name, s.UID) {
		if e.Warning() {
			n.evidence = join(n.evidence, []string{e.Reason + ": " + e.Message})
		}
	}
	switch {
	case s.Deleting || s.Unsealed() || f.nobodys(s):
		return
	case s.Observed != 0 && s.Observed != s.Generation, s.Synced == "":
		f.unobserved(s, n)
	case s.Synced == "False":
		f.refused(s, n)
	}
}

// nobodys says whether a SealedSecret is none of the application's, nor needed by it:
// somebody has put it into the namespace, and what is wrong with it breaks nothing.
func (f *finder) nobodys(s *cluster.SealedSecret) bool {
	if f.file(s.Name) != nil || f.spec(s.Name) != nil || f.ours("SealedSecret", s.Name) {
		return false
	}
	if o, known := f.origin("SealedSecret", s.Name); !known || o.Found {
		return false
	}
	for i := range f.space.Pods {
		for _, r := range references(&f.space.Pods[i].Spec) {
			if r.kind == "Secret" && r.name == s.Name {
				return false
			}
		}
	}
	return true
}

// unobserved is a SealedSecret that the controller has not looked at, or not at its
// newest generation.
func (f *finder) unobserved(s *cluster.SealedSecret, n finding) {
	what := "the controller has never looked at it"
	if s.Observed != 0 || s.Synced != "" {
		what = "the controller has not looked at its newest version: the Secret is the one of before"
	}
	if f.controllerDown() {
		n.message, n.from, n.symptom = what, []string{"Controller"}, n.object+": "+what
		n.fix = fix("bring the controller up", f.controllerFix())
		f.add("sealed-unobserved", n)
		return
	}
	if s.Updated.After(n.since) {
		n.since = s.Updated
	}
	n.message = what
	n.fix = fix("does a Sealed Secrets controller run that looks at namespace "+f.in.Namespace+"? Restarted, it looks at everything again", f.restartController())
	f.add("sealed-unobserved", n)
}

// controllerDown says whether the controller is known not to run, and reports it.
func (f *finder) controllerDown() bool {
	c := f.in.Controller
	if !c.Known || c.Running {
		return false
	}
	f.add("controller-down", finding{
		object:  fmt.Sprintf("Deployment %s/%s", or(c.Namespace, "kube-system"), or(c.Name, "sealed-secrets-controller")),
		message: "the Sealed Secrets controller does not run, so nothing is unsealed: " + or(c.Why, "no Pod of it is ready"),
		fix:     fix("bring the controller up", f.controllerFix()),
		gives:   []string{"Controller"},
	})
	return true
}

func (f *finder) controllerFix() string {
	c := f.in.Controller
	if rest, ok := strings.CutPrefix(c.Fix, "kubectl "); ok { // as ControllerIn has it
		return f.in.Kubectl + " " + rest
	}
	if c.Fix != "" {
		return c.Fix
	}
	return f.restartController()
}

func (f *finder) restartController() string {
	c := f.in.Controller
	return f.in.Kubectl + " -n " + or(c.Namespace, "kube-system") + " rollout restart deployment/" + or(c.Name, "sealed-secrets-controller")
}

// refused is a SealedSecret that the controller cannot make a Secret of. Of the
// reasons why it cannot decrypt, what is recorded in the file tells them apart.
func (f *finder) refused(s *cluster.SealedSecret, n finding) {
	n.evidence = join([]string{"Synced=False: " + s.Message}, n.evidence)
	switch m := s.Message; {
	case strings.Contains(m, "already exists and is not managed by SealedSecret"):
		n.message = "the Secret " + f.in.Namespace + "/" + s.Name + " exists and was not made by the controller, which does not touch it"
		n.fix = fix("hand it over to the controller, which then makes it anew from the SealedSecret (what was typed in by hand is replaced)",
			f.kubectl("annotate secret "+s.Name+" sealedsecrets.bitnami.com/managed=true --overwrite"), f.kubectl("delete secret "+s.Name))
		f.add("secret-unmanaged", n)
	case strings.Contains(m, "immutable"):
		n.message = "the Secret " + f.in.Namespace + "/" + s.Name + " cannot be changed: it is immutable, or its type differs"
		n.fix = fix("delete it, and the controller makes it anew", f.kubectl("delete secret "+s.Name))
		f.add("secret-immutable", n)
	case strings.Contains(m, "no key could decrypt"), strings.Contains(m, "decrypt"), strings.Contains(m, "illegal base64"):
		f.undecryptable(s, n)
	default:
		n.message = "the controller cannot make a Secret of it: " + Quoted(s.Message)
		n.fix = fix("seal it again where its plaintext is", f.reseal()...)
		f.add("sealed-refused", n)
	}
}

// reseal seals the application's Secrets again and takes them the whole way.
func (f *finder) reseal() []string { return []string{f.mage("seal:app"), f.mage("gitops:ship")} }

func (f *finder) undecryptable(s *cluster.SealedSecret, n finding) {
	file, c := f.file(s.Name), f.in.Controller
	recorded := s.Annotations["sealway.github.io/certificate"]
	if file != nil && file.Fingerprint != "" && recorded == "" {
		recorded = file.Fingerprint
	}
	where := at(n.path, n.line)
	switch {
	case s.SealedFor != "" && s.SealedFor != f.in.Namespace+"/"+s.Name && (file == nil || file.Scope != repo.ScopeCluster):
		f.sealedFor(s.Name, s.SealedFor, n)
	case file != nil && file.Edited:
		n.message = where + ": encryptedData was changed after it was sealed, so the controller cannot decrypt it"
		n.fix = fix("seal it again where its plaintext is, or take the file from Git as it was", f.reseal()...)
		f.add("sealed-edited", n)
	case recorded != "" && c.Fingerprint != "" && recorded != c.Fingerprint:
		n.message = fmt.Sprintf("sealed for another cluster: it records certificate %s, the controller has %s", short(recorded), short(c.Fingerprint))
		commands := f.reseal()
		text := "seal it again where its plaintext is"
		if f.in.Pin != c.Fingerprint {
			commands = slices.Concat([]string{f.in.Command + " seal:cert -accept"}, commands)
			text = "if the controller's certificate is the right one, pin it and seal again where the plaintext is"
		}
		n.fix = fix(text, commands...)
		f.add("sealed-for-other-certificate", n)
	case recorded != "" && recorded == c.Fingerprint:
		n.message = fmt.Sprintf("sealed with this controller's certificate, and not for %s/%s: the ciphertext was copied from another namespace or name, and opens nowhere else", f.in.Namespace, s.Name)
		n.fix = fix("seal it again where its plaintext is", f.reseal()...)
		f.add("sealed-for-other-namespace", n)
	default:
		n.message = "the controller has no key that decrypts it: it was sealed for another cluster, namespace or name, or the controller has lost its key"
		n.fix = fix("compare the certificates with `"+f.in.Command+" seal:cert`, and seal it again where its plaintext is", f.reseal()...)
		f.add("sealed-undecryptable", n)
	}
}

// short is a fingerprint as people compare it.
func short(fingerprint string) string {
	if len(fingerprint) > 19 {
		return fingerprint[:19] + "..."
	}
	return fingerprint
}

// sealedFor reports ciphertext that is bound to another namespace or name.
func (f *finder) sealedFor(name, target string, n finding) {
	namespace, other, _ := strings.Cut(target, "/")
	n.object, n.part = "SealedSecret "+f.in.Namespace+"/"+name, ""
	if file := f.file(name); file != nil && file.Namespace != "" {
		n.object = "SealedSecret " + file.Namespace + "/" + name
	}
	what := "name " + other
	if namespace != f.in.Namespace {
		what = "namespace " + namespace
	}
	n.message = fmt.Sprintf("sealed for %s, and needed as %s/%s: the ciphertext opens nowhere else", what, f.in.Namespace, name)
	file := f.file(name)
	commands := []string{f.mage("seal:app", "-prune"), f.mage("gitops:ship", "-prune")}
	if data := f.pruned(); data != nil {
		// What is sealed wrongly is not the only thing that would go.
		n.fix = fix(fmt.Sprintf("seal it again as %s/%s; no -prune before %s is back in Git or backed up, for its data would go with it", f.in.Namespace, name, strings.Join(data, ", ")))
		f.add("sealed-for-other-namespace", n)
		return
	}
	switch {
	case file != nil && file.Plain != "" && file.PlainLine != 0 && file.PlainSpace == namespace && namespace != f.in.Namespace:
		e := report.Edit{Path: file.Plain, Line: file.PlainLine, Old: namespace, New: f.in.Namespace}
		n.fix = edit(e, "the plaintext's namespace", commands...)
	case file != nil && file.Plain != "" && file.PlainSpace == f.in.Namespace:
		n.fix = fix("its plaintext "+file.Plain+" is for this namespace: seal it again", commands...)
	default:
		n.fix = fix(fmt.Sprintf("give the plaintext the name %s and the namespace %s and seal it again", name, f.in.Namespace), commands...)
	}
	f.add("sealed-for-other-namespace", n)
}

// noSecret follows a Secret that is not there along the sealing chain to the link
// that is missing.
func (f *finder) noSecret(w wanted, needs string, n finding) {
	if f.ofDatabase(w, needs, n) {
		return
	}
	if s := f.sealed(w.name); s != nil {
		f.notMade(s, needs, n)
		return
	}
	if slices.Contains(f.in.External, w.name) {
		n.message = "missing: " + needs + "; it is declared to come from elsewhere, and has not"
		n.fix = fix("create it where it comes from")
		f.add("secret-external", n)
		return
	}
	n.from = append(n.from, "Kind/SealedSecret")
	file := f.file(w.name)
	switch {
	case file != nil && file.State == report.NotSealed, file == nil && f.spec(w.name) != nil:
		f.notSealed(w, needs, n, file)
	case file != nil:
		f.notDelivered(w, needs, n, file)
	default:
		f.unknownSecret(w, needs, n)
	}
}

// notMade is a Secret whose SealedSecret is in the cluster: what is wrong with that
// one explains it.
func (f *finder) notMade(s *cluster.SealedSecret, needs string, n finding) {
	n.message = "missing: " + needs
	n.symptom = n.object + " is missing: " + needs
	if !s.Unsealed() {
		n.from = append(n.from, "Sealed/"+s.Name)
		n.message += "; the controller has not unsealed it yet"
		n.fix = fix("wait for the controller, or look at `" + f.kubectl("describe sealedsecret "+s.Name) + "`")
		n.hold = true
		f.add("secret-not-unsealed", n)
		return
	}
	if s.Updated.After(n.since) {
		n.since = s.Updated
	}
	n.message += "; it was unsealed once and then deleted, and the controller has not made it again"
	n.fix = fix("restarted, the controller makes it again", f.restartController())
	f.add("secret-deleted", n)
}

// notSealed is a Secret that secrets.yaml asks for and that no sealed file holds.
func (f *finder) notSealed(w wanted, needs string, n finding, file *SealedFile) {
	if file != nil {
		n.path, n.line = file.Path, file.Line
	}
	spec := f.spec(w.name)
	if spec != nil && n.path == "" {
		n.path, n.line = f.in.Contract.Path, spec.Line
	}
	if file != nil && file.Plain != "" {
		n.message = fmt.Sprintf("missing: %s; its plaintext is in %s and was never sealed", needs, file.Plain)
		if file.Path != file.Plain {
			n.path, n.line = file.Plain, 0
		}
		n.fix = fix("seal it and bring it into the cluster", f.reseal()...)
		f.add("secret-not-sealed", n)
		return
	}
	n.message = "missing: " + needs + "; there is no sealed file, and no plaintext on this machine"
	text := "generate it, seal it and bring it into the cluster"
	if ask := external(spec); ask != "" {
		text = "generate it, fill in " + ask + ", seal it and bring it into the cluster"
	}
	n.fix = fix(text, slices.Concat([]string{f.in.Command + " secrets:generate -app=" + f.in.Application}, f.reseal())...)
	f.add("secret-no-plaintext", n)
}

// external names the keys that only a person can fill in.
func external(s *repo.SecretSpec) string {
	if s == nil {
		return ""
	}
	var out []string
	for i := range s.Keys {
		if k := &s.Keys[i]; k.Kind == repo.KindExternal {
			out = append(out, k.Name)
		}
	}
	return strings.Join(out, ", ")
}

// notDelivered is a Secret with a sealed file whose SealedSecret is not in the cluster.
func (f *finder) notDelivered(w wanted, needs string, n finding, file *SealedFile) {
	n.path, n.line = file.Path, file.Line
	target := file.Namespace + "/" + file.Name
	if file.Namespace != "" && file.Namespace != f.in.Namespace {
		f.sealedFor(w.name, target, n)
		return
	}
	s := f.stage(wanted{kind: "SealedSecret", name: w.name, by: w.by})
	if s == nil {
		n.message = "missing: " + needs + "; " + at(file.Path, file.Line) + " is sealed, and the cluster has no such SealedSecret"
		n.fix = fix("publish and sync it", f.mage("gitops:ship"))
		f.add("secret-not-synced", n)
		return
	}
	n.message = "missing: " + needs + "; " + s.why
	s.into(&n)
	n.path, n.line = file.Path, file.Line
	switch s.rule {
	case "not-committed", "not-pushed":
		n.fix = fix("publish and sync it", f.ship()...)
	case "hook", "wave":
		n.path, n.line = s.path, s.line
	case "gone":
		n.hold = !f.lasted(n.since, settle)
	case "not-synced":
		n.hold = f.syncing()
	default: // the file is in the tree, and yet the chart does not render it
		n.path, n.line = or(s.path, n.path), s.line
		f.add("secret-not-rendered", n)
		return
	}
	f.add("secret-"+s.rule, n)
}

// ship takes sealed files the whole way; an operation that waits for what it will
// never get has to be ended first.
func (f *finder) ship() []string {
	if f.in.Argo != nil && f.in.Argo.Operation.Running() {
		return []string{f.mage("gitops:terminate"), f.mage("gitops:ship")}
	}
	return []string{f.mage("gitops:ship")}
}

// unknownSecret is a Secret that neither secrets.yaml nor a sealed file knows.
func (f *finder) unknownSecret(w wanted, needs string, n finding) {
	o, known := f.origin("Secret", w.name)
	if !known && f.in.Contract == nil && len(f.in.Sealed) == 0 {
		n.message = "missing: " + needs
		n.fix = fix("seal it, or create it where it comes from")
		f.add("secret-missing", n)
		return
	}
	if n2 := near(w.name, f.knownSecrets(o), w.used); n2 != "" && !o.Found {
		s := f.misspelt(w, n2)
		n.message, n.part = "missing: "+needs+"; "+s.why, w.by.key()
		s.into(&n)
		f.add("secret-misspelt", n)
		return
	}
	if o.Found || o.Disabled != nil || o.Elsewhere != "" || o.Misplaced != "" {
		s := f.stage(w)
		n.message = "missing: " + needs + "; " + s.why
		s.into(&n)
		f.add("secret-of-chart", n)
		return
	}
	_, n.path, n.line = f.locate(w.by.kind, w.by.name, w.name)
	contract := f.in.Folder + "/secrets.yaml"
	if f.in.Contract != nil {
		contract = f.in.Contract.Path
	}
	n.message = "missing: " + needs + "; " + contract + " does not know it, and no sealed file has it"
	n.fix = fix(fmt.Sprintf("add it to %s, or correct the name in %s", contract, at(n.path, n.line)),
		slices.Concat([]string{f.in.Command + " secrets:generate -app=" + f.in.Application}, f.reseal())...)
	f.add("secret-unknown", n)
}

func (f *finder) knownSecrets(o Origin) []string {
	out := slices.Concat(o.Near, f.names("Secret"))
	for i := range f.in.Sealed {
		out = append(out, f.in.Sealed[i].Name)
	}
	if f.in.Contract != nil {
		for i := range f.in.Contract.Secrets {
			out = append(out, f.in.Contract.Secrets[i].Name)
		}
	}
	for i := range f.space.Databases {
		out = append(out, f.space.Databases[i].AppSecret())
	}
	return out
}

// noSecretKey finds out why a Secret has no such key.
func (f *finder) noSecretKey(r reference, o owner, keys []string, n finding) {
	sealed, spec := f.sealed(r.name), f.spec(r.name)
	file := f.file(r.name)
	switch {
	case sealed != nil && !sealed.Unsealed():
		n.from = append(n.from, "Sealed/"+r.name)
		n.symptom = n.object + " " + n.message
		n.fix = fix("have the SealedSecret unsealed first")
	case spec != nil && spec.Key(r.key) != nil:
		text := "secrets.yaml has the key: generate it, seal it and bring it into the cluster"
		commands := slices.Concat([]string{f.in.Command + " secrets:generate -app=" + f.in.Application}, f.reseal())
		if file != nil && slices.Contains(file.Keys, r.key) {
			text, commands = at(file.Path, file.Line)+" has the key by now: bring it into the cluster", f.ship()
		}
		n.fix = fix(text, commands...)
	default:
		n.fix = f.unknownKey(r, o, keys, n)
	}
	f.add("secret-key", n)
}

func (f *finder) unknownKey(r reference, o owner, keys []string, n finding) report.Fix {
	if k := near(r.key, keys, nil); k != "" {
		return f.change(report.Edit{Path: n.path, Line: n.line, Old: r.key, New: k}, "the key", o)
	}
	if spec := f.spec(r.name); spec != nil {
		return fix(fmt.Sprintf("add the key to %s, or correct it in %s", at(f.in.Contract.Path, spec.Line), at(n.path, n.line)),
			slices.Concat([]string{f.in.Command + " secrets:generate -app=" + f.in.Application}, f.reseal())...)
	}
	return fix(fmt.Sprintf("use one of the keys that it has in %s, or add the key to the Secret", at(n.path, n.line)))
}
