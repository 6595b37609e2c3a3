package pipelines

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// statuses is a program whose sync and whose look afterwards end with these.
func statuses(sync, verify int) string {
	return fmt.Sprintf("#!/bin/sh\necho \"did $1\"\nfor a; do case $a in -report=*) a=${a#-report=}; : >\"${a%%%%,*}\" ;; esac; done\ncase $1 in gitops:syncAll) exit %d ;; verify:all) exit %d ;; esac\n", sync, verify)
}

// TestAfterSync has each deployment look at the Pods whatever the sync said, if it has a
// kubeconfig, and end with what failed first.
func TestAfterSync(t *testing.T) {
	t.Parallel()
	w, g := readWorkflow(t), readGitLab(t)
	pristine := newRepository(t, "after")
	main := pristine.work.Git("rev-parse", "main")
	for _, c := range []struct {
		sync, verify int
		kubeconfig   string
		want         int
	}{
		{0, 0, "some", 0}, {0, 3, "some", 3}, {5, 0, "some", 5}, {5, 3, "some", 5},
		{0, 3, "", 0}, {5, 3, "", 5},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			t.Parallel()
			r := pristine.as(t)
			r.stub = statuses(c.sync, c.verify)
			for name, got := range map[string]result{
				"gitlab":    r.gitlab(g, g.Deploy, main, "READONLY_KUBECONFIG="+c.kubeconfig),
				"container": r.as(t).container([]string{"KUBECONFIG=" + c.kubeconfig}, main, "deploy"),
			} {
				if got.status != c.want || strings.Contains(got.out, "did verify:all") != (c.kubeconfig != "") {
					t.Errorf("%s: status %d, want %d:\n%s", name, got.status, c.want, got.out)
				}
			}
			got := r.github(w, "deploy", event{name: "push", sha: main, values: map[string]string{"secrets.READONLY_KUBECONFIG": c.kubeconfig}})
			if got["Sync"].status != c.sync || strings.Contains(got["Verify"].out, "did verify:all") != (c.kubeconfig != "") {
				t.Errorf("github: %v", got)
			}
		})
	}
}

// TestNotBuilt: what does not compile is the one thing that fails, and what was not
// uploaded is not waited for.
func TestNotBuilt(t *testing.T) {
	t.Parallel()
	w := readWorkflow(t)
	pristine := newRepository(t, "unbuilt")
	main := pristine.work.Git("rev-parse", "main")
	for _, broken := range []bool{false, true} {
		for _, name := range []string{"check", "deploy"} {
			r := pristine.as(t)
			r.stub, r.broken = statuses(0, 0), broken
			got, outputs := r.githubJob(w, name, event{name: "push", sha: main})
			if failed := got.failed(); broken && (len(got) != 1 || !slices.Equal(failed, []string{"Build"})) || !broken && len(failed) > 0 {
				t.Errorf("%s, does it compile: %v: %v", name, !broken, got)
			}
			if name == "deploy" {
				continue
			}
			known := map[string]string{"github.event_name": "push", "github.event.pull_request.head.repo.fork": ""}
			maps.Copy(known, outputs)
			if scans := r.holds(w.Jobs["code-scanning"].If, broken, known); scans == broken {
				t.Errorf("code scanning after a check that compiles: %v: %v", !broken, scans)
			}
			known["github.event.pull_request.head.repo.fork"] = "true"
			if r.holds(w.Jobs["code-scanning"].If, broken, known) {
				t.Error("code scanning of a fork, which may not")
			}
		}
	}
}

// TestNoServer: a variable that was forgotten is named, and not a kubeconfig that nobody
// has there.
func TestNoServer(t *testing.T) {
	t.Parallel()
	r := newRepository(t, "unnamed")
	for _, c := range []struct {
		reason, want string
		env          []string
	}{
		{"a token alone", "Error: ARGOCD_SERVER is not set; ", []string{"ARGOCD_AUTH_TOKEN=e30.e30.e30"}},
		{"empty, as GitHub's", "hint: set ARGOCD_SERVER to the server's address", []string{"ARGOCD_SERVER=", "CI=true"}},
		{"a misspelt flag", "warning: ARGOCD_OPTS has --bogus, which sealway does not understand", []string{"ARGOCD_SERVER=127.0.0.1:1", "ARGOCD_AUTH_TOKEN=e30.e30.e30", "ARGOCD_OPTS=--bogus"}},
		{"a person's own machine", "hint: set KUBECONFIG to the cluster's kubeconfig", nil},
	} {
		got := r.as(t).container(c.env, r.work.Git("rev-parse", "main"), "deploy")
		if got.status != 4 || !strings.Contains(got.out, c.want) {
			t.Errorf("%s: status %d, want 4 and %q:\n%s", c.reason, got.status, c.want, got.out)
		}
	}
}
