package cluster

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// kinds are all that a reading lists.
func kinds() []kind {
	return append(append(outside(), workloads()...), configuration()...)
}

func outside() []kind {
	return []kind{
		{name: "Node", group: corev1.SchemeGroupVersion, resource: "nodes", cluster: true, page: typed(
			func(l *corev1.NodeList) []corev1.Node { return l.Items },
			func(s *State, _ *Space, n corev1.Node) { s.Nodes = append(s.Nodes, n) })},
		{name: "PersistentVolume", group: corev1.SchemeGroupVersion, resource: "persistentvolumes", cluster: true, page: typed(
			func(l *corev1.PersistentVolumeList) []corev1.PersistentVolume { return l.Items },
			func(s *State, _ *Space, v corev1.PersistentVolume) { s.Volumes = append(s.Volumes, v) })},
		{name: "StorageClass", group: storagev1.SchemeGroupVersion, resource: "storageclasses", cluster: true, page: typed(
			func(l *storagev1.StorageClassList) []storagev1.StorageClass { return l.Items },
			func(s *State, _ *Space, c storagev1.StorageClass) { s.StorageClasses = append(s.StorageClasses, c) })},
	}
}

func workloads() []kind {
	return []kind{
		{name: "Pod", group: corev1.SchemeGroupVersion, resource: "pods", page: typed(
			func(l *corev1.PodList) []corev1.Pod { return l.Items },
			func(_ *State, s *Space, p corev1.Pod) { s.Pods = append(s.Pods, p) })},
		{name: "Event", group: corev1.SchemeGroupVersion, resource: "events", page: typed(
			func(l *corev1.EventList) []corev1.Event { return l.Items },
			func(_ *State, s *Space, e corev1.Event) { s.Events = append(s.Events, event(&e)) })},
		{name: "ReplicaSet", group: appsv1.SchemeGroupVersion, resource: "replicasets", page: typed(
			func(l *appsv1.ReplicaSetList) []appsv1.ReplicaSet { return l.Items },
			func(_ *State, s *Space, r appsv1.ReplicaSet) { s.ReplicaSets = append(s.ReplicaSets, r) })},
		{name: "Deployment", group: appsv1.SchemeGroupVersion, resource: "deployments", page: typed(
			func(l *appsv1.DeploymentList) []appsv1.Deployment { return l.Items },
			func(_ *State, s *Space, d appsv1.Deployment) { s.Deployments = append(s.Deployments, d) })},
		{name: "StatefulSet", group: appsv1.SchemeGroupVersion, resource: "statefulsets", page: typed(
			func(l *appsv1.StatefulSetList) []appsv1.StatefulSet { return l.Items },
			func(_ *State, s *Space, d appsv1.StatefulSet) { s.StatefulSets = append(s.StatefulSets, d) })},
		{name: "DaemonSet", group: appsv1.SchemeGroupVersion, resource: "daemonsets", page: typed(
			func(l *appsv1.DaemonSetList) []appsv1.DaemonSet { return l.Items },
			func(_ *State, s *Space, d appsv1.DaemonSet) { s.DaemonSets = append(s.DaemonSets, d) })},
		{name: "Job", group: batchv1.SchemeGroupVersion, resource: "jobs", page: typed(
			func(l *batchv1.JobList) []batchv1.Job { return l.Items },
			func(_ *State, s *Space, j batchv1.Job) { s.Jobs = append(s.Jobs, j) })},
		{name: "CronJob", group: batchv1.SchemeGroupVersion, resource: "cronjobs", page: typed(
			func(l *batchv1.CronJobList) []batchv1.CronJob { return l.Items },
			func(_ *State, s *Space, j batchv1.CronJob) { s.CronJobs = append(s.CronJobs, j) })},
		{name: "Service", group: corev1.SchemeGroupVersion, resource: "services", page: typed(
			func(l *corev1.ServiceList) []corev1.Service { return l.Items },
			func(_ *State, s *Space, v corev1.Service) { s.Services = append(s.Services, v) })},
		{name: "EndpointSlice", group: discoveryv1.SchemeGroupVersion, resource: "endpointslices", page: typed(
			func(l *discoveryv1.EndpointSliceList) []discoveryv1.EndpointSlice { return l.Items },
			func(_ *State, s *Space, e discoveryv1.EndpointSlice) { s.EndpointSlices = append(s.EndpointSlices, e) })},
		{name: "Cluster", group: cnpg, resource: "clusters", page: custom(
			func(s *Space, o databaseObject) { s.Databases = append(s.Databases, o.database()) })},
	}
}

func configuration() []kind {
	return []kind{
		{name: "ConfigMap", group: corev1.SchemeGroupVersion, resource: "configmaps", page: typed(
			func(l *corev1.ConfigMapList) []corev1.ConfigMap { return l.Items },
			func(_ *State, s *Space, c corev1.ConfigMap) { s.ConfigMaps = append(s.ConfigMaps, configMap(&c)) })},
		{name: "Secret", group: corev1.SchemeGroupVersion, resource: "secrets", page: typed(
			func(l *corev1.SecretList) []corev1.Secret { return l.Items },
			func(_ *State, s *Space, c corev1.Secret) { s.Secrets = append(s.Secrets, NewSecret(&c)) })},
		{name: "SealedSecret", group: bitnami, resource: "sealedsecrets", page: custom(
			func(s *Space, o sealedObject) { s.SealedSecrets = append(s.SealedSecrets, o.sealed()) })},
		{name: "ServiceAccount", group: corev1.SchemeGroupVersion, resource: "serviceaccounts", page: typed(
			func(l *corev1.ServiceAccountList) []corev1.ServiceAccount { return l.Items },
			func(_ *State, s *Space, a corev1.ServiceAccount) { s.ServiceAccounts = append(s.ServiceAccounts, a) })},
		{name: "PersistentVolumeClaim", group: corev1.SchemeGroupVersion, resource: "persistentvolumeclaims", page: typed(
			func(l *corev1.PersistentVolumeClaimList) []corev1.PersistentVolumeClaim { return l.Items },
			func(_ *State, s *Space, c corev1.PersistentVolumeClaim) { s.Claims = append(s.Claims, c) })},
		{name: "ResourceQuota", group: corev1.SchemeGroupVersion, resource: "resourcequotas", page: typed(
			func(l *corev1.ResourceQuotaList) []corev1.ResourceQuota { return l.Items },
			func(_ *State, s *Space, q corev1.ResourceQuota) { s.Quotas = append(s.Quotas, q) })},
		{name: "LimitRange", group: corev1.SchemeGroupVersion, resource: "limitranges", page: typed(
			func(l *corev1.LimitRangeList) []corev1.LimitRange { return l.Items },
			func(_ *State, s *Space, r corev1.LimitRange) { s.LimitRanges = append(s.LimitRanges, r) })},
	}
}
