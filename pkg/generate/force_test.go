package generate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/generate"
)

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

// A hash alone is made anew with another salt, and agrees with its source all the same.
func TestForceHash(t *testing.T) {
	w := newWorld(t).app("a", "secrets:\n  - name: s\n    keys: {pw: {generate: password}, hash: {generate: bcrypt, from: pw}}\n")
	w.run(generate.Options{})
	password, hash := w.value("a/s/pw"), w.value("a/s/hash")
	w.run(generate.Options{Force: []string{"a/s/hash"}})
	if w.value("a/s/pw") != password || w.value("a/s/hash") == hash {
		t.Error("the hash alone was to change")
	}
	if p, err := w.plan(generate.Options{}); err != nil || !p.Empty() || strings.Contains(p.String(), "warning") {
		t.Errorf("afterwards not everything agrees: %v\n%s", err, p)
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
