package diagnose

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/report"
)

// imageReasons are the waiting reasons that are about a container's image.
var imageReasons = []string{
	"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed",
}

// imageSigns are what runtimes and registries write, and what it means; the first
// that fits counts.
var imageSigns = []struct{ rule, signs string }{
	{"image-rate-limit", "toomanyrequests|429 Too Many|rate limit"},
	{"image-platform", "no match for platform|no matching manifest|exec format error"},
	{"image-certificate", "x509|server gave HTTP response to HTTPS|certificate"},
	{"image-unauthorized", "unauthorized|denied|authentication required|no basic auth|insufficient_scope|403 Forbidden|401"},
	{"image-not-found", "not found|manifest unknown|does not exist|NotFound"},
	{"image-unreachable", "no such host|i/o timeout|connection refused|network is unreachable|deadline exceeded|connection reset|Temporary failure|EOF"},
	{"image-disk", "no space left"},
}

// image reports a container whose image does not come.
func (f *finder) image(p *corev1.Pod, o owner, c container) {
	w := c.status.State.Waiting
	ref := c.spec.Image
	said := f.pullMessages(p, c)
	all := strings.Join(append(slices.Clone(said), w.Message), "\n")
	n := finding{
		object: f.objectOf(o), part: c.name, evidence: said, since: p.CreationTimestamp.Time,
		follows: []string{"Pod " + f.in.Namespace + "/" + p.Name + " waits for it"},
		gives:   []string{"Pod/" + p.Name, o.key()}, from: o.broken(),
	}
	if len(said) == 0 && w.Message != "" {
		n.evidence = []string{w.Reason + ": " + w.Message}
	}
	switch w.Reason {
	case "InvalidImageName":
		f.invalidImage(o, c, n)
		return
	case "ErrImageNeverPull":
		n.message = fmt.Sprintf("%s: image %s is not on the node, and imagePullPolicy Never forbids to pull it", c.what, ref)
		old, file, line := f.locate(o.kind, o.name, "imagePullPolicy: Never", "Never")
		n.path, n.line = file, line
		n.fix = f.change(report.Edit{Path: file, Line: line, Old: old, New: strings.Replace(old, "Never", "IfNotPresent", 1)}, "the pull policy", o)
		f.add("image-never-pulled", n)
		return
	}
	if f.pullSecrets(p, o, n) {
		return
	}
	rule := "image-pull"
	for _, s := range imageSigns {
		if holds(all, s.signs) {
			rule = s.rule
			break
		}
	}
	f.pull(rule, o, c, n)
}

// holds says whether one of the fragments, separated by |, is in the text.
func holds(text, fragments string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(strings.Split(fragments, "|"), func(s string) bool { return strings.Contains(text, strings.ToLower(s)) })
}

// pull reports an image that cannot be pulled.
func (f *finder) pull(rule string, o owner, c container, n finding) {
	ref := c.spec.Image
	repository, tag := split(ref)
	parts := []string{ref, tag, repository}
	if rule == "image-unreachable" || rule == "image-certificate" { // it is the registry, not the tag
		host, _, _ := strings.Cut(ref, "/")
		parts = []string{ref, repository, host}
	}
	old, file, line := f.locate(o.kind, o.name, parts...)
	n.path, n.line = file, line
	e := report.Edit{Path: file, Line: line, Old: old}
	before := f.imageBefore(o, c.name)
	switch rule {
	case "image-not-found":
		n.message = fmt.Sprintf("%s: there is no image %s in its registry", c.what, ref)
		n.fix = f.correctImage(e, ref, before, o)
	case "image-unauthorized":
		n.message = fmt.Sprintf("%s: the registry does not give image %s to this cluster: it is private, or its name is wrong", c.what, ref)
		n.fix = fix(fmt.Sprintf("correct the name in %s, or give the Pod an imagePullSecret for the registry", at(file, line)))
		if before != "" {
			n.fix = f.correctImage(e, ref, before, o)
		}
	case "image-platform":
		n.message = fmt.Sprintf("%s: image %s is not built for this node's processor", c.what, ref)
		n.fix = fix("take an image for the node's architecture in " + at(file, line))
	case "image-certificate":
		n.message = fmt.Sprintf("%s: the node does not trust the certificate of the registry of %s", c.what, ref)
		n.fix = fix("have the nodes trust the registry's certificate authority, or correct the registry in " + at(file, line))
	case "image-rate-limit":
		n.message = fmt.Sprintf("%s: the registry limits how often %s may be pulled", c.what, ref)
		n.fix = fix("wait, or pull with an account or from a mirror")
	case "image-unreachable":
		n.message = fmt.Sprintf("%s: the node does not reach the registry of %s", c.what, ref)
		n.fix = fix("correct the registry in " + at(file, line) + ", or look at the node's network and DNS")
		if holds(strings.Join(n.evidence, " "), "no such host") && line != 0 {
			n.message = fmt.Sprintf("%s: there is no such registry as that of %s, as far as the node's DNS knows", c.what, ref)
			n.fix = f.change(e, "the registry, or look at the node's DNS if it is right", o)
		}
	case "image-disk":
		n.message = fmt.Sprintf("%s: the node has no space left for image %s", c.what, ref)
		n.fix = fix("free space on the node")
	default:
		n.message = fmt.Sprintf("%s: image %s cannot be pulled", c.what, ref)
		n.fix = fix("correct the image in " + at(file, line) + ", or look at the node's access to the registry")
	}
	f.add(rule, n)
}

