package pipelines

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/worldtest"
)

// workflow is as much of a GitHub workflow as ours uses; another keyword is an error
// until something here knows what it does.
type workflow struct {
	Name        string                       `json:"name"`
	On          map[string]any               `json:"on"`
	Permissions map[string]string            `json:"permissions"`
	Defaults    map[string]map[string]string `json:"defaults"`
	Jobs        map[string]*job              `json:"jobs"`
}

type job struct {
	Needs       string            `json:"needs"`
	If          string            `json:"if"`
	RunsOn      string            `json:"runs-on"`
	Timeout     int               `json:"timeout-minutes"`
	Environment string            `json:"environment"`
	Permissions map[string]string `json:"permissions"`
	Concurrency struct {
		Group  string `json:"group"`
		Cancel bool   `json:"cancel-in-progress"`
	} `json:"concurrency"`
	Outputs  map[string]string `json:"outputs"`
	Strategy map[string]any    `json:"strategy"`
	Steps    []step            `json:"steps"`
}

type step struct {
	ID   string            `json:"id"`
	Name string            `json:"name"`
	Uses string            `json:"uses"`
	With map[string]any    `json:"with"`
	If   string            `json:"if"`
	Env  map[string]string `json:"env"`
	Run  string            `json:"run"`
}

func example(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(scripttest.Root(t), "examples", "ci", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readWorkflow(t testing.TB) *workflow {
	t.Helper()
	var w workflow
	// YAML 1.1 takes the key "on" for a boolean.
	text := strings.Replace(example(t, "github-actions.yml"), "\non:", "\n\"on\":", 1)
	if err := sigsyaml.UnmarshalStrict([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	return &w
}

// event is what has happened on GitHub: the values of the expressions that it sets.
type event struct {
	name, sha string
	values    map[string]string // by the expression without its braces
	env       []string          // that the runner itself has
}

// result is what a step of a job came to; it has none when it did not run.
type result struct {
	status int
	out    string
}

// results are by the steps' names.
type results map[string]result

// failed are the steps that failed, with their status, in a fixed order.
func (r results) failed() (names []string) {
	for name, s := range r {
		if s.status != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// github runs a job of the workflow on an event, in a clone as actions/checkout makes
// it.
func (r *repository) github(w *workflow, name string, e event) results {
	r.Helper()
	out, _ := r.githubJob(w, name, e)
	return out
}

// githubJob returns the job's outputs, too.
func (r *repository) githubJob(w *workflow, name string, e event) (out results, outputs map[string]string) {
	r.Helper()
	g := &githubRun{repository: r, event: e, home: r.TempDir(), tools: r.tools(), shell: w.Defaults["run"]["shell"]}
	out = results{}
	failed := false
	known := map[string]string{} // what expressions can ask of the steps with an id
	for _, s := range w.Jobs[name].Steps {
		outcome := "steps." + s.ID + ".outcome"
		known[outcome] = "skipped"
		if !g.holds(s.If, failed, known) {
			continue
		}
		known[outcome] = "success"
		if s.Uses != "" {
			g.action(s)
			continue
		}
		res := g.script(s)
		if res.status != 0 {
			failed, known[outcome] = true, "failure"
		}
		out[s.Name] = res
	}
	outputs = map[string]string{}
	for key, text := range w.Jobs[name].Outputs {
		value, is := known[expression(r, text)]
		if !is {
			r.Fatalf("output %s: %q is not known here", key, text)
		}
		outputs["needs."+name+".outputs."+key] = value
	}
	return out, outputs
}

type githubRun struct {
	*repository
	event
	home, tools, dir, shell string
}

// holds evaluates the condition of a step or a job. Nothing runs after a failure unless
// it says so.
func (r *repository) holds(condition string, failed bool, known map[string]string) bool {
	r.Helper()
	if condition == "" {
		return !failed
	}
	parts := strings.Split(expression(r, condition), " && ")
	if failed && !slices.Contains(parts, "!cancelled()") {
		return false
	}
	for _, part := range parts {
		if part == "!cancelled()" {
			continue
		}
		name, value, compared := strings.Cut(part, " == ")
		unlike, other, differs := strings.Cut(part, " != ")
		if differs {
			name, value = unlike, other
		}
		name, negated := strings.CutPrefix(name, "!")
		got, is := known[name]
		if !is {
			r.Fatalf("condition %q is not known here", part)
		}
		truth := got != "" // an expression alone
		if compared || differs {
			truth = (got == strings.Trim(value, "'")) == compared
		}
		if truth == negated {
			return false
		}
	}
	return true
}

// expression is what stands in the braces, which have to be around all of it.
func expression(t testing.TB, text string) string {
	t.Helper()
	inner, ok := strings.CutPrefix(text, "${{ ")
	inner, end := strings.CutSuffix(inner, " }}")
	if !ok || !end || strings.Contains(inner, "${{") {
		t.Fatalf("%q is not one expression", text)
	}
	return inner
}

// evaluate evaluates the expression of a variable: the first of its alternatives that
// the event has.
func (g *githubRun) evaluate(text string) string {
	g.Helper()
	for part := range strings.SplitSeq(expression(g, text), " || ") {
		value, known := g.values[part]
		if !known && !slices.Contains(contexts, part) {
			g.Fatalf("expression %q is not known here", part)
		}
		if value != "" {
			return value
		}
	}
	return ""
}

// contexts are the expressions that an event need not have.
var contexts = []string{
	"github.event.pull_request.base.sha", "github.event.merge_group.base_sha", "github.event.before",
	"vars.ARGOCD_SERVER", "secrets.ARGOCD_AUTH_TOKEN", "secrets.READONLY_KUBECONFIG",
}

// action does what an action does as far as it matters here.
func (g *githubRun) action(s step) {
	g.Helper()
	name, _, _ := strings.Cut(s.Uses, "@")
	switch name {
	case "actions/checkout":
		if s.With["persist-credentials"] != false {
			g.Error("checkout leaves its token in .git/config")
		}
		g.dir = g.clone(g.sha, s.With["fetch-depth"] != float64(0)) // its default is 1
	case "actions/setup-go":
		if _, err := os.Stat(filepath.Join(g.dir, s.With["go-version-file"].(string))); err != nil {
			g.Error(err)
		}
	case "actions/upload-artifact":
		files, err := os.ReadDir(filepath.Join(g.dir, s.With["path"].(string)))
		if err != nil || len(files) == 0 {
			g.Errorf("nothing to upload in %s: %v", s.With["path"], err)
		}
	default:
		g.Fatalf("action %s is not known here", name)
	}
}

// script runs a step with the variables that GitHub sets, and no others.
func (g *githubRun) script(s step) result {
	g.Helper()
	env := append(worldtest.Environment(g.home, "", g.tools),
		"CI=true", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME="+g.name, "GITHUB_SHA="+g.sha, "GITHUB_WORKSPACE="+g.dir,
		"RUNNER_TEMP="+g.home, "GITHUB_STEP_SUMMARY="+filepath.Join(g.home, "summary.md"), "GITHUB_OUTPUT="+filepath.Join(g.home, "output"),
	)
	env = noKubeconfig(env)
	env = append(env, g.env...)
	for name, value := range s.Env {
		env = append(env, name+"="+g.evaluate(value))
	}
	args := []string{"bash", "-e"}
	if g.shell == "bash" {
		args = []string{"bash", "--noprofile", "--norc", "-eo", "pipefail"}
	}
	file := filepath.Join(g.home, "step.sh")
	if err := os.WriteFile(file, []byte(s.Run), 0o600); err != nil {
		g.Fatal(err)
	}
	c := worldtest.Start(g, g.dir, env, g.all, append(args, file)...)
	status := c.Wait()
	return result{status, c.Out.String() + c.Errs.String()}
}
