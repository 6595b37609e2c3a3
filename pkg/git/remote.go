package git

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Remote is a configured remote.
type Remote struct {
	Name string
	URL  string // that a push goes to; it may hold credentials, see Redact
}

// Remotes are the configured remotes, as `git remote` sorts them.
func (t *Tree) Remotes(ctx context.Context) ([]Remote, error) {
	out, err := t.command("remote", "-v").run(ctx)
	if err != nil {
		return nil, err
	}
	// command takes the credentials out of what git says, not of its answers.
	var remotes []Remote
	for line := range strings.Lines(string(out)) {
		name, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		url, isPush := strings.CutSuffix(rest, " (push)")
		if isPush && (len(remotes) == 0 || remotes[len(remotes)-1].Name != name) { // several push URLs: the first
			remotes = append(remotes, Remote{Name: name, URL: url})
		}
	}
	return remotes, nil
}

// Tracking is what the configuration says about a branch's place on remotes.
type Tracking struct {
	Remote     string // branch.<name>.remote, where it is pulled from; empty for none, "." is this repository
	Branch     string // branch.<name>.merge without refs/heads/
	PushRemote string // branch.<name>.pushRemote or remote.pushDefault; empty when neither is set
}

// Tracking reads a branch's configuration.
func (t *Tree) Tracking(ctx context.Context, branch string) (Tracking, error) {
	c, err := t.config(ctx)
	if err != nil {
		return Tracking{}, err
	}
	section := "branch." + branch + "."
	tr := Tracking{Remote: c[section+"remote"], PushRemote: c[section+"pushremote"]}
	tr.Branch, _ = strings.CutPrefix(c[section+"merge"], branchPrefix)
	if tr.PushRemote == "" {
		tr.PushRemote = c["remote.pushdefault"]
	}
	return tr, nil
}

// config is the whole configuration; of a name that is set twice the last value.
func (t *Tree) config(ctx context.Context) (map[string]string, error) {
	out, err := t.command("config", "--list", "-z").run(ctx)
	if err != nil {
		return nil, err
	}
	c := map[string]string{}
	for _, v := range fields(out) {
		name, value, _ := strings.Cut(v, "\n")
		c[name] = value
	}
	return c, nil
}

// remoteTime is how long a remote may take to answer a fetch of one branch.
const remoteTime = 2 * time.Minute

// Fetch gets a branch of a remote (a name or a URL) and returns its commit; empty
// when the remote has no such branch. It leaves the repository's refs as they are.
func (t *Tree) Fetch(ctx context.Context, remote, branch string) (commit string, err error) {
	ref := "refs/sealway/fetch/" + rand.Text()
	defer func() { // the objects stay for weeks
		_, undo := t.command("update-ref", "-d", ref).run(context.WithoutCancel(ctx))
		err = errors.Join(err, undo)
	}()
	_, err = t.remotely(ctx, remoteTime, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-gc",
		// Several may fetch at once, and would meet at the remote-tracking ref.
		"--refmap=",
		"--end-of-options", remote, "+"+branchPrefix+branch+":"+ref)
	if strings.Contains(said(err), "couldn't find remote ref") {
		return "", nil
	}
	if err != nil {
		return "", unreachable(ctx, remote, err)
	}
	return t.Resolve(ctx, ref)
}

// RemoteBranch asks a remote (a name or a URL) for the commit of a branch, which
// need not be here; empty when there is no such branch.
func (t *Tree) RemoteBranch(ctx context.Context, remote, branch string) (commit string, err error) {
	out, err := t.remotely(ctx, remoteTime, "ls-remote", "--quiet", "--heads", "--end-of-options", remote, branchPrefix+branch)
	if err != nil {
		return "", unreachable(ctx, remote, err)
	}
	for line := range strings.Lines(out) {
		if hash, ref, _ := strings.Cut(strings.TrimSpace(line), "\t"); ref == branchPrefix+branch {
			return hash, nil
		}
	}
	return "", nil
}

