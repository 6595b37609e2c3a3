// Package sandbox runs a real GitOps platform on one machine: etcd, the
// Kubernetes control plane, a kubelet over a pretended container runtime, KWOK,
// the Sealed Secrets controller and Argo CD, as processes that listen on the
// loopback interface alone. Nothing is installed and root is not needed.
//
// The servers are built from Go modules, once per version, into the user's
// cache directory. Their modules lie in servers/, where README.md says how to
// move to newer versions; products.go says what is built from each.
//
// A sandbox is one directory. A supervisor (package supervise) outlives the
// command that called [Up]: it owns the servers, and none of them outlives it.
// Argo CD follows a Git repository in the directory, to which
// [Sandbox.Register] pushes.
package sandbox
