package manifest

import (
	"encoding/base64"
	"encoding/binary"
)

const (
	lengthBytes = 2  // big endian length of the RSA block
	tagBytes    = 16 // of AES-GCM
)

// CheckCiphertext says what is wrong with an item of encryptedData, or how many
// bytes its RSA block has. The layout is len || RSA-OAEP block || AES-GCM, in
// base64 (sealed-secrets pkg/crypto, HybridEncrypt).
func CheckCiphertext(text string) (block int, problem string) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return 0, "not base64: plaintext pasted into encryptedData?"
	}
	if len(raw) < lengthBytes {
		return 0, "too short to be ciphertext"
	}
	block = int(binary.BigEndian.Uint16(raw))
	switch {
	case block < 128 || block > 2048 || block%8 != 0:
		return block, "not the layout of sealed ciphertext: plaintext pasted into encryptedData?"
	case len(raw) < lengthBytes+block+tagBytes:
		return block, "cut off: the ciphertext is shorter than its header says"
	}
	return block, ""
}
