// Package lint checks a GitOps repository offline: no cluster, no plaintext, no network.
// It renders every application's chart in process and holds together what its
// workloads need, what the chart, the sealed files and the operators bring, when Argo CD
// applies each of them, and what application.yaml says of it all.
//
// Each rule is a function in the table of [Rules]. A finding names the line to change
// and the change. What a rule cannot know for certain is no finding: a name that an
// operator it does not know may make, a value that only the cluster has.
package lint
