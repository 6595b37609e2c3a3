package diagnose

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// canary is the value of every key of every Secret in a world.
const canary = "cAnArY-9d41-never-print"

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// ago is a time before now.
func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

// world is the application shop in a cluster: a Deployment, a StatefulSet, a database
// and what they need, all of it healthy until a case breaks it.
type world struct {
	in      Input
	space   *cluster.Space
	state   *cluster.State
	origins map[string]Origin // by kind/name
	lines   map[string]place  // by kind/name/text
	logs    map[string][]string
	secrets map[string]*corev1.Secret
}

type place struct {
	path string
	line int
}

func (w *world) Find(kind, name string) Origin { return w.origins[kind+"/"+name] }

func (w *world) Locate(kind, name, text string) (string, int) {
	if p, ok := w.lines[kind+"/"+name+"/"+text]; ok {
		return p.path, p.line
	}
	return w.origins[kind+"/"+name].Path, 0
}

// LocateField is asked where several fields may have the same text.
func (w *world) LocateField(kind, name, field, text string) (string, int) {
	return w.Locate(kind, name, field+" "+text)
}

func (w *world) Tail(_ context.Context, _, pod, container string, _ bool) ([]string, error) {
	if l, ok := w.logs[pod+"/"+container]; ok {
		return l, nil
	}
	return nil, errors.New("no log")
}

// inCluster says of a kind and name that it has come the whole way.
func (w *world) rendered(kind, name, file string, line int) {
	w.origins[kind+"/"+name] = Origin{
		Found: true, Path: "applications/shop/templates/" + file, Line: line, Namespace: "shop",
		InTree: true, Committed: true, Pushed: true, Deployed: true,
	}
}

func controlled(kind, name string) []metav1.OwnerReference {
	yes := true
	return []metav1.OwnerReference{{Kind: kind, Name: name, UID: types.UID(kind + name), Controller: &yes}}
}

func metaOf(name string, owners ...metav1.OwnerReference) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: ago(time.Hour), OwnerReferences: owners, Labels: map[string]string{}, Annotations: map[string]string{}, Generation: 1}
}

// newWorld is the healthy application.
func newWorld() *world {
	w := &world{origins: map[string]Origin{}, lines: map[string]place{}, logs: map[string][]string{}, secrets: map[string]*corev1.Secret{}}
	w.space = &cluster.Space{Name: "shop", Unseen: map[string]string{}, Object: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}}
	w.state = &cluster.State{Spaces: map[string]*cluster.Space{"shop": w.space}, Unseen: map[string]string{}}
	w.state.Nodes = []corev1.Node{{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{"disk": "fast"}},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("8Gi")},
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}}
	w.in = Input{
		Application: "shop", Folder: "applications/shop", Namespace: "shop", State: w.state, Origins: w, Logs: w, Now: now,
		Controller: Controller{Namespace: "kube-system", Name: "sealed-secrets-controller", Known: true, Running: true, Fingerprint: "sha256:live"},
		Pin:        "sha256:live",
		Contract: &repo.Contract{Path: "applications/shop/secrets.yaml", Secrets: []repo.SecretSpec{
			{Name: "shop-secrets", Line: 3, Keys: []repo.KeySpec{{Name: "API_KEY", Kind: repo.KindPassword, Line: 5}}},
			{Name: "shop-db", Line: 7, Type: corev1.SecretTypeBasicAuth, Keys: []repo.KeySpec{{Name: "username", Kind: repo.KindValue, Line: 9}, {Name: "password", Kind: repo.KindPassword, Line: 10}}},
		}},
		Argo: &Argo{
			Name: "shop", Path: "applications/shop/application.yaml", Sync: "Synced", Health: "Healthy", Revision: "r1", CreatesSpace: true,
			Operation: &Operation{Phase: "Succeeded", Revision: "r1", Started: now.Add(-time.Hour), Finished: now.Add(-59 * time.Minute)},
		},
	}
	w.config()
	w.web()
	w.store()
	return w
}

