package console_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/report"
)

func sample() *report.Report {
	r := report.New("seal:all")
	r.Entries = []report.Entry{
		{Action: report.Update, Application: "shop", Namespace: "shop", Name: "db", Path: "f.yaml", Keys: []string{"a"}, Detail: "1 of 2 keys"},
		{Action: report.Unchanged, Application: "shop", Namespace: "shop", Name: "cache", Path: "g.yaml"},
	}
	r.Findings = []report.Finding{{Rule: "r", Path: "f.yaml", Line: 3, Object: "Secret shop/db", Key: "a", Message: "bad", Fix: "mend it"}}
	r.Applications = []report.Application{{
		Name: "shop", Sync: "OutOfSync", Health: "Degraded", Revision: "0123456789012345678901234567890123456789", Follows: "main", Head: "HEAD", Operation: "Failed 2m ago",
		Resources: []report.Resource{{Kind: "Deployment", Namespace: "shop", Name: "web", Sync: "OutOfSync", Health: "Degraded", Message: "no\n\x1b[31mimage", Why: []string{"Pod web-1: ErrImagePull"}, Diff: "-a\n+b\n"}},
	}}
	r.Warnings = []string{"careful"}
	r.Summary = "done"
	return r
}

func TestText(t *testing.T) {
	var out, errs bytes.Buffer
	c := console.New(console.Options{Out: &out, Err: &errs, Colour: true})
	if err := c.Report(sample()); err != nil {
		t.Fatal(err)
	}
	want := "update  shop/db  f.yaml  a (1 of 2 keys)\n" +
		"shop  OutOfSync  Degraded  0123456 (HEAD)  Failed 2m ago\n" +
		"  Deployment shop/web  OutOfSync  Degraded  no [31mimage\n      Pod web-1: ErrImagePull\n    -a\n    +b\n" +
		"f.yaml:3: Secret shop/db: key \"a\": bad [r]\n    fix: mend it\ndone\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	if errs.String() != "warning: careful\n" {
		t.Errorf("stderr %q", errs.String())
	}
}

// TestJSON retypes the field names: a new or renamed one has to be meant.
func TestJSON(t *testing.T) {
	var out, errs bytes.Buffer
	c := console.New(console.Options{Out: &out, Err: &errs, JSON: true})
	if err := c.Report(sample()); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"schemaVersion": 1.0, "command": "seal:all", "summary": "done", "warnings": []any{"careful"},
		"entries": []any{
			map[string]any{"action": "update", "application": "shop", "namespace": "shop", "name": "db", "path": "f.yaml", "keys": []any{"a"}, "detail": "1 of 2 keys"},
			map[string]any{"action": "unchanged", "application": "shop", "namespace": "shop", "name": "cache", "path": "g.yaml"},
		},
		"applications": []any{map[string]any{
			"name": "shop", "sync": "OutOfSync", "health": "Degraded", "revision": "0123456789012345678901234567890123456789", "follows": "main", "head": "HEAD", "operation": "Failed 2m ago",
			"resources": []any{map[string]any{
				"kind": "Deployment", "namespace": "shop", "name": "web", "sync": "OutOfSync", "health": "Degraded", "message": "no\n\x1b[31mimage",
				"why": []any{"Pod web-1: ErrImagePull"}, "diff": "-a\n+b\n",
			}},
		}},
		"findings": []any{map[string]any{"rule": "r", "path": "f.yaml", "line": 3.0, "object": "Secret shop/db", "key": "a", "message": "bad", "fix": "mend it"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPlainProgress has one line for a step's begin and one for its end where
// stderr is no terminal.
func TestPlainProgress(t *testing.T) {
	var out, errs bytes.Buffer
	c := console.New(console.Options{Out: &out, Err: &errs})
	for i := range 100 {
		c.Progress("build", strings.Repeat(".", i%3), false)
	}
	c.Progress("build", "2s", true)
	if want := "build\nbuild: 2s\n"; errs.String() != want || out.Len() > 0 {
		t.Errorf("stderr %q, want %q", errs.String(), want)
	}
}
