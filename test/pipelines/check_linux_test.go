package pipelines

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// checkCase is something that is pushed, and what a check says to it.
type checkCase struct {
	name, reason string
	change       func(r *repository) // on a branch of its own
	guard        bool                // which of the three refuse it
	seal, repo   bool
	says         []string
}

var checkCases = []checkCase{
	{name: "good", reason: "another value of a setting", change: func(r *repository) {
		r.edit("applications/APP/values.yaml", "blue", "green")
		r.commit("green")
	}, says: []string{"1 version looked at, 0 findings", "1 SealedSecret checked, 0 findings", "0 findings"}},
	{name: "plaintext taken out again", reason: "the branch brings it all the same", change: func(r *repository) {
		r.leak()
		r.commit("nothing to see")
	}, guard: true, says: []string{`/templates/secret.yaml:5 (commit `, `key "password": a Secret in plaintext [plaintext-secret]`}},
	{name: "ciphertext by hand", reason: "one character of it", change: func(r *repository) {
		r.tamper()
		r.commit("touched")
	}, seal: true, says: []string{"encryptedData was changed after it was sealed [sealed-edited]"}},
	{name: "ConfigMap is gone", reason: "a Deployment needs it", change: func(r *repository) {
		r.edit("applications/APP/templates/cm.yaml", "name: settings", "name: setings")
		r.commit("renamed")
	}, repo: true, says: []string{`needs ConfigMap "settings", and nothing makes it; did you mean "setings"?`}},
}

// steps are the names of the steps that are to fail.
func (c checkCase) steps() (names []string) {
	for name, bad := range map[string]bool{"Guard": c.guard, "Sealed files": c.seal, "Charts": c.repo} {
		if bad {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestGitHubPullRequest runs the checks on pull requests.
func TestGitHubPullRequest(t *testing.T) {
	t.Parallel()
	w := readWorkflow(t)
	for _, c := range checkCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t, "check")
			base := r.work.Git("rev-parse", "HEAD")
			r.work.Git("switch", "--quiet", "-c", "topic")
			c.change(r)
			r.work.Git("push", "--quiet", "origin", "topic")
			got := r.github(w, "check", event{name: "pull_request", sha: r.merged("topic"), values: map[string]string{"github.event.pull_request.base.sha": base}})
			r.judge(c, got)
		})
	}
}

// merged is the commit that GitHub makes for a pull request, of no branch.
func (r *repository) merged(branch string) string {
	r.Helper()
	r.work.Git("switch", "--quiet", "--detach", "main")
	r.work.Git("merge", "--quiet", "--no-ff", "-m", "merge", branch)
	r.work.Git("push", "--quiet", "origin", "HEAD:refs/pull/1/merge")
	return r.work.Git("rev-parse", "HEAD")
}

func (r *repository) judge(c checkCase, got results) {
	r.Helper()
	if len(got) < 4 {
		r.Errorf("steps that ran: %v", got)
	}
	var printed strings.Builder
	for name, s := range got {
		printed.WriteString(s.out)
		if s.status != 0 && s.status != 3 {
			r.Errorf("%s: status %d:\n%s", name, s.status, s.out)
		}
	}
	if failed := got.failed(); !slices.Equal(failed, c.steps()) {
		r.Errorf("%s: failed %v, want %v:\n%s", c.reason, failed, c.steps(), printed.String())
	}
	for _, want := range c.says {
		if !strings.Contains(printed.String(), want) {
			r.Errorf("%s: %q is not in\n%s", c.reason, want, printed.String())
		}
	}
}

// TestGitHubEvents runs the checks on what happens beside pull requests, and in a clone
// that lacks the history.
func TestGitHubEvents(t *testing.T) {
	t.Parallel()
	const leaked = `key "password": a Secret in plaintext (commit `
	for _, c := range []struct {
		name, reason string
		event        func(r *repository) event
		shallow      bool
		status       int // of the guard
		says         string
	}{
		{name: "merge queue", reason: "the group's base is not main's newest commit", event: func(r *repository) event {
			base := r.work.Git("rev-parse", "HEAD")
			r.work.Git("switch", "--quiet", "-c", "gh-readonly-queue/main/pr-1")
			r.leak()
			return event{name: "merge_group", sha: r.push("again"), values: map[string]string{"github.event.merge_group.base_sha": base}}
		}, status: 3, says: leaked},
		{name: "push", reason: "somebody went past the pull request", event: func(r *repository) event {
			before := r.work.Git("rev-parse", "HEAD")
			r.leak()
			return r.pushed(r.push("again"), before)
		}, status: 3, says: leaked},
		{name: "first push", reason: "there is nothing before it, so all of it is new", event: func(r *repository) event {
			r.leak()
			return r.pushed(r.push("again"), zeros)
		}, status: 3, says: leaked},
		{name: "forced push", reason: "the commit before is gone", event: func(r *repository) event {
			r.leak()
			return r.pushed(r.push("again"), "1234567890123456789012345678901234567890")
		}, status: 3, says: leaked},
		{name: "clean push", reason: "what was there before is not looked at again", event: func(r *repository) event {
			r.leak()
			before := r.push("an old sin")
			r.edit("applications/APP/values.yaml", "blue", "green")
			return r.pushed(r.push("green"), before)
		}, says: "1 version looked at, 0 findings"},
		{name: "no history", reason: "a part of the range is not the range", shallow: true, event: func(r *repository) event {
			before := r.work.Git("rev-parse", "HEAD")
			r.leak()
			return r.pushed(r.push("again"), before)
		}, status: 2, says: "this clone is shallow: what comes before commit "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := readWorkflow(t)
			if c.shallow {
				delete(w.Jobs["check"].Steps[0].With, "fetch-depth")
			}
			r := newRepository(t, "check")
			got := r.github(w, "check", c.event(r))
			if g := got["Guard"]; g.status != c.status || !strings.Contains(g.out, c.says) {
				t.Errorf("%s: status %d, want %d and %q:\n%s", c.reason, g.status, c.status, c.says, g.out)
			}
			for _, name := range []string{"Sealed files", "Charts"} { // these look at what is there in the end
				if s, ran := got[name]; !ran || s.status != 0 {
					t.Errorf("%s: %v, status %d:\n%s", name, ran, s.status, s.out)
				}
			}
		})
	}
}

// pushed is a push to main.
func (r *repository) pushed(commit, before string) event {
	return event{name: "push", sha: commit, values: map[string]string{"github.event.before": before}}
}

// leak commits plaintext and takes it out of the work tree again.
func (r *repository) leak() {
	r.Helper()
	name := "applications/" + r.app + "/templates/secret.yaml"
	r.work.Write(name, "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  password: "+canary+"\n")
	r.commit("leak")
	r.work.Git("rm", "--quiet", name)
}

// tamper changes one character of the ciphertext.
func (r *repository) tamper() {
	r.Helper()
	name := r.work.Path("applications/" + r.app + "/templates/sealed-db.yaml")
	data, err := os.ReadFile(name)
	if err != nil {
		r.Fatal(err)
	}
	at := bytes.Index(data, []byte(" password: Ag")) + 200
	if data[at] == 'A' {
		data[at] = 'B'
	} else {
		data[at] = 'A'
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		r.Fatal(err)
	}
}
