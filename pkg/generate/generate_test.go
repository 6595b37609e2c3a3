package generate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/generate"
	"github.com/sealway/sealway/pkg/report"
)

const litellm = `
secrets:
  - name: keys
    keys:
      API_KEY: {external: key of the server}
      MASTER: {generate: password, length: 40, prefix: sk-}
      SALT: {generate: hex, bytes: 16, immutable: true}
  - name: db
    type: kubernetes.io/basic-auth
    scope: namespace-wide
    labels: {cnpg.io/reload: "true"}
    keys:
      username: {value: litellm}
      password: {generate: password}
      url: {derive: "postgresql://{{ username }}:{{ password | urlquery }}@db/x"}
`

const webui = `
secrets:
  - name: keys
    keys:
      OPENAI: {link: litellm/keys/MASTER}
      HASH: {generate: bcrypt, from: OPENAI}
`

func TestNewFiles(t *testing.T) {
	w := newWorld(t).app("webui", webui).app("litellm", litellm)
	p := w.run(generate.Options{})
	want := []report.Entry{
		{Action: report.Create, Application: "webui", Namespace: "webui", Name: "keys", Path: "applications/webui/local-secrets/keys.yaml", Keys: []string{"HASH", "OPENAI"}},
		{Action: report.Placeholder, Application: "litellm", Namespace: "litellm", Name: "keys", Path: "applications/litellm/local-secrets/keys.yaml", Keys: []string{"API_KEY"}, Detail: "key of the server"},
		{Action: report.Create, Application: "litellm", Namespace: "litellm", Name: "keys", Path: "applications/litellm/local-secrets/keys.yaml", Keys: []string{"MASTER", "SALT"}},
		{Action: report.Create, Application: "litellm", Namespace: "litellm", Name: "db", Path: "applications/litellm/local-secrets/db.yaml", Keys: []string{"password", "url", "username"}},
	}
	if diff := cmp.Diff(want, p.Entries()); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	got := w.read("applications/litellm/local-secrets/db.yaml")
	wantFile := fmt.Sprintf(`# Plaintext of the Secret litellm/db. It stays out of Git.
# Where each value comes from: applications/litellm/secrets.yaml.
apiVersion: v1
kind: Secret
metadata:
  name: "db"
  namespace: litellm
  labels:
    cnpg.io/reload: "true"
  annotations:
    sealedsecrets.bitnami.com/namespace-wide: "true"
type: kubernetes.io/basic-auth
stringData:
  username: "litellm"
  password: %q
  url: "postgresql://litellm:%s@db/x"
`, w.value("litellm/db/password"), w.value("litellm/db/password"))
	if diff := cmp.Diff(wantFile, got); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	if keys := w.read("applications/litellm/local-secrets/keys.yaml"); !strings.Contains(keys, "  # key of the server\n  API_KEY: \"CHANGEME\"\n") {
		t.Error("the placeholder has no description above it")
	}
	if w.value("webui/keys/OPENAI") != w.value("litellm/keys/MASTER") {
		t.Error("the linked value is not its source's")
	}
	checkMode(t, filepath.Join(w.root, "applications/litellm/local-secrets"), 0o700)
	checkMode(t, filepath.Join(w.root, "applications/litellm/local-secrets/db.yaml"), 0o600)
}

func checkMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s: mode %o, want %o", path, got, want)
	}
}

func TestSecondRunChangesNothing(t *testing.T) {
	w := newWorld(t).app("webui", webui).app("litellm", litellm)
	w.run(generate.Options{})
	path := "applications/litellm/local-secrets/db.yaml"
	before := w.read(path)
	stat, _ := os.Stat(filepath.Join(w.root, path))
	p := w.run(generate.Options{})
	if !p.Empty() {
		t.Errorf("the second plan is not empty:\n%s", p)
	}
	after, _ := os.Stat(filepath.Join(w.root, path))
	if w.read(path) != before || !os.SameFile(stat, after) {
		t.Error("the second run wrote the file")
	}
	if got := actions(p, "webui"); got != "OPENAI keep, HASH keep" {
		t.Errorf("actions %q", got)
	}
	if got := actions(p, "litellm"); got != "API_KEY placeholder, MASTER keep, SALT keep, username keep, password keep, url keep" {
		t.Errorf("actions %q", got)
	}
}

