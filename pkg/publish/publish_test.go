package publish_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/publish"
	"github.com/sealway/sealway/pkg/report"
)

// The message names Secrets and keys; the entries say what the remote would have.
func TestMessage(t *testing.T) {
	type file struct{ app, name, items string } // items with blanks between; "" removes the file
	for _, c := range []struct {
		name   string
		before []file
		after  []file
		given  string
		want   string
	}{
		{name: "one, new", after: []file{{"shop", "db", "password=AA== user=AA=="}}, want: "shop: seal db (password, user)\n"},
		{name: "one key changed", before: []file{{"shop", "db", "password=AA== user=AA=="}}, after: []file{{"shop", "db", "password=BB== user=AA=="}},
			want: "shop: seal db (password)\n"},
		{name: "a key gone", before: []file{{"shop", "db", "password=AA== user=AA=="}}, after: []file{{"shop", "db", "password=AA=="}},
			want: "shop: seal db\n\n- shop/db: removed user\n"},
		{name: "all at once", before: []file{{"shop", "db", "a=AA== b=AA=="}}, after: []file{{"shop", "db", "a=BB== c=AA=="}},
			want: "shop: seal db (a, c)\n\n- shop/db: changed a; added c; removed b\n"},
		{name: "gone", before: []file{{"shop", "db", "a=AA=="}}, after: []file{{"shop", "db", ""}}, want: "shop: remove db\n"},
		{name: "too many keys for a line", after: []file{{"shop", "db", "aaaaaaaaaaaaaaaaaaaaaaaaa=AA== bbbbbbbbbbbbbbbbbbbbbbbbb=AA== ccccccccccccccccccccc=AA=="}},
			want: "shop: seal db (3 keys)\n\n- shop/db: new, with aaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbb, ccccccccccccccccccccc\n"},
		{name: "several", before: []file{{"shop", "db", "a=AA=="}, {"blog", "x", "a=AA=="}},
			after: []file{{"shop", "db", "a=BB=="}, {"shop", "api", "t=AA=="}, {"blog", "x", ""}},
			want:  "blog, shop: seal 2 Secrets, remove 1 Secret\n\n- blog/x: removed\n- shop/api: new, with t\n- shop/db: changed a\n"},
		{name: "many applications", after: []file{{"application-one", "x", "a=AA=="}, {"application-two", "x", "a=AA=="}, {"application-three", "x", "a=AA=="}, {"application-four", "x", "a=AA=="}},
			want: "4 applications: seal 4 Secrets\n\n- application-four/x: new, with a\n- application-one/x: new, with a\n- application-three/x: new, with a\n- application-two/x: new, with a\n"},
		{name: "a subject of one's own", given: "after the incident", after: []file{{"shop", "db", "a=AA=="}}, want: "after the incident\n\n- shop/db: new, with a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			write := func(files []file) {
				for _, f := range files {
					w.seal(f.app, f.name, strings.Fields(f.items)...)
					if f.items == "" {
						if err := os.Remove(w.Path("applications/" + f.app + "/templates/sealed-" + f.name + ".yaml")); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if write(c.before); c.before != nil {
				w.publish(publish.Options{})
			}
			write(c.after)
			p, r := w.publish(publish.Options{Message: c.given, Check: nothingFound})
			if d := cmp.Diff(c.want, p.Message); d != "" {
				t.Errorf("message (-want +got):\n%s", d)
			}
			if d := cmp.Diff(c.want, w.Git("log", "-1", "--format=%B")+"\n"); d != "" {
				t.Errorf("commit (-want +got):\n%s", d)
			}
			if got := w.remote.Git("rev-parse", "main"); got != r.Commit || !r.Committed || !r.Pushed {
				t.Errorf("the remote is at %s: %+v", got, r)
			}
		})
	}
}

func TestEntries(t *testing.T) {
	w := newWorld(t)
	w.seal("shop", "db", "password=AA==", "user=AA==")
	w.seal("shop", "old", "a=AA==")
	w.seal("shop", "label", "a=AA==")
	w.seal("shop", "moves", "a=AA==")
	w.publish(publish.Options{})
	w.seal("shop", "db", "password=BB==", "host=AA==")
	w.seal("shop", "new", "a=AA==")
	w.Write("applications/shop/templates/sealed-label.yaml", strings.Replace(sealed("shop", "label", "a=AA=="), "  name:", "  labels: {team: shop}\n  name:", 1))
	w.Write("applications/shop/templates/moved.yaml", sealed("shop", "moves", "a=AA=="))
	for _, gone := range []string{"old", "moves"} {
		if err := os.Remove(w.Path("applications/shop/templates/sealed-" + gone + ".yaml")); err != nil {
			t.Fatal(err)
		}
	}
	p, err := w.plan(publish.Options{}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	entry := func(a report.Action, name, file, detail string, keys ...string) report.Entry {
		line := 1
		if a == report.Delete {
			line = 0
		}
		return report.Entry{Action: a, Application: "shop", Namespace: "shop", Name: name, Path: "applications/shop/templates/" + file, Line: line, Keys: keys, Detail: detail}
	}
	want := []report.Entry{
		entry(report.Update, "db", "sealed-db.yaml", "new: host; removed: user", "host", "password"),
		entry(report.Update, "label", "sealed-label.yaml", "no key: labels, annotations, template or comments"),
		entry(report.Update, "moves", "moved.yaml", "moved from applications/shop/templates/sealed-moves.yaml"),
		entry(report.Create, "new", "sealed-new.yaml", "", "a"),
		entry(report.Delete, "old", "sealed-old.yaml", ""),
	}
	if d := cmp.Diff(want, p.Entries); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A caller knows where Argo CD looks: another branch, at an address.
func TestTarget(t *testing.T) {
	w := newWorld(t)
	w.seal("shop", "db", "a=AA==")
	before := w.Git("for-each-ref", "refs/remotes")
	p, r := w.publish(publish.Options{Remote: w.remote.Dir, Target: "production"}, "shop")
	if p.Branch != "main" || p.To.String() != "production of "+w.remote.Dir || w.remote.Git("rev-parse", "production") != r.Commit {
		t.Errorf("%s to %s: %+v", p.Branch, p.To, r)
	}
	if d := cmp.Diff(before, w.Git("for-each-ref", "refs/remotes")); d != "" {
		t.Errorf("remote-tracking branches (-before +now):\n%s", d)
	}
	if got := w.Git("rev-parse", "--abbrev-ref", "main@{upstream}"); got != "origin/main" {
		t.Errorf("upstream %s", got)
	}
	p, err := w.plan(publish.Options{Remote: w.remote.Dir, Target: "production"}, "shop")
	if err != nil || !p.Empty() || p.Commits() || p.Files() != 1 {
		t.Errorf("again: %+v, %v", p, err)
	}
}

// A plan does nothing.
// A caller that ships a whole application wants its other commits there too.
func TestCommits(t *testing.T) {
	w := newWorld(t)
	w.seal("shop", "db", "a=AA==")
	w.publish(publish.Options{}, "shop")
	head := w.Commit("applications/shop/values.yaml", "replicas: 2\n")
	if p, err := w.plan(publish.Options{}, "shop"); err != nil || !p.Empty() {
		t.Errorf("without the option: %+v, %v", p, err)
	}
	p, r := w.publish(publish.Options{Commits: true}, "shop")
	if p.Commits() || !r.Pushed || w.remote.Git("rev-parse", "main") != head || len(p.Along) != 1 {
		t.Errorf("with it: %+v, %+v", p, r)
	}
	if p, err := w.plan(publish.Options{Commits: true}, "shop"); err != nil || !p.Empty() {
		t.Errorf("again: %+v, %v", p, err)
	}
}

func TestPlanWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.seal("shop", "db", "a=AA==")
	state := func() string { return w.Git("for-each-ref") + w.Git("status", "--porcelain") + w.Git("count-objects") }
	before := state()
	if _, err := w.plan(publish.Options{}, "shop"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, state()); d != "" {
		t.Errorf("(-before +now):\n%s", d)
	}
}

// What is committed is what was checked, whatever lies there by then.
func TestWhatWasCheckedIsCommitted(t *testing.T) {
	w := newWorld(t)
	w.seal("shop", "db", "a=AA==")
	p, err := w.plan(publish.Options{}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	w.Write("applications/shop/templates/sealed-db.yaml", "stringData: {a: canary}\n")
	if _, err := p.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sealed("shop", "db", "a=AA=="), w.Git("show", "HEAD:applications/shop/templates/sealed-db.yaml")+"\n"); d != "" {
		t.Errorf("(-checked +committed):\n%s", d)
	}
	if got := w.Git("status", "--porcelain"); got != " M applications/shop/templates/sealed-db.yaml" {
		t.Errorf("status %q", got)
	}
}

// The caller's check has the last word, and its errors are its own.
func TestCheck(t *testing.T) {
	w := newWorld(t)
	w.seal("shop", "db", "a=AA==")
	finding := report.Finding{Rule: "x", Path: "y", Message: "z"}
	_, err := w.plan(publish.Options{Check: func(context.Context) ([]report.Finding, error) { return []report.Finding{finding}, nil }}, "shop")
	var found *publish.FindingsError
	if !errors.As(err, &found) || cmp.Diff([]report.Finding{finding}, found.Findings) != "" {
		t.Errorf("%v", err)
	}
	broken := errors.New("broken")
	if _, err := w.plan(publish.Options{Check: func(context.Context) ([]report.Finding, error) { return nil, broken }}, "shop"); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// Branching on what stands in the way is for callers, too.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		kind    publish.Kind
		usage   bool
		options publish.Options
		prepare func(w *world)
	}{
		{kind: publish.Detached, prepare: func(w *world) { w.Git("switch", "--quiet", "--detach") }},
		{kind: publish.NoRemote, prepare: func(w *world) { w.Git("remote", "remove", "origin") }},
		{kind: publish.NoRemote, prepare: func(w *world) {
			w.Git("remote", "add", "backup", "/nowhere")
			w.Git("switch", "--quiet", "-c", "feature/x")
		}},
		{kind: publish.NoRemote, options: publish.Options{Branch: "topic"}, prepare: func(w *world) {
			w.Git("remote", "add", "backup", "/nowhere")
			w.Git("switch", "--quiet", "--detach")
		}},
		{kind: publish.InProgress, prepare: func(w *world) { w.Write(".git/MERGE_HEAD", w.Git("rev-parse", "HEAD")+"\n") }},
		{kind: publish.Behind, prepare: func(w *world) {
			other := w.remote.Clone()
			other.Commit("x", "x")
			other.Git("push", "--quiet")
		}},
		{kind: publish.BadOption, usage: true, options: publish.Options{Remote: "nowhere"}},
		{kind: publish.BadOption, usage: true, options: publish.Options{Remote: "--upload-pack=/bin/x"}},
		{kind: publish.BadOption, usage: true, options: publish.Options{Branch: "main"}},
		{kind: publish.Branch, options: publish.Options{Branch: "taken"}, prepare: func(w *world) { w.remote.Git("branch", "taken", "main") }},
		{kind: publish.Ignored, prepare: func(w *world) { w.Write(".git/info/exclude", "templates\n") }},
		{kind: publish.Staged, prepare: func(w *world) {
			w.Git("add", "applications")
			w.seal("shop", "db", "a=BB==")
		}},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			w := newWorld(t)
			w.seal("shop", "db", "a=AA==")
			if c.prepare != nil {
				c.prepare(w)
			}
			before := w.Git("rev-parse", "HEAD")
			_, err := w.plan(c.options, "shop")
			var p *publish.Problem
			if !errors.As(err, &p) || p.Kind != c.kind || p.Usage() != c.usage || p.Hint() == "" {
				t.Errorf("%+v", err)
			}
			if got := w.Git("rev-parse", "HEAD"); got != before {
				t.Error("something was committed")
			}
		})
	}
}
