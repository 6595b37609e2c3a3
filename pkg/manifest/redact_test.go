package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/manifest"
)

const odd = `# Passwords of the shop.

apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData:
  # the first
  password: canary-old # until May
  'quoted':   'canary-"q"'

  # a key of several lines
  pem: |
    canary-1
      canary-2
  folded: >-
    canary-3
    canary-4
data:
  bytes: Y2FuYXJ5/w==
  empty: ""
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: shop}
stringData: {token: canary-t}
`

func all(*manifest.Secret, *manifest.Item) bool { return true }

func redact(t *testing.T, src string) string {
	t.Helper()
	out, err := manifest.Redact("f.yaml", []byte(src), all)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestRedact(t *testing.T) {
	want := `# Passwords of the shop.

apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData:
  # the first
  password: "<kept: 10 characters>" # until May
  quoted: "<kept: 10 characters>"

  # a key of several lines
  pem: "<kept: 20 characters>"
  folded: "<kept: 17 characters>"
data:
  bytes: "<kept: 7 bytes>"
  empty: "<kept: 0 characters>"
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: shop}
stringData:
  token: "<kept: 8 characters>"
`
	if d := cmp.Diff(want, redact(t, odd)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRestore(t *testing.T) {
	unfolded := strings.Replace(odd, "stringData: {token: canary-t}", "stringData:\n  token: \"canary-t\"", 1)
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	cases := []struct {
		name, reason   string
		src            string
		from, to, back string // replaced in the view, and what it comes back as
		want           string // the file; default: src with back in place of what from stood for
	}{
		{name: "as it is", reason: "every value stays as it was written", src: odd, want: unfolded},
		{name: "CRLF", reason: "line ends stay", src: crlf(strings.Split(odd, "---\n")[0]), want: crlf(strings.Split(odd, "---\n")[0])},
		{name: "new value", reason: "its line alone", src: odd, from: `password: "<kept: 10 characters>"`, to: "password: canary-new",
			want: strings.Replace(unfolded, "password: canary-old", "password: canary-new", 1)},
		{name: "comment beside it", reason: "the value is quoted anew and the comment is the new one", src: odd, from: "# until May", to: "# until June",
			want: strings.Replace(unfolded, "canary-old # until May", `"canary-old" # until June`, 1)},
		{name: "comment above it", reason: "what is no value is taken as it is", src: odd, from: "# the first", to: "# one",
			want: strings.Replace(unfolded, "# the first", "# one", 1)},
		{name: "key added", reason: "beside those that stay", src: odd, from: "data:\n", to: "  more: canary-more\ndata:\n",
			want: strings.Replace(unfolded, "data:\n  bytes", "  more: canary-more\ndata:\n  bytes", 1)},
		{name: "key removed", reason: "its line goes", src: odd, from: "  pem: \"<kept: 20 characters>\"\n", to: "",
			want: strings.Replace(unfolded, "  pem: |\n    canary-1\n      canary-2\n", "", 1)},
		{name: "renamed Secret", reason: "the one at its place in the file is meant", src: odd, from: "name: db,", to: "name: base,",
			want: strings.Replace(unfolded, "name: db,", "name: base,", 1)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			view := redact(t, c.src)
			if strings.Contains(view, "canary") {
				t.Fatalf("the view has a value:\n%s", view)
			}
			if c.from != "" && strings.Count(view, c.from) != 1 {
				t.Fatalf("%q does not stand in the view once:\n%s", c.from, view)
			}
			got, err := manifest.Restore("f.yaml", []byte(c.src), []byte(strings.Replace(view, c.from, c.to, 1)))
			if err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
			if d := cmp.Diff(c.want, string(got)); d != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, d)
			}
		})
	}
}

func TestRestoreRefuses(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"copied to another key", "  quoted:", "  second: \"<kept: 10 characters>\"\n  quoted:",
			`f.yaml:9: Secret shop/db: key "second": what stands for a kept value has come to a place that had none`},
		{"moved to another Secret", "  token:", "  password:",
			`f.yaml:22: Secret shop/other: key "password": what stands for a kept value has come to a place that had none`},
		{"a number", `token: "<kept: 8 characters>"`, "token: 0123",
			`f.yaml:22: Secret shop/other: key "token": YAML takes the value for a number, a boolean or null, not for a string; it would be sealed altered`},
		{"no YAML", `token: "<kept: 8 characters>"`, `token: "canary`, "f.yaml:22: document 2 is not valid YAML"},
		{"no base64", `bytes: "<kept: 7 bytes>"`, `bytes: "canary!"`, `f.yaml:15: Secret shop/db: key "bytes": the value under data is not base64`},
	} {
		t.Run(c.name, func(t *testing.T) {
			view := redact(t, odd)
			_, err := manifest.Restore("f.yaml", []byte(odd), []byte(strings.Replace(view, c.from, c.to, 1)))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

// FuzzRestore: a file whose redacted copy comes back as it is has not changed, but
// for braces.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(odd))
	f.Add([]byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"b"},"stringData":{"k":"v"}}`))
	f.Add([]byte("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\ndata: {k: dg==}\nstringData:\n  l: |2\n     x\n  m: y"))
	f.Fuzz(func(t *testing.T, src []byte) {
		view, err := manifest.Redact("f.yaml", src, all)
		if err != nil {
			return
		}
		got, err := manifest.Restore("f.yaml", src, view)
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, src, view)
		}
		before, err := manifest.ReadSecrets("f.yaml", src)
		if err != nil {
			t.Fatal(err)
		}
		after, err := manifest.ReadSecrets("f.yaml", got)
		if err != nil {
			t.Fatal(err)
		}
		if len(before) != len(after) {
			t.Fatalf("%d Secrets, want %d", len(after), len(before))
		}
		for i := range before {
			for _, it := range before[i].Items {
				if x := after[i].Item(it.Key); x == nil || string(x.Value) != string(it.Value) {
					t.Fatalf("key %q: another value\n%s", it.Key, got)
				}
			}
		}
		again, err := manifest.Restore("f.yaml", got, view)
		if err != nil || string(again) != string(got) {
			t.Fatalf("a second time: %v\n%s\n%s", err, got, again)
		}
	})
}
