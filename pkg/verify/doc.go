// Package verify holds what is known of an application against what has to be, link
// by link on the way from the plaintext Secret to the running Pod (issue 4): local
// Secrets, sealed files, commit, Argo CD, SealedSecrets, Secrets, database, workloads,
// Pods.
//
// [Chain] is pure: it looks at a [Source] that somebody else has gathered and has
// package diagnose say what is wrong. It stops nowhere: every link is shown, with the
// first broken one marked and those that are broken only because of it folded. [Wait]
// looks again and again until the verdict is certain.
package verify