func TestSameSourceSameValues(t *testing.T) {
	contract := "secrets:\n  - name: s\n    keys:\n      a: {generate: password}\n      b: {generate: base64}\n      c: {generate: uuid}\n"
	one, two := newWorld(t).app("a", contract), newWorld(t).app("a", contract)
	one.run(generate.Options{Rand: seeded(1)})
	two.run(generate.Options{Rand: seeded(1)})
	if path := "applications/a/local-secrets/s.yaml"; one.read(path) != two.read(path) {
		t.Error("the same source of randomness gives two results")
	}
}

// A file that a person keeps: comments, order, blank lines and values stay.
func TestExistingFile(t *testing.T) {
	w := newWorld(t).app("litellm", litellm).file("applications/litellm/local-secrets/all.yaml", `# mine
apiVersion: v1
kind: Secret
metadata:
  namespace: litellm # here
  name: other
stringData:
  x: "y"
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: litellm}
data:
  SALT: Q0hBTkdFTUU=
  API_KEY: bWluZQ==

stringData:
  # the master
  MASTER: mine-and-kept

  extra: 'stays'
---
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: litellm
stringData:
  username: litellm
  password: a b/c
`)
	p := w.run(generate.Options{Rand: seeded(2)})
	if got := actions(p, "litellm"); got != "API_KEY keep, MASTER keep, SALT create, "+
		" warning,  warning,  warning, username keep, password keep, url create" {
		t.Errorf("actions %q", got)
	}
	got := w.read("applications/litellm/local-secrets/all.yaml")
	want := fmt.Sprintf(`# mine
apiVersion: v1
kind: Secret
metadata:
  namespace: litellm # here
  name: other
stringData:
  x: "y"
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: litellm}
data:
  API_KEY: bWluZQ==

stringData:
  # the master
  MASTER: mine-and-kept

  extra: 'stays'
  SALT: %q
---
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: litellm
stringData:
  username: litellm
  password: a b/c
  url: "postgresql://litellm:a%%20b%%2Fc@db/x"
`, w.value("litellm/keys/SALT"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	checkMode(t, filepath.Join(w.root, "applications/litellm/local-secrets/all.yaml"), 0o600)
	checkMode(t, filepath.Join(w.root, "applications/litellm/local-secrets"), 0o700)
	if _, err := os.Stat(filepath.Join(w.root, "applications/litellm/local-secrets/keys.yaml")); err == nil {
		t.Error("a second file was written for a Secret that has one")
	}
}

// The mode is tightened even when there is no value to write.
func TestTightensWithoutChange(t *testing.T) {
	w := newWorld(t).app("a", "secrets:\n  - name: s\n    keys: {k: {external: x}}\n")
	path := "applications/a/local-secrets/s.yaml"
	w.file(path, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: a}\nstringData: {k: v-v-v}\n")
	if p := w.run(generate.Options{}); !p.Empty() {
		t.Error("there is nothing to write")
	}
	checkMode(t, filepath.Join(w.root, path), 0o600)
}

func TestForce(t *testing.T) {
	tests := []struct {
		reason  string
		options generate.Options
		changed string // refs, in order
	}{
		{"nothing forced", generate.Options{}, ""},
		{"a key, and what is linked to it and made of that", generate.Options{Force: []string{"litellm/keys/MASTER"}}, "litellm/keys/MASTER webui/keys/OPENAI webui/keys/HASH"},
		{"the same, though only one application is filled in", generate.Options{Applications: []string{"litellm"}, Force: []string{"MASTER"}}, "litellm/keys/MASTER webui/keys/OPENAI webui/keys/HASH"},
		{"secret/key", generate.Options{Applications: []string{"litellm"}, Force: []string{"db/password"}}, "litellm/db/password litellm/db/url"},
		{"a link that agrees already", generate.Options{Force: []string{"webui/keys/OPENAI"}}, ""},
		{"a hash alone", generate.Options{Force: []string{"webui/keys/HASH"}}, "webui/keys/HASH"},
		{"a fixed value that is right", generate.Options{Force: []string{"litellm/db/username"}}, ""},
	}
	refs := []string{"litellm/keys/API_KEY", "litellm/keys/MASTER", "litellm/keys/SALT", "litellm/db/username", "litellm/db/password", "litellm/db/url", "webui/keys/OPENAI", "webui/keys/HASH"}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld(t).app("webui", webui).app("litellm", litellm)
			w.run(generate.Options{})
			before := map[string]string{}
			for _, r := range refs {
				before[r] = w.value(r)
			}
			w.run(tt.options)
			var changed []string
			for _, r := range refs {
				if w.value(r) != before[r] {
					changed = append(changed, r)
				}
			}
			if got := strings.Join(changed, " "); got != tt.changed {
				t.Errorf("changed %q, want %q", got, tt.changed)
			}
			if w.value("litellm/keys/MASTER") != w.value("webui/keys/OPENAI") {
				t.Error("the linked value does not follow")
			}
			if p, err := w.plan(generate.Options{}); err != nil || !p.Empty() || strings.Contains(p.String(), "warning") {
				t.Errorf("afterwards not everything agrees: %v\n%s", err, p)
			}
		})
	}
}

