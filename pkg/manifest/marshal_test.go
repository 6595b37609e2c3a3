package manifest_test

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/pkg/manifest"
)

func TestMarshal(t *testing.T) {
	got := string(manifest.Marshal(manifest.Mapping{
		"kind": "X", "spec": manifest.Mapping{"b": "AgB+/=", "a": true, "none": manifest.Mapping{}, "labels": map[string]string{"yes": "no", "n": "1e3"}},
	}))
	want := "---\nkind: X\nspec:\n  a: true\n  b: AgB+/=\n  labels:\n    \"n\": \"1e3\"\n    \"yes\": \"no\"\n  none: {}\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzMarshal reads back what was written: every string is still that string.
func FuzzMarshal(f *testing.F) {
	for _, s := range []string{"", "yes", "0123", "1e3", "-", "- a", "a: b", "#", "~", "null", "2020-01-01", "1:30", ".inf", "=", "<<", "\u2028", "a\nb", "é", "*x", "%", "!", "'", "\"", "\t"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		in := map[string]string{key: value}
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return // a manifest is text
		}
		var out struct{ M map[string]string }
		if err := sigsyaml.UnmarshalStrict(manifest.Marshal(manifest.Mapping{"m": in}), &out); err != nil {
			t.Fatalf("%q: %q: %v", key, value, err)
		}
		if diff := cmp.Diff(in, out.M); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
