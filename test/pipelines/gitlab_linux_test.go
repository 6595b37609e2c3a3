package pipelines

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/worldtest"
)

// gitlab is as much of a GitLab pipeline as ours uses; another keyword is an error until
// something here knows what it does.
type gitlab struct {
	Workflow struct {
		Rules []rule `json:"rules"`
	} `json:"workflow"`
	Stages    []string          `json:"stages"`
	Variables map[string]string `json:"variables"`
	Template  gitlabJob         `json:".sealway"`
	Check     gitlabJob         `json:"check"`
	Deploy    gitlabJob         `json:"deploy"`
}

type rule struct {
	If string `json:"if"`
}

type gitlabJob struct {
	Extends       string            `json:"extends"`
	Stage         string            `json:"stage"`
	Image         string            `json:"image"`
	Timeout       string            `json:"timeout"`
	Interruptible bool              `json:"interruptible"`
	Environment   string            `json:"environment"`
	ResourceGroup string            `json:"resource_group"`
	Variables     map[string]string `json:"variables"`
	Cache         struct {
		Key struct {
			Files []string `json:"files"`
		} `json:"key"`
		Paths []string `json:"paths"`
	} `json:"cache"`
	Rules        []rule   `json:"rules"`
	BeforeScript []string `json:"before_script"`
	Script       []string `json:"script"`
	Artifacts    struct {
		When    string            `json:"when"`
		Paths   []string          `json:"paths"`
		Reports map[string]string `json:"reports"`
	} `json:"artifacts"`
}

func readGitLab(t testing.TB) *gitlab {
	t.Helper()
	var g gitlab
	if err := sigsyaml.UnmarshalStrict([]byte(example(t, "gitlab-ci.yml")), &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

// TestGitLabRules looks at what decides when a job runs, and with what.
func TestGitLabRules(t *testing.T) {
	t.Parallel()
	g := readGitLab(t)
	for name, j := range map[string]gitlabJob{"check": g.Check, "deploy": g.Deploy} {
		if j.Extends != ".sealway" || !slices.Contains(g.Stages, j.Stage) || len(j.Script) == 0 {
			t.Errorf("%s: extends %q, stage %q", name, j.Extends, j.Stage)
		}
	}
	if d, err := time.ParseDuration(g.Template.Timeout); err != nil || d > time.Hour {
		t.Errorf("timeout %s: %v", g.Template.Timeout, err)
	}
	if g.Variables["GIT_DEPTH"] != "0" || g.Template.Artifacts.When != "always" || g.Template.Artifacts.Reports["junit"] != "reports/*.xml" {
		t.Errorf("depth %q, artifacts %+v", g.Variables["GIT_DEPTH"], g.Template.Artifacts)
	}
	if g.Deploy.ResourceGroup == "" || g.Deploy.Environment == "" || g.Deploy.Interruptible {
		t.Error("two deployments may run at a time, or one may be cut off")
	}
	if out := strings.Join(slices.Concat(g.Check.Script, g.Template.BeforeScript), "\n"); strings.Contains(out, "TOKEN") || strings.Contains(out, "KUBECONFIG") {
		t.Error("the check asks for a secret")
	}
	for _, c := range []struct {
		name          string
		env           map[string]string
		check, deploy bool
	}{
		{"merge request", map[string]string{"CI_PIPELINE_SOURCE": "merge_request_event", "CI_DEFAULT_BRANCH": "main"}, true, false},
		{"merge", map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}, true, true},
		{"another branch", map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "topic", "CI_DEFAULT_BRANCH": "main"}, false, false},
		{"tag", map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1", "CI_DEFAULT_BRANCH": "main"}, false, false},
	} {
		pipeline := matches(t, g.Workflow.Rules, c.env)
		got := []bool{pipeline && matches(t, g.Check.Rules, c.env), pipeline && matches(t, g.Deploy.Rules, c.env)}
		if want := []bool{c.check, c.deploy}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: check and deploy %v, want %v", c.name, got, want)
		}
	}
}

// matches evaluates rules, of which one has to hold; none lets everything pass.
func matches(t testing.TB, rules []rule, env map[string]string) bool {
	t.Helper()
	side := func(text string) string {
		if name, is := strings.CutPrefix(text, "$"); is {
			return env[name]
		}
		return strings.Trim(text, `"`)
	}
	for _, r := range rules {
		a, b, ok := strings.Cut(r.If, " == ")
		if !ok {
			t.Fatalf("rule %q is not known here", r.If)
		}
		if side(a) == side(b) {
			return true
		}
	}
	return len(rules) == 0
}