func TestForceRefuses(t *testing.T) {
	twice := "secrets:\n  - name: a\n    keys: {k: {generate: uuid}}\n  - name: b\n    keys: {k: {generate: uuid}}\n"
	tests := []struct {
		reason string
		apps   []string
		force  string
		want   string
	}{
		{"immutable", nil, "litellm/keys/SALT", `the key is immutable (applications/litellm/secrets.yaml:7)`},
		{"external", nil, "litellm/keys/API_KEY", `the value comes from elsewhere`},
		{"unknown key", nil, "litellm/keys/X", "no contract has this key"},
		{"key without its application", nil, "MASTER", "does not name its application"},
		{"key that two Secrets have", []string{"twice"}, "k", "2 Secrets have this key"},
		{"key of another application", []string{"twice"}, "MASTER", "no contract has this key"},
		{"too many parts", nil, "a/b/c/d", "no contract has this key"},
		{"empty", []string{"twice"}, "", "no contract has this key"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld(t).app("webui", webui).app("litellm", litellm).app("twice", twice)
			w.run(generate.Options{})
			p, err := w.plan(generate.Options{Applications: tt.apps, Force: []string{tt.force}})
			var fe *generate.ForceError
			if p != nil || !errors.As(err, &fe) || !strings.Contains(err.Error(), tt.want) || fe.Hint() == "" {
				t.Errorf("plan %v, error %v, want %q", p, err, tt.want)
			}
		})
	}
}

// What disagrees with its source is told and left alone, and does what it is told when forced.
func TestDisagreement(t *testing.T) {
	const key = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: webui}\nstringData:\n  OPENAI: old-old-old\n  HASH: no-hash\n"
	w := newWorld(t).app("webui", webui).app("litellm", litellm).file("applications/webui/local-secrets/k.yaml", key)
	p := w.run(generate.Options{})
	if got := actions(p, "webui"); got != "OPENAI warning, HASH warning" {
		t.Errorf("actions %q", got)
	}
	if w.value("webui/keys/OPENAI") != "old-old-old" || w.value("webui/keys/HASH") != "no-hash" {
		t.Error("a value was overwritten")
	}
	e := p.Entries()[0]
	if e.Line != 5 || e.Path != "applications/webui/local-secrets/k.yaml" || !strings.Contains(e.Detail, "litellm/keys/MASTER") {
		t.Errorf("entry %+v", e)
	}
	w.run(generate.Options{Force: []string{"webui/keys/OPENAI"}})
	if w.value("webui/keys/OPENAI") != w.value("litellm/keys/MASTER") {
		t.Error("the forced link does not follow")
	}
	if got := actions(w.run(generate.Options{}), "webui"); got != "OPENAI keep, HASH keep" {
		t.Errorf("actions %q", got)
	}
}

