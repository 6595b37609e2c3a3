package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/manifest"
)

// reference is one place of a Pod that needs another object.
type reference struct {
	kind, name, key string
	where           string // "volume litellm-config (container litellm)"
}

// references are all that a Pod cannot start without.
func references(spec *corev1.PodSpec) (out []reference) {
	for i := range spec.Volumes {
		out = append(out, volumeReferences(spec, &spec.Volumes[i])...)
	}
	for _, c := range spec.InitContainers {
		out = append(out, envReferences("init container "+c.Name, c)...)
	}
	for _, c := range spec.Containers {
		out = append(out, envReferences("container "+c.Name, c)...)
	}
	if n := spec.ServiceAccountName; n != "" && n != "default" {
		out = append(out, reference{kind: "ServiceAccount", name: n, where: "serviceAccountName"})
	}
	return out
}

func volumeReferences(spec *corev1.PodSpec, v *corev1.Volume) (out []reference) {
	where := "volume " + v.Name + mounts(spec, v.Name)
	add := func(kind, name string, optional *bool, items []corev1.KeyToPath) {
		if name == "" || optional != nil && *optional {
			return
		}
		if len(items) == 0 {
			out = append(out, reference{kind: kind, name: name, where: where})
		}
		for _, i := range items {
			out = append(out, reference{kind: kind, name: name, key: i.Key, where: where})
		}
	}
	switch {
	case v.ConfigMap != nil:
		add("ConfigMap", v.ConfigMap.Name, v.ConfigMap.Optional, v.ConfigMap.Items)
	case v.Secret != nil:
		add("Secret", v.Secret.SecretName, v.Secret.Optional, v.Secret.Items)
	case v.PersistentVolumeClaim != nil:
		add("PersistentVolumeClaim", v.PersistentVolumeClaim.ClaimName, nil, nil)
	case v.CSI != nil && v.CSI.NodePublishSecretRef != nil:
		add("Secret", v.CSI.NodePublishSecretRef.Name, nil, nil)
	case v.Projected != nil:
		for _, s := range v.Projected.Sources {
			if s.ConfigMap != nil {
				add("ConfigMap", s.ConfigMap.Name, s.ConfigMap.Optional, s.ConfigMap.Items)
			}
			if s.Secret != nil {
				add("Secret", s.Secret.Name, s.Secret.Optional, s.Secret.Items)
			}
		}
	}
	// Every namespace gets kube-root-ca.crt from Kubernetes itself.
	return slices.DeleteFunc(out, func(r reference) bool { return r.kind == "ConfigMap" && r.name == "kube-root-ca.crt" })
}

// mounts names the containers that mount a volume.
func mounts(spec *corev1.PodSpec, volume string) string {
	var names []string
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume }) {
			names = append(names, c.Name)
		}
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return " (container " + names[0] + ")"
	}
	return " (containers " + strings.Join(names, ", ") + ")"
}

func envReferences(where string, c corev1.Container) (out []reference) {
	for _, e := range c.EnvFrom {
		if r := e.ConfigMapRef; r != nil && !is(r.Optional) {
			out = append(out, reference{kind: "ConfigMap", name: r.Name, where: "envFrom of " + where})
		}
		if r := e.SecretRef; r != nil && !is(r.Optional) {
			out = append(out, reference{kind: "Secret", name: r.Name, where: "envFrom of " + where})
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			continue
		}
		at := fmt.Sprintf("env %s of %s", e.Name, where)
		if r := e.ValueFrom.ConfigMapKeyRef; r != nil && !is(r.Optional) {
			out = append(out, reference{kind: "ConfigMap", name: r.Name, key: r.Key, where: at})
		}
		if r := e.ValueFrom.SecretKeyRef; r != nil && !is(r.Optional) {
			out = append(out, reference{kind: "Secret", name: r.Name, key: r.Key, where: at})
		}
	}
	return out
}

func is(b *bool) bool { return b != nil && *b }

// presence is whether an object is there.
type presence int

const (
	unseen presence = iota
	absent
	present
)

// lookup says whether an object is in the namespace, and which keys it has.
func (f *finder) lookup(kind, name string) (presence, []string) {
	if !f.space.Sees(kind) {
		return unseen, nil
	}
	switch kind {
	case "ConfigMap":
		for i := range f.space.ConfigMaps {
			if c := &f.space.ConfigMaps[i]; c.Name == name && !c.Deleting {
				return present, c.Keys
			}
		}
	case "Secret":
		if s := f.secret(name); s != nil && !s.Deleting {
			return present, s.Keys
		}
	case "ServiceAccount":
		for i := range f.space.ServiceAccounts {
			if f.space.ServiceAccounts[i].Name == name {
				return present, nil
			}
		}
	case "PersistentVolumeClaim":
		for i := range f.space.Claims {
			if f.space.Claims[i].Name == name {
				return present, nil
			}
		}
	default:
		return unseen, nil
	}
	return absent, nil
}

// names are those of all objects of a kind in the namespace.
func (f *finder) names(kind string) (out []string) {
	switch kind {
	case "ConfigMap":
		for i := range f.space.ConfigMaps {
			out = append(out, f.space.ConfigMaps[i].Name)
		}
	case "Secret":
		for i := range f.space.Secrets {
			out = append(out, f.space.Secrets[i].Name)
		}
	case "ServiceAccount":
		for i := range f.space.ServiceAccounts {
			out = append(out, f.space.ServiceAccounts[i].Name)
		}
	case "PersistentVolumeClaim":
		for i := range f.space.Claims {
			out = append(out, f.space.Claims[i].Name)
		}
	}
	return out
}

// near is the name that another one is most likely a misspelling of: one or two
// letters away, and not merely another number. Names that are in use beside it are
// mostly meant as they are: tls-a and tls-b. Then it has to be one letter of a longer
// word.
func near(name string, candidates, used []string) string {
	best, distance := "", 3
	switch {
	case len(name) < 3:
		return "" // everything is near to it
	case len(name) < 6:
		distance = 2
	}
	for _, c := range candidates {
		if c == name || digits(c) != digits(name) || slices.Contains(used, c) && !slip(name, c) {
			continue
		}
		if d := manifest.Distance(name, c); d < distance || d == distance && best != "" && c < best {
			best, distance = c, d
		}
	}
	return best
}

// slip says whether two names differ by one letter of a word that has at least five.
func slip(a, b string) bool {
	separated := func(r rune) bool { return strings.ContainsRune("-._", r) }
	x, y := strings.FieldsFunc(a, separated), strings.FieldsFunc(b, separated)
	if len(x) != len(y) || manifest.Distance(a, b) > 1 {
		return false
	}
	for i := range x {
		if x[i] != y[i] && min(len(x[i]), len(y[i])) < 5 {
			return false
		}
	}
	return true
}

// letters says how far two names are apart.
func letters(a, b string) string {
	if manifest.Distance(a, b) == 1 {
		return "one letter"
	}
	return "two letters"
}

// digits are those of a name: app-1 is no misspelling of app-2.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
