package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/manifest"
)

func TestEditDocument(t *testing.T) {
	cases := []struct {
		name, reason, in string
		doc              int
		edits            []manifest.Edit
		want             string
	}{
		{
			name: "replace", reason: "only the line of the key changes", doc: 1,
			in:    "# head\na:\n  b: old # why\n\n  c: 1\n",
			edits: []manifest.Edit{{Path: []string{"a", "b"}, Value: "new", Plain: true}},
			want:  "# head\na:\n  b: new # why\n\n  c: 1\n",
		},
		{
			name: "append", reason: "a new key goes to the end of its mapping", doc: 1,
			in:    "a:\n  b: x\n# tail\nz: 1\n",
			edits: []manifest.Edit{{Path: []string{"a", "c"}, Value: "yes"}},
			want:  "a:\n  b: x\n  c: \"yes\"\n# tail\nz: 1\n",
		},
		{
			name: "create mappings", reason: "missing parents are made", doc: 1,
			in:    "a:\n  b: x\n",
			edits: []manifest.Edit{{Path: []string{"m", "mm", "o"}, Value: "v"}},
			want:  "a:\n  b: x\nm:\n  mm:\n    o: \"v\"\n",
		},
		{
			name: "delete", reason: "the comment above the next key stays", doc: 1,
			in:    "a:\n  b: x\n  # about c\n  c: y\n",
			edits: []manifest.Edit{{Path: []string{"a", "b"}, Delete: true}},
			want:  "a:\n  # about c\n  c: y\n",
		},
		{
			name: "delete folded", reason: "a value of several lines goes whole", doc: 1,
			in:    "a:\n  b: >-\n    x\n\n    y\n\n  c: y\n",
			edits: []manifest.Edit{{Path: []string{"a", "b"}, Delete: true}},
			want:  "a:\n\n  c: y\n",
		},
		{
			name: "second document", reason: "the others keep every byte", doc: 2,
			in:    "---\na: {x:   1}\n---\nb:\n  c: d\n--- # third\ne: 'f'\n",
			edits: []manifest.Edit{{Path: []string{"b", "c"}, Value: "D"}},
			want:  "---\na: {x:   1}\n---\nb:\n  c: \"D\"\n--- # third\ne: 'f'\n",
		},
		{
			name: "windows line ends", reason: "they are kept", doc: 1,
			in:    "a:\r\n  b: x\r\n",
			edits: []manifest.Edit{{Path: []string{"a", "c"}, Value: "y"}},
			want:  "a:\r\n  b: x\r\n  c: \"y\"\r\n",
		},
		{
			name: "no newline at the end", reason: "the appended key gets its own line", doc: 1,
			in:    "a:\n  b: x",
			edits: []manifest.Edit{{Path: []string{"a", "c"}, Value: "y"}},
			want:  "a:\n  b: x\n  c: \"y\"\n",
		},
		{
			name: "empty mapping", reason: "{} becomes a block", doc: 1,
			in:    "a: {}\nz: 1\n",
			edits: []manifest.Edit{{Path: []string{"a", "b"}, Value: "y"}},
			want:  "a:\n  b: \"y\"\nz: 1\n",
		},
		{
			name: "block scalar", reason: "text of several lines stays readable", doc: 1,
			in:    "a:\n  b: x\n",
			edits: []manifest.Edit{{Path: []string{"a", "b"}, Value: "one\ntwo\n"}},
			want:  "a:\n  b: |\n    one\n    two\n",
		},
		{
			name: "reserved keys", reason: "a key that YAML takes for a boolean is quoted", doc: 1,
			in:    "a:\n  b: x\n",
			edits: []manifest.Edit{{Path: []string{"a", "yes"}, Value: "v"}, {Path: []string{"a", "1"}, Value: "w"}},
			want:  "a:\n  b: x\n  \"yes\": \"v\"\n  \"1\": \"w\"\n",
		},
		{
			name: "flow style", reason: "a document that cannot be spliced is written anew", doc: 1,
			in:    "a: {b: x}\n",
			edits: []manifest.Edit{{Path: []string{"a", "c"}, Value: "y"}},
			want:  "a:\n  b: x\n  c: \"y\"\n",
		},
		{
			name: "json", reason: "JSON stays JSON", doc: 1,
			in:    "{\"a\":{\"b\":\"x\"}}\n",
			edits: []manifest.Edit{{Path: []string{"a", "b"}, Value: "y"}},
			want:  "{\n  \"a\": {\n    \"b\": \"y\"\n  }\n}\n",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := manifest.EditDocument([]byte(c.in), c.doc, c.edits)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(c.want, "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}