// What is made of a placeholder is one itself, until a person has filled that in.
func TestPlaceholders(t *testing.T) {
	contract := "secrets:\n  - name: s\n    keys:\n      hash: {generate: bcrypt, from: pw}\n      pw: {external: the password}\n      n: {generate: hex}\n"
	w := newWorld(t).app("a", contract)
	path := "applications/a/local-secrets/s.yaml"
	p := w.run(generate.Options{})
	if got := actions(p, "a"); got != "hash placeholder, pw placeholder, n create" {
		t.Errorf("actions %q", got)
	}
	w.file(path, strings.ReplaceAll(w.read(path), `pw: "CHANGEME"`, `pw: "filled in"`))
	p = w.run(generate.Options{})
	if got := actions(p, "a"); got != "hash create, pw keep, n keep" {
		t.Errorf("actions %q", got)
	}
	if got := w.value("a/s/hash"); !strings.HasPrefix(got, "$2a$10$") {
		t.Error("the hash was not made")
	}
	w.file(path, strings.ReplaceAll(w.read(path), `pw: "filled in"`, `pw: ""`))
	if got := actions(w.run(generate.Options{}), "a"); got != "hash keep, pw placeholder, n keep" {
		t.Errorf("actions %q", got)
	}
	if _, err := w.plan(generate.Options{Force: []string{"a/s/hash"}}); err == nil || !strings.Contains(err.Error(), "still a placeholder") {
		t.Errorf("forced without a source: %v", err)
	}
}

func TestOneApplication(t *testing.T) {
	w := newWorld(t).app("webui", webui).app("litellm", litellm)
	_, err := w.plan(generate.Options{Applications: []string{"webui"}})
	if err == nil || !strings.Contains(err.Error(), `applications/webui/secrets.yaml:5: Secret webui/keys: key "OPENAI": is made of litellm/keys/MASTER, which has no value yet`) {
		t.Errorf("error %v", err)
	}
	if p := w.run(generate.Options{Applications: []string{"litellm"}}); actions(p, "webui") != "" {
		t.Errorf("steps of another application: %s", p)
	}
	if p := w.run(generate.Options{Applications: []string{"webui"}}); actions(p, "litellm") != "" || actions(p, "webui") != "OPENAI create, HASH create" {
		t.Errorf("steps: %s", p)
	}
}

