package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// branch is what Argo CD follows in the sandbox's repository.
const branch = "main"

// gitConfig is all that the sandbox's Git reads beside a repository's own
// settings: nothing of it depends on the machine, who owns a file does not
// matter, and no process stays behind to tidy up.
const gitConfig = `[safe]
	directory = *
[gc]
	auto = 0
[maintenance]
	auto = false
[init]
	defaultBranch = main
`

// gitEnv makes Git read gitConfig instead of what the machine and the user
// have set.
func (l layout) gitEnv() []string {
	return []string{"GIT_CONFIG_GLOBAL=" + l.config("gitconfig"), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
}

// findGit looks Git up.
func findGit() (string, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return "", &Error{Object: "git command", Op: "find", Err: err, Advice: "install Git and put it on PATH, or ask for a sandbox without Argo CD"}
	}
	return git, nil
}

// makeRepository makes the empty repository that Argo CD follows.
func (l layout) makeRepository(ctx context.Context, git string) error {
	if err := os.WriteFile(l.config("gitconfig"), []byte(gitConfig), 0o600); err != nil {
		return err
	}
	if _, err := l.git(ctx, git, "init", "--quiet", "--bare"); err != nil {
		return err
	}
	// For whoever pushes to it with settings of their own.
	for _, setting := range [][]string{{"gc.auto", "0"}, {"maintenance.auto", "false"}, {"receive.autogc", "false"}} {
		if _, err := l.git(ctx, git, "config", setting[0], setting[1]); err != nil {
			return err
		}
	}
	return nil
}

// git runs Git on the sandbox's repository and returns what it says.
func (l layout) git(ctx context.Context, git string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, git, append([]string{"--git-dir=" + l.repository()}, args...)...)
	cmd.Dir = l.dir
	// Not the environment of this process: in a hook it names another
	// repository.
	cmd.Env = append(l.gitEnv(), "LC_ALL=C", "HOME="+l.tmp(), "TMPDIR="+l.tmp(), "PATH="+os.Getenv("PATH"))
	ownGroup(cmd)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// repositoryURL is how Argo CD and others name the repository.
func (l layout) repositoryURL() string {
	return (&url.URL{Scheme: "file", Path: l.repository()}).String()
}

// Register pushes the commit that is checked out in root to the branch main of
// the sandbox's repository, and makes the Applications of that commit, those in
// applications/*/application.yaml, follow this repository. It returns their
// names. A branch that holds other commits is left as it is: then it fails.
func (s *Sandbox) Register(ctx context.Context, root string) ([]string, error) {
	step := s.options.step("register " + root)
	names, err := s.register(ctx, root)
	if step.end(err) != nil {
		return nil, &Error{Object: root, Op: "register with the sandbox's Argo CD", Err: err, Advice: registerAdvice(err)}
	}
	return names, nil
}

func (s *Sandbox) register(ctx context.Context, root string) ([]string, error) {
	if !s.state.withArgoCD() {
		return nil, errNoArgoCD
	}
	applications, err := s.push(ctx, root)
	if err != nil {
		return nil, err
	}
	c, err := s.layout.cluster()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range applications {
		if err := c.applyObject(ctx, a); err != nil {
			return nil, err
		}
		names = append(names, a.GetName())
	}
	return names, nil
}

var (
	errNoArgoCD      = errors.New("this sandbox has no Argo CD")
	errNotAncestor   = errors.New("the branch main of the sandbox's repository holds commits that are not in it")
	errNoCommit      = errors.New("it has no commit yet")
	errNoApplication = errors.New("its commit has no applications/*/application.yaml")
)

func registerAdvice(err error) string {
	switch {
	case errors.Is(err, errNotAncestor):
		return "merge the branch main of the sandbox's repository first, or start the sandbox anew"
	case errors.Is(err, errNoCommit), errors.Is(err, errNoApplication):
		return "commit the applications first: Argo CD sees what is committed"
	}
	return ""
}

// push fetches the commit from root, so that nothing that is set there, hooks
// for instance, takes part, and returns the Applications that are in it.
func (s *Sandbox) push(ctx context.Context, root string) ([]*unstructured.Unstructured, error) {
	git := func(args ...string) (string, error) { return s.layout.git(ctx, s.state.Git, args...) }
	_, err := git("fetch", "--no-tags", "--no-write-fetch-head", "--update-shallow", "--", root, "HEAD:refs/heads/"+branch)
	switch {
	case err == nil:
	case strings.Contains(err.Error(), "non-fast-forward"):
		return nil, errNotAncestor
	case strings.Contains(err.Error(), "couldn't find remote ref HEAD"):
		return nil, errNoCommit
	default:
		return nil, err
	}
	list, err := git("ls-tree", "-r", "-z", "--name-only", branch, "--", "applications")
	if err != nil {
		return nil, err
	}
	var all []*unstructured.Unstructured
	for _, file := range strings.Split(list, "\x00") {
		if ok, _ := path.Match("applications/*/application.yaml", file); !ok {
			continue
		}
		data, err := git("cat-file", "blob", branch+":"+file)
		if err != nil {
			return nil, err
		}
		a, err := application(data, s.Repository)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, a)
	}
	if len(all) == 0 {
		return nil, errNoApplication
	}
	return all, nil
}

// application reads an Application and makes it follow a repository.
func application(data, repository string) (*unstructured.Unstructured, error) {
	a, more := &unstructured.Unstructured{}, map[string]any{}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(data), 4096)
	if err := decoder.Decode(&a.Object); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one document")
	}
	if a.GetKind() != "Application" || !strings.HasPrefix(a.GetAPIVersion(), "argoproj.io/") {
		return nil, fmt.Errorf("it holds a %s %s, not an Application of Argo CD", a.GetAPIVersion(), a.GetKind())
	}
	if a.GetNamespace() == "" {
		a.SetNamespace(ArgoCDNamespace)
	}
	if err := unstructured.SetNestedField(a.Object, repository, "spec", "source", "repoURL"); err != nil {
		return nil, err
	}
	return a, nil
}