// correctImage changes the part of an image that stands in a file to what ran before.
func (f *finder) correctImage(e report.Edit, ref, before string, o owner) report.Fix {
	if before != "" {
		repository, tag := split(ref)
		wasRepository, wasTag := split(before)
		switch {
		case e.Old == ref:
			e.New = before
		case e.Old == tag && repository == wasRepository:
			e.New = wasTag
		case e.Old == repository && tag == wasTag:
			e.New = wasRepository
		}
	}
	why := "the image"
	if e.New != "" {
		why = "the revision before ran with " + before
	}
	return f.change(e, why, o)
}

// split cuts an image into repository and tag or digest.
func split(ref string) (repository, tag string) {
	if before, digest, ok := strings.Cut(ref, "@"); ok {
		return before, digest
	}
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}

// invalidImage reports a name that is none.
func (f *finder) invalidImage(o owner, c container, n finding) {
	ref := c.spec.Image
	repository, tag := split(ref)
	parts := []string{ref, repository, tag}
	if i := strings.LastIndex(ref, "/") + 1; strings.Count(ref[i:], ":") > 1 { // a colon is in the tag
		name, rest, _ := strings.Cut(ref[i:], ":")
		repository, tag = ref[:i]+name, rest
		parts = []string{ref, tag, repository}
	}
	old, file, line := f.locate(o.kind, o.name, parts...)
	n.path, n.line = file, line
	n.message = fmt.Sprintf("%s: %q is no valid name of an image", c.what, ref)
	e := report.Edit{Path: file, Line: line, Old: old}
	if l := strings.ToLower(repository); l != repository && (old == ref || old == repository) {
		e.New = strings.Replace(old, repository, l, 1)
		n.message += ": its repository has capital letters"
	} else if fixed := tidy(old); fixed != old {
		e.New = fixed
	}
	n.fix = f.change(e, "the image", o)
	f.add("image-invalid", n)
}

// tidy takes out of an image what values with stray characters leave in it.
func tidy(ref string) string {
	ref = strings.Join(strings.Fields(ref), "")
	for strings.Contains(ref, "::") {
		ref = strings.ReplaceAll(ref, "::", ":")
	}
	return strings.TrimSuffix(strings.TrimSuffix(ref, ":"), "@")
}

// imageBefore is the image that the same container had in the revision before, empty
// when it had the same or there is none.
func (f *finder) imageBefore(o owner, name string) string {
	if o.kind != "Deployment" {
		return ""
	}
	newest := f.newest(o.name)
	var last *appsv1.ReplicaSet
	for i := range f.space.ReplicaSets {
		r := &f.space.ReplicaSets[i]
		c := metav1.GetControllerOf(r)
		if r == newest || c == nil || c.Kind != "Deployment" || c.Name != o.name {
			continue
		}
		if last == nil || revisionOf(r) > revisionOf(last) {
			last = r
		}
	}
	if newest == nil || last == nil {
		return ""
	}
	was, is := imageOf(&last.Spec.Template.Spec, name), imageOf(&newest.Spec.Template.Spec, name)
	if was == is {
		return ""
	}
	return was
}

func imageOf(spec *corev1.PodSpec, name string) string {
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if c.Name == name {
			return c.Image
		}
	}
	return ""
}

// pullSecrets reports the Pod's imagePullSecrets that are not there or of the wrong
// type. They hold nothing up by themselves, so they count only when a pull fails.
func (f *finder) pullSecrets(p *corev1.Pod, o owner, n finding) (found bool) {
	for _, r := range p.Spec.ImagePullSecrets {
		state, _ := f.lookup("Secret", r.Name)
		m := n
		m.object, m.part = f.object("Secret", r.Name), ""
		m.gives = append(slices.Clone(n.gives), "Secret/"+r.Name)
		switch s := f.secret(r.Name); {
		case state == absent:
			found = true
			f.noSecret(wanted{kind: "Secret", name: r.Name, by: o}, "imagePullSecrets of "+o.String()+" needs it", m)
		case s != nil && s.Type != corev1.SecretTypeDockerConfigJson && s.Type != corev1.SecretTypeDockercfg:
			found = true
			m.message = fmt.Sprintf("imagePullSecrets of %s needs a Secret of type kubernetes.io/dockerconfigjson, this one is of type %s", o, or(string(s.Type), "Opaque"))
			if spec := f.spec(r.Name); spec != nil {
				m.path, m.line = f.in.Contract.Path, spec.Line
			}
			m.fix = fix("give it that type and the key .dockerconfigjson; the type of a Secret cannot be changed, so delete it, too",
				slices.Concat(f.reseal(), []string{f.kubectl("delete secret " + r.Name)})...)
			f.add("pull-secret-type", m)
		}
	}
	return found
}

// pullMessages is what the kubelet said about pulling the container's image.
func (f *finder) pullMessages(p *corev1.Pod, c container) (out []string) {
	for _, e := range f.events("Pod", &p.ObjectMeta) {
		about := strings.Contains(e.Message, c.spec.Image) || strings.Contains(e.Field, "{"+c.name+"}")
		if e.Warning() && about && (e.Reason == "Failed" || e.Reason == "InspectFailed" || e.Reason == "ErrImageNeverPull") && strings.Contains(strings.ToLower(e.Message), "image") {
			out = join(out, []string{e.Reason + ": " + e.Message})
		}
	}
	slices.Reverse(out) // the newest first
	return out
}
