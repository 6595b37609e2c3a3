package seal_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/sealway/sealway/pkg/manifest"
)

// FuzzSealIdentity seals any value and decrypts it again.
func FuzzSealIdentity(f *testing.F) {
	for _, v := range []string{"x", "\x00\xff", "line\n", "{{ .x }}", "0123", "yes", "---", "é\u2028", "#", string(make([]byte, 4096))} {
		f.Add([]byte(v))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if manifest.IsPlaceholder(value) || len(value) > 1<<20 {
			return // refused, as other tests show
		}
		w := newWorld(t, map[string]string{plainDB: fmt.Sprintf(
			"apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\ndata: {a: %q}\n", base64.StdEncoding.EncodeToString(value))})
		w.seal()
		if got := w.unseal(sealedDB)["a"]; got != string(value) {
			t.Errorf("%q became %q", value, got)
		}
		if got := w.seal(); got[0] != "unchanged shop/db" {
			t.Errorf("second run: %v", got)
		}
	})
}