func (w *world) config() {
	w.space.ConfigMaps = []cluster.ConfigMap{{Meta: cluster.Meta{Name: "shop-config"}, Keys: []string{"config.yaml"}}}
	w.rendered("ConfigMap", "shop-config", "configmap.yaml", 1)
	w.space.ServiceAccounts = []corev1.ServiceAccount{{ObjectMeta: metaOf("default")}, {ObjectMeta: metaOf("shop")}}
	w.rendered("ServiceAccount", "shop", "account.yaml", 1)
	w.secret("shop-secrets", corev1.SecretTypeOpaque, map[string]string{"API_KEY": canary})
	w.secret("shop-db", corev1.SecretTypeBasicAuth, map[string]string{"username": "shop", "password": canary})
	for _, n := range []string{"shop-secrets", "shop-db"} {
		w.space.SealedSecrets = append(w.space.SealedSecrets, cluster.SealedSecret{
			Meta: cluster.Meta{Namespace: "shop", Name: n, UID: "sealed-" + n, Generation: 2, Created: now.Add(-time.Hour), Annotations: map[string]string{"sealway.github.io/certificate": "sha256:live"}},
			Keys: w.keys(n), Observed: 2, Synced: "True", SealedFor: "shop/" + n,
		})
		w.rendered("SealedSecret", n, "sealed-"+n+".yaml", 2)
		w.in.Sealed = append(w.in.Sealed, SealedFile{
			Path: "applications/shop/templates/sealed-" + n + ".yaml", Line: 2, Namespace: "shop", Name: n, SealedFor: "shop/" + n, Scope: repo.ScopeStrict,
			Keys: w.keys(n), Fingerprint: "sha256:live", State: report.Sealed, Plain: "applications/shop/local-secrets/" + n + ".yaml", PlainSpace: "shop", PlainLine: 5,
		})
	}
	w.space.Databases = []cluster.Database{{
		Meta: cluster.Meta{Namespace: "shop", Name: "shop-pg", UID: "db", Created: now.Add(-time.Hour)}, Instances: 1, Ready: 1, Phase: cluster.HealthyPhase,
		DatabaseName: "shop", Owner: "shop", Secret: "shop-db",
	}}
	w.rendered("Cluster", "shop-pg", "cluster.yaml", 1)
	w.space.Services = []corev1.Service{{ObjectMeta: metaOf("shop-pg-rw")}, {ObjectMeta: metaOf("shop-cache")}}
}

func (w *world) keys(secret string) []string {
	for _, s := range w.space.Secrets {
		if s.Name == secret {
			return s.Keys
		}
	}
	return nil
}

// secret puts a Secret into the cluster, in place of one of the same name.
func (w *world) secret(name string, typ corev1.SecretType, data map[string]string) {
	s := &corev1.Secret{ObjectMeta: metaOf(name), Type: typ, Data: map[string][]byte{}}
	s.Labels["cnpg.io/reload"] = "true"
	for k, v := range data {
		s.Data[k] = []byte(v)
	}
	w.drop("Secret", name)
	w.space.Secrets = append(w.space.Secrets, cluster.NewSecret(s))
}

// drop takes an object out of the cluster.
func (w *world) drop(kind, name string) {
	switch kind {
	case "Secret":
		w.space.Secrets = without(w.space.Secrets, func(s cluster.Secret) bool { return s.Name == name })
	case "SealedSecret":
		w.space.SealedSecrets = without(w.space.SealedSecrets, func(s cluster.SealedSecret) bool { return s.Name == name })
		w.drop("Secret", name)
	case "ConfigMap":
		w.space.ConfigMaps = without(w.space.ConfigMaps, func(s cluster.ConfigMap) bool { return s.Name == name })
	case "ServiceAccount":
		w.space.ServiceAccounts = without(w.space.ServiceAccounts, func(s corev1.ServiceAccount) bool { return s.Name == name })
	case "Pod":
		w.space.Pods = without(w.space.Pods, func(s corev1.Pod) bool { return s.Name == name })
	default:
		panic(kind)
	}
}

func without[T any](items []T, drop func(T) bool) (out []T) {
	for _, i := range items {
		if !drop(i) {
			out = append(out, i)
		}
	}
	return out
}

