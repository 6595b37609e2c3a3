package generate

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// Whatever file there is: either it stays byte for byte, or it has the missing
// keys and every value that it had before.
func FuzzApplyKeepsValues(f *testing.F) {
	const head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: a}\n"
	f.Add(head + "stringData:\n  x: \"1\" # one\n\n  y: |\n    two\n    lines\n")
	f.Add(head + "data:\n  pw: Q0hBTkdFTUU=\n")
	f.Add(head + "stringData: {pw: mine, ext: ''}\n---\n" + head[:len(head)-1] + "\n")
	f.Add("# c\n---\napiVersion: v1\nkind: Secret\nmetadata:\n    namespace: a\n    name: t\ndata: {}\nstringData:\n    a: b\n---\n" + head + "stringData: {a: b}")
	f.Add(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"a"},"stringData":{"a":"b"}}`)
	f.Add(`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"a"},"stringData":{"a":"b"}}]}`)
	f.Add("apiVersion: v1\r\nkind: Secret\r\nmetadata: {name: s, namespace: a}\r\nstringData:\r\n  a: b\r\n")
	contract, err := repo.ReadContract("secrets.yaml", []byte(`
secrets:
  - name: s
    keys:
      pw: {generate: password}
      ext: {external: "one: two\n- three"}
      key: {generate: ed25519}
      url: {derive: "x://{{ pw | urlquery }}"}
`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		before, err := manifest.ReadSecrets("f.yaml", []byte(text))
		if err != nil {
			return
		}
		root := t.TempDir()
		path := filepath.Join(root, "f.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		app := App{Name: "a", Namespace: "a", Dir: ".", Contract: contract}
		for _, s := range before {
			s.Path = "f.yaml"
			app.Secrets = append(app.Secrets, s)
		}
		plan, err := New(context.Background(), []App{app}, Options{Root: root, Rand: chacha(3)})
		if err == nil {
			err = plan.Apply(context.Background())
		}
		data, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err != nil {
			if string(data) != text {
				t.Fatalf("an error and yet the file changed: %v", err)
			}
			return
		}
		after, err := manifest.ReadSecrets("f.yaml", data)
		if err != nil || len(after) != len(before) {
			t.Fatalf("%d Secrets instead of %d (%v)", len(after), len(before), err)
		}
		for i := range before {
			compare(t, &before[i], &after[i], contract)
		}
	})
}

func compare(t *testing.T, before, after *manifest.Secret, c *repo.Contract) {
	old, now := values(before), values(after)
	for key, v := range old {
		if now[key] != v && !manifest.IsPlaceholder([]byte(v)) {
			t.Errorf("the value of %q was overwritten", key)
		}
	}
	if before.Name != "s" || before.Namespace != "a" {
		if !maps.Equal(old, now) {
			t.Error("a Secret of no contract changed")
		}
		return
	}
	for _, k := range c.Secrets[0].Keys {
		if _, ok := now[k.Name]; !ok {
			t.Errorf("key %q is missing", k.Name)
		}
	}
}
