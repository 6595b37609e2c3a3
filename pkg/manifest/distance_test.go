package manifest_test

import (
	"testing"

	"github.com/sealway/sealway/pkg/manifest"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"litellm", "litellm", 0},
		{"litelm-config", "litellm-config", 1}, // one is missing
		{"conifg", "config", 1},                // two are swapped
		{"app-1", "app-2", 1},
		{"ca", "abc", 3}, // a letter that was swapped is not touched again
		{"redis", "postgres", 7},
	} {
		if got, back := manifest.Distance(c.a, c.b), manifest.Distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("%q and %q: %d and %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