func template() corev1.PodSpec {
	ref := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	return corev1.PodSpec{
		ServiceAccountName: "shop", NodeName: "node-1",
		Volumes:        []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: ref("shop-config"), Items: []corev1.KeyToPath{{Key: "config.yaml"}}}}}},
		InitContainers: []corev1.Container{{Name: "setup", Image: "registry.example/shop:v1"}},
		Containers: []corev1.Container{{
			Name: "web", Image: "registry.example/shop:v1", Command: []string{"/app/serve"},
			Ports:        []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
			VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/shop"}},
			Env: []corev1.EnvVar{
				{Name: "API_KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: ref("shop-secrets"), Key: "API_KEY"}}},
				{Name: "PGPASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: ref("shop-db"), Key: "password"}}},
			},
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{"memory": resource.MustParse("1Gi")}, Limits: corev1.ResourceList{"memory": resource.MustParse("2Gi")},
			},
			ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromString("http")}}},
			LivenessProbe:  &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/live", Port: intstr.FromString("http")}}},
			StartupProbe:   &corev1.Probe{PeriodSeconds: 10, FailureThreshold: 30, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromString("http")}}},
		}},
	}
}

func (w *world) web() {
	one := int32(1)
	w.space.Deployments = []appsv1.Deployment{{
		ObjectMeta: metaOf("web"), Spec: appsv1.DeploymentSpec{Replicas: &one, Template: corev1.PodTemplateSpec{Spec: template()}},
		Status: appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1},
	}}
	for i, r := range []struct {
		name  string
		count int32
	}{{"web-1", 0}, {"web-2", 1}} {
		rs := appsv1.ReplicaSet{ObjectMeta: metaOf(r.name, controlled("Deployment", "web")...), Spec: appsv1.ReplicaSetSpec{Replicas: &r.count, Template: corev1.PodTemplateSpec{Spec: template()}}, Status: appsv1.ReplicaSetStatus{Replicas: r.count}}
		rs.Annotations["deployment.kubernetes.io/revision"] = fmt.Sprint(i + 1)
		w.space.ReplicaSets = append(w.space.ReplicaSets, rs)
	}
	w.space.Pods = append(w.space.Pods, corev1.Pod{ObjectMeta: metaOf("web-2-abc", controlled("ReplicaSet", "web-2")...), Spec: template(), Status: running()})
	w.rendered("Deployment", "web", "deployment.yaml", 1)
}

func (w *world) store() {
	one := int32(1)
	s := appsv1.StatefulSet{
		ObjectMeta: metaOf("store"), Spec: appsv1.StatefulSetSpec{Replicas: &one, Template: corev1.PodTemplateSpec{Spec: template()}},
		Status: appsv1.StatefulSetStatus{Replicas: 1, ReadyReplicas: 1, UpdateRevision: "store-2", CurrentRevision: "store-2", ObservedGeneration: 1},
	}
	s.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}}}
	w.space.StatefulSets = []appsv1.StatefulSet{s}
	p := corev1.Pod{ObjectMeta: metaOf("store-0", controlled("StatefulSet", "store")...), Spec: template(), Status: running()}
	p.Labels[appsv1.ControllerRevisionHashLabelKey] = "store-2"
	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-store-0"}}})
	w.space.Pods = append(w.space.Pods, p)
	class := "fast"
	w.space.Claims = []corev1.PersistentVolumeClaim{{ObjectMeta: metaOf("data-store-0"), Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}}
	w.state.StorageClasses = append(w.state.StorageClasses, storageClass("fast"))
	w.rendered("StatefulSet", "store", "statefulset.yaml", 1)
}

func running() corev1.PodStatus {
	yes := true
	return corev1.PodStatus{
		Phase:                 corev1.PodRunning,
		Conditions:            []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		InitContainerStatuses: []corev1.ContainerStatus{{Name: "setup", Ready: true, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}}}},
		ContainerStatuses:     []corev1.ContainerStatus{{Name: "web", Ready: true, Started: &yes, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(50 * time.Minute)}}}},
	}
}

// pod is a Pod of the world, for a case to change.
func (w *world) pod(name string) *corev1.Pod {
	for i := range w.space.Pods {
		if p := &w.space.Pods[i]; p.Name == name {
			return p
		}
	}
	panic(name)
}

