// Package seal turns plaintext Secrets into SealedSecrets and keeps them stable:
// what did not change keeps its ciphertext byte for byte.
//
// A run reads (Load), decides (NewPlan), and writes (Plan.Apply). An item counts
// as unchanged when the ledger's HMAC over its value and identity, the hash of
// the ciphertext in the committed file, and the certificate all match; whatever
// is in doubt is sealed anew, never skipped. Check proves offline what a clone
// without cluster and plaintext can know.
//
// The ciphertext format and the labels it is bound to are those of
// github.com/bitnami-labs/sealed-secrets (pkg/crypto, EncryptionLabel).
package seal
