package chart

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Reference is a name that an object needs to exist in its own namespace.
type Reference struct {
	Kind      string // ConfigMap, Secret, ServiceAccount or PersistentVolumeClaim
	Name      string
	Key       string // that it must have; empty when any will do
	Optional  bool
	Where     string // for instance "env PROXY_MASTER_KEY of container litellm"
	Container string // the container that needs it; empty for a volume and for the Pod itself
	Field     string // where the name stands in the Pod's specification: "volumes.3.configMap.name"
}

// The kinds of references.
const (
	ConfigMap             = "ConfigMap"
	Secret                = "Secret"
	ServiceAccount        = "ServiceAccount"
	PersistentVolumeClaim = "PersistentVolumeClaim"
)

// References are what a Pod of this specification needs, in the order in which they
// stand there; what is named twice for different reasons is there twice.
func References(spec corev1.PodSpec) []Reference {
	var out references
	if spec.ServiceAccountName != "" && spec.ServiceAccountName != "default" {
		out.add(Reference{Kind: ServiceAccount, Name: spec.ServiceAccountName, Where: "serviceAccountName", Field: "serviceAccountName"})
	}
	for i, s := range spec.ImagePullSecrets {
		// The kubelet goes on without one that is missing; the image may be public.
		out.add(Reference{Kind: Secret, Name: s.Name, Where: "imagePullSecrets", Field: field("imagePullSecrets", i, "name")})
	}
	for i, v := range spec.Volumes {
		out.volume(v, field("volumes", i))
	}
	for i, c := range spec.InitContainers {
		out.container(use{"init container " + c.Name, c.Name, field("initContainers", i)}, c.Env, c.EnvFrom)
	}
	for i, c := range spec.Containers {
		out.container(use{"container " + c.Name, c.Name, field("containers", i)}, c.Env, c.EnvFrom)
	}
	for i, c := range spec.EphemeralContainers {
		out.container(use{"ephemeral container " + c.Name, c.Name, field("ephemeralContainers", i)}, c.Env, c.EnvFrom)
	}
	return out
}

type references []Reference

// add leaves out what has no name: the API server refuses it, and says so itself.
func (r *references) add(ref Reference) {
	if ref.Name != "" && !slices.Contains(*r, ref) {
		*r = append(*r, ref)
	}
}

// keys adds a reference for each key, or one without where all keys are taken.
func (r *references) keys(ref Reference, items []corev1.KeyToPath) {
	if len(items) == 0 {
		r.add(ref)
	}
	for _, item := range items {
		ref.Key = item.Key
		r.add(ref)
	}
}

func (r *references) volume(v corev1.Volume, at string) {
	where := "volume " + v.Name
	switch {
	case v.ConfigMap != nil:
		r.keys(Reference{Kind: ConfigMap, Name: v.ConfigMap.Name, Optional: is(v.ConfigMap.Optional),
			Where: where, Field: field(at, "configMap", "name")}, v.ConfigMap.Items)
	case v.Secret != nil:
		r.keys(Reference{Kind: Secret, Name: v.Secret.SecretName, Optional: is(v.Secret.Optional),
			Where: where, Field: field(at, "secret", "secretName")}, v.Secret.Items)
	case v.Projected != nil:
		for i, s := range v.Projected.Sources {
			r.projection(s, where, field(at, "projected", "sources", i))
		}
	case v.PersistentVolumeClaim != nil:
		r.add(Reference{Kind: PersistentVolumeClaim, Name: v.PersistentVolumeClaim.ClaimName,
			Where: where, Field: field(at, "persistentVolumeClaim", "claimName")})
	default:
		name, rest := credentials(v.VolumeSource)
		r.add(Reference{Kind: Secret, Name: name, Where: where, Field: field(at, rest)})
	}
}

func (r *references) projection(s corev1.VolumeProjection, where, at string) {
	if m := s.ConfigMap; m != nil {
		r.keys(Reference{Kind: ConfigMap, Name: m.Name, Optional: is(m.Optional),
			Where: where, Field: field(at, "configMap", "name")}, m.Items)
	}
	if m := s.Secret; m != nil {
		r.keys(Reference{Kind: Secret, Name: m.Name, Optional: is(m.Optional),
			Where: where, Field: field(at, "secret", "name")}, m.Items)
	}
}

// credentials is the Secret that the driver of a volume reads, and its place.
func credentials(v corev1.VolumeSource) (name, at string) {
	switch {
	case v.CSI != nil && v.CSI.NodePublishSecretRef != nil:
		return v.CSI.NodePublishSecretRef.Name, "csi.nodePublishSecretRef.name"
	case v.FlexVolume != nil && v.FlexVolume.SecretRef != nil:
		return v.FlexVolume.SecretRef.Name, "flexVolume.secretRef.name"
	case v.CephFS != nil && v.CephFS.SecretRef != nil:
		return v.CephFS.SecretRef.Name, "cephfs.secretRef.name"
	case v.RBD != nil && v.RBD.SecretRef != nil:
		return v.RBD.SecretRef.Name, "rbd.secretRef.name"
	case v.ISCSI != nil && v.ISCSI.SecretRef != nil:
		return v.ISCSI.SecretRef.Name, "iscsi.secretRef.name"
	case v.AzureFile != nil:
		return v.AzureFile.SecretName, "azureFile.secretName"
	}
	return "", ""
}

// use is a container that needs something.
type use struct{ where, name, at string }

func (r *references) container(u use, env []corev1.EnvVar, from []corev1.EnvFromSource) {
	for i, f := range from {
		ref := Reference{Where: "envFrom of " + u.where, Container: u.name}
		if m := f.ConfigMapRef; m != nil {
			ref.Kind, ref.Name, ref.Optional = ConfigMap, m.Name, is(m.Optional)
			ref.Field = field(u.at, "envFrom", i, "configMapRef", "name")
		} else if m := f.SecretRef; m != nil {
			ref.Kind, ref.Name, ref.Optional = Secret, m.Name, is(m.Optional)
			ref.Field = field(u.at, "envFrom", i, "secretRef", "name")
		}
		r.add(ref)
	}
	for i, e := range env {
		if e.ValueFrom == nil {
			continue
		}
		ref := Reference{Where: fmt.Sprintf("env %s of %s", e.Name, u.where), Container: u.name}
		if k := e.ValueFrom.ConfigMapKeyRef; k != nil {
			ref.Kind, ref.Name, ref.Key, ref.Optional = ConfigMap, k.Name, k.Key, is(k.Optional)
			ref.Field = field(u.at, "env", i, "valueFrom", "configMapKeyRef", "name")
		} else if k := e.ValueFrom.SecretKeyRef; k != nil {
			ref.Kind, ref.Name, ref.Key, ref.Optional = Secret, k.Name, k.Key, is(k.Optional)
			ref.Field = field(u.at, "env", i, "valueFrom", "secretKeyRef", "name")
		}
		r.add(ref)
	}
}

// field joins the parts of a place.
func field(parts ...any) string {
	text := make([]string, len(parts))
	for i, p := range parts {
		text[i] = fmt.Sprint(p)
	}
	return strings.Join(text, ".")
}

func is(b *bool) bool { return b != nil && *b }

func claimName(template, set string, ordinal int64) string {
	return template + "-" + set + "-" + strconv.FormatInt(ordinal, 10)
}
