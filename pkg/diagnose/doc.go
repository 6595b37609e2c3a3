// Package diagnose says why an application is not healthy, from data alone: what
// the cluster shows ([cluster.State]), what Argo CD says, what is known of the sealed
// files, and where each object comes from in the repository ([Origins]).
//
// [Diagnose] is pure: it asks for nothing but the last lines of a container that has
// crashed ([Logs]), and gives the same causes for the same input. Root causes come
// first, the database before Secrets before ConfigMaps before images and so on, and
// what only follows from a cause is folded into it. What may still heal by itself
// is not Final until its grace is over; see [Rules].
//
// The signals are those of issue 4: statuses and events as Kubernetes 1.31 to 1.37,
// Argo CD 2.14 and 3, Sealed Secrets and CloudNativePG write them.
package diagnose
