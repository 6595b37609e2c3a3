package generate

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

const (
	letters      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	alphanumeric = letters + "0123456789"
)

// maxRejected is how many unusable bytes in a row prove the source broken: an
// even one gives each of them with a probability below one half.
const maxRejected = 256

var errSource = errors.New("the source of randomness repeats itself")

// source draws values from a reader of random bytes.
type source struct{ r io.Reader }

func (s source) bytes(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.r, b); err != nil {
		return nil, fmt.Errorf("source of randomness: %w", err)
	}
	return b, nil
}

// text draws n characters of an alphabet of 2 to 256 different bytes, each with
// the same probability: bytes beyond the largest multiple of the alphabet's
// size are thrown away, since a remainder of them would favour its beginning.
func (s source) text(n int, alphabet string) (string, error) {
	limit := 256 - 256%len(alphabet)
	out := make([]byte, 0, n)
	for rejected := 0; len(out) < n; {
		random, err := s.bytes(n - len(out))
		if err != nil {
			return "", err
		}
		for _, b := range random {
			if int(b) >= limit {
				rejected++
				continue
			}
			rejected = 0
			out = append(out, alphabet[int(b)%len(alphabet)])
		}
		if rejected >= maxRejected {
			return "", errSource
		}
	}
	return string(out), nil
}

// password draws n characters. Without an alphabet they are letters and digits,
// which are safe in URLs, shells and YAML, and the first is a letter: no parser
// takes the value for a number.
func (s source) password(n int, alphabet string) (string, error) {
	if alphabet != "" {
		return s.text(n, alphabet)
	}
	first, err := s.text(1, letters)
	if err != nil {
		return "", err
	}
	rest, err := s.text(n-1, alphanumeric)
	return first + rest, err
}

// uuid draws a UUID of version 4, RFC 9562 section 5.4.
func (s source) uuid() (string, error) {
	b, err := s.bytes(16)
	if err != nil {
		return "", err
	}
	b[6] = b[6]&0x0f | 0x40 // version 4
	b[8] = b[8]&0x3f | 0x80 // variant 10
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
