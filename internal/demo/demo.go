// Package demo tells the way of a secret as a story, on real servers: it runs
// the project's own commands in a scratch clone against a sandbox and checks
// after each step what the cluster made of it.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say where the story plays.
type Options struct {
	Source string    // root of the repository to clone
	Binary string    // the compiled Mage binary that has the targets
	Out    io.Writer // the story
	Err    io.Writer // progress of the commands
	Keep   bool      // leave the sandbox and the clone behind
}

// Run plays the story. It cleans up on every way out, unless Keep is set.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "sealway-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	p := &play{Options: o, clone: filepath.Join(dir, "repository"), sandbox: filepath.Join(dir, "sandbox")}
	defer func() {
		if o.Keep {
			p.say("Kept: the clone in %s and the sandbox.\n  export KUBECONFIG=%s/kubeconfig\n  mage sandbox:down -dir=%s   # when you are done", p.clone, p.sandbox, p.sandbox)
			return
		}
		// The way out is walked even when the context has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if _, statErr := os.Stat(p.sandbox); statErr == nil {
			if down := p.mage(ctx, "sandbox:down", "-dir="+p.sandbox); down != nil {
				err = errors.Join(err, down, fmt.Errorf("demo: the sandbox's state is kept in %s", p.sandbox))
				return
			}
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	for _, act := range []func(context.Context) error{p.setUp, p.generate, p.seal, p.publish, p.sync, p.ship} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	p.say("\nDone: plaintext on this machine, ciphertext in Git, Secrets in the cluster, applications Synced and Healthy, and all of it agrees.")
	return nil
}

// play is one performance.
type play struct {
	Options
	clone, sandbox string
}

func (p *play) say(format string, args ...any) { fmt.Fprintf(p.Out, format+"\n", args...) }

func (p *play) setUp(ctx context.Context) error {
	p.say("1. A scratch clone of this repository, and a real cluster on this machine.\n   The first time this builds the servers from source, which takes minutes.")
	clone := exec.CommandContext(ctx, "git", "clone", "--quiet", "--no-hardlinks", p.Source, p.clone)
	clone.Env = environment()
	if out, err := clone.CombinedOutput(); err != nil {
		return fmt.Errorf("demo: git clone: %w: %s", err, bytes.TrimSpace(out))
	}
	for _, args := range [][]string{
		{"switch", "--quiet", "-C", "main"},
		{"config", "user.name", "demo"}, {"config", "user.email", "demo@localhost"},
		// Neither a key nor a hook of the person who watches takes part.
		{"config", "commit.gpgSign", "false"}, {"config", "core.hooksPath", ".git/hooks"},
	} {
		if _, err := p.git(ctx, args...); err != nil {
			return err
		}
	}
	if err := p.mage(ctx, "sandbox:up", "-dir="+p.sandbox); err != nil {
		return err
	}
	// What a person's clone has: the repository that Argo CD follows is its origin.
	origin := (&url.URL{Scheme: "file", Path: filepath.Join(p.sandbox, "repo.git")}).String()
	for _, args := range [][]string{{"remote", "set-url", "origin", origin}, {"fetch", "--quiet"}, {"branch", "--quiet", "--set-upstream-to=origin/main"}} {
		if _, err := p.git(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) generate(ctx context.Context) error {
	p.say("\n2. Every secret value the applications need, made from their secrets.yaml.")
	if err := p.mage(ctx, "secrets:generate"); err != nil {
		return err
	}
	p.say("   One value comes from elsewhere: the key of the local vLLM server. The demo puts one in.")
	return p.replace(filepath.Join("applications", "litellm", "local-secrets", "litellm-secrets.yaml"), `"CHANGEME"`, `"demo-vllm-key"`)
}

func (p *play) seal(ctx context.Context) error {
	p.say("\n3. Pin the cluster's certificate, seal, and prove offline that the result is whole.")
	for _, args := range [][]string{{"seal:cert", "-accept"}, {"seal:all"}, {"seal:check"}} {
		if err := p.mage(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) publish(ctx context.Context) error {
	p.say("\n4. Commit the sealed files, and them alone, and push.")
	return p.mage(ctx, "gitops:publish", "-all")
}

func (p *play) sync(ctx context.Context) error {
	p.say("\n5. Argo CD syncs; the controller makes Secrets; the applications get healthy.")
	for _, args := range [][]string{{"gitops:syncAll"}, {"gitops:status"}} {
		if err := p.mage(ctx, args...); err != nil {
			return err
		}
	}
	return p.compare(ctx)
}

// ship is what a day looks like from now on.
func (p *play) ship(ctx context.Context) error {
	p.say("\n6. Change one key, and go the whole way with one command: one item is sealed anew, the rest keeps its bytes.")
	before, err := p.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	file := filepath.Join("applications", "litellm", "local-secrets", "litellm-secrets.yaml")
	if err := p.replace(file, `"demo-vllm-key"`, `"demo-vllm-key-2"`); err != nil {
		return err
	}
	if err := p.mage(ctx, "gitops:ship", "litellm"); err != nil {
		return err
	}
	diff, err := p.git(ctx, "diff", "--unified=0", strings.TrimSpace(before), "origin/main")
	if err != nil {
		return err
	}
	changed := changedKeys(diff)
	p.say("   git diff: %s", strings.Join(changed, ", "))
	if len(changed) != 2 || changed[1] != "CA_VLLM_LOCAL_API_KEY" {
		return fmt.Errorf("demo: changed lines: %v, want the hash and CA_VLLM_LOCAL_API_KEY", changed)
	}
	return p.compare(ctx)
}

// changedKeys are the keys of the lines that a diff adds.
func changedKeys(diff string) []string {
	var out []string
	for line := range strings.Lines(diff) {
		if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++") {
			key, _, _ := strings.Cut(strings.TrimSpace(line[1:]), ":")
			out = append(out, key)
		}
	}
	return out
}

// mage runs one target in the clone, as a person would.
func (p *play) mage(ctx context.Context, args ...string) error {
	p.say("   $ mage %s", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, p.Binary, args...)
	cmd.Dir = p.clone
	cmd.Stdout, cmd.Stderr = p.Out, p.Err
	cmd.Env = append(environment(), "KUBECONFIG="+filepath.Join(p.sandbox, "kubeconfig"), "SEALED_SECRETS_CERT=", "SEALWAY_CONTEXT=", "SEALWAY_OUTPUT=",
		"ARGOCD_SERVER=", "ARGOCD_AUTH_TOKEN=", "ARGOCD_OPTS=")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("demo: mage %s: %w", args[0], err)
	}
	return nil
}

func (p *play) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env = p.clone, environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("demo: git %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

// environment is the process's, without what would lead git to another repository.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"}, name)
	})
}

// replace edits a file as a person would in an editor.
func (p *play) replace(file, old, replacement string) error {
	path := filepath.Join(p.clone, file)
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if !bytes.Contains(data, []byte(old)) {
		return fmt.Errorf("demo: %s: the text to replace is not there", file)
	}
	return os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(replacement), 1), 0o600)
}
