package seal_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/seal"
)

// TestImmutableKeys are sealed anew only when something proves the value: a clone
// that generated other values must not replace what is in use.
func TestImmutableKeys(t *testing.T) {
	immutable := strings.Replace(contract, "{generate: password}", "{generate: password, immutable: true}", 1)
	ledger := func(w *world) { w.remove(filepath.Join(w.repo.StateDir(), "ledger.json")) }
	other := func(w *world) { w.write(plainDB, strings.ReplaceAll(twoValues, "-password", "-other")) }
	cases := []struct {
		name, reason string
		change       func(*world)
		refused      bool
	}{
		{"same value", "nothing to do", func(*world) {}, false},
		{"new certificate", "the ledger proves the value", func(w *world) { w.pair = pairs()[1] }, false},
		{"other value", "the contract forbids it", other, true},
		{"lost ledger", "nothing proves the value", ledger, true},
		{"lost ledger, live Secret", "the cluster proves it", func(w *world) { ledger(w); w.live = &liveFake{ok: true} }, false},
		{"lost ledger, other value", "the cluster has another", func(w *world) { ledger(w); other(w); w.live = &liveFake{} }, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{plainDB: twoValues, "applications/shop/secrets.yaml": immutable})
			w.seal()
			before := w.trees()
			c.change(w)
			_, err := w.plan()
			if refused := err != nil; refused != c.refused {
				t.Fatalf("%s: refused is %v: %v", c.reason, refused, err)
			}
			if err != nil && (!strings.Contains(err.Error(), `key "password": the key is immutable`) || strings.Contains(err.Error(), canary)) {
				t.Error(err)
			}
			if diff := cmp.Diff(before, w.trees()); diff != "" {
				t.Errorf("files changed:\n%s", diff)
			}
		})
	}
}

// TestSharedFilesInOtherStyles changes and prunes documents of files that cannot
// be spliced line by line; the result has to be read again before it is written.
func TestSharedFilesInOtherStyles(t *testing.T) {
	second := strings.Replace(twoValues, "name: db", "name: cache", 1)
	cases := []struct {
		name  string
		style func(db, cache string) string
	}{
		{"block", func(db, cache string) string { return db + cache }},
		{"byte order mark", func(db, cache string) string { return "\xef\xbb\xbf# head\n" + db + cache }},
		{"windows", func(db, cache string) string { return strings.ReplaceAll(db+cache, "\n", "\r\n") }},
		{"comments between", func(db, cache string) string { return "# a\n" + db + "# b\n" + cache + "# c\n" }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{plainDB: twoValues + "---\n" + second})
			w.seal()
			cachePath := "applications/shop/templates/sealed-cache.yaml"
			w.write(sealedDB, c.style(w.read(sealedDB), w.read(cachePath)))
			w.remove(filepath.Join(w.repo.Tree.Root, cachePath))
			w.write(plainDB, strings.Replace(twoValues, "-password", "-new", 1)+"---\n"+second)
			if diff := cmp.Diff([]string{"update shop/db password", "unchanged shop/cache"}, w.seal()); diff != "" {
				t.Errorf("change (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"unchanged shop/db", "unchanged shop/cache"}, w.seal()); diff != "" {
				t.Errorf("again (-want +got):\n%s", diff)
			}
			w.write(plainDB, strings.Replace(twoValues, "-password", "-new", 1))
			w.opts = func(o *seal.Options) { o.Prune = true }
			if diff := cmp.Diff([]string{"unchanged shop/db", "delete shop/cache"}, w.seal()); diff != "" {
				t.Errorf("prune (-want +got):\n%s", diff)
			}
			if got := w.unseal(sealedDB); got["password"] != canary+"-new" || strings.Contains(w.read(sealedDB), "name: cache") {
				t.Errorf("after prune: %v", got)
			}
		})
	}
}

// TestJSONDocuments keeps two JSON documents in one file apart.
func TestJSONDocuments(t *testing.T) {
	second := strings.Replace(twoValues, "name: db", "name: cache", 1)
	w := newWorld(t, map[string]string{plainDB: twoValues + "---\n" + second})
	w.seal()
	flow := func(path string) string {
		s := w.sealedJSON(path)
		w.remove(filepath.Join(w.repo.Tree.Root, path))
		return s
	}
	both := "---\n" + flow(sealedDB) + "\n---\n" + flow("applications/shop/templates/sealed-cache.yaml") + "\n"
	w.write(sealedDB, both)
	w.write(plainDB, strings.Replace(twoValues, "-password", "-new", 1)+"---\n"+second)
	w.seal()
	if diff := cmp.Diff([]string{"unchanged shop/db", "unchanged shop/cache"}, w.seal()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.remove(filepath.Join(w.repo.StateDir(), "ledger.json"))
	if got := w.seal(); len(got) != 2 {
		t.Errorf("the file cannot be read any more: %v", got)
	}
}

// TestTrust refuses a pin that was swapped in place.
func TestTrust(t *testing.T) {
	w := newWorld(t, map[string]string{"sealed-secrets.pem": string(pairs()[0].cert.PEM)})
	o := seal.CertificateOptions{Pin: w.repo.PinPath(), PinName: "pin", Accepted: filepath.Join(w.repo.StateDir(), "certificate"), Now: now.AddDate(10, 0, 0)}
	o.Now = pairs()[0].cert.NotBefore
	cert, err := seal.LoadCertificate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Accept(t.Context(), cert); err != nil {
		t.Fatal(err)
	}
	w.write("sealed-secrets.pem", string(pairs()[1].cert.PEM))
	var pin *seal.PinError
	if _, err := seal.LoadCertificate(t.Context(), o); !errors.As(err, &pin) {
		t.Errorf("the swapped pin is taken: %v", err)
	}
	o.Given, o.Pin = w.repo.PinPath(), filepath.Join(t.TempDir(), "none")
	if _, err := seal.LoadCertificate(t.Context(), o); !errors.As(err, &pin) {
		t.Errorf("without the pin any certificate is taken: %v", err)
	}
}
