package generate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/generate"
)

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