// gitlab runs a job as the runner does: all lines in one shell, in a clone as deep as
// the file says.
func (r *repository) gitlab(g *gitlab, j gitlabJob, commit string, env ...string) result {
	r.Helper()
	dir := r.clone(commit, g.Variables["GIT_DEPTH"] != "0")
	for _, v := range env {
		if url, ok := strings.CutPrefix(v, "ORIGIN="); ok {
			if code := worldtest.Start(r, dir, nil, r.all, "/usr/bin/env", "git", "remote", "set-url", "origin", url).Wait(); code != 0 {
				r.Fatal("git remote set-url:", code)
			}
		}
	}
	environment := append(noKubeconfig(worldtest.Environment(r.TempDir(), "", r.tools())),
		"CI=true", "GITLAB_CI=true", "CI_PROJECT_DIR="+dir, "CI_COMMIT_SHA="+commit, "CI_DEFAULT_BRANCH=main",
		"CI_PROJECT_URL=https://gitlab.example.com/acme/gitops",
	)
	script := "set -eo pipefail\n" + strings.Join(slices.Concat(g.Template.BeforeScript, j.Script), "\n")
	c := worldtest.Start(r, dir, append(environment, env...), r.all, "bash", "-c", script)
	res := result{status: c.Wait()}
	res.out = c.Out.String() + c.Errs.String()
	if files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(g.Template.Artifacts.Reports["junit"]))); err != nil || len(files) == 0 {
		r.Errorf("no report for the merge request: %v\n%s", err, res.out)
	}
	return res
}

// noKubeconfig takes an empty KUBECONFIG out of an environment.
func noKubeconfig(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool { return v == "KUBECONFIG=" })
}

// judgeAll holds the end of a job that runs all three checks in one script against a
// case.
func (r *repository) judgeAll(c checkCase, got result) {
	r.Helper()
	status := 0
	for command, bad := range map[string]bool{"secrets:guard": c.guard, "seal:check": c.seal, "verify:repo": c.repo} {
		if bad {
			status = 3
		}
		if strings.Contains(got.out, "Error: "+command+": ") != bad {
			r.Errorf("%s: %s refuses it: %v, want %v", c.reason, command, !bad, bad)
		}
	}
	if got.status != status {
		r.Errorf("%s: status %d, want %d:\n%s", c.reason, got.status, status, got.out)
	}
	for _, want := range c.says {
		if !strings.Contains(got.out, want) {
			r.Errorf("%s: %q is not in\n%s", c.reason, want, got.out)
		}
	}
}

// TestGitLabMergeRequest runs the checks on merge requests.
func TestGitLabMergeRequest(t *testing.T) {
	t.Parallel()
	g := readGitLab(t)
	for _, c := range checkCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t, "check")
			base := r.work.Git("rev-parse", "HEAD")
			r.work.Git("switch", "--quiet", "-c", "topic")
			c.change(r)
			r.work.Git("push", "--quiet", "origin", "topic")
			r.judgeAll(c, r.gitlab(g, g.Check, r.work.Git("rev-parse", "HEAD"), mergeRequest(base)...))
		})
	}
	t.Run("fork", func(t *testing.T) {
		t.Parallel()
		r := newRepository(t, "check")
		r.edit("applications/APP/application.yaml", "file://"+r.remote.Dir, "https://gitlab.example.com/acme/gitops.git")
		base := r.push("where it really is")
		r.edit("applications/APP/values.yaml", "blue", "green")
		head := r.push("green")
		env := append(mergeRequest(base), "ORIGIN=https://gitlab.example.com/somebody/gitops.git", "CI_PROJECT_URL=https://gitlab.example.com/somebody/gitops")
		r.judgeAll(checkCase{reason: "origin is the fork"}, r.gitlab(g, g.Check, head, env...))
	})
	t.Run("no history", func(t *testing.T) {
		t.Parallel()
		shallow := *g
		shallow.Variables = nil // the runner fetches 20 commits, or one
		r := newRepository(t, "check")
		base := r.work.Git("rev-parse", "HEAD")
		r.leak()
		got := r.gitlab(&shallow, g.Check, r.push("again"), mergeRequest(base)...)
		if got.status != 2 || !strings.Contains(got.out, "this clone is shallow") {
			t.Errorf("status %d:\n%s", got.status, got.out)
		}
	})
	t.Run("push", func(t *testing.T) {
		t.Parallel()
		r := newRepository(t, "check")
		before := r.work.Git("rev-parse", "HEAD")
		r.leak()
		got := r.gitlab(g, g.Check, r.push("again"), "CI_COMMIT_BRANCH=main", "CI_COMMIT_BEFORE_SHA="+before)
		r.judgeAll(checkCase{guard: true, reason: "somebody went past the merge request"}, got)
	})
}

func mergeRequest(base string) []string {
	return []string{
		"CI_PIPELINE_SOURCE=merge_request_event", "CI_MERGE_REQUEST_DIFF_BASE_SHA=" + base, "CI_COMMIT_BEFORE_SHA=" + zeros,
		"CI_MERGE_REQUEST_PROJECT_URL=https://gitlab.example.com/acme/gitops",
	}
}

// TestContainer runs the container's script with next to no environment, on a folder of
// somebody else.
func TestContainer(t *testing.T) {
	t.Parallel()
	for _, c := range checkCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t, "check")
			base := r.work.Git("rev-parse", "HEAD")
			c.change(r)
			r.work.Git("push", "--quiet", "origin", "main")
			r.judgeAll(c, r.container(nil, r.work.Git("rev-parse", "main"), "check", base))
		})
	}
	for _, args := range [][]string{nil, {"check"}, {"check", "a", "b"}, {"deploy", "x"}, {"both"}} {
		r := &repository{T: t, all: &worldtest.Buffer{}, work: nil}
		if got := r.pipeline(t.TempDir(), nil, args...); got.status != 2 || !strings.Contains(got.out, "usage: pipeline check BASE") {
			t.Errorf("%q: status %d: %s", args, got.status, got.out)
		}
	}
}
