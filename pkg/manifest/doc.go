// Package manifest reads and writes Kubernetes YAML on disk: plaintext Secrets
// strictly, with the line of every key; sealed ones with their ciphertext; and it
// edits a document in place, so that what nobody asked to change keeps its bytes.
package manifest
