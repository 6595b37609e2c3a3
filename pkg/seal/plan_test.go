package seal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/seal"
)

func TestSealThenDecryptIsIdentity(t *testing.T) {
	w := newWorld(t, map[string]string{plainDB: twoValues})
	w.seal()
	want := map[string]string{"user": canary + "-user", "password": canary + "-password"}
	if diff := cmp.Diff(want, w.unseal(sealedDB)); diff != "" {
		t.Errorf("unsealed (-want +got):\n%s", diff)
	}
	if strings.Contains(w.read(sealedDB), canary) {
		t.Error("the sealed file holds plaintext")
	}
	info, err := os.Stat(filepath.Join(w.repo.StateDir(), "ledger.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("ledger mode %v, want 0600", info.Mode())
	}
}

// TestSecondRun checks what a second run does after a change, and that only the
// changed item gets new ciphertext.
func TestSecondRun(t *testing.T) {
	cases := []struct {
		name, reason string
		change       func(*world)
		want         []string
		same         bool // the sealed file keeps every byte
	}{
		{name: "nothing", reason: "no byte changes", change: func(*world) {}, want: []string{"unchanged shop/db"}, same: true},
		{
			name: "one value", reason: "one item is sealed anew",
			change: func(w *world) { w.write(plainDB, strings.ReplaceAll(twoValues, "-password", "-other")) },
			want:   []string{"update shop/db password"},
		},
		{
			name: "new key", reason: "it is added",
			change: func(w *world) { w.write(plainDB, twoValues+"  host: \"db.local\"\n") },
			want:   []string{"update shop/db host"},
		},
		{
			name: "removed key", reason: "it goes, nothing is sealed",
			change: func(w *world) { w.write(plainDB, strings.Replace(twoValues, "  user: \""+canary+"-user\"\n", "", 1)) },
			want:   []string{"update shop/db"},
		},
		{
			name: "label", reason: "the template follows the plaintext",
			change: func(w *world) {
				w.write(plainDB, strings.Replace(twoValues, "  namespace: shop\n", "  namespace: shop\n  labels: {team: a}\n", 1))
			},
			want: []string{"update shop/db"},
		},
		{
			name: "comment and order of the plaintext", reason: "they are no change",
			change: func(w *world) { w.write(plainDB, "# a note\n"+twoValues) },
			want:   []string{"unchanged shop/db"}, same: true,
		},
		{
			name: "a person's annotation and comment", reason: "they stay and seal nothing",
			change: func(w *world) {
				w.write(sealedDB, strings.Replace(w.read(sealedDB), "  annotations:\n", "  # kept\n  annotations:\n    team/owner: me\n", 1))
			},
			want: []string{"unchanged shop/db"}, same: true,
		},
		{
			name: "swapped ciphertext", reason: "doubt seals",
			change: func(w *world) {
				text := w.read(sealedDB)
				w.write(sealedDB, strings.Replace(text, "password: Ag", "password: AQ", 1)+"")
				if w.read(sealedDB) == text { // RSA 2048 begins with AQ
					w.write(sealedDB, strings.Replace(text, "password: AQ", "password: AR", 1))
				}
			},
			want: []string{"update shop/db password"},
		},
		{
			name: "lost ledger", reason: "a lost memory seals everything",
			change: func(w *world) { w.remove(filepath.Join(w.repo.StateDir(), "ledger.json")) },
			want:   []string{"update shop/db password,user"},
		},
		{
			name: "damaged ledger", reason: "as a lost one",
			change: func(w *world) { w.writeAbs(filepath.Join(w.repo.StateDir(), "ledger.json"), "{") },
			want:   []string{"update shop/db password,user"},
		},
		{
			name: "other certificate", reason: "the old cluster's ciphertext is of no use",
			change: func(w *world) { w.pair = pairs()[1] },
			want:   []string{"update shop/db password,user"},
		},
		{
			name: "wider scope", reason: "the ciphertext is bound to it",
			change: func(w *world) {
				w.write(plainDB, strings.Replace(twoValues, "  namespace: shop\n", "  namespace: shop\n  annotations: {sealedsecrets.bitnami.com/namespace-wide: \"true\"}\n", 1))
			},
			want: []string{"update shop/db password,user"},
		},
		{
			name: "scope said to be off", reason: "false is no scope",
			change: func(w *world) {
				w.write(plainDB, strings.Replace(twoValues, "  namespace: shop\n", "  namespace: shop\n  annotations: {sealedsecrets.bitnami.com/namespace-wide: \"false\", note: x}\n", 1))
			},
			want: []string{"update shop/db"},
		},
		{
			name: "contract's annotation", reason: "it comes and goes with the contract",
			change: func(w *world) {
				w.write("applications/shop/secrets.yaml", contract+"    sealedAnnotations: {argocd.argoproj.io/sync-wave: \"-5\"}\n")
			},
			want: []string{"update shop/db"},
		},
		{
			name: "scope edited in the sealed file", reason: "the plaintext decides",
			change: func(w *world) {
				w.write(sealedDB, strings.Replace(w.read(sealedDB), "  annotations:\n", "  annotations:\n    sealedsecrets.bitnami.com/cluster-wide: \"true\"\n", 1))
			},
			want: []string{"update shop/db password,user"},
		},
		{
			name: "renamed file", reason: "a sealed file is found by its identity",
			change: func(w *world) {
				w.write("applications/shop/templates/other.yaml", w.read(sealedDB))
				w.remove(filepath.Join(w.repo.Tree.Root, sealedDB))
			},
			want: []string{"unchanged shop/db"},
		},
		{
			name: "removed records", reason: "they are written again without new ciphertext",
			change: func(w *world) {
				var kept []string
				for _, l := range strings.Split(w.read(sealedDB), "\n") {
					if !strings.Contains(l, "sealway.github.io/") {
						kept = append(kept, l)
					}
				}
				w.write(sealedDB, strings.Replace(strings.Join(kept, "\n"), "  annotations:\n", "", 1))
			},
			want: []string{"update shop/db"},
		},
		{
			name: "type", reason: "it is part of what was sealed",
			change: func(w *world) {
				w.write(plainDB, strings.Replace(twoValues, "kind: Secret\n", "kind: Secret\ntype: example.com/db\n", 1))
			},
			want: []string{"update shop/db password,user"},
		},
		{
			name: "immutable", reason: "it goes into the template",
			change: func(w *world) {
				w.write(plainDB, strings.Replace(twoValues, "kind: Secret\n", "kind: Secret\nimmutable: true\n", 1))
			},
			want: []string{"update shop/db"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{plainDB: twoValues})
			w.seal()
			c.change(w)
			before := w.trees()
			if diff := cmp.Diff(c.want, w.seal()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			after := w.trees()
			if c.same && !cmp.Equal(before, after) {
				t.Errorf("%s: %s", c.reason, cmp.Diff(before, after))
			}
			if diff := cmp.Diff([]string{"unchanged shop/db"}, w.seal()); diff != "" {
				t.Errorf("a third run still changes something (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"sealed shop/db"}, w.status()); diff != "" {
				t.Errorf("without the short cut it is not settled (-want +got):\n%s", diff)
			}
			for path := range after {
				w.unseal(path)
			}
		})
	}
}

// trees are the sealed files by path.
func (w *world) trees() map[string]string {
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(w.repo.Tree.Root, "applications/*/templates/*"))
	if err != nil || len(files) == 0 {
		w.t.Fatalf("no sealed files: %v", err)
	}
	for _, f := range files {
		out[w.repo.Rel(f)] = w.read(w.repo.Rel(f))
	}
	return out
}

func (w *world) remove(path string) {
	w.t.Helper()
	if err := os.Remove(path); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) writeAbs(path, data string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func TestOnlyTheChangedItemGetsNewCiphertext(t *testing.T) {
	w := newWorld(t, map[string]string{plainDB: twoValues})
	w.seal()
	before := strings.Split(w.read(sealedDB), "\n")
	w.write(plainDB, strings.ReplaceAll(twoValues, "-password", "-other"))
	w.seal()
	after := strings.Split(w.read(sealedDB), "\n")
	if len(before) != len(after) {
		t.Fatalf("%d lines became %d", len(before), len(after))
	}
	var changed []string
	for i := range before {
		if before[i] != after[i] {
			changed = append(changed, strings.TrimSpace(strings.SplitN(after[i], ":", 2)[0]))
		}
	}
	if diff := cmp.Diff([]string{"sealway.github.io/encrypted-data", "password"}, changed); diff != "" {
		t.Errorf("changed lines (-want +got):\n%s", diff)
	}
}

func TestOrphans(t *testing.T) {
	second := strings.Replace(twoValues, "name: db", "name: cache", 1)
	cases := []struct {
		name, reason string
		files        map[string]string
		prune        bool
		want         []string
		gone         bool
	}{
		{name: "reported", reason: "nothing is removed without -prune", want: []string{"unchanged shop/db", "orphan shop/cache"}},
		{name: "pruned", reason: "-prune removes the file", prune: true, want: []string{"unchanged shop/db", "delete shop/cache"}, gone: true},
		{
			name: "in the contract", reason: "what the application asks for is no orphan", prune: true,
			files: map[string]string{"applications/shop/secrets.yaml": "secrets:\n  - name: cache\n    keys:\n      user: {value: u}\n"},
			want:  []string{"unchanged shop/db"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{plainDB: twoValues, "applications/shop/local-secrets/cache.yaml": second})
			w.seal()
			for path, data := range c.files {
				w.write(path, data)
			}
			w.remove(filepath.Join(w.repo.Tree.Root, "applications/shop/local-secrets/cache.yaml"))
			w.opts = func(o *seal.Options) { o.Prune = c.prune }
			if diff := cmp.Diff(c.want, w.seal()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			_, err := os.Stat(filepath.Join(w.repo.Tree.Root, "applications/shop/templates/sealed-cache.yaml"))
			if gone := errors.Is(err, os.ErrNotExist); gone != c.gone {
				t.Errorf("%s: gone is %v", c.reason, gone)
			}
		})
	}
}

func TestCloneWithoutPlaintextHasNoOrphans(t *testing.T) {
	w := newWorld(t, map[string]string{plainDB: twoValues})
	w.seal()
	w.remove(filepath.Join(w.repo.Tree.Root, plainDB))
	w.opts = func(o *seal.Options) { o.Prune = true }
	if got := w.seal(); len(got) != 0 {
		t.Errorf("a clone without plaintext would lose its sealed files: %v", got)
	}
}

func TestDocumentsShareAFile(t *testing.T) {
	second := strings.Replace(twoValues, "name: db", "name: cache", 1)
	w := newWorld(t, map[string]string{plainDB: twoValues + "---\n" + second})
	w.seal()
	both := w.read(sealedDB) + w.read("applications/shop/templates/sealed-cache.yaml") + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
	w.write(sealedDB, both)
	w.remove(filepath.Join(w.repo.Tree.Root, "applications/shop/templates/sealed-cache.yaml"))
	if diff := cmp.Diff([]string{"unchanged shop/db", "unchanged shop/cache"}, w.seal()); diff != "" {
		t.Fatalf("both are found in one file (-want +got):\n%s", diff)
	}
	w.write(plainDB, twoValues)
	w.opts = func(o *seal.Options) { o.Prune = true }
	w.seal()
	got := w.read(sealedDB)
	if strings.Contains(got, "name: cache") || !strings.Contains(got, "kind: ConfigMap") || !strings.HasPrefix(both, strings.SplitAfter(got, "type: Opaque\n")[0]) {
		t.Errorf("pruning one document touched the others:\n%s", got)
	}
}

type liveFake struct {
	ok    bool
	err   error
	asked int
}

func (l *liveFake) Proves(context.Context, string, string, string, string, []byte) (bool, error) {
	l.asked++
	return l.ok, l.err
}

func TestLiveSecretStandsInForTheLedger(t *testing.T) {
	cases := []struct {
		name string
		live liveFake
		want []string
	}{
		{"proven", liveFake{ok: true}, []string{"unchanged shop/db"}},
		{"not proven", liveFake{}, []string{"update shop/db password,user"}},
		{"no answer", liveFake{err: errors.New("timeout")}, []string{"update shop/db password,user"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{plainDB: twoValues})
			w.seal()
			w.remove(filepath.Join(w.repo.StateDir(), "ledger.json"))
			w.live = &c.live
			if diff := cmp.Diff(c.want, w.seal()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if c.live.err != nil && c.live.asked != 1 {
				t.Errorf("a cluster that does not answer was asked %d times", c.live.asked)
			}
			w.live = nil
			if diff := cmp.Diff([]string{"unchanged shop/db"}, w.seal()); diff != "" {
				t.Errorf("the ledger did not learn (-want +got):\n%s", diff)
			}
		})
	}
}
