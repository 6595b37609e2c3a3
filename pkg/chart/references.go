package chart

import (
	"fmt"
	"slices"
	"strconv"

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
		out.add(Reference{Kind: ServiceAccount, Name: spec.ServiceAccountName, Where: "serviceAccountName"})
	}
	for _, s := range spec.ImagePullSecrets {
		// The kubelet goes on without one that is missing; the image may be public.
		out.add(Reference{Kind: Secret, Name: s.Name, Where: "imagePullSecrets"})
	}
	for _, v := range spec.Volumes {
		out.volume(v)
	}
	for _, c := range spec.InitContainers {
		out.container("init container "+c.Name, c.Name, c.Env, c.EnvFrom)
	}
	for _, c := range spec.Containers {
		out.container("container "+c.Name, c.Name, c.Env, c.EnvFrom)
	}
	for _, c := range spec.EphemeralContainers {
		out.container("ephemeral container "+c.Name, c.Name, c.Env, c.EnvFrom)
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

func (r *references) volume(v corev1.Volume) {
	where := "volume " + v.Name
	switch {
	case v.ConfigMap != nil:
		r.keys(Reference{Kind: ConfigMap, Name: v.ConfigMap.Name, Optional: is(v.ConfigMap.Optional), Where: where}, v.ConfigMap.Items)
	case v.Secret != nil:
		r.keys(Reference{Kind: Secret, Name: v.Secret.SecretName, Optional: is(v.Secret.Optional), Where: where}, v.Secret.Items)
	case v.Projected != nil:
		for _, s := range v.Projected.Sources {
			r.projection(s, where)
		}
	case v.PersistentVolumeClaim != nil:
		r.add(Reference{Kind: PersistentVolumeClaim, Name: v.PersistentVolumeClaim.ClaimName, Where: where})
	default:
		r.add(Reference{Kind: Secret, Name: credentials(v.VolumeSource), Where: where})
	}
}

func (r *references) projection(s corev1.VolumeProjection, where string) {
	if m := s.ConfigMap; m != nil {
		r.keys(Reference{Kind: ConfigMap, Name: m.Name, Optional: is(m.Optional), Where: where}, m.Items)
	}
	if m := s.Secret; m != nil {
		r.keys(Reference{Kind: Secret, Name: m.Name, Optional: is(m.Optional), Where: where}, m.Items)
	}
}

// credentials is the Secret that the driver of a volume reads.
func credentials(v corev1.VolumeSource) string {
	switch {
	case v.CSI != nil && v.CSI.NodePublishSecretRef != nil:
		return v.CSI.NodePublishSecretRef.Name
	case v.FlexVolume != nil && v.FlexVolume.SecretRef != nil:
		return v.FlexVolume.SecretRef.Name
	case v.CephFS != nil && v.CephFS.SecretRef != nil:
		return v.CephFS.SecretRef.Name
	case v.RBD != nil && v.RBD.SecretRef != nil:
		return v.RBD.SecretRef.Name
	case v.ISCSI != nil && v.ISCSI.SecretRef != nil:
		return v.ISCSI.SecretRef.Name
	case v.AzureFile != nil:
		return v.AzureFile.SecretName
	}
	return ""
}

func (r *references) container(where, name string, env []corev1.EnvVar, from []corev1.EnvFromSource) {
	for _, f := range from {
		ref := Reference{Where: "envFrom of " + where, Container: name}
		if m := f.ConfigMapRef; m != nil {
			ref.Kind, ref.Name, ref.Optional = ConfigMap, m.Name, is(m.Optional)
		} else if m := f.SecretRef; m != nil {
			ref.Kind, ref.Name, ref.Optional = Secret, m.Name, is(m.Optional)
		}
		r.add(ref)
	}
	for _, e := range env {
		if e.ValueFrom == nil {
			continue
		}
		ref := Reference{Where: fmt.Sprintf("env %s of %s", e.Name, where), Container: name}
		if k := e.ValueFrom.ConfigMapKeyRef; k != nil {
			ref.Kind, ref.Name, ref.Key, ref.Optional = ConfigMap, k.Name, k.Key, is(k.Optional)
		} else if k := e.ValueFrom.SecretKeyRef; k != nil {
			ref.Kind, ref.Name, ref.Key, ref.Optional = Secret, k.Name, k.Key, is(k.Optional)
		}
		r.add(ref)
	}
}

func is(b *bool) bool { return b != nil && *b }

func claimName(template, set string, ordinal int64) string {
	return template + "-" + set + "-" + strconv.FormatInt(ordinal, 10)
}
