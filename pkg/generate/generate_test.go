package generate_test

import (
	"context"
	"encoding/json"
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
      HASH: {derive: "basic {{ OPENAI }}"}
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
