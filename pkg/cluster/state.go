package cluster

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// State is what was seen of a cluster at one time.
type State struct {
	Spaces map[string]*Space // by the name of the namespace; one for each that was asked for

	Nodes          []corev1.Node
	Volumes        []corev1.PersistentVolume
	StorageClasses []storagev1.StorageClass

	// Unseen says of kinds outside of namespaces ("Node") why they could not be seen.
	Unseen map[string]string
}

// In is the namespace's part of the state, never nil: of a namespace that was not
// read it is empty and sees nothing.
func (s *State) In(namespace string) *Space {
	if s != nil && s.Spaces[namespace] != nil {
		return s.Spaces[namespace]
	}
	return &Space{Name: namespace, Unseen: map[string]string{everything: "namespace " + namespace + " was not read"}}
}

// Sees says whether objects of a kind outside of namespaces could be listed.
func (s *State) Sees(kind string) bool { return s != nil && s.Unseen[kind] == "" }

// Space is what was seen of one namespace. Each slice is ordered by name.
type Space struct {
	Name   string
	Object *corev1.Namespace // nil when there is no such namespace, or when it could not be seen

	Pods            []corev1.Pod
	Events          []Event // ordered by object, then by when they were seen last
	ReplicaSets     []appsv1.ReplicaSet
	Deployments     []appsv1.Deployment
	StatefulSets    []appsv1.StatefulSet
	DaemonSets      []appsv1.DaemonSet
	Jobs            []batchv1.Job
	CronJobs        []batchv1.CronJob
	Claims          []corev1.PersistentVolumeClaim
	ConfigMaps      []ConfigMap
	Secrets         []Secret
	ServiceAccounts []corev1.ServiceAccount
	Quotas          []corev1.ResourceQuota
	LimitRanges     []corev1.LimitRange
	Services        []corev1.Service
	EndpointSlices  []discoveryv1.EndpointSlice
	SealedSecrets   []SealedSecret
	Databases       []Database

	// Unseen says of kinds ("Pod", "SealedSecret", "Cluster") why they could not be
	// seen: [NotInstalled], or what the API server answered.
	Unseen map[string]string
}

// NotInstalled is the reason in Unseen for a kind that the cluster does not have.
const NotInstalled = "the cluster has no such kind"

// everything is the kind in Unseen that stands for all of them.
const everything = "*"

// Sees says whether objects of the kind could be listed here. Where it is false, an
// absent object proves nothing.
func (s *Space) Sees(kind string) bool { return s.Unseen[kind] == "" && s.Unseen[everything] == "" }

// Exists says whether there is such a namespace; a doubt counts as yes, and so does
// what lives in it: it may have come while the rest was read.
func (s *Space) Exists() bool {
	return s.Object != nil || !s.Sees("Namespace") || len(s.Pods)+len(s.Secrets)+len(s.ServiceAccounts) > 0
}

// ConfigMap is a ConfigMap without its values.
type ConfigMap struct {
	Meta
	Keys []string // of data and binaryData, sorted
}

// Meta is what all objects have that are kept in part only.
type Meta struct {
	Namespace, Name, UID string
	Labels, Annotations  map[string]string
	Owners               []metav1.OwnerReference
	Created              time.Time
	Deleting             bool
	Generation           int64
}

// Event is something that happened to an object, one entry for all its repetitions.
type Event struct {
	Kind, Name, UID string // of the object
	Field           string // the part of it: spec.containers{litellm}
	Type            string // Normal or Warning
	Reason          string
	Message         string // without what a program of the application has printed
	First, Last     time.Time
	Count           int // how often, at least 1
}

// Warning says whether the event tells of a problem.
func (e Event) Warning() bool { return e.Type == corev1.EventTypeWarning }

// SealedSecret is a SealedSecret as the cluster has it.
type SealedSecret struct {
	Meta
	Keys      []string          // of spec.encryptedData, sorted
	Type      corev1.SecretType // of the Secret that it makes
	SealedFor string            // namespace/name of spec.template, which is what kubeseal sealed it for; empty when it does not say
	Observed  int64             // status.observedGeneration; 0 when the controller never looked
	Synced    string            // status of the condition Synced: True, False, or empty when there is none
	Message   string            // of the condition; the controller's words when Synced is False
	Updated   time.Time         // of the condition
}

// Unsealed says whether the controller has made a Secret of the newest generation.
// An old controller observes without saying which one.
func (s SealedSecret) Unsealed() bool {
	return s.Synced == "True" && (s.Observed == s.Generation || s.Observed == 0)
}

// Database is a CloudNativePG Cluster.
type Database struct {
	Meta
	Instances, Ready int    // wanted; ready by its status
	Phase            string // empty when the operator never looked
	PhaseReason      string
	Primary          string // name of the Pod
	Image            string
	DatabaseName     string
	Owner            string // of the database: the role that the application logs in as
	Secret           string // bootstrap.initdb.secret.name; empty when the operator makes <cluster>-app
	Superuser        bool   // enableSuperuserAccess
	SuperuserSecret  string // superuserSecret.name
	StorageClass     string // empty for the cluster's default
	Hibernated       bool   // taken down on purpose
	Conditions       []metav1.Condition
}

// HealthyPhase is the phase of a CloudNativePG Cluster with which nothing is wrong.
const HealthyPhase = "Cluster in healthy state"

// Healthy says whether every instance of the database is ready.
func (d Database) Healthy() bool { return d.Phase == HealthyPhase && d.Ready >= d.Instances }

// AppSecret is the name of the Secret with the owner's password.
func (d Database) AppSecret() string {
	if d.Secret != "" {
		return d.Secret
	}
	return d.Name + "-app"
}