func TestRefuses(t *testing.T) {
	secret := func(name, ns string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", namespace: " + ns + "}\nstringData: {x: canary-4711}\n"
	}
	one := "secrets:\n  - name: s\n    keys: {k: {generate: uuid}}\n"
	tests := []struct {
		reason string
		world  func(*world)
		want   string
	}{
		{"link into nowhere", func(w *world) { w.app("a", "secrets:\n  - name: s\n    keys: {k: {link: b/s/k}}\n") }, "applications/a/secrets.yaml:3: Secret a/s: key \"k\": b/s/k is in no contract"},
		{"cycle over two applications", func(w *world) {
			w.app("a", "secrets:\n  - name: s\n    keys: {k: {link: b/s/k}}\n").app("b", "secrets:\n  - name: s\n    keys: {k: {link: a/s/k}}\n")
		}, "is made of itself: a/s/k -> b/s/k -> a/s/k"},
		{"another namespace", func(w *world) { w.app("a", one).file("applications/a/local-secrets/s.yaml", secret("s", "b")) }, "applications/a/local-secrets/s.yaml:1: Secret b/s: applications/a/secrets.yaml:2 puts this Secret into the namespace a"},
		{"the file holds another Secret", func(w *world) { w.app("a", one).file("applications/a/local-secrets/s.yaml", secret("t", "a")) }, "the file is in the way: Secret a/s belongs here"},
		{"the same Secret in two files", func(w *world) {
			w.app("a", one).file("applications/a/local-secrets/s.yaml", secret("s", "a")).file("applications/a/local-secrets/t.yaml", secret("s", "a"))
		}, "applications/a/local-secrets/t.yaml:1: Secret a/s: the same Secret stands in applications/a/local-secrets/s.yaml:1 too"},
		{"bcrypt of too much", func(w *world) {
			w.app("a", "secrets:\n  - name: s\n    keys: {a: {generate: hex, bytes: 64}, k: {generate: bcrypt, from: a}}\n")
		}, "bcrypt takes at most 72 bytes"},
		{"public key of no key", func(w *world) {
			w.app("a", "secrets:\n  - name: s\n    keys: {x: {external: a key}, k: {generate: public-key, from: x}}\n").file("applications/a/local-secrets/s.yaml", secret("s", "a"))
		}, "is not an unencrypted private key in PEM"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld(t)
			tt.world(w)
			p, err := w.plan(generate.Options{})
			if p != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("plan %v, error %v, want %q", p, err, tt.want)
			}
			if strings.Contains(fmt.Sprint(err), "canary") {
				t.Error("the error quotes a value")
			}
		})
	}
	t.Run("unknown application", func(t *testing.T) {
		if _, err := newWorld(t).app("a", one).plan(generate.Options{Applications: []string{"b"}}); err == nil || !strings.Contains(err.Error(), `application "b": not found`) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := generate.New(ctx, newWorld(t).app("a", one).apps(), generate.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// Between plan and apply somebody else may write; nothing of theirs is lost.
func TestChangedSincePlan(t *testing.T) {
	contract := "secrets:\n  - name: s\n    keys: {k: {generate: uuid}, l: {generate: uuid}}\n  - name: z\n    keys: {k: {generate: uuid}}\n"
	const head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: a}\nstringData:\n"
	path := "applications/a/local-secrets/s.yaml"
	tests := []struct {
		reason, before, after, want string
	}{
		{"the key came", head + "  l: canary-1\n", head + "  l: canary-1\n  k: canary-2\n", `key "k": changed since the plan was made`},
		{"the file came", "", head + "  l: canary-1\n", "a file is in the way"},
		{"the file is broken", head + "  l: canary-1\n", head + "  l: [canary-1\n", "not valid YAML"},
		{"the item of a List", "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"s\", \"namespace\": \"a\"}, \"stringData\": {\"l\": \"canary-1\"}}]}", "", "cannot be edited in place"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld(t).app("a", contract)
			if tt.before != "" {
				w.file(path, tt.before)
			}
			p, err := w.plan(generate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if tt.after != "" {
				w.file(path, tt.after)
			}
			now := w.read(path)
			err = p.Apply(context.Background())
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if w.read(path) != now {
				t.Error("the file was written")
			}
			if _, err := os.Stat(filepath.Join(w.root, "applications/a/local-secrets/z.yaml")); err == nil {
				t.Error("another file was written")
			}
		})
	}
}

// Whatever is printed of a plan or its errors, no value is in it.
func TestCanary(t *testing.T) {
	const canary = "canary-0815-canary"
	w := newWorld(t).app("webui", webui).app("litellm", litellm).
		file("applications/litellm/local-secrets/keys.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: litellm}\nstringData: {API_KEY: "+canary+", MASTER: "+canary+"}\n").
		file("applications/webui/local-secrets/keys.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: webui}\nstringData: {OPENAI: not-"+canary+", HASH: "+canary+"}\n")
	p, err := w.plan(generate.Options{Rand: repeat("canary"), Force: []string{"webui/keys/OPENAI", "litellm/db/password"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(context.Background()); err != nil {
		t.Fatal(err)
	}
	planted := []string{canary, w.value("litellm/db/password"), w.value("litellm/keys/SALT"), w.value("webui/keys/HASH"), "canary"}
	var out strings.Builder
	for _, v := range []any{p, *p, p.Steps, p.Entries()} {
		fmt.Fprintf(&out, "%v %+v %#v %s\n", v, v, v, v)
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(j)
	}
	for _, v := range planted {
		if before, _, found := strings.Cut(out.String(), v); found {
			t.Errorf("a value is printed after %q", before[max(0, len(before)-80):])
		}
	}
}

// repeat is a source of randomness that repeats a text.
type repeat string

func (r repeat) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = r[i%len(r)]
	}
	return len(b), nil
}
