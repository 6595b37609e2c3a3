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
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

const rotating = `
secrets:
  - name: api
    keys:
      token: {generate: password}
      url: {derive: "https://{{ token }}@shop"}
      hash: {generate: bcrypt, from: token}
      salt: {generate: hex, immutable: true}
      bank: {external: from the bank}
      host: {value: shop}
      other: {generate: hex}
  - name: db
    keys:
      password: {generate: password}
`

const linking = `
secrets:
  - name: front
    keys:
      api-key: {link: shop/api/token}
      own: {generate: hex}
`

// rotateWorld has all values, but for the one from the bank.
func rotateWorld(t *testing.T) *world {
	w := newWorld(t).app("shop", rotating).app("front", linking)
	w.run(generate.Options{})
	return w
}

func (w *world) rotate(app, key string, o generate.Options) (*generate.Plan, error) {
	w.t.Helper()
	o.Root = w.root
	return generate.Rotate(context.Background(), w.apps(), app, key, o)
}

func TestRotateAll(t *testing.T) {
	w := rotateWorld(t)
	before := map[string]string{}
	refs := []string{"shop/api/token", "shop/api/url", "shop/api/hash", "shop/api/salt", "shop/api/host", "shop/api/other", "shop/db/password", "front/front/api-key", "front/front/own"}
	for _, r := range refs {
		before[r] = w.value(r)
	}
	p, err := w.rotate("shop", "", generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := actions(p, "shop"), "token update, url update, hash update, other update, password update, salt refused, bank refused, host keep"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := actions(p, "front"), "api-key update"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := p.Apply(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, r := range refs {
		stays := r == "shop/api/salt" || r == "shop/api/host" || r == "front/front/own"
		if same := w.value(r) == before[r]; same != stays {
			t.Errorf("%s: the same: %v, want %v", r, same, stays)
		}
	}
	if w.value("front/front/api-key") != w.value("shop/api/token") || w.value("shop/api/url") != "https://"+w.value("shop/api/token")+"@shop" {
		t.Error("what is made of the token did not follow")
	}
	// Nothing is left to do, and the contract agrees.
	if got := actions(w.run(generate.Options{}), "shop"); strings.Contains(got, "update") || strings.Contains(got, "warning") {
		t.Errorf("afterwards: %s", got)
	}
}

func TestRotateOne(t *testing.T) {
	w := rotateWorld(t)
	for _, c := range []struct{ name, app, key, want string }{
		{"by its name", "shop", "password", "password update"},
		{"with its Secret", "shop", "db/password", "password update"},
		{"with followers", "shop", "token", "token update, url update, hash update"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := w.rotate(c.app, c.key, generate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := actions(p, "shop"); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	for _, c := range []struct{ name, app, key, want, hint string }{
		{"immutable", "shop", "salt", `rotate "salt": immutable (applications/shop/secrets.yaml:8): what was made with the old value would be lost`, "removes the key"},
		{"external", "shop", "bank", `rotate "bank": the value comes from elsewhere: from the bank`, "secrets:set shop api bank"},
		{"fixed", "shop", "host", `rotate "host": the value is fixed in applications/shop/secrets.yaml:10`, "change it there"},
		{"derived", "shop", "url", `rotate "url": is made of shop/api/token and follows`, "secrets:rotate shop -key=api/token"},
		{"linked", "front", "api-key", `rotate "api-key": is made of shop/api/token and follows`, "secrets:rotate shop -key=api/token"},
		{"unknown", "shop", "tokn", `rotate "tokn": no contract has this key`, "its keys are: api/token"},
		{"of another application", "front", "token", `rotate "token": no contract has this key`, "its keys are: front/api-key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.rotate(c.app, c.key, generate.Options{})
			var e *generate.RotateError
			if !errors.As(err, &e) || e.Error() != c.want || !strings.Contains(e.Hint(), c.hint) {
				t.Errorf("got %v (%v), want %s (%s)", err, e, c.want, c.hint)
			}
		})
	}
}

// A clone has the sealed file alone: the application as a whole is not made anew
// there, and what would have to follow there is said.
func TestRotateWhereOnlySealed(t *testing.T) {
	w := rotateWorld(t)
	if err := os.RemoveAll(filepath.Join(w.root, "applications/front/local-secrets")); err != nil {
		t.Fatal(err)
	}
	apps := w.apps()
	apps[1].Sealed = sealedWith("front", "front", "api-key", "own")
	p, err := generate.Rotate(context.Background(), apps, "shop", "token", generate.Options{Root: w.root})
	if err != nil {
		t.Fatal(err)
	}
	if got := actions(p, "front"); got != "api-key warning" {
		t.Errorf("the follower that is sealed alone: %q", got)
	}
	p, err = generate.Rotate(context.Background(), apps, "front", "", generate.Options{Root: w.root})
	if err != nil || !p.Empty() {
		t.Errorf("rotated what has no plaintext here: %v, %v", p, err)
	}
}

// What was changed beforehand stays, and what is made of it follows; nothing else
// that is missing is filled in.
func TestDraft(t *testing.T) {
	w := rotateWorld(t)
	path := "applications/shop/local-secrets/api.yaml"
	base := w.read(path)
	old := w.value("shop/api/token")
	data := strings.Replace(strings.Replace(base, old, "typed", 1), "  host: \"shop\"\n", "", 1) // a key that is gone is not made anew
	draft := func() generate.Options {
		return generate.Options{
			Root: w.root, Follow: true, Changed: []repo.Ref{{Application: "shop", Secret: "api", Key: "token"}},
			Drafts: []generate.Draft{{Path: path, Base: []byte(base), Data: []byte(data)}},
		}
	}
	apps := newDrafted(t, w, path, data)
	p, err := generate.New(context.Background(), apps, draft())
	if err != nil {
		t.Fatal(err)
	}
	if printed := fmt.Sprintf("%+v %#v %s", p, p, p); strings.Contains(printed, "typed") || strings.Contains(printed, "116 121 112 101 100") {
		t.Error("a plan that is printed gives the draft away")
	}
	if got := actions(p, "shop") + ", " + actions(p, "front"); got != "url update, hash update, api-key update" {
		t.Errorf("got %s", got)
	}
	if err := p.Apply(context.Background()); err != nil {
		t.Fatal(err)
	}
	if w.value("shop/api/token") != "typed" || w.value("front/front/api-key") != "typed" || w.value("shop/api/url") != "https://typed@shop" {
		t.Error("the values are not those of the draft")
	}
	// The same once more: somebody else has written the file by now.
	p, err = generate.New(context.Background(), newDrafted(t, w, path, data), draft())
	if err != nil {
		t.Fatal(err)
	}
	var conflict *generate.ConflictError
	if err := p.Apply(context.Background()); !errors.As(err, &conflict) {
		t.Errorf("wrote over a file that has changed: %v", err)
	}
}

// TestJournal ends a run between its files, in both orders: the next one brings them
// together.
func TestJournal(t *testing.T) {
	for _, first := range []string{"applications/shop/local-secrets/api.yaml", "applications/front/local-secrets/front.yaml"} {
		t.Run(filepath.Base(first), func(t *testing.T) {
			w := rotateWorld(t)
			old := map[string]string{}
			for _, f := range []string{"applications/shop/local-secrets/api.yaml", "applications/front/local-secrets/front.yaml"} {
				old[f] = w.read(f)
			}
			journal := filepath.Join(w.root, "journal")
			p, err := w.rotate("shop", "token", generate.Options{Journal: journal})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Note(context.Background()); err != nil {
				t.Fatal(err)
			}
			noted := w.read("journal")
			if err := p.Apply(context.Background()); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(journal); err == nil {
				t.Error("a run that has ended leaves its journal")
			}
			w.file("journal", noted)
			for f, text := range old {
				if f != first {
					w.file(f, text)
				}
			}
			refs, err := generate.ReadJournal(journal)
			if err != nil || len(refs) != 4 {
				t.Fatalf("the journal has %v, %v", refs, err)
			}
			if strings.Contains(w.read("journal"), w.value("shop/api/token")) {
				t.Error("the journal has a value")
			}
			token := w.value("shop/api/token")
			w.run(generate.Options{Follow: true, Journal: journal, Unfinished: refs})
			if w.value("shop/api/token") != token {
				t.Error("a random value was made once more")
			}
			if w.value("front/front/api-key") != token || w.value("shop/api/url") != "https://"+token+"@shop" {
				t.Error("the values do not agree")
			}
			if _, err := os.Stat(journal); err == nil {
				t.Error("the journal is still there")
			}
			if p := w.run(generate.Options{}); strings.Contains(p.String(), string(report.Warning)) {
				t.Errorf("afterwards: %s", p)
			}
		})
	}
}

// sealedWith is a committed SealedSecret with these keys.
func sealedWith(namespace, name string, keys ...string) []manifest.Sealed {
	s := manifest.Sealed{Namespace: namespace, Name: name}
	for _, k := range keys {
		s.Items = append(s.Items, manifest.SealedItem{Key: k, Ciphertext: "AgA="})
	}
	return []manifest.Sealed{s}
}

// newDrafted is the world with a file's new content in the place of the old.
func newDrafted(t *testing.T, w *world, path, data string) []generate.App {
	t.Helper()
	apps := w.apps()
	secrets, err := manifest.ReadSecrets(path, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	for i := range apps {
		for j := range apps[i].Secrets {
			if apps[i].Secrets[j].Path == path {
				apps[i].Secrets[j] = secrets[0]
			}
		}
	}
	return apps
}