// pending makes a Pod one that waits for its volumes and objects.
func (w *world) pending(name string) *corev1.Pod {
	p := w.pod(name)
	p.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionFalse}}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}}}
	w.unready(p)
	return p
}

// unready has the workload of a Pod know that it is not ready.
func (w *world) unready(p *corev1.Pod) {
	switch {
	case strings.HasPrefix(p.Name, "web"):
		w.space.Deployments[0].Status = appsv1.DeploymentStatus{Replicas: 1}
	case strings.HasPrefix(p.Name, "store"):
		w.space.StatefulSets[0].Status.ReadyReplicas = 0
	}
	w.in.Argo.Health = "Progressing"
}

// waits makes the container of a Pod wait for a reason.
func (w *world) waits(name, reason, message string) *corev1.Pod {
	p := w.pending(name)
	p.Status.InitContainerStatuses = running().InitContainerStatuses
	p.Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
	return p
}

// crashes makes the container of a Pod crash again and again.
func (w *world) crashes(name string, code int32, reason string, log ...string) *corev1.Pod {
	p := w.waits(name, "CrashLoopBackOff", "back-off 5m0s restarting failed container")
	p.Status.Phase = corev1.PodRunning
	p.Status.ContainerStatuses[0].RestartCount = 8
	p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: ago(time.Minute)}
	w.logs[name+"/web"] = log
	return p
}

// unschedulable makes a Pod one that no node takes.
func (w *world) unschedulable(name, message string) *corev1.Pod {
	p := w.pending(name)
	p.Spec.NodeName = ""
	p.Status.ContainerStatuses = nil
	p.Status.Conditions[0] = corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: message}
	return p
}

// event adds a warning about an object.
func (w *world) event(kind, name, reason, message string) {
	w.space.Events = append(w.space.Events, cluster.Event{Kind: kind, Name: name, Type: "Warning", Reason: reason, Message: message, First: now.Add(-30 * time.Minute), Last: now.Add(-time.Minute), Count: 9})
	w.sortEvents()
}

func (w *world) sortEvents() {
	s := w.space.Events
	for i := range s { // the order that a reading gives
		for j := i; j > 0 && s[j].Kind+"/"+s[j].Name < s[j-1].Kind+"/"+s[j-1].Name; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
}

// noPods takes the Pods of the Deployment away: they could not be made.
func (w *world) noPods(message string) {
	w.drop("Pod", "web-2-abc")
	w.space.Deployments[0].Status = appsv1.DeploymentStatus{}
	w.space.ReplicaSets[1].Status = appsv1.ReplicaSetStatus{Conditions: []appsv1.ReplicaSetCondition{{
		Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: message, LastTransitionTime: ago(30 * time.Minute),
	}}}
	w.in.Argo.Health = "Progressing"
}

// job adds a Job; failed when reason is not empty.
func (w *world) job(name, reason string, owners ...metav1.OwnerReference) *batchv1.Job {
	j := batchv1.Job{ObjectMeta: metaOf(name, owners...), Status: batchv1.JobStatus{Failed: 1}}
	j.Spec.Template.Spec = template()
	if reason != "" {
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: reason, Message: "Job has reached the specified backoff limit", LastTransitionTime: ago(10 * time.Minute)}}
	}
	w.space.Jobs = append(w.space.Jobs, j)
	w.rendered("Job", name, "job.yaml", 1)
	w.in.Argo.Resources = append(w.in.Argo.Resources, Resource{Kind: "Job", Name: name, Health: "Degraded"})
	return &w.space.Jobs[len(w.space.Jobs)-1]
}

// jobPod adds a Pod of a Job.
func (w *world) jobPod(job string, status corev1.PodStatus) *corev1.Pod {
	w.space.Pods = append(w.space.Pods, corev1.Pod{ObjectMeta: metaOf(job+"-x", controlled("Job", job)...), Spec: template(), Status: status})
	return &w.space.Pods[len(w.space.Pods)-1]
}

func (w *world) diagnose(t *testing.T) []report.Cause {
	t.Helper()
	return Diagnose(t.Context(), w.in)
}