// DefaultBranch asks a remote (a name or a URL) which branch its HEAD is; empty when
// it does not say, as an empty repository.
func (t *Tree) DefaultBranch(ctx context.Context, remote string) (string, error) {
	out, err := t.remotely(ctx, remoteTime, "ls-remote", "--quiet", "--symref", "--end-of-options", remote, "HEAD")
	if err != nil {
		return "", unreachable(ctx, remote, err)
	}
	for line := range strings.Lines(out) {
		if ref, ok := strings.CutSuffix(strings.TrimSpace(line), "\tHEAD"); ok && strings.HasPrefix(ref, "ref: ") {
			return strings.TrimPrefix(strings.TrimPrefix(ref, "ref: "), branchPrefix), nil
		}
	}
	return "", nil
}

// PushOptions say what goes where.
type PushOptions struct {
	Remote      string // name or URL
	Branch      string // local branch
	To          string // branch on the remote
	SetUpstream bool   // remember the place for the branch
}

// Push pushes a branch, never by force, and returns what the remote said.
func (t *Tree) Push(ctx context.Context, o PushOptions) (messages []string, err error) {
	args := []string{"push", "--porcelain", "--no-follow-tags"}
	if o.SetUpstream {
		args = append(args, "--set-upstream")
	}
	cmd, err := t.remoteCommand(ctx, append(args, "--end-of-options", o.Remote, branchPrefix+o.Branch+":"+branchPrefix+o.To)...)
	if err != nil {
		return nil, err
	}
	out, stderr, err := cmd.both(ctx)
	messages = remoteMessages(stderr)
	if err == nil {
		return messages, nil
	}
	for line := range strings.Lines(out) { // flag TAB from:to TAB summary (reason)
		f := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 3)
		if len(f) == 3 && f[0] == "!" {
			return messages, rejected(o, f[2], messages)
		}
	}
	if hooks := t.hooks(context.WithoutCancel(ctx), "pre-push"); exitCode(err) == 1 && len(hooks) > 0 {
		return messages, &HookError{Operation: "push", Hooks: hooks, Output: withoutPushFailure(said(err))}
	}
	return messages, unreachable(ctx, o.Remote, err)
}

// rejected reads the last column of a push's report: [rejected] (non-fast-forward).
func rejected(o PushOptions, column string, messages []string) error {
	kind, reason, ok := strings.Cut(column, "] (")
	if !ok {
		reason = column
	}
	return &RejectedError{Remote: Redact(o.Remote), Branch: o.To, Reason: strings.TrimSuffix(reason, ")"),
		Declined: strings.HasPrefix(kind, "[remote "), Messages: messages}
}

// remoteMessages are the lines that the remote had printed.
func remoteMessages(stderr string) []string {
	var lines []string
	for line := range strings.Lines(stderr) {
		text, ok := strings.CutPrefix(line, "remote:")
		if text = printable(text); ok && text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// printable takes out what moves a terminal's cursor or changes its colours, and
// the blanks around.
func printable(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return -1
		}
		return r
	}, text))
}

func withoutPushFailure(text string) string {
	if i := strings.LastIndex(text, "error: failed to push some refs"); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSpace(text)
}

// remotely runs a command that talks to a remote, with a time limit.
func (t *Tree) remotely(ctx context.Context, limit time.Duration, args ...string) (string, error) {
	cmd, err := t.remoteCommand(ctx, args...)
	if err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := cmd.run(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return "", &Error{Command: args[0], Stderr: fmt.Sprintf("no answer within %s", limit), Err: errors.New("stopped")}
	}
	return string(out), err
}

// remoteCommand has ssh fail where it would ask for a passphrase or a new
// server's key, unless the user has a say in how ssh is run.
func (t *Tree) remoteCommand(ctx context.Context, args ...string) (command, error) {
	cmd := t.command(args...)
	_, ownCommand := os.LookupEnv("GIT_SSH_COMMAND")
	_, ownProgram := os.LookupEnv("GIT_SSH")
	if ownCommand || ownProgram {
		return cmd, nil
	}
	c, err := t.config(ctx)
	if err == nil && c["core.sshcommand"] == "" {
		cmd = cmd.with("GIT_SSH_COMMAND=ssh -oBatchMode=yes")
	}
	return cmd, err
}

func unreachable(ctx context.Context, remote string, err error) error {
	if ctx.Err() != nil || said(err) == "" {
		return fmt.Errorf("remote %s: %w", Redact(remote), err)
	}
	if l := locked(err); errors.As(l, new(*LockedError)) {
		return l
	}
	return &UnreachableError{Remote: Redact(remote), Said: said(err)}
}
