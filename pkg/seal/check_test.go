package seal_test

import (
	"crypto/rsa"
	"math/big"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/seal"
)

const contract = "secrets:\n  - name: db\n    keys:\n      user: {value: u}\n      password: {generate: password}\n"

func (w *world) check(pin *seal.Certificate) []string {
	w.t.Helper()
	apps, err := w.repo.Applications()
	if err != nil {
		w.t.Fatal(err)
	}
	findings, _, err := seal.Check(w.t.Context(), w.repo, apps, pin, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, f := range findings {
		if f.Message == "" || f.Rule != seal.RulePin && f.Path == "" {
			w.t.Errorf("a finding without message or path: %+v", f)
		}
		if strings.Contains(f.Message+f.Fix, canary) {
			w.t.Errorf("a finding quotes a value: %+v", f)
		}
		out = append(out, f.Rule+" "+strings.TrimPrefix(f.Position(), "applications/shop/")+" "+f.Key)
	}
	return out
}

// TestCheck damages a good sealed file in one way each; check works offline and
// without the plaintext.
func TestCheck(t *testing.T) {
	replace := func(old, replacement string) func(*world) {
		return func(w *world) {
			text := w.read(sealedDB)
			if !strings.Contains(text, old) {
				w.t.Fatalf("%q is not in the sealed file", old)
			}
			w.write(sealedDB, strings.Replace(text, old, replacement, 1))
		}
	}
	item := func(change func(string) string) func(*world) {
		return func(w *world) {
			lines := strings.Split(w.read(sealedDB), "\n")
			for i, l := range lines {
				if key, value, ok := strings.Cut(l, "    password: "); ok {
					lines[i] = key + "    password: " + change(value)
				}
			}
			w.write(sealedDB, strings.Join(lines, "\n"))
		}
	}
	const file = "templates/sealed-db.yaml"
	cases := []struct {
		name   string
		damage func(*world)
		want   []string
	}{
		{"whole", func(*world) {}, nil},
		{"plaintext pasted", item(func(string) string { return canary }), []string{"sealed-edited " + file + ":2 ", "ciphertext-malformed " + file + ":12 password"}},
		{"base64 pasted", item(func(string) string { return "aGVsbG8gd29ybGQ=" }), []string{"sealed-edited " + file + ":2 ", "ciphertext-malformed " + file + ":12 password"}},
		{"cut off", item(func(s string) string { return s[:200] }), []string{"sealed-edited " + file + ":2 ", "ciphertext-malformed " + file + ":12 password"}},
		{"empty", item(func(string) string { return `""` }), []string{"sealed-edited " + file + ":2 ", "ciphertext-malformed " + file + ":12 password"}},
		{"swapped", item(func(s string) string { return s[:20] + map[bool]string{true: "B", false: "A"}[s[20] == 'A'] + s[21:] }), []string{"sealed-edited " + file + ":2 "}},
		{"scope in one place", replace("  annotations:\n", "  annotations:\n    sealedsecrets.bitnami.com/cluster-wide: \"true\"\n"), []string{"scope-mismatch " + file + ":2 ", "scope-mismatch " + file + ":2 "}},
		{"other name", replace("      name: db\n", "      name: other\n"), []string{"name-mismatch " + file + ":2 "}},
		{"no namespace", replace("  namespace: shop\nspec", "spec"), []string{"namespace-mismatch " + file + ":2 ", "name-mismatch " + file + ":2 "}},
		{"other namespace", replace("  namespace: shop\nspec", "  namespace: shoq\nspec"), []string{"name-mismatch " + file + ":2 ", "secret-missing secrets.yaml:2 "}},
		{"other type", replace("type: Opaque", "type: example.com/x"), []string{"type-mismatch " + file + ":2 "}},
		{"not YAML", replace("spec:", "spec: ["), []string{"sealed-unreadable " + file + ":9 "}},
		{"twice", func(w *world) { w.write("applications/shop/templates/copy.yaml", w.read(sealedDB)) }, []string{"sealed-unreadable " + file + ":2 "}},
		{"missing", func(w *world) { w.remove(filepath.Join(w.repo.Tree.Root, sealedDB)) }, []string{"secret-missing secrets.yaml:2 "}},
		{"broken contract", func(w *world) { w.write("applications/shop/secrets.yaml", contract+"    nam: x\n") }, []string{"sealed-unreadable secrets.yaml:6 "}},
		{
			"key that the contract asks for",
			func(w *world) { w.write("applications/shop/secrets.yaml", contract+"      host: {value: h}\n") },
			[]string{"key-missing secrets.yaml:6 host"},
		},
		{
			"key in the template's data",
			func(w *world) {
				w.write("applications/shop/secrets.yaml", contract+"      host: {value: h}\n")
				replace("  template:\n", "  template:\n    data:\n      host: h\n")(w)
			}, nil,
		},
		{"records removed", func(w *world) {
			replace("    sealway.github.io/certificate: "+w.pair.cert.Fingerprint+"\n", "")(w)
		}, []string{"certificate-mismatch " + file + ":2 "}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{plainDB: twoValues, "applications/shop/secrets.yaml": contract})
			w.seal()
			w.remove(filepath.Join(w.repo.Tree.Root, plainDB))
			c.damage(w)
			if diff := cmp.Diff(c.want, w.check(w.pair.cert)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckAgainstThePin(t *testing.T) {
	w := newWorld(t, map[string]string{plainDB: twoValues})
	w.seal()
	if diff := cmp.Diff([]string{"certificate-mismatch templates/sealed-db.yaml:2 "}, w.check(pairs()[1].cert)); diff != "" {
		t.Errorf("other pin (-want +got):\n%s", diff)
	}
	// A pin with a longer key: that the ciphertext has another length is no news, and the
	// first thing to do is not to seal for whoever put it there.
	longer := *pairs()[1].cert
	longer.Key = &rsa.PublicKey{N: new(big.Int).Lsh(longer.Key.N, 1024), E: longer.Key.E}
	apps, err := w.repo.Applications()
	if err != nil {
		t.Fatal(err)
	}
	found, _, err := seal.Check(t.Context(), w.repo, apps, &longer, nil)
	if err != nil || len(found) != 1 || !strings.HasPrefix(found[0].Fix, "was the pin changed on purpose? `git log -p -- sealed-secrets.pem`") {
		t.Errorf("%+v, %v", found, err)
	}
	if got := w.check(nil); len(got) != 1 || !strings.HasPrefix(got[0], seal.RulePin) {
		t.Errorf("no pin: %v", got)
	}
}

// status is what Status says, as seal does.
func (w *world) status() []string {
	w.t.Helper()
	apps, err := w.repo.Applications()
	if err != nil {
		w.t.Fatal(err)
	}
	ledger, err := seal.OpenLedger(w.repo.StateDir(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	entries, _, err := seal.Status(w.t.Context(), apps, seal.Options{Repository: w.repo, Ledger: ledger, Certificate: w.pair.cert})
	if err != nil {
		w.t.Fatal(err)
	}
	return lines(entries)
}

// TestStatus covers every state of a Secret.
func TestStatus(t *testing.T) {
	second := strings.Replace(twoValues, "name: db", "name: cache", 1)
	cachePath := "applications/shop/local-secrets/cache.yaml"
	cases := []struct {
		name   string
		change func(*world)
		want   []string
	}{
		{"sealed", func(*world) {}, []string{"sealed shop/cache", "sealed shop/db"}},
		{"changed", func(w *world) { w.write(plainDB, strings.ReplaceAll(twoValues, "-user", "-x")) }, []string{"sealed shop/cache", "changed shop/db"}},
		{"not sealed", func(w *world) { w.remove(filepath.Join(w.repo.Tree.Root, sealedDB)) }, []string{"sealed shop/cache", "not sealed shop/db"}},
		{"orphan", func(w *world) { w.remove(filepath.Join(w.repo.Tree.Root, cachePath)) }, []string{"orphan shop/cache", "sealed shop/db"}},
		{"stale", func(w *world) { w.pair = pairs()[1] }, []string{"stale shop/cache", "stale shop/db"}},
		{"refused", func(w *world) { w.write(plainDB, strings.ReplaceAll(twoValues, canary+"-user", "CHANGEME")) }, []string{"sealed shop/cache", "refused shop/db user"}},
		{
			"clone without plaintext", func(w *world) {
				w.remove(filepath.Join(w.repo.Tree.Root, cachePath))
				w.remove(filepath.Join(w.repo.Tree.Root, plainDB))
			}, []string{"sealed shop/cache", "sealed shop/db"},
		},
		{
			"stale clone", func(w *world) {
				w.remove(filepath.Join(w.repo.Tree.Root, cachePath))
				w.remove(filepath.Join(w.repo.Tree.Root, plainDB))
				w.pair = pairs()[1]
			}, []string{"stale shop/cache", "stale shop/db"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{plainDB: twoValues, cachePath: second})
			w.seal()
			c.change(w)
			if diff := cmp.Diff(c.want, w.status()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPolicy refuses what would be a mistake to seal, and warns about what mostly is one.
func TestPolicy(t *testing.T) {
	one := func(value string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData:\n  a: " + value + "\n"
	}
	for _, c := range []struct{ name, plain, want string }{
		{"placeholder", one("<generated-value>"), `applications/shop/local-secrets/db.yaml:5: Secret shop/db: key "a": the value is still a placeholder`},
		{"placeholder word", one("CHANGEME"), "placeholder"},
		{"empty", one(`""`), "the value is empty"},
		{"missing key", strings.Replace(twoValues, "  user:", "  users:", 1), `key "user": applications/shop/secrets.yaml:4 asks for this key`},
		{"other type", strings.Replace(twoValues, "kind: Secret\n", "kind: Secret\ntype: example.com/x\n", 1), "the type is example.com/x, applications/shop/secrets.yaml:2 asks for Opaque"},
		{"same Secret twice", twoValues + "---\n" + twoValues, "this Secret stands already in applications/shop/local-secrets/db.yaml:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{plainDB: c.plain}
			if strings.Contains(c.want, "secrets.yaml") {
				files["applications/shop/secrets.yaml"] = contract
			}
			w := newWorld(t, files)
			if err := w.refused(); !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	for _, c := range []struct{ name, value, want string }{
		{"newline", "\"" + canary + "\\n\"", "ends with a newline"},
		{"blank", "\" " + canary + "\"", "white space"},
		{"twice base64", "Y2FuYXJ5LTdmM2E5Yi1wYXNzd29yZA==", "encoded twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{plainDB: one(c.value)})
			p, err := w.plan()
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], c.want) || strings.Contains(p.Warnings[0], canary) {
				t.Errorf("warnings %q, want %q", p.Warnings, c.want)
			}
		})
	}
}

// TestNotPrivate refuses plaintext that Git would take.
func TestNotPrivate(t *testing.T) {
	w := newWorld(t, map[string]string{plainDB: twoValues, ".gitignore": "# nothing\n"})
	if err := w.refused(); !strings.Contains(err.Error(), plainDB+": Git does not ignore this plaintext file") {
		t.Error(err)
	}
	w = newWorld(t, map[string]string{plainDB: twoValues})
	w.git("add", "-f", plainDB)
	if err := w.refused(); !strings.Contains(err.Error(), plainDB+": Git tracks this plaintext file") {
		t.Error(err)
	}
}
