// Package chart renders a Helm chart in process and says which objects come of it,
// when Argo CD applies them, what their Pods refer to, and which line of which
// file made each. It works on files in memory, so it renders a commit as well as
// a folder; it never uses the network nor a cluster, and `lookup` finds nothing, as
// in Argo CD's own `helm template`.
package chart
