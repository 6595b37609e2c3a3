package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/report"
)

// workTree says what is checked out.
func (i *inspection) workTree(ctx context.Context) outcome {
	tree := i.Repository.Tree
	head, err := tree.Head(ctx)
	if err != nil {
		return failure(report.Failed, err).blocks("Git does not answer")
	}
	if head.Commit == "" {
		return warned("no commit yet", "commit the applications: Argo CD sees what is committed and pushed")
	}
	out := ok("%s at %s", cmp.Or(head.Branch, "detached HEAD"), git.Short(head.Commit))
	changed, err := tree.Changed(ctx, ".")
	switch {
	case err != nil:
		return join(out, failure(report.Unknown, err))
	case len(changed) > 0:
		out.saw += fmt.Sprintf(", %s not committed", count(len(changed), "change"))
	default:
		out.saw += ", clean"
	}
	if head.Branch == "" {
		out = join(out, warned("no branch is checked out, so nothing can be published", "`git switch BRANCH`"))
	}
	if o := tree.Operation(); o.Name != "" {
		out = join(out, warned(o.Name+" is under way", "`"+o.Continue+"`, or `"+o.Abort+"`"))
	}
	return out
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// remotes asks each remote for the branch that is checked out.
func (i *inspection) remotes(ctx context.Context) outcome {
	tree := i.Repository.Tree
	list, err := tree.Remotes(ctx)
	if err != nil {
		return failure(report.Failed, err)
	}
	if len(list) == 0 {
		return warned("no remote is configured", "`git remote add origin URL`: Argo CD reads what is pushed")
	}
	head, err := tree.Head(ctx)
	if err != nil {
		return failure(report.Failed, err)
	}
	tracking, err := tree.Tracking(ctx, head.Branch)
	if err != nil {
		return failure(report.Failed, err)
	}
	main := cmp.Or(tracking.PushRemote, tracking.Remote, list[0].Name)
	branch := cmp.Or(tracking.Branch, head.Branch, "HEAD")
	outs := make([]outcome, len(list))
	answered := make([]bool, len(list))
	done := make(chan struct{})
	for n, r := range list {
		go func() {
			defer func() { done <- struct{}{} }()
			outs[n], answered[n] = i.remote(ctx, r, branch, r.Name == main, head)
		}()
	}
	for n := range list {
		<-done
		_ = n
	}
	for n, r := range list {
		i.branches[r.Name] = answered[n]
	}
	return join(outs...)
}

// remote asks one remote. One that nothing is pushed to may be away.
func (i *inspection) remote(ctx context.Context, r git.Remote, branch string, main bool, head git.Head) (outcome, bool) {
	commit, err := i.Repository.Tree.RemoteBranch(ctx, r.Name, branch)
	if err != nil {
		state := report.Warned
		if main {
			state = report.Failed
		}
		o := failure(state, err)
		if errors.Is(err, context.DeadlineExceeded) {
			o.saw, o.fix = fmt.Sprintf("remote %s: no answer within %s", r.Name, remoteTime), "is the network up? `git ls-remote "+r.Name+"` shows it"
		}
		return o, false
	}
	name := r.Name + " (" + git.Redact(r.URL) + ")"
	switch {
	case !main || head.Branch == "" || head.Commit == "":
		return ok("%s answers", name), true
	case commit == "":
		return warned(fmt.Sprintf("%s answers, and has no branch %s", name, branch), "`git push --set-upstream "+r.Name+" "+head.Branch+"`"), true
	case commit == head.Commit:
		return ok("%s answers, HEAD is pushed to its %s", name, branch), true
	}
	return i.behind(ctx, name, r.Name, branch, commit, head), true
}

// behind says how HEAD and the remote's branch stand to each other.
func (i *inspection) behind(ctx context.Context, name, remote, branch, commit string, head git.Head) outcome {
	tree := i.Repository.Tree
	text := fmt.Sprintf("%s answers, and its %s is at %s", name, branch, git.Short(commit))
	have, err := tree.Resolve(ctx, commit)
	if err != nil || have == "" {
		return warned(text+", which is not here yet", "`git fetch "+remote+"`")
	}
	ahead, theirs, err := tree.AheadBehind(ctx, head.Commit, commit)
	switch {
	case err != nil:
		return warned(text, "")
	case ahead > 0 && theirs > 0:
		return warned(fmt.Sprintf("%s: %s here are not there, and %s there are not here", text, count(ahead, "commit"), count(theirs, "commit")), "`git pull --rebase`, then `git push`")
	case ahead > 0:
		return warned(fmt.Sprintf("%s: %s here not pushed", text, count(ahead, "commit")), "`git push`, or `mage gitops:publish`")
	}
	return ok("%s, %s later than HEAD", text, count(theirs, "commit"))
}

// pin looks whether the certificate to seal with is in the commit and is the
// controller's.
func (i *inspection) pin(ctx context.Context) outcome {
	o := i.Certificates
	pin, err := o.LoadPin()
	if err != nil {
		return failure(report.Failed, err)
	}
	if pin == nil {
		return warned(o.PinName+" is not there: no certificate is pinned", "compare the fingerprint with the cluster's, then `mage seal:cert -accept`, and commit "+o.PinName)
	}
	all := []outcome{ok("%s holds SHA256:%s", o.PinName, pin.Short())}
	tracked, err := i.Repository.Tree.Tracked(ctx, []string{o.PinName})
	if err != nil {
		return failure(report.Failed, err)
	}
	changed, err := i.Repository.Tree.Changed(ctx, o.PinName)
	switch {
	case err != nil:
		return failure(report.Failed, err)
	case !tracked[o.PinName]:
		all = append(all, warned("it is not committed", commitPin(o.PinName)))
	case len(changed) > 0:
		all = append(all, warned("it is not as it is committed", commitPin(o.PinName)))
	}
	switch {
	case i.cert == nil:
		all[0].saw += "; not compared with the controller's"
	case i.cert.Fingerprint == pin.Fingerprint:
		all[0].saw += ", the controller's own"
	case i.cert.NotBefore.After(pin.NotBefore):
		all = append(all, warned("the controller has the newer certificate SHA256:"+i.cert.Short(), "if this is the right cluster: compare the fingerprint, `mage seal:cert -accept`, then `mage seal:all`; what is sealed already still decrypts unless the old key was deleted"))
	default:
		all = append(all, failed("the controller has another certificate, SHA256:"+i.cert.Short()+", which is not newer: what is sealed here was sealed for another cluster", "is the kubeconfig's context the right one? `mage seal:cert` shows both certificates"))
	}
	if text, soon := pin.Expiring(o.Now); soon {
		all = append(all, warned(text, "`mage seal:cert -accept`, then `mage seal:all`"))
	}
	return join(all...)
}

func commitPin(name string) string {
	return "`git add " + name + " && git commit -m 'Pin the sealing certificate'`, or `mage gitops:publish`, which takes it along"
}

// private looks whether Git would take plaintext: what is there, and a file that
// could be.
func (i *inspection) private(ctx context.Context) outcome {
	if len(i.apps) == 0 {
		return skipped("there is no application")
	}
	var paths []string
	for _, a := range i.apps {
		for _, f := range i.plaintextFiles(a.Plaintext) {
			paths = append(paths, i.Repository.Rel(f))
		}
	}
	err := i.Repository.CheckPrivate(ctx, paths)
	if err == nil {
		return ok("local-secrets of %s", count(len(i.apps), "application"))
	}
	return failures(err)
}

// plaintextFiles are the files of a folder, and one that may be written there.
func (i *inspection) plaintextFiles(dir string) []string {
	entries, _ := filepath.Glob(filepath.Join(dir, "*"))
	return append(entries, filepath.Join(dir, "any.yaml"))
}

// failures joins findings; those about the same folder are one.
func failures(err error) outcome {
	list := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = many.Unwrap()
	}
	folders := map[string]bool{}
	var all []outcome
	for _, e := range list {
		var m *manifest.Error
		if !errors.As(e, &m) {
			all = append(all, failure(report.Failed, e))
			continue
		}
		dir := path.Dir(m.Path)
		if strings.Contains(m.Problem, "does not ignore") {
			if !folders[dir] {
				all = append(all, failed(dir+": Git does not ignore this folder of plaintext", m.Fix))
			}
			folders[dir] = true
			continue
		}
		all = append(all, failed(m.Path+": "+m.Problem, m.Fix))
	}
	slices.SortFunc(all, func(a, b outcome) int { return cmp.Compare(a.saw, b.saw) })
	return join(all...)
}
