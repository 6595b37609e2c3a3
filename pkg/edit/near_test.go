package edit_test

import (
	"testing"

	"github.com/sealway/sealway/pkg/edit"
	"github.com/sealway/sealway/pkg/manifest"
)

func TestNear(t *testing.T) {
	a := &edit.App{Name: "litellm", Dir: "local-secrets", Secrets: []manifest.Secret{
		{Name: "litellm-secrets", Path: "local-secrets/a.yaml"}, {Name: "db", Path: "local-secrets/b.yaml"},
	}, Sealed: []manifest.Sealed{{Name: "da"}}}
	for _, c := range []struct{ name, reason, want string }{
		{"litellm-secret", "a letter is missing", "litellm-secrets"},
		{"litelm-zecretz", "three are wrong", "litellm-secrets"},
		{"litellm", "its beginning", "litellm-secrets"},
		{"secrets", "its end", "litellm-secrets"},
		{"dc", "one of two", "db"},
		{"newone", "another name", ""},
		{"tls", "another name", ""},
		{"db-2", "a second one", ""},
		{"da", "there is one, sealed", ""},
		{"db", "it is the one", ""},
	} {
		p, err := edit.Find(a, c.name, true, func(string) ([]byte, error) { return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Near(); got != c.want {
			t.Errorf("%s (%s): %q, want %q", c.name, c.reason, got, c.want)
		}
	}
}
