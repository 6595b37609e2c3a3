package cluster

import (
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func configMap(c *corev1.ConfigMap) ConfigMap {
	keys := slices.Concat(slices.Collect(maps.Keys(c.Data)), slices.Collect(maps.Keys(c.BinaryData)))
	slices.Sort(keys)
	return ConfigMap{Meta: meta(&c.ObjectMeta), Keys: keys}
}

// event takes an event of either style: the kubelet counts repetitions in count, the
// scheduler in a series, and each has times of its own.
func event(e *corev1.Event) Event {
	out := Event{
		Kind: e.InvolvedObject.Kind, Name: e.InvolvedObject.Name, UID: string(e.InvolvedObject.UID), Field: e.InvolvedObject.FieldPath,
		Type: e.Type, Reason: e.Reason, Message: discreet(e.Message), Count: max(1, int(e.Count)),
	}
	times := []time.Time{e.CreationTimestamp.Time, e.FirstTimestamp.Time, e.LastTimestamp.Time, e.EventTime.Time}
	if e.Series != nil {
		times, out.Count = append(times, e.Series.LastObservedTime.Time), max(out.Count, int(e.Series.Count))
	}
	for _, t := range times {
		if t.IsZero() {
			continue
		}
		if out.First.IsZero() || t.Before(out.First) {
			out.First = t
		}
		if t.After(out.Last) {
			out.Last = t
		}
	}
	return out
}

// discreet is a message without what a program of the application has printed: a
// probe or a hook that runs a command passes on its output.
func discreet(message string) string {
	message = strings.TrimSpace(message)
	if before, after, found := strings.Cut(message, " probe failed: "); found {
		for _, own := range []string{"HTTP probe failed with statuscode", `Get "`, "dial tcp", "command timed out", "timeout:", "service unhealthy"} {
			if strings.HasPrefix(after, own) {
				return message
			}
		}
		return before + " probe failed"
	}
	if before, _, found := strings.Cut(message, ", message: "); found && strings.Contains(before, "error:") {
		return before // FailedPostStartHook, FailedPreStopHook
	}
	return message
}

type sealedObject struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		EncryptedData map[string]any `json:"encryptedData"`
		Template      struct {
			Type     corev1.SecretType `json:"type"`
			Metadata struct {
				Namespace string `json:"namespace"`
				Name      string `json:"name"`
			} `json:"metadata"`
		} `json:"template"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64 `json:"observedGeneration"`
		Conditions         []struct {
			Type           string      `json:"type"`
			Status         string      `json:"status"`
			Message        string      `json:"message"`
			LastUpdateTime metav1.Time `json:"lastUpdateTime"`
		} `json:"conditions"`
	} `json:"status"`
}

func (o sealedObject) sealed() SealedSecret {
	out := SealedSecret{
		Meta: meta(&o.Metadata), Keys: slices.Sorted(maps.Keys(o.Spec.EncryptedData)),
		Type: o.Spec.Template.Type, Observed: o.Status.ObservedGeneration,
	}
	if t := o.Spec.Template.Metadata; t.Namespace != "" && t.Name != "" {
		out.SealedFor = t.Namespace + "/" + t.Name
	}
	for _, c := range o.Status.Conditions {
		if c.Type == "Synced" {
			out.Synced, out.Message, out.Updated = c.Status, c.Message, c.LastUpdateTime.Time
		}
	}
	return out
}

type named struct {
	Name string `json:"name"`
}

type initdb struct {
	Database string `json:"database"`
	Owner    string `json:"owner"`
	Secret   *named `json:"secret"`
}

type databaseObject struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Instances             int    `json:"instances"`
		ImageName             string `json:"imageName"`
		EnableSuperuserAccess bool   `json:"enableSuperuserAccess"`
		SuperuserSecret       *named `json:"superuserSecret"`
		Storage               struct {
			StorageClass string `json:"storageClass"`
		} `json:"storage"`
		Bootstrap struct {
			Initdb       *initdb `json:"initdb"`
			Recovery     *initdb `json:"recovery"`
			PgBasebackup *initdb `json:"pg_basebackup"`
		} `json:"bootstrap"`
	} `json:"spec"`
	Status struct {
		ReadyInstances int                `json:"readyInstances"`
		Phase          string             `json:"phase"`
		PhaseReason    string             `json:"phaseReason"`
		CurrentPrimary string             `json:"currentPrimary"`
		Conditions     []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

// hibernation is the annotation that takes a CloudNativePG Cluster down.
const hibernation = "cnpg.io/hibernation"

func (o databaseObject) database() Database {
	out := Database{
		Meta: meta(&o.Metadata), Instances: o.Spec.Instances, Ready: o.Status.ReadyInstances,
		Phase: o.Status.Phase, PhaseReason: o.Status.PhaseReason, Primary: o.Status.CurrentPrimary,
		Image: o.Spec.ImageName, Superuser: o.Spec.EnableSuperuserAccess, StorageClass: o.Spec.Storage.StorageClass,
		Hibernated: o.Metadata.Annotations[hibernation] == "on", Conditions: o.Status.Conditions,
		DatabaseName: "app", Owner: "app", // what the operator takes where nothing is said
	}
	if s := o.Spec.SuperuserSecret; s != nil {
		out.SuperuserSecret = s.Name
	}
	for _, b := range []*initdb{o.Spec.Bootstrap.Initdb, o.Spec.Bootstrap.Recovery, o.Spec.Bootstrap.PgBasebackup} {
		if b == nil {
			continue
		}
		if b.Database != "" {
			out.DatabaseName, out.Owner = b.Database, b.Database // the owner is called as the database
		}
		if b.Owner != "" {
			out.Owner = b.Owner
		}
		if b.Secret != nil {
			out.Secret = b.Secret.Name
		}
	}
	return out
}
